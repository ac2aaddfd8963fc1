//! Programs without a backend, which have the types and reach no database.

use super::words::*;
use crate::{Error, ErrorKind};

/// A connection that a URL led to. Without the feature of a backend there is none.
#[derive(Debug)]
pub struct Connected(());

impl Migrations {
    /// These migrations on the database of a URL.
    ///
    /// # Errors
    /// Always: no backend is in this program.
    pub async fn connect(&self, _url: &str) -> Result<Migrator<'_, Connected>> {
        Err(no_backend())
    }
}

impl Connected {
    pub(crate) async fn new(_: &str) -> Result<Self> {
        Err(no_backend())
    }
}

/// Stops a run, of which there is none here.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Canceller(());

impl Canceller {
    /// There is nothing to stop.
    pub fn cancel(&self, _patience: std::time::Duration) {}
}

impl Migrator<'_, Connected> {
    /// What would stop the run.
    #[doc(hidden)]
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        let Connected(()) = self.connection;
        Canceller(())
    }
}

pub(crate) fn no_backend() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "no backend is in this program\n\nhint: turn on `sqlite`, `postgres` or `mysql` of embed-migrations",
    )
}

macro_rules! call {
    ($migrator:ident, $verb:ident($($argument:expr),*)) => {{
        let Connected(()) = $migrator.connection;
        $(let _ = &$argument;)*
        Err(no_backend())
    }};
}

verbs!(Connected, call, async);
