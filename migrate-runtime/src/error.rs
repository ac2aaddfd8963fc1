//! The one error of the runtime.

use std::error::Error as StdError;
use std::fmt;

use migrate_revision::PlanError;

/// What went wrong, for code that wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The target leads nowhere, or its way is barred: unknown or ambiguous id, several heads, an irreversible revision
    Plan,
    /// The database was changed since the steps were planned that were agreed to
    Moved,
    /// A statement or a Rust revision failed
    Revision,
    /// The database has revisions that this binary does not know, on top of its own, and may not be ignored
    Ahead,
    /// The database and this binary have gone different ways
    Diverged,
    /// A revision that is applied has been edited since
    Edited,
    /// An earlier run was interrupted and cannot be taken up again as things are
    Interrupted,
    /// Another run holds the lock
    Locked,
    /// The set was built without this backend, or not for it
    Unsupported,
    /// The connection cannot be used as it is, such as inside a transaction of the caller's
    Connection,
    /// The history table is not what it should be
    History,
    /// The binary is older than the directory that it was built from
    Stale,
    /// The URL is not one of a database
    Url,
    /// The database refused or the connection was lost
    Database,
    /// The run was told to stop, and did so between two statements
    Cancelled,
    /// An error of a Rust revision's own
    Other,
}

/// An error of a run.
///
/// Its text names what failed and where, what was kept, and what to do next; [`source`](StdError::source) is, where it
/// is the cause, what the server said as the driver has it, the driver's own error, or the error that a Rust revision's function gave.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    failure: Option<Failure>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Where a revision failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The revision's id
    pub revision: String,
    /// Its file, as the build knew it
    pub file: String,
    /// Line in the file, from 1; of the place that the database names, else of the statement
    pub line: Option<usize>,
    /// Column in characters, from 1
    pub column: Option<usize>,
    /// The statement's text; `None` if a Rust revision failed
    pub statement: Option<String>,
    /// How many statements of the revision are in force
    pub kept: usize,
}

/// The result of a run, and of a Rust revision.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), failure: None, source: None }))
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_failure(mut self, failure: Failure) -> Self {
        self.0.failure = Some(failure);
        self
    }

    /// Puts a place after the first line of the message.
    pub(crate) fn at(mut self, place: &str) -> Self {
        let end = self.0.message.find('\n').unwrap_or(self.0.message.len());
        self.0.message.insert_str(end, place);
        self
    }

    /// Adds a hint behind others.
    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.0.message.push_str("\nhint: ");
        self.0.message.push_str(hint);
        self
    }

    /// Adds a hint, and the blank line that sets it apart, to a message that has none; to one that has, [`with_hint`](Self::with_hint) adds.
    pub(crate) fn with_first_hint(mut self, hint: &str) -> Self {
        self.0.message.push_str("\n\nhint: ");
        self.0.message.push_str(hint);
        self
    }

    /// What it says without its hints, which are not for one that a stop is the reason of. For cargo-migrate and migrate-cli; no part of the
    /// public interface.
    #[doc(hidden)]
    #[must_use]
    pub fn without_hint(&self) -> &str {
        self.0.message.split_once("\n\nhint:").map_or(&self.0.message, |(what, _)| what)
    }

    /// Whether it may come from a stop, where a run was told to: one that fails of something else at that moment has failed. For
    /// cargo-migrate and migrate-cli; no part of the public interface.
    #[doc(hidden)]
    #[must_use]
    pub fn is_of_stop(&self) -> bool {
        #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
        {
            let first: &(dyn StdError + 'static) = self;
            std::iter::successors(Some(first), |&error| error.source()).any(crate::backends::is_of_stop)
        }
        #[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
        false
    }

    /// Names the statement of a Rust revision that failed.
    pub(crate) fn in_statement(mut self, sql: &str) -> Self {
        let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = line.chars().take(200).collect();
        self.0.message = format!("{} (in `{shown}`)", self.0.message);
        self
    }

    /// An error of a Rust revision's own.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = error.into();
        Self::new(ErrorKind::Other, source.to_string()).with_source(source)
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Where a revision failed, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.0.failure.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// As [`Display`](fmt::Display), because that is what a `main` that returns it prints; `{:#?}` shows the parts.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return fmt::Display::fmt(self, f);
        }
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("failure", &self.0.failure)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<PlanError> for Error {
    fn from(error: PlanError) -> Self {
        Self::new(ErrorKind::Plan, error.to_string()).with_source(error)
    }
}

/// An error of a driver, on its way to become an [`Error`].
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) source: Box<dyn StdError + Send + Sync>,
    /// What to show of it, where its own text says too much
    pub(crate) text: Option<String>,
}

impl Fault {
    pub(crate) fn new(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: source.into(), text: None }
    }

    /// What it says.
    pub(crate) fn text(&self) -> String {
        self.text.clone().unwrap_or_else(|| root_message(&*self.source).trim_end().to_owned())
    }

    /// The error of a run that failed while it did this: a fragment that follows "cannot".
    pub(crate) fn while_doing(self, what: &str) -> Error {
        let message = format!("cannot {what}: {}", self.text());
        let error = Error::new(ErrorKind::Database, message);
        Error(Box::new(Inner { source: Some(self.source), ..*error.0 }))
    }
}

/// The text of an error and of what lies under it, each said once.
pub(crate) fn root_message(error: &(dyn StdError + 'static)) -> String {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        next = error.source();
    }
    message
}
