//! What the engine needs of a database. Each backend is one file that knows its driver and its dialect's habits, and
//! nothing of graphs.

use std::future::Future;
use std::time::Duration;

use migrate_revision::{Backend, Script};

use crate::data::Data;
use crate::db::RustFn;
use crate::error::Fault;
use crate::history::{HistoryRow, HistoryTable, NewRow, Running, TakeOver};
use crate::{Error, ErrorKind};

pub(crate) mod doubt;
#[cfg(feature = "mysql")]
pub(crate) mod mysql;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;

/// A database, as far as the engine needs one.
///
/// The futures may be dropped at any await: no transaction of theirs is left open, and a lock goes with the session or
/// is given back.
pub(crate) trait Database: Send {
    /// Which one it is. MySQL and MariaDB are told apart by the first [`read_last`](Self::read_last) that finds a table,
    /// or by [`prepare`](Self::prepare); until then it is what the server, or a proxy before it, says when it greets.
    fn backend(&self) -> Backend;

    /// Whether the last rollback did not undo everything, as where tables without transactions were changed.
    fn left_something(&self) -> bool {
        false
    }

    /// How the history ends, with one statement, in autocommit: all that a start with nothing to do asks.
    fn read_end(&mut self, table: &HistoryTable) -> impl Future<Output = Result<End, Fault>> + Send;

    /// The state, with one statement, in autocommit.
    fn read_last(&mut self, table: &HistoryTable) -> impl Future<Output = Result<Last, Fault>> + Send;

    /// Every row of the namespace, oldest first, in autocommit.
    fn read_all(
        &mut self,
        table: &HistoryTable,
    ) -> impl Future<Output = Result<Vec<HistoryRow>, Fault>> + Send;

