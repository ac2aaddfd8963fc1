//! How a run behaves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use migrate_revision::Direction;

use crate::report::Plan;

/// How runs against one database are kept apart.
///
/// Whatever the mode, each revision is applied once: the history's primary key sees to that. A lock spares the others
/// the work.
///
/// Without a lock of the session, and under a lease, a run that finds a step under way asks the server whether its owner is
/// at work: `pg_stat_activity` on PostgreSQL, the process list on MySQL and MariaDB. One that is at work is waited for.
/// There is one limit: where the server does not show this user the other's session, a step that cannot be in a
/// transaction (DDL on MySQL and MariaDB, `no-transaction`) is taken over once it has not moved for
/// [`lock_timeout`](crate::Migrator::lock_timeout), which must then be longer than the longest such statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lock {
    /// A lock of the database session: an advisory lock on PostgreSQL, `GET_LOCK` on MySQL and MariaDB, the write lock of
    /// each transaction on SQLite. It goes with the session, however that ends
    #[default]
    Session,
    /// A row with an owner and an expiry, in a table of its own beside the history, `<table>_lease`. For connections that
    /// cannot hold a lock of their session: behind a pooler that hands out a session per transaction (pgbouncer), or in a
    /// cluster whose nodes have locks of their own (Galera), where it is chosen without being asked for.
    ///
    /// It ends [`lease`](crate::Migrator::lease) after it was last renewed, which is between two steps, by the server's
    /// clock. Nobody takes it from an owner whose statement the server is still at. One whose connection is gone by
    /// the process list of MySQL and MariaDB loses it at once. On SQLite it is the same as [`Session`](Self::Session)
    Lease,
    /// None. For databases without session locks, or connections that cannot hold one
    None,
}

/// What shares a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Transaction {
    /// Each revision has one of its own: what is done stays done when a later one fails
    #[default]
    PerRevision,
    /// The whole run has one: everything or nothing. Refused where a revision of the run cannot be in a transaction,
    /// as DDL cannot on MySQL
    PerRun,
}

/// What to do when the database has revisions that this binary does not know, on top of all of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ahead {
    /// Go on if each of them declared itself `compatible: yes`, else fail
    #[default]
    IfCompatible,
    /// Always go on
    Accept,
    /// Always fail
    Refuse,
}

/// What is true of the statement at which a revision was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Resolution {
    /// It is in force: the next run goes on behind it
    Applied,
    /// It is not: the next run begins with it
    NotApplied,
}

/// The options of a run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Schema (PostgreSQL) or database (MySQL) of the history table
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    pub(crate) lock: Lock,
    pub(crate) lock_timeout: Duration,
    pub(crate) statement_lock_timeout: Duration,
    pub(crate) lease: Duration,
    pub(crate) transaction: Transaction,
    pub(crate) ahead: Ahead,
    pub(crate) applied_by: Option<String>,
    /// Whether the run was told to stop
    pub(crate) cancelled: Arc<AtomicBool>,
    /// The only steps down that the run may take
    pub(crate) planned: Option<Planned>,
}

/// The steps of a downgrade's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    /// The revisions that it undoes
    undone: BTreeSet<String>,
    /// The one that was half done, and which way that goes
    interrupted: Option<(String, Direction)>,
}

impl Planned {
    /// Whether this revision is undone by it.
    pub(crate) fn undoes(&self, revision: &str) -> bool {
        self.undone.contains(revision)
    }

    /// Whether it goes on with this revision, that way.
    pub(crate) fn goes_on_with(&self, revision: &str, direction: Direction) -> bool {
        self.interrupted.as_ref().is_some_and(|(id, going)| id == revision && *going == direction)
    }
}

impl From<&Plan> for Planned {
    fn from(plan: &Plan) -> Self {
        let undone = plan.steps.iter().map(|step| step.revision.clone()).collect();
        Self { undone, interrupted: plan.interrupted.clone().zip(plan.going) }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: None,
            table: "migrate_history".into(),
            lock: Lock::default(),
            lock_timeout: Duration::from_secs(60),
            statement_lock_timeout: Duration::from_secs(5),
            lease: Duration::from_secs(30),
            transaction: Transaction::default(),
            ahead: Ahead::default(),
            applied_by: None,
            cancelled: Arc::default(),
            planned: None,
        }
    }
}

/// The methods that set the options of whatever has some, and more to say of those that mean something else to it.
macro_rules! option_setters {
    ($(
        schema: $schema:literal,
        lock: $lock:literal,
        lock_timeout: $lock_timeout:literal,
        transaction: $transaction:literal $(,)?
    )?) => {
        /// The schema (PostgreSQL) or database (MySQL) of the history table, and on SQLite the name under which a database is
        /// attached. Without it, it is the first schema of the search path, the connection's database, or `main`. A schema of
        /// PostgreSQL is made if it is not there.
        $(#[doc = "\n"] #[doc = $schema])?
        pub fn schema(mut self, schema: impl Into<String>) -> Self {
            self.options.schema = Some(schema.into());
            self
        }

        /// The name of the history table; `migrate_history` without it. PostgreSQL cuts names after 63 bytes: of this and of the
        /// schema's a longer one is refused there.
        pub fn table(mut self, table: impl Into<String>) -> Self {
            self.options.table = table.into();
            self
        }

        /// How runs are kept apart.
        $(#[doc = "\n"] #[doc = $lock])?
        pub fn lock(mut self, lock: $crate::Lock) -> Self {
            self.options.lock = lock;
            self
        }

        /// How long to wait for another run, and for the application's own locks in all; 60 seconds without it.
        $(#[doc = "\n"] #[doc = $lock_timeout])?
        pub fn lock_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.options.lock_timeout = timeout;
            self
        }

        /// How long one try of a statement waits for locks of the application's, before it lets those by who queue up behind
        /// it and is tried again; 5 seconds without it, and as the server has it with zero.
        ///
        /// It holds for revisions in a transaction on PostgreSQL and for everything on MySQL and MariaDB, where whole seconds
        /// count, unless the session has a shorter limit or the section has one of its own (`lock-timeout=`). On SQLite only
        /// those who write wait for each other. A Rust revision is called again; see [`Db`](crate::Db).
        pub fn statement_lock_timeout(mut self, timeout: ::std::time::Duration) -> Self {
            self.options.statement_lock_timeout = timeout;
            self
        }

        /// How long a lease lasts from its last renewal; 30 seconds without it. See [`Lock::Lease`](crate::Lock::Lease).
        pub fn lease(mut self, lasts: ::std::time::Duration) -> Self {
            self.options.lease = lasts;
            self
        }

        /// What shares a transaction.
        $(#[doc = "\n"] #[doc = $transaction])?
        pub fn transaction(mut self, transaction: $crate::Transaction) -> Self {
            self.options.transaction = transaction;
            self
        }

        /// What to do when the database has revisions that this binary does not know.
        pub fn ahead(mut self, ahead: $crate::Ahead) -> Self {
            self.options.ahead = ahead;
            self
        }

        /// What the history calls whoever runs this; the program's name and process id without it.
        pub fn applied_by(mut self, name: impl Into<String>) -> Self {
            self.options.applied_by = Some(name.into());
            self
        }
    };
}
pub(crate) use option_setters;
