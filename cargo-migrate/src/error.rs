//! Why a command failed.

use std::fmt;
use std::io;
use std::path::Path;

use migrate_revision::{PlaceError, Problem, TargetError};

use crate::exit::Exit;

/// Why a command failed. Its text is a line without a final period, then, after a blank line, a hint where there is one.
#[derive(Debug)]
pub(crate) enum Error {
    /// A file or directory
    Io {
        /// A fragment that follows "cannot"
        what: String,
        /// The system's reason
        source: io::Error,
    },
    /// Another program
    Program(String),
    /// Arguments that do not go together
    Usage(String),
    /// No project, or a configuration that cannot be read
    Project(String),
    /// What a build would refuse
    Problems {
        /// Every problem
        problems: Vec<Problem>,
        /// The code that fits the whole of them
        exit: Exit,
    },
    /// Several heads where one was wanted
    Heads(String),
    /// A name that leads nowhere
    Target(String),
    /// No database is named
    NoDatabase(String),
    /// What the command cannot do alone
    Unsupported(String),
    /// A yes was wanted
    Refused(String),
    /// The runtime's error
    Run(migrate_runtime::Error),
}

impl Error {
    /// An error of reading or writing; `what` follows "cannot".
    pub(crate) fn io(what: &str, path: &Path, source: io::Error) -> Self {
        Self::Io { what: format!("{what} `{}`", path.display()), source }
    }

    /// The problems that a build would refuse, with the code that fits them.
    pub(crate) fn problems(problems: Vec<Problem>) -> Self {
        let exit = if problems.iter().all(is_heads) {
            Exit::Heads
        } else if problems.iter().all(is_edit) {
            Exit::Edited
        } else {
            Exit::Problems
        };
        Self::Problems { problems, exit }
    }
}

/// Whether a problem is that of several heads.
fn is_heads(problem: &Problem) -> bool {
    problem.place.is_none() && problem.message.starts_with("the history has ")
}

/// Whether a problem is that of a locked revision which differs from the lock file.
fn is_edit(problem: &Problem) -> bool {
    problem.message.contains(" is locked and ")
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, source } => write!(f, "cannot {what}: {source}"),
            Self::Program(message)
            | Self::Usage(message)
            | Self::Project(message)
            | Self::Heads(message)
            | Self::Target(message)
            | Self::NoDatabase(message)
            | Self::Unsupported(message)
            | Self::Refused(message) => f.write_str(message),
            Self::Problems { problems, .. } => match problems.len() {
                1 => f.write_str("the revisions have a problem"),
                count => write!(f, "the revisions have {count} problems"),
            },
            Self::Run(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<migrate_runtime::Error> for Error {
    fn from(error: migrate_runtime::Error) -> Self {
        Self::Run(error)
    }
}

impl From<TargetError> for Error {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::MultipleHeads(_) => Self::Heads(error.to_string()),
            TargetError::NotARange(_) => Self::Usage(error.to_string()),
            _ => Self::Target(error.to_string()),
        }
    }
}

impl From<PlaceError> for Error {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Target(error) => error.into(),
            PlaceError::NotAHead(_) => Self::Heads(error.to_string()),
            _ => Self::Usage(error.to_string()),
        }
    }
}