    /// Gets ready to change something: settles the schema in which the table is or will be, refuses a connection that is
    /// inside the caller's transaction, and an existing table whose rows do not show; notes what of the session must be
    /// put back.
    fn prepare(
        &mut self,
        table: &mut HistoryTable,
        last: &Last,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Puts the session back to what [`prepare`](Self::prepare) found.
    fn restore(&mut self) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Takes the session's lock, or waits for it at most so long.
    fn try_lock(
        &mut self,
        key: &LockKey,
        wait: Duration,
    ) -> impl Future<Output = Result<Attempt, Fault>> + Send;

    /// Gives the lock back.
    fn unlock(&mut self, key: &LockKey) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Whether a session has the lock, where that tells of a run that [`sight`](Self::sight) does not see.
    fn is_locked(&mut self, _key: &LockKey) -> impl Future<Output = Result<bool, Fault>> + Send {
        std::future::ready(Ok(false))
    }

    /// Why a lock of the session would not keep other runs away, once [`prepare`](Self::prepare) has looked.
    fn lacks_session_lock(&self) -> Option<&'static str>;

    /// Signs what this run sends from now on, so that others can see it at work. Gives what
    /// [`sight`](Self::sight) needs besides.
    fn sign(&mut self, nonce: &str) -> impl Future<Output = Result<Option<String>, Fault>> + Send;

    /// Whether the run that a row names as its owner is at work, by what the server shows.
    fn sight(
        &mut self,
        table: &HistoryTable,
        owner: &str,
    ) -> impl Future<Output = Result<Sight, Fault>> + Send;

    /// Runs a statement of the runtime's own, in autocommit.
    fn own(&mut self, sql: &str) -> impl Future<Output = Result<Own, Fault>> + Send;

    /// Makes a table in the history's schema, unless another process just has.
    fn create_beside(
        &mut self,
        table: &HistoryTable,
        sql: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// What to send when the run is dropped while it may have a lease; `None` once it has not.
    fn owe_lease(&mut self, delete: Option<String>);

    /// Lets time pass.
    fn sleep(&mut self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Runs steps in one transaction: of each its row, then its body. Makes the table first if `create` says so.
    fn transact(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> impl Future<Output = Result<(), StepFault>> + Send;

    /// Runs steps one after the other, each in a transaction of its own, and tells of each that it is kept. Gives the place
    /// of the first that failed.
    ///
    /// Some that follow it may be kept all the same: where another process took the one that failed.
    fn transact_each(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> impl Future<Output = Result<(), (usize, StepFault)>> + Send {
        async move {
            for (place, step) in steps.iter().enumerate() {
                let mut tell = |_: usize, what: Told| told(place, what);
                let done =
                    self.transact(table, create && place == 0, std::slice::from_ref(step), &mut tell).await;
                done.map_err(|fault| (place, fault))?;
                told(place, Told::Kept);
            }
            Ok(())
        }
    }

    /// Writes a row as running, in autocommit: at once, or with the first that [`run_recorded`](Self::run_recorded) sends,
    /// before anything of the step is done. Makes the table first if `create` says so.
    fn begin_running(
        &mut self,
        table: &HistoryTable,
        create: bool,
        work: &Work<'_>,
        told: &mut Tell<'_>,
    ) -> impl Future<Output = Result<(), StepFault>> + Send;

    /// Makes a running row this run's own. `false` if it has changed hands or is done by now.
    fn take_over(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        to: &TakeOver<'_>,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Runs the body of a running row from a statement on, recording each as it is done, and the row as done at the end.
    fn run_recorded(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        work: &Work<'_>,
        from: usize,
        told: &mut Tell<'_>,
    ) -> impl Future<Output = Result<(), StepFault>> + Send;
}

/// Told by a backend how far it is with a step, which is named by its place among those given.
pub(crate) type Tell<'a> = dyn FnMut(usize, Told) + Send + 'a;

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It begins
    Begun,
    /// It has waited so long for the database's lock, and waits on
    #[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "only SQLite waits by itself"))]
    Blocked(Duration),
    /// So many of its statements are done
    Statements(usize),
    /// It is in force. Only told of steps that do not share a transaction
    Kept,
}

/// How the history ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// There is no table
    NoTable,
    /// The table has no row of this namespace
    NoRow,
    /// The last step is in force; the digest of its row
    Done(String),
    /// Otherwise: more has to be read
    Other,
}

impl End {
    /// What the rows say that [`select_end`](HistoryTable::select_end) gives.
    fn of(rows: Vec<Vec<Option<String>>>) -> Self {
        let Some(row) = rows.into_iter().next() else { return Self::NoRow };
        match HistoryRow::parse_end(row) {
            Some(digest) => Self::Done(digest),
            None => Self::Other,
        }
    }
}

/// What a read of the state finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Last {
    /// There is no table
    NoTable,
    /// The table has no row of this namespace
    NoRow,
    /// The last row
    Row(Box<HistoryRow>),
    /// The last row is not one that this version writes
    Unreadable,
}

impl Last {
    /// What the rows say that [`select_last`](HistoryTable::select_last) gives.
    fn of(rows: Vec<Vec<Option<String>>>) -> Self {
        let Some(row) = rows.into_iter().next() else { return Self::NoRow };
        HistoryRow::parse(row).map_or(Self::Unreadable, |row| Self::Row(Box::new(row)))
    }
}

/// The name of a session lock.
#[derive(Debug, Clone)]
pub(crate) struct LockKey {
    /// For databases whose locks have numbers
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only PostgreSQL locks by number"))]
    pub(crate) number: i64,
    /// For databases whose locks have names; at most 64 characters
    #[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "only MySQL locks by name"))]
    pub(crate) name: String,
}

/// What came of trying to lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It is ours
    Held,
    /// It is another's; who that is, if the database tells
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        allow(dead_code, reason = "SQLite has no lock for a run")
    )]
    Busy(Option<String>),
    /// The session is not the same from one statement to the next
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only PostgreSQL's poolers do that"))]
    Unsteady,
}

/// What the server shows of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(all(feature = "postgres", feature = "mysql")),
    allow(dead_code, reason = "each server shows something else")
)]
pub(crate) enum Sight {
    /// A statement of its is being run
    AtWork,
    /// None is
    Idle,
    /// Its connection is no more
    Gone,
    /// It does not show it
    Unknown,
}

/// What came of a statement of the runtime's own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "postgres", feature = "mysql")),
    allow(dead_code, reason = "SQLite has no lease")
)]
pub(crate) enum Own {
    /// The table is not there
    NoTable,
    /// Another process was at the same
    Lost,
    /// It was run
    Done {
        /// The rows that it gave
        rows: Vec<Vec<Option<String>>>,
        /// How many rows it changed
        changed: u64,
    },
}

