//! How a run behaves.

use std::time::Duration;

/// How runs against one database are kept apart.
///
/// Whatever the mode, each revision is applied once: the history's primary key sees to that. A lock spares the others
/// the work.
///
/// There is one limit without a lock. A step that cannot be in a transaction (DDL on MySQL and MariaDB, `no-transaction`) is
/// recorded statement by statement, and a run that finds such a step under way takes its owner for dead once it has not
/// moved for [`lock_timeout`](crate::Migrator::lock_timeout): that must be longer than the longest such statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Lock {
    /// A lock of the database session: an advisory lock on PostgreSQL, `GET_LOCK` on MySQL and MariaDB, the write lock of
    /// each transaction on SQLite. It goes with the session, however that ends
    #[default]
    Session,
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
    pub(crate) transaction: Transaction,
    pub(crate) ahead: Ahead,
    pub(crate) applied_by: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: None,
            table: "migrate_history".into(),
            lock: Lock::default(),
            lock_timeout: Duration::from_secs(60),
            transaction: Transaction::default(),
            ahead: Ahead::default(),
            applied_by: None,
        }
    }
}
