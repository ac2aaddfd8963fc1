//! Stopping a run from another thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Migrator;
use super::connect::{Connected, Kind};

/// Stops the run of a [`Migrator`] on a connection of its own. For cargo-migrate and migrate-cli; no part of the public
/// interface. An application stops a run by dropping the verb's future, or by what its driver has for that.
#[doc(hidden)]
#[derive(Clone)]
pub struct Canceller {
    cancelled: Arc<AtomicBool>,
    target: Target,
}

#[derive(Clone)]
enum Target {
    #[cfg(feature = "sqlite")]
    Sqlite(Arc<rusqlite::InterruptHandle>),
    #[cfg(feature = "postgres")]
    Postgres(crate::backends::postgres::Canceller),
    #[cfg(feature = "mysql")]
    Mysql(crate::backends::mysql::Canceller),
}

impl Migrator<'_, Connected> {
    /// What stops this run.
    #[doc(hidden)]
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        Canceller::new(&self.connection, &self.options.cancelled)
    }
}

impl Canceller {
    /// What stops the runs on a connection that heed this.
    pub(crate) fn new(connected: &Connected, cancelled: &Arc<AtomicBool>) -> Self {
        let target = match &connected.0 {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(connection) => Target::Sqlite(Arc::new(connection.get_interrupt_handle())),
            #[cfg(feature = "postgres")]
            Kind::Postgres(connected) => Target::Postgres(connected.canceller()),
            #[cfg(feature = "mysql")]
            Kind::Mysql(connected) => Target::Mysql(connected.canceller()),
        };
        Self { cancelled: Arc::clone(cancelled), target }
    }

    /// Has the database give up the statement that it is at, so that the run fails there, and the run take no further step.
    ///
    /// Between two statements the first comes to nothing: call again until the run is over. It blocks until the server was
    /// told, for at most `patience`, and must not be called from async code.
    pub fn cancel(&self, patience: std::time::Duration) {
        self.cancelled.store(true, Ordering::Relaxed);
        match &self.target {
            #[cfg(feature = "sqlite")]
            Target::Sqlite(handle) => handle.interrupt(),
            #[cfg(feature = "postgres")]
            Target::Postgres(canceller) => wait(patience, canceller.cancel()),
            #[cfg(feature = "mysql")]
            Target::Mysql(canceller) => wait(patience, canceller.cancel()),
        }
        let _ = patience;
    }
}

/// Waits for the answer of a server, in a runtime of its own: that of the run may be busy.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn wait<T>(patience: std::time::Duration, told: impl Future<Output = T>) {
    // Without it the run goes on, and whoever wants to stop it can still end the process.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    let _ = runtime.block_on(async { tokio::time::timeout(patience, told).await });
}