/// One step, ready to run.
pub(crate) struct Work<'s> {
    pub(crate) row: NewRow,
    pub(crate) body: WorkBody<'s>,
}

/// What a step runs besides its row.
#[derive(Clone, Copy)]
pub(crate) enum WorkBody<'s> {
    /// Nothing, as for a stamp
    Nothing,
    /// Statements of a text
    Sql {
        /// What the ranges refer to
        text: &'s str,
        /// The statements
        script: &'s Script,
    },
    /// A function
    Rust {
        /// What to call
        run: RustFn,
        /// What it may read
        data: Option<&'static Data>,
        /// Whether SQLite enforces no foreign keys meanwhile
        #[cfg(feature = "sqlite")]
        foreign_keys_off: bool,
    },
}

impl<'s> WorkBody<'s> {
    /// The text of one of the statements.
    pub(crate) fn statement(&self, place: usize) -> Option<&'s str> {
        match self {
            Self::Sql { text, script } => text.get(script.statements.get(place)?.range.clone()),
            _ => None,
        }
    }
}

/// Why steps were not run.
#[derive(Debug)]
pub(crate) enum StepFault {
    /// Another process wrote the row that was about to be written. Nothing was kept
    Overtaken,
    /// A statement failed
    Statement {
        /// The step, among those given
        step: usize,
        /// The statement
        statement: usize,
        /// Where in the file's text the database sees the fault, in bytes
        offset: Option<usize>,
        /// How many statements of the step are in force
        kept: usize,
        /// What the database said
        fault: Fault,
    },
    /// A Rust revision failed, and nothing of it was kept
    Rust {
        /// The step, among those given
        step: usize,
        /// What it said
        error: Error,
    },
    /// It waited for a lock of others' longer than it may; it may be tried again
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mysql")),
        allow(dead_code, reason = "on SQLite it is waited for in the transaction")
    )]
    Blocked {
        /// As which it fails if it is not
        fault: Box<StepFault>,
        /// Who has the lock, if the database tells: a fragment that follows "waiting for"
        by: Option<String>,
    },
    /// Something else: the history could not be written, the connection was lost, the commit was refused
    Fault(Fault),
    /// As before, with a text of its own
    Error(Error),
}

impl StepFault {
    /// What the database said of a statement that failed, or of one of a function that failed for it.
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    pub(crate) fn said<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Statement { fault, .. } => fault.source.downcast_ref(),
            Self::Rust { error, .. } => {
                let error: &(dyn std::error::Error + 'static) = error;
                std::iter::successors(Some(error), |error| error.source()).find_map(|e| e.downcast_ref())
            }
            _ => None,
        }
    }

    /// Says who was waited for.
    pub(crate) fn waited_for(self, by: Option<&str>) -> Self {
        let Some(by) = by else { return self };
        let waited = format!("; it was waiting for {by}");
        match self {
            Self::Statement { step, statement, offset, kept, mut fault } => {
                fault.text = Some(fault.text() + &waited);
                Self::Statement { step, statement, offset, kept, fault }
            }
            Self::Rust { step, error } => Self::Rust { step, error: error.at(&waited) },
            other => other,
        }
    }
}

