//! SQLite through rusqlite. Nothing here ever waits for a future: every call is done when it returns.

mod alarm;
mod connect;
mod faults;
mod foreign_keys;
mod lock;
mod many;
mod recorded;
mod settings;
mod values;
#[cfg(test)]
pub(crate) mod watched;

use std::collections::BTreeMap;
use std::future::{Future, poll_fn, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;
use std::time::Duration;

use migrate_revision::{Backend, Script, SectionOptions};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

use self::alarm::Alarm;
use self::faults::{ended_transaction, failed, fault, is_no_table, row_fault};
use super::{Attempt, Database, End, Last, LockKey, Own, Sight, StepFault, Tell, Told, Work, WorkBody};
use crate::db::{self, Db};
use crate::error::Fault;
use crate::history::{HistoryRow, HistoryTable, NewRow, Running, TakeOver, now};
use crate::{Error, ErrorKind, Result};

pub(crate) use self::connect::connect;
pub(crate) use self::values::{execute, query};

const BACKEND: Backend = Backend::Sqlite;

/// A connection of the caller's, and what of it must be put back.
pub(crate) struct Sqlite<'a> {
    connection: &'a mut Connection,
    /// How long to wait for another connection's lock
    patience: Duration,
    foreign_keys: Option<bool>,
    /// Whether foreign keys are off because a section asked for it
    unenforced: bool,
    /// Settings noted before a script that may change them
    settings: Vec<(&'static str, i64)>,
    modes: Vec<(&'static str, String)>,
    /// Whether LIKE told capital letters from small ones then
    case_sensitive: Option<bool>,
    /// The databases that were attached when these were noted
    attached: Option<Vec<String>>,
    /// Says that the run is told to stop, where the connection is its own
    stop: Option<Arc<AtomicBool>>,
}

impl<'a> Sqlite<'a> {
    pub(crate) fn new(connection: &'a mut Connection, patience: Duration) -> Self {
        Self {
            connection,
            patience,
            foreign_keys: None,
            unenforced: false,
            settings: Vec::new(),
            modes: Vec::new(),
            case_sensitive: None,
            attached: None,
            stop: None,
        }
    }

    fn rows(&self, sql: &str) -> rusqlite::Result<Vec<Vec<Option<String>>>> {
        self.patiently(|connection| {
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(texts(row)?);
            }
            Ok(found)
        })
    }

    /// The rows of a query of cargo-migrate's.
    #[cfg(feature = "_source")]
    pub(crate) fn query(&self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Fault> {
        self.rows(sql).map_err(fault)
    }

    fn end(&self, table: &HistoryTable) -> Result<End, Fault> {
        match self.rows(&table.select_end(BACKEND)) {
            Ok(rows) => Ok(End::of(rows)),
            Err(error) if is_no_table(&error) => Ok(End::NoTable),
            Err(error) => Err(fault(error)),
        }
    }

    fn last(&self, table: &HistoryTable) -> Result<Last, Fault> {
        match self.rows(&table.select_last(BACKEND, "")) {
            Ok(rows) => Ok(Last::of(rows)),
            Err(error) if is_no_table(&error) => Ok(Last::NoTable),
            Err(error) => Err(fault(error)),
        }
    }

    fn pragma(&self, name: &str) -> rusqlite::Result<i64> {
        self.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    }

    async fn transact_steps(
        &mut self,
        table: &HistoryTable,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        // Up to which step the rows are written. Those of the steps behind one are written with it, but not those behind a
        // function, which may end the transaction.
        let mut written = 0;
        for (step, work) in steps.iter().enumerate() {
            told(step, Told::Begun);
            if step == written {
                let is_function = |work: &&Work<'_>| matches!(work.body, WorkBody::Rust { .. });
                let behind = steps[step..].iter().take_while(|work| !is_function(work)).skip(1);
                let rows: Vec<&NewRow> = behind.map(|work| &work.row).collect();
                // This transaction has seen the row before it, or written it.
                let row = table.insert_behind([&work.row], BACKEND);
                let row = row.unwrap_or_else(|| table.insert(&work.row, true, BACKEND));
                self.write_row(&row)?;
                self.write_behind(table, &rows)?;
                written = step + 1 + rows.len();
            }
            match work.body {
                WorkBody::Nothing => {}
                WorkBody::Sql { text, script } => {
                    self.note_settings(script);
                    self.run_script(step, text, script, told)?;
                }
                WorkBody::Rust { run, data, .. } => {
                    self.note_all_settings();
                    let mut db = Db { connection: db::Connection::Sqlite(self.connection), data };
                    at_once(run(&mut db)).await.map_err(|error| StepFault::Rust { step, error })?;
                    if self.connection.is_autocommit() {
                        return Err(StepFault::Error(ended_transaction(&work.row.revision)));
                    }
                    // It may have begun another one, in which the row is not.
                    let place: Result<String, _> =
                        self.connection.query_row(&table.select_last_place(BACKEND), [], |row| row.get(1));
                    if place.ok().as_ref() != Some(&work.row.digest) {
                        return Err(StepFault::Error(ended_transaction(&work.row.revision)));
                    }
                }
            }
            self.restore_settings()?;
        }
        Ok(())
    }

    fn write_row(&self, insert: &str) -> Result<(), StepFault> {
        self.connection.execute_batch(insert).map_err(row_fault)?;
        written(self.connection.changes())
    }

    /// A function that failed after it had committed the transaction by itself has its row in the history.
    fn unless_committed(&self, table: &HistoryTable, steps: &[Work<'_>], fault: StepFault) -> StepFault {
        let StepFault::Rust { step, .. } = fault else { return fault };
        let row = &steps[step].row;
        match (self.last(table), fault) {
            (Ok(Last::Row(last)), StepFault::Rust { error, .. })
                if row.seq().is_some_and(|seq| last.seq >= seq) && last.applied_by == row.applied_by =>
            {
                StepFault::Error(ended_transaction(&row.revision).with_source(error))
            }
            (_, fault) => fault,
        }
    }

    /// Writes rows behind the last one, which this transaction has written.
    fn write_behind(&self, table: &HistoryTable, rows: &[&NewRow]) -> Result<(), StepFault> {
        let Some(first) = rows.first() else { return Ok(()) };
        let time = self.connection.query_row(&format!("SELECT {}", now(BACKEND)), [], |row| row.get(0));
        let time: String = time.map_err(row_fault)?;
        let statement = self.connection.prepare(&table.insert_bound(&first.applied_by));
        let mut statement = statement.map_err(row_fault)?;
        rows.iter().try_for_each(|row| write_bound(&mut statement, row, &time))
    }

    /// Runs the statements of a step that is in a transaction.
    fn run_script(
        &self,
        step: usize,
        text: &str,
        script: &Script,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        for (place, statement) in script.statements.iter().enumerate() {
            self.run(&text[statement.range.clone()], &script.options)
                .map_err(|fault| failed(step, place, statement, 0, fault))?;
            told(step, Told::Statements(place + 1));
        }
        Ok(())
    }

    /// Runs a statement to its end: SQLite works while rows are taken, and stops when they are not.
    fn run(&self, sql: &str, options: &SectionOptions) -> Result<(), Fault> {
        let _alarm = options.statement_timeout.map(|timeout| Alarm::set(self.connection, timeout));
        let run = || {
            let mut statement = self.connection.prepare(sql)?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        run().map_err(fault)
    }
}

impl Database for Sqlite<'_> {
    fn backend(&self) -> Backend {
        BACKEND
    }

    fn read_end(&mut self, table: &HistoryTable) -> impl Future<Output = Result<End, Fault>> + Send {
        ready(self.end(table))
    }

    fn read_last(&mut self, table: &HistoryTable) -> impl Future<Output = Result<Last, Fault>> + Send {
        ready(self.last(table))
    }

    async fn read_all(&mut self, table: &HistoryTable) -> Result<Vec<HistoryRow>, Fault> {
        let rows = self.rows(&table.select_all(BACKEND)).map_err(fault)?;
        rows.into_iter().map(|row| HistoryRow::parse(row).ok_or_else(super::unreadable)).collect()
    }

    async fn prepare(&mut self, table: &mut HistoryTable, last: &Last) -> Result<()> {
        if !self.connection.is_autocommit() {
            return Err(super::in_transaction());
        }
        if *last == Last::NoRow {
            let any = self
                .rows(&table.select_any(BACKEND))
                .map_err(|e| fault(e).while_doing("read the history"))?;
            if any.is_empty() {
                return Err(super::empty_history(&table.name(BACKEND)));
            }
        }
        let journal: String = self
            .connection
            .pragma_query_value(None, "journal_mode", |row| row.get(0))
            .map_err(|e| fault(e).while_doing("read `journal_mode`"))?;
        if journal.eq_ignore_ascii_case("off") {
            return Err(Error::new(
                ErrorKind::Connection,
                "the connection has `PRAGMA journal_mode = OFF`, with which SQLite cannot undo a revision that fails\n\n\
                 hint: set another mode, such as WAL, for the migrations at least",
            ));
        }
        let foreign_keys =
            self.pragma("foreign_keys").map_err(|e| fault(e).while_doing("read `foreign_keys`"))?;
        self.foreign_keys = Some(foreign_keys == 1);
        Ok(())
    }

    async fn restore(&mut self) -> Result<(), Fault> {
        self.enforce_again()?;
        self.restore_settings()
    }

    /// The write lock of each transaction is the lock: there is none for a run.
    async fn try_lock(&mut self, _key: &LockKey, _wait: Duration) -> Result<Attempt, Fault> {
        Ok(Attempt::Held)
    }

    async fn unlock(&mut self, _key: &LockKey) -> Result<(), Fault> {
        Ok(())
    }

    fn lacks_session_lock(&self) -> Option<&'static str> {
        None
    }

    async fn sign(&mut self, _nonce: &str) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    async fn sight(&mut self, _table: &HistoryTable, _owner: &str) -> Result<Sight, Fault> {
        Ok(Sight::Unknown)
    }

    async fn own(&mut self, sql: &str) -> Result<Own, Fault> {
        let rows = self.rows(sql).map_err(fault)?;
        Ok(Own::Done { rows, changed: self.connection.changes() })
    }

    async fn create_beside(&mut self, _table: &HistoryTable, sql: &str) -> Result<(), Fault> {
        self.connection.execute_batch(sql).map_err(fault)
    }

    fn owe_lease(&mut self, _delete: Option<String>) {}

    async fn sleep(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    async fn transact(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let Some(first) = steps.first() else { return Ok(()) };
        let options = || {
            steps.iter().filter_map(|work| match work.body {
                WorkBody::Sql { script, .. } => Some(script.options),
                _ => None,
            })
        };
        let unenforced = steps.iter().any(|work| match work.body {
            WorkBody::Sql { script, .. } => script.options.foreign_keys_off,
            WorkBody::Rust { foreign_keys_off, .. } => foreign_keys_off,
            WorkBody::Nothing => false,
        });
        let patience = self.patience;
        if let Some(timeout) = options().filter_map(|options| options.lock_timeout).min() {
            self.patience = timeout;
        }
        // Inside of a transaction the pragma would do nothing.
        if unenforced {
            self.unenforced = true;
            self.enforce_no_longer()?;
        }
        let open = OpenTransaction(self);
        let result = async {
            let sqlite = &mut *open.0;
            sqlite.begin(table, create, &first.row, told)?;
            let broken = if unenforced { sqlite.broken_foreign_keys()? } else { BTreeMap::new() };
            sqlite.transact_steps(table, steps, told).await?;
            if unenforced {
                sqlite.check_foreign_keys(&broken)?;
            }
            sqlite.commit(told, steps.len() - 1)
        }
        .await;
        drop(open);
        self.patience = patience;
        self.restore_settings()?;
        result.map_err(|fault| self.unless_committed(table, steps, fault))
    }

    async fn transact_each(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), (usize, StepFault)> {
        let mut place = 0;
        while let Some(rest) = steps.get(place..).filter(|rest| !rest.is_empty()) {
            let create = create && place == 0;
            let plain = if create { 0 } else { many::plain(rest) };
            let mut tell = |step: usize, what: Told| told(place + step, what);
            if plain > 1 {
                let done = self.transact_plain(table, &rest[..plain], &mut tell);
                done.map_err(|(step, fault)| (place + step, fault))?;
                place += plain;
            } else {
                let done = self.transact(table, create, &rest[..1], &mut tell).await;
                done.map_err(|fault| (place, fault))?;
                told(place, Told::Kept);
                place += 1;
            }
        }
        Ok(())
    }

    async fn begin_running(
        &mut self,
        table: &HistoryTable,
        create: bool,
        work: &Work<'_>,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let open = OpenTransaction(self);
        open.0.begin(table, create, &work.row, told)?;
        open.0.write_row(&table.insert(&work.row, false, BACKEND))?;
        open.0.commit(told, 0)
    }

    async fn take_over(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        to: &TakeOver<'_>,
    ) -> Result<bool, Fault> {
        let update = table.update_owner(running, to, BACKEND);
        let changed = self.execute(&update).map_err(fault)?;
        Ok(changed == 1)
    }

    async fn run_recorded(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        work: &Work<'_>,
        from: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        self.record(table, running, work, from, told)
    }
}

/// The result of a Rust revision. It may not wait, whoever polls: nobody does where SQLite is used without async, and
/// meanwhile the write lock would be held.
async fn at_once(mut run: Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>) -> Result<()> {
    let first = poll_fn(|context| Poll::Ready(run.as_mut().poll(context))).await;
    match first {
        Poll::Ready(result) => result,
        Poll::Pending => Err(Error::new(
            ErrorKind::Other,
            "it waits for something other than its database, which no revision does on SQLite; await only methods of `Db`",
        )),
    }
}

/// Writes a row by [`insert_bound`](HistoryTable::insert_bound).
fn write_bound(statement: &mut Statement<'_>, row: &NewRow, time: &str) -> Result<(), StepFault> {
    let cells = rusqlite::params![
        row.seq(),
        row.revision,
        row.action.as_str(),
        row.heads,
        row.digest,
        row.checksum,
        row.compatible,
        row.statements as i64,
        row.down_sql,
        time,
    ];
    written(statement.execute(cells).map_err(row_fault)? as u64)
}

/// A row of the history that was not written, without an error, would leave a step that nobody knows of.
fn written(rows: u64) -> Result<(), StepFault> {
    if rows == 1 {
        return Ok(());
    }
    Err(StepFault::Error(Error::new(
        ErrorKind::History,
        "the row of the history was not written, and nothing of the step was kept: a trigger on the table, or an authorizer of the \
         connection, keeps it out in silence\n\nhint: take it away from the history",
    )))
}

/// Ends whatever transaction is open. SQLite has ended it itself after some errors.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        // Nothing can be done about a rollback that fails; the transaction ends with the connection.
        let _ = connection.execute_batch("ROLLBACK");
    }
}

/// Rolls back on every way out, also when the future is dropped or a revision panics.
struct OpenTransaction<'s, 'a>(&'s mut Sqlite<'a>);

impl Drop for OpenTransaction<'_, '_> {
    fn drop(&mut self) {
        roll_back(self.0.connection);
        if self.0.unenforced {
            self.0.unenforced = false;
            // As with the rollback: where even this fails, the connection is past helping.
            let _ = self.0.enforce_again();
        }
    }
}

/// A row's values as text.
fn texts(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<Option<String>>> {
    let text = |column| {
        Ok(match row.get_ref(column)? {
            ValueRef::Null => None,
            ValueRef::Integer(value) => Some(value.to_string()),
            ValueRef::Real(value) => Some(value.to_string()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
        })
    };
    (0..row.as_ref().column_count()).map(text).collect()
}
