//! What is said of steps that failed.

use migrate_revision::Direction;

use super::steps::Prepared;
use super::{Run, said};
use crate::backends::{self, Database, StepFault, Work, WorkBody};
use crate::error::Failure;
use crate::set::Decoded;
use crate::{Error, ErrorKind};

impl<D: Database> Run<'_, D> {
    /// The error of steps that failed: what, where, what was kept, what to do.
    pub(super) fn explain(
        &self,
        decoded: &Decoded,
        prepared: &[Prepared<'_>],
        work: &[Work<'_>],
        transactional: bool,
        fault: StepFault,
    ) -> Error {
        let whole_run = work.len() > 1;
        let kept_nothing = if whole_run {
            "nothing of this run was kept"
        } else {
            "nothing of this revision was kept; those before it are in force"
        };
        let left = if self.db.left_something() {
            "\n  not everything could be rolled back: tables without transactions, such as MyISAM's, and temporary ones are as \
             the revision left them"
        } else {
            ""
        };
        let revision = |step: usize| &decoded.revisions[prepared[step].step.index];
        match fault {
            StepFault::Statement { step, statement, offset, kept, fault } => {
                let Prepared { step: taken, text } = &prepared[step];
                let revision = revision(step);
                let file = self.set.path(revision);
                let sql = work[step].body.statement(statement).unwrap_or_default();
                let place = offset.map(|offset| line_and_column(text, offset));
                let total = work[step].row.statements;
                let outcome = if transactional {
                    kept_nothing.to_owned()
                } else {
                    format!(
                        "statements 1 to {kept} of {total} are in force; the next run goes on with statement {}",
                        kept + 1
                    )
                };
                let outcome = if !transactional && kept == 0 {
                    format!("none of its {total} statements is in force; the next run begins with the first")
                } else {
                    outcome
                };
                let at =
                    place.map_or_else(|| file.clone(), |(line, column)| format!("{file}:{line}:{column}"));
                let hint = match (backends::ended_by(&*fault.source), &work[step].body) {
                    (Some(_), WorkBody::Sql { script, .. }) if script.options.statement_timeout.is_some() => {
                        "the section's own `statement-timeout=` ended it: allow more".to_owned()
                    }
                    (Some(setting), _) => format!(
                        "if it took longer than the `{setting}` of this role, database or server allows, put \
                         `statement-timeout=1h` behind the section's marker, which takes its place"
                    ),
                    // The first step of all meets what it is to make.
                    (None, _) if work[step].row.seq() == Some(1) && makes(sql) && fault.text().contains("already exists") => {
                        "there is no history of this namespace yet: if the database was made by other means, record with `stamp` \
                         where it is (`cargo migrate stamp REVISION`, or `adopt --stamp` where another tool made it); if its \
                         history has another namespace or table, name that; else mend the file and run again"
                            .to_owned()
                    }
                    (None, _) => backends::way_out(&*fault.source).unwrap_or("mend the file and run again").to_owned(),
                };
                let message = format!(
                    "{} of revision '{}' failed: {}\n --> {at}\n  statement {} of {total}: {}\n  {outcome}{left}\n\n\
                     hint: {hint}",
                    if taken.direction == Direction::Up { "upgrade" } else { "downgrade" },
                    revision.id,
                    fault.text(),
                    statement + 1,
                    shortened(sql),
                );
                Error::new(ErrorKind::Revision, message)
                    .with_failure(Failure {
                        revision: revision.id.to_string(),
                        file,
                        line: place.map(|(line, _)| line),
                        column: place.map(|(_, column)| column),
                        statement: Some(sql.to_owned()),
                        kept,
                    })
                    .with_source(fault.source)
            }
            StepFault::Rust { step, error } => {
                let kept_nothing = if transactional {
                    kept_nothing
                } else {
                    "its transaction was rolled back; DDL in it, if there was any, is in force"
                };
                let revision = revision(step);
                let file = self.set.path(revision);
                let message = format!(
                    "{} of revision '{}' failed: {}\n --> {file}\n  {kept_nothing}{left}",
                    if prepared[step].step.direction == Direction::Up { "upgrade" } else { "downgrade" },
                    revision.id,
                    said(&error),
                );
                Error::new(ErrorKind::Revision, message)
                    .with_failure(Failure {
                        revision: revision.id.to_string(),
                        file,
                        line: None,
                        column: None,
                        statement: None,
                        kept: 0,
                    })
                    .with_source(error)
            }
            // What is wrong with the revision as a whole, such as a constraint that fails at the commit.
            StepFault::Error(error) if error.kind() == ErrorKind::Revision && !whole_run => {
                let revision = revision(0);
                let file = self.set.path(revision);
                let failure = Failure {
                    revision: revision.id.to_string(),
                    file: file.clone(),
                    line: None,
                    column: None,
                    statement: None,
                    kept: 0,
                };
                error.at(&format!("\n --> {file}")).with_failure(failure)
            }
            StepFault::Error(error) => error,
            StepFault::Fault(fault) if whole_run => {
                fault.while_doing(&format!("take the {} steps of the run", work.len()))
            }
            StepFault::Fault(fault) => {
                fault.while_doing(&format!("take the step to revision '{}'", revision(0).id))
            }
            StepFault::Blocked { fault, .. } => self.explain(decoded, prepared, work, transactional, *fault),
            StepFault::Overtaken => Error::new(ErrorKind::History, "another process was faster"),
        }
    }
}

/// Whether a statement makes something: that a row exists already is another matter.
fn makes(sql: &str) -> bool {
    sql.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("create"))
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A statement in one line, as far as a message has room for it.
pub(super) fn shortened(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}
