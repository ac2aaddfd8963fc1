//! The database that a command works on.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use migrate_revision::Backend;
use migrate_runtime::{Connected, Fleet, FleetReport, FleetTarget, Lock, Migrations, Migrator, Offline};

use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::Watch;
use crate::output::Output;
use crate::progress::{FleetProgress, Progress};
use crate::sqlite_file::SqliteFile;

/// The URL of a database. It may hold a password, and is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL for what only reads: a SQLite file that is not there is an empty database, and stays away.
    #[must_use]
    pub fn to_read(&self) -> &str {
        match SqliteFile::of(&self.0) {
            Some(file) if !file.path().exists() => "sqlite::memory:",
            _ => &self.0,
        }
    }
}

impl From<String> for DatabaseUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(..)")
    }
}

/// How runs are kept apart
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub struct LockArgs {
    /// What keeps runs apart. `lease` is for poolers that hand out a session per transaction, such as pgbouncer's, and for
    /// clusters
    #[arg(long, value_enum, value_name = "LOCK")]
    lock: Option<LockMode>,
    /// How long to wait for another run, in seconds [default: 60]
    #[arg(long, value_name = "SECONDS")]
    lock_timeout: Option<u64>,
}

/// What keeps runs apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LockMode {
    /// A lock of the database session
    Session,
    /// A row with an expiry
    Lease,
    /// Nothing but the history itself
    None,
}

impl LockArgs {
    /// The same for another program that has these options.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let lock = self.lock.and_then(|lock| lock.to_possible_value());
        let timeout = self.lock_timeout.map(|seconds| format!("--lock-timeout={seconds}"));
        lock.map(|lock| format!("--lock={}", lock.get_name())).into_iter().chain(timeout).collect()
    }

    fn lock(&self) -> Lock {
        match self.lock {
            None | Some(LockMode::Session) => Lock::Session,
            Some(LockMode::Lease) => Lock::Lease,
            Some(LockMode::None) => Lock::None,
        }
    }

    fn apply<'a>(&self, migrator: Migrator<'a, Connected>) -> Migrator<'a, Connected> {
        let migrator = migrator.lock(self.lock());
        match self.lock_timeout {
            None => migrator,
            Some(seconds) => migrator.lock_timeout(Duration::from_secs(seconds)),
        }
    }

    fn apply_to_fleet<'a>(&self, fleet: Fleet<'a>) -> Fleet<'a> {
        let fleet = fleet.lock(self.lock());
        match self.lock_timeout {
            None => fleet,
            Some(seconds) => fleet.lock_timeout(Duration::from_secs(seconds)),
        }
    }
}

/// A set of revisions and a database.
#[derive(Debug)]
pub struct Database<'a> {
    set: &'a Migrations,
    url: DatabaseUrl,
    lock: LockArgs,
    schema: Option<String>,
    table: Option<String>,
}

impl<'a> Database<'a> {
    /// The database of a URL.
    pub fn new(set: &'a Migrations, url: DatabaseUrl) -> Self {
        Self { set, url, lock: LockArgs::default(), schema: None, table: None }
    }

    /// Where the history is, if not in the usual place.
    #[must_use]
    pub fn history_in(self, schema: Option<String>, table: Option<String>) -> Self {
        Self { schema, table, ..self }
    }

    /// With a lock that was chosen.
    #[must_use]
    pub fn locked_by(self, lock: &LockArgs) -> Self {
        Self { lock: lock.clone(), ..self }
    }

    /// The set.
    #[must_use]
    pub fn set(&self) -> &'a Migrations {
        self.set
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// Asks the database something. A SQLite file that is not there is an empty database, and stays away.
    ///
    /// # Errors
    /// Those of the runtime.
    pub async fn read<T, F: Future<Output = migrate_runtime::Result<T>>>(
        &self,
        verb: impl FnOnce(Migrator<'a, Connected>) -> F,
    ) -> Result<T, Error> {
        Ok(verb(self.migrator(self.url.to_read()).await?).await?)
    }

    /// Changes the database, and shows what happens while it does.
    ///
    /// # Errors
    /// Those of the runtime.
    pub async fn change<T, F: Future<Output = migrate_runtime::Result<T>>>(
        &self,
        output: &Output,
        verb: impl FnOnce(Migrator<'a, Connected>) -> F,
    ) -> Result<T, Error> {
        let migrator = self.migrator(self.url.as_str()).await?;
        let canceller = migrator.canceller();
        let watch = Watch::new(move |patience| canceller.cancel(patience), *output);
        let mut progress = Progress::new(*output);
        let result = verb(migrator.on_event(move |event| progress.show(event))).await;
        let interrupted = watch.was_interrupted();
        drop(watch);
        match result {
            Err(error) if interrupted && error.is_of_stop() => Err(self.stopped(&error).await),
            result => Ok(result?),
        }
    }

    /// Many databases in the place of this one, with its options.
    pub(crate) fn fleet(&self, targets: Vec<FleetTarget>) -> Fleet<'a> {
        let mut fleet = self.set.fleet(targets);
        if let Some(schema) = &self.schema {
            fleet = fleet.schema(schema);
        }
        if let Some(table) = &self.table {
            fleet = fleet.table(table);
        }
        self.lock.apply_to_fleet(fleet)
    }

    /// Where a run left the database that was stopped.
    async fn stopped(&self, error: &migrate_runtime::Error) -> Error {
        let status = self.read(Migrator::<Connected>::status).await;
        let stands = match status {
            Ok(status) => {
                // What is pending may be a long list.
                format!("the database is {}", status.in_short())
            }
            Err(error) => format!("where the database stands could not be read: {error}"),
        };
        let what = error.without_hint();
        Error::new(
            Exit::Cancelled,
            format!("stopped by a signal: {what}\n{stands}\n\nhint: the next run goes on from here"),
        )
    }

    async fn migrator(&self, url: &str) -> migrate_runtime::Result<Migrator<'a, Connected>> {
        let mut migrator = self.set.connect(url).await?;
        if let Some(schema) = &self.schema {
            migrator = migrator.schema(schema);
        }
        if let Some(table) = &self.table {
            migrator = migrator.table(table);
        }
        Ok(self.lock.apply(migrator))
    }
}

/// Runs a verb on the targets of a fleet, and shows what happens while it does; says also whether a signal told it to stop.
pub(crate) async fn watched<'a, T, F: Future<Output = FleetReport<T>>>(
    fleet: Fleet<'a>,
    mut progress: FleetProgress,
    output: &Output,
    verb: impl FnOnce(Fleet<'a>) -> F,
) -> (FleetReport<T>, bool) {
    let canceller = fleet.canceller();
    let watch = Watch::new(move |patience| canceller.cancel(patience), *output);
    let report = verb(fleet.on_event(move |event| progress.show(event))).await;
    (report, watch.was_interrupted())
}

/// A set as scripts for a database whose history is in this schema and table.
pub fn offline<'a>(
    set: &'a Migrations,
    backend: Backend,
    schema: Option<&str>,
    table: Option<&str>,
) -> Offline<'a> {
    let mut offline = set.offline(backend);
    if let Some(schema) = schema {
        offline = offline.schema(schema);
    }
    if let Some(table) = table {
        offline = offline.table(table);
    }
    offline
}