impl From<Fault> for StepFault {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// For what a transaction waited that was rolled back in a deadlock.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) const IN_TURN: &str = "another transaction, which waited for it in turn";

/// What to do about a failure that no edit of the revision would mend.
pub(crate) fn way_out(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    const LATER: &str =
        "run again when whoever holds the lock is done; `lock_timeout` and `lock-timeout=` allow more time";
    const ANOTHER: &str = "run again: another transaction was let by";
    const NO_RIGHT: &str =
        "give the role the right to do it, or let another one run the migrations; then run again";
    #[cfg(feature = "postgres")]
    if let Some(error) = error.downcast_ref::<tokio_postgres::error::DbError>() {
        use tokio_postgres::error::SqlState;
        return match error.code() {
            code if *code == SqlState::LOCK_NOT_AVAILABLE => Some(LATER),
            code if [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].contains(code) => {
                Some(ANOTHER)
            }
            code if *code == SqlState::INSUFFICIENT_PRIVILEGE => Some(NO_RIGHT),
            _ => None,
        };
    }
    #[cfg(feature = "mysql")]
    if let Some(error) = error.downcast_ref::<mysql_async::ServerError>() {
        return match error.code {
            1205 => Some(LATER),
            1213 => Some(ANOTHER),
            1044 | 1142 | 1143 | 1227 | 1370 => Some(NO_RIGHT),
            _ => None,
        };
    }
    let _ = (error, LATER, ANOTHER, NO_RIGHT);
    None
}

/// Whether a server refused a connection as it has as many as it may, in all or of a user.
pub(crate) fn is_full(error: &Error) -> bool {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    for cause in causes {
        #[cfg(feature = "postgres")]
        if let Some(error) = cause.downcast_ref::<tokio_postgres::error::DbError>() {
            return *error.code() == tokio_postgres::error::SqlState::TOO_MANY_CONNECTIONS;
        }
        #[cfg(feature = "mysql")]
        if let Some(error) = cause.downcast_ref::<mysql_async::ServerError>() {
            return matches!(error.code, 1040 | 1203 | 1226);
        }
        let _ = cause;
    }
    false
}

/// Whether this is what a database says where it was told to give up, or what a run says that gave up by itself. SQLite is waited for no
/// longer once a run is to stop.
pub(crate) fn is_of_stop(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<Error>() {
        return error.kind() == ErrorKind::Cancelled;
    }
    #[cfg(feature = "sqlite")]
    if let Some(error) = error.downcast_ref::<rusqlite::Error>() {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, OperationInterrupted};
        let code = error.sqlite_error_code();
        return matches!(code, Some(OperationInterrupted | DatabaseBusy | DatabaseLocked));
    }
    #[cfg(feature = "postgres")]
    if let Some(error) = error.downcast_ref::<tokio_postgres::error::DbError>() {
        return *error.code() == tokio_postgres::error::SqlState::QUERY_CANCELED;
    }
    #[cfg(feature = "mysql")]
    if let Some(error) = error.downcast_ref::<mysql_async::ServerError>() {
        // A statement that was ended, and one that was ended while it sorted.
        return matches!(error.code, 1317 | 1028);
    }
    false
}

/// The setting by which a server ended a statement that took too long, or somebody's cancel, which PostgreSQL does not
/// tell apart in every language.
pub(crate) fn ended_by(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    #[cfg(feature = "postgres")]
    if let Some(error) = error.downcast_ref::<tokio_postgres::error::DbError>() {
        let cancelled = *error.code() == tokio_postgres::error::SqlState::QUERY_CANCELED;
        return cancelled.then_some("statement_timeout");
    }
    #[cfg(feature = "mysql")]
    if let Some(error) = error.downcast_ref::<mysql_async::ServerError>() {
        return match error.code {
            1969 => Some("max_statement_time"),
            3024 => Some("max_execution_time"),
            _ => None,
        };
    }
    let _ = error;
    None
}

pub(crate) fn unreadable() -> Fault {
    Fault::new(
        "the history has a row that this version of embed-migrations does not know how to read; a later version wrote it",
    )
}

/// The error of a run that was told to stop, between two statements or while it waits.
pub(crate) fn told_to_stop() -> Error {
    Error::new(ErrorKind::Cancelled, "the run was told to stop; what it did before is kept")
}

pub(crate) fn in_transaction() -> Error {
    Error::new(
        ErrorKind::Connection,
        "the connection is inside a transaction; migrations begin and commit their own\n\n\
         hint: commit or roll back first, or use another connection",
    )
}

pub(crate) fn empty_history(table: &str) -> Error {
    Error::new(
        ErrorKind::History,
        format!(
            "table {table} shows no rows; it is made together with its first one, so they are hidden or were deleted\n\n\
             hint: check row security and the role; if the rows are lost, drop the table and stamp the database"
        ),
    )
}

pub(crate) fn left_transaction_open(revision: &str) -> Error {
    Error::new(
        ErrorKind::Revision,
        format!(
            "revision `{revision}` leaves a transaction open at its end; it was rolled back\n\nhint: add the missing COMMIT"
        ),
    )
}

pub(crate) fn not_recordable() -> Error {
    Error::new(ErrorKind::Revision, "only SQL is recorded statement by statement")
}
