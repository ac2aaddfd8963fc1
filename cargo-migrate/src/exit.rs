//! The exit codes. They are documented in `docs/command.md` and do not change their meaning.

use std::error::Error as _;
use std::process::ExitCode;

use migrate_revision::{PlanError, TargetError};
use migrate_runtime::ErrorKind;

use crate::error::Error;

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, and nothing is wrong
    Success = 0,
    /// A file could not be read or written, or a program could not be run
    Failure = 1,
    /// The arguments are not understood; also what clap exits with
    Usage = 2,
    /// There is no cargo project, or its configuration is not readable
    Project = 3,
    /// The revisions have problems that a build would refuse
    Problems = 4,
    /// There are several heads and one was wanted
    Heads = 5,
    /// There are drafts
    Drafts = 6,
    /// The database lacks revisions
    Pending = 7,
    /// The database has revisions that the directory does not
    Ahead = 8,
    /// The database went another way than the directory
    Diverged = 9,
    /// A locked or applied revision was edited
    Edited = 10,
    /// The target leads nowhere, or the way to it is barred
    Target = 11,
    /// A revision failed
    Revision = 12,
    /// The database could not be reached, or refused
    Database = 13,
    /// Another run holds the lock
    Locked = 14,
    /// An earlier run was interrupted and cannot be taken up again
    Interrupted = 15,
    /// The command cannot do this alone, such as run a Rust revision
    Unsupported = 16,
    /// It needs a yes and did not get one
    Refused = 17,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit code of an error.
pub(crate) fn of_error(error: &Error) -> Exit {
    match error {
        Error::Io { .. } | Error::Program(_) => Exit::Failure,
        Error::Usage(_) => Exit::Usage,
        Error::Project(_) => Exit::Project,
        Error::Problems { exit, .. } => *exit,
        Error::Heads(_) => Exit::Heads,
        Error::Target(_) => Exit::Target,
        Error::NoDatabase(_) => Exit::Database,
        Error::Unsupported(_) => Exit::Unsupported,
        Error::Refused(_) => Exit::Refused,
        Error::Run(error) => match error.kind() {
            ErrorKind::Plan if is_heads(error) => Exit::Heads,
            ErrorKind::Plan => Exit::Target,
            ErrorKind::Revision | ErrorKind::Other => Exit::Revision,
            ErrorKind::Ahead => Exit::Ahead,
            ErrorKind::Diverged => Exit::Diverged,
            ErrorKind::Edited => Exit::Edited,
            ErrorKind::Interrupted => Exit::Interrupted,
            ErrorKind::Locked => Exit::Locked,
            ErrorKind::Unsupported => Exit::Unsupported,
            ErrorKind::Connection | ErrorKind::History | ErrorKind::Url | ErrorKind::Database => {
                Exit::Database
            }
            // Kinds may be added, and a set that was read just now is never stale.
            _ => Exit::Failure,
        },
    }
}

/// Whether there were several heads where a target needs one.
fn is_heads(error: &migrate_runtime::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<PlanError>());
    matches!(cause, Some(PlanError::Target(TargetError::MultipleHeads(_))))
}
