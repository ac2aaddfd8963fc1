//! Why a command failed.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;

use migrate_revision::{PlaceError, PlanError, TargetError};
use migrate_runtime::ErrorKind;

use crate::exit::Exit;

/// Why a command failed, and the code that it ends with. Its text is a line without a final period, then, after a blank
/// line, a hint where there is one.
#[derive(Debug)]
pub struct Error {
    exit: Exit,
    message: String,
    details: Vec<Detail>,
}

/// One of several reasons, for people and for programs.
#[derive(Debug)]
pub struct Detail {
    /// As it is shown before the error, styles included
    pub text: String,
    /// As `problems` has it in JSON
    pub data: serde_json::Value,
}

impl Error {
    /// An error that ends the command with this code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new() }
    }

    /// Arguments that do not go together.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// No project, or a configuration that cannot be read.
    pub fn project(message: impl Into<String>) -> Self {
        Self::new(Exit::Project, message)
    }

    /// Several heads where one was wanted.
    pub fn heads(message: impl Into<String>) -> Self {
        Self::new(Exit::Heads, message)
    }

    /// A name that leads nowhere.
    pub fn target(message: impl Into<String>) -> Self {
        Self::new(Exit::Target, message)
    }

    /// What the command cannot do alone.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Exit::Unsupported, message)
    }

    /// A yes was wanted.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    /// Another program that could not be run, or failed.
    pub fn program(message: impl Into<String>) -> Self {
        Self::new(Exit::Failure, message)
    }

    /// An error of reading or writing; `what` follows "cannot".
    #[must_use]
    pub fn io(what: &str, path: &Path, source: impl fmt::Display) -> Self {
        Self::new(Exit::Failure, format!("cannot {what} `{}`: {source}", path.display()))
    }

    /// With the reasons in detail.
    #[must_use]
    pub fn with_details(self, details: Vec<Detail>) -> Self {
        Self { details, ..self }
    }

    /// The code that the command ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The reasons in detail, if there are several.
    #[must_use]
    pub fn details(&self) -> &[Detail] {
        &self.details
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {}

impl From<migrate_runtime::Error> for Error {
    fn from(error: migrate_runtime::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&migrate_runtime::Error> for Error {
    fn from(error: &migrate_runtime::Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Plan if is_heads(error) => Exit::Heads,
            ErrorKind::Plan => Exit::Target,
            ErrorKind::Revision | ErrorKind::Other => Exit::Revision,
            ErrorKind::Moved => Exit::Refused,
            ErrorKind::Ahead => Exit::Ahead,
            ErrorKind::Diverged => Exit::Diverged,
            ErrorKind::Edited => Exit::Edited,
            ErrorKind::Interrupted => Exit::Interrupted,
            ErrorKind::Locked => Exit::Locked,
            ErrorKind::Cancelled => Exit::Cancelled,
            ErrorKind::Unsupported => Exit::Unsupported,
            ErrorKind::Connection | ErrorKind::History | ErrorKind::Url | ErrorKind::Database => {
                Exit::Database
            }
            // Kinds may be added.
            _ => Exit::Failure,
        };
        Self::new(exit, error.to_string())
    }
}

/// Whether there were several heads where a target needs one.
fn is_heads(error: &migrate_runtime::Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<PlanError>());
    matches!(cause, Some(PlanError::Target(TargetError::MultipleHeads(_) | TargetError::MultipleStarts(_))))
}

impl From<TargetError> for Error {
    fn from(error: TargetError) -> Self {
        let exit = match error {
            TargetError::MultipleHeads(_) | TargetError::MultipleStarts(_) => Exit::Heads,
            TargetError::NotARange(_) => Exit::Usage,
            _ => Exit::Target,
        };
        Self::new(exit, error.to_string())
    }
}

impl From<PlaceError> for Error {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Target(error) => error.into(),
            PlaceError::NotAHead(_) => Self::heads(error.to_string()),
            _ => Self::usage(error.to_string()),
        }
    }
}
