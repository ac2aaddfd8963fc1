//! The problems that a build would refuse, as an error of the command.

use migrate_cli::{Detail, Error, Exit};
use migrate_revision::{Problem, ProblemKind};

use crate::render::{ProblemInfo, rendered};

/// The problems that a build would refuse, with the code that fits them.
pub(crate) fn problems(problems: &[Problem]) -> Error {
    let exit = if problems.iter().all(|problem| problem.kind == ProblemKind::Heads) {
        Exit::Heads
    } else if problems.iter().all(is_edit) {
        Exit::Edited
    } else {
        Exit::Problems
    };
    problems_with(problems, exit)
}

/// The problems that a build would refuse, with a code of the command's own.
pub(crate) fn problems_with(problems: &[Problem], exit: Exit) -> Error {
    let message = match problems.len() {
        1 => "the revisions have a problem".to_owned(),
        count => format!("the revisions have {count} problems"),
    };
    let detail =
        |problem: &Problem| Detail { text: rendered(problem), data: ProblemInfo::from(problem).to_json() };
    Error::new(exit, message).with_details(problems.iter().map(detail).collect())
}
/// Whether a problem is that of a locked revision which differs from the lock file.
fn is_edit(problem: &Problem) -> bool {
    matches!(problem.kind, ProblemKind::Edited | ProblemKind::Moved)
}
