//! MySQL and MariaDB through mysql_async. DDL commits by itself here, so whatever is not rows alone is recorded
//! statement by statement, each with its progress in the same packet.

mod blockers;
mod connect;
mod faults;
mod packet;
mod recorded;
mod session;
mod sight;
mod together;
mod transact;
mod value;

use std::future::Future;
use std::time::Duration;

use migrate_revision::Backend;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Statement};

use super::{Attempt, Database, End, Last, LockKey, Own, Sight, StepFault, Tell, Work, WorkBody};
use crate::dialect::mysql::recording::Recording;
use crate::error::Fault;
use crate::history::{HistoryRow, HistoryTable, Running, TakeOver, quote_text};
use crate::{Error, ErrorKind, Result};
use faults::{no_database, none_selected};
use packet::{DEADLOCK, Failed, columns};
use session::{Settings, Touched};

pub(crate) use connect::{Canceller, Connected, connect};
pub(crate) use value::{execute, query};

/// A connection of the caller's, and what of it must be put back.
///
/// A future of the driver that is dropped before its answer leaves the answer on the line, where the next query takes
/// it for its own. So a run that is dropped in its middle closes the connection: the server then rolls back and gives
/// the lock back.
pub(crate) struct Mysql<'a> {
    conn: &'a mut Conn,
    /// MariaDB or MySQL, once that is known
    backend: Option<Backend>,
    /// Whether the caller was inside a transaction when this was made, by what the server said last
    began_inside: Option<bool>,
    settings: Option<Settings>,
    /// What a revision may have changed of the session
    touched: Option<Touched>,
    /// Whether a transaction of ours may be open
    open: bool,
    /// Whether the last rollback undid everything, and not all but the rows of tables without transactions
    undone: bool,
    /// Whether it is known that it did not
    left: bool,
    /// Whether the session's lock is ours
    locked: bool,
    /// Whether the history's table is there, by what was read first
    has_table: bool,
    /// The statement that writes the running row, which goes with the first text of its step
    beginning: Option<String>,
    /// Whether the running row was taken over, and its next statement may be done
    taken_over: bool,
    /// How long a text may get before it is sent
    budget: usize,
    /// A statement with one parameter, by which the connection can be closed without waiting
    closer: Option<Statement>,
    /// How long a statement waits for a lock, where its section does not say; zero is as the server has it
    patience: Duration,
}

impl<'a> Mysql<'a> {
    pub(crate) fn new(conn: &'a mut Conn, patience: Duration) -> Self {
        let began_inside = flags(conn).map(|flags| flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS));
        Self {
            conn,
            backend: None,
            began_inside,
            settings: None,
            touched: None,
            open: false,
            undone: true,
            left: false,
            locked: false,
            has_table: false,
            beginning: None,
            taken_over: false,
            budget: 1 << 19,
            closer: None,
            patience,
        }
    }

    fn dialect(&self) -> Backend {
        self.backend.unwrap_or_else(|| session::dialect_of_release(self.conn.server_version().0))
    }

    /// Sends statements as one text and waits until all are done, showing each row of theirs, and telling how many are
    /// done.
    ///
    /// An error behind the first statement surfaces only when everything is drained.
    async fn drain(
        &mut self,
        sql: &str,
        mut see: impl FnMut(Vec<Option<String>>) + Send,
        mut tell: impl FnMut(usize) + Send,
    ) -> Result<(), Failed> {
        if self.conn.is_disconnected() {
            return Err(Failed::unusable());
        }
        let mut done = 0;
        let mut result = self.conn.query_iter(sql).await.map_err(|error| Failed::new(0, error))?;
        loop {
            let rows = result.for_each(|row| see(columns(&row))).await;
            rows.map_err(|error| Failed::new(done, error))?;
            done += 1;
            tell(done);
            if result.is_empty() {
                return result.drop_result().await.map_err(|error| Failed::new(done, error));
            }
        }
    }

    /// As [`drain`](Self::drain); gives the last row that any of the statements had.
    async fn send(&mut self, sql: &str) -> Result<Option<Vec<Option<String>>>, Failed> {
        let mut last = None;
        self.drain(sql, |row| last = Some(row), |_| {}).await?;
        Ok(last)
    }

    /// As [`drain`](Self::drain); gives the rows of all the statements.
    async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Failed> {
        let mut rows = Vec::new();
        self.drain(sql, |row| rows.push(row), |_| {}).await?;
        Ok(rows)
    }

    /// The rows of a query of cargo-migrate's.
    #[cfg(feature = "_source")]
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Fault> {
        self.rows(sql).await.map_err(|failed| failed.fault)
    }

    /// Reads in autocommit. Where the caller has switched that off, the read has begun a transaction, which ends here.
    async fn read(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, Failed> {
        // In nobody's transaction a read that was let by others' DDL, as on a Galera cluster, is simply read again.
        let inside = flags(self.conn).is_some_and(|f| f.contains(StatusFlags::SERVER_STATUS_IN_TRANS));
        let mut tries = if inside { 1 } else { READS };
        let rows = loop {
            tries -= 1;
            match self.rows(sql).await {
                Err(failed) if failed.is_deadlock() && tries > 0 => {}
                rows => break rows?,
            }
        };
        let implicit = flags(self.conn).is_some_and(|f| !f.contains(StatusFlags::SERVER_STATUS_AUTOCOMMIT));
        if implicit && self.began_inside == Some(false) {
            self.send("ROLLBACK").await?;
        }
        Ok(rows)
    }

    async fn roll_back(&mut self) -> Result<(), Failed> {
        self.send("ROLLBACK").await?;
        self.open = false;
        self.left = self.conn.get_warnings() != 0;
        self.undone = !self.left;
        Ok(())
    }

    /// As [`roll_back`](Self::roll_back), after a text or a function that failed.
    async fn roll_back_after(&mut self, is_deadlock: bool) -> Result<(), Failed> {
        // A deadlock has rolled back already, and it was then that the server said what it could not undo.
        let said = if is_deadlock { self.rows("SHOW WARNINGS").await? } else { Vec::new() };
        self.roll_back().await?;
        if is_deadlock {
            let codes: Vec<u16> =
                said.iter().filter_map(|row| row.get(1)?.as_deref()?.parse().ok()).collect();
            self.left |= codes.iter().any(|code| NOT_UNDONE.contains(code));
            // Where the error is no longer among them, what came with it is not known either.
            self.undone = !self.left && codes.contains(&DEADLOCK);
        }
        Ok(())
    }

    /// Makes the table, unless another process just has.
    async fn create(&mut self, table: &HistoryTable) -> Result<(), StepFault> {
        if let Err(failed) = self.send(&table.create(self.dialect())).await
            && !matches!(failed.code, TABLE_EXISTS | TABLE_IS_BEING_MADE)
        {
            return Err(failed.fault.into());
        }
        let schema = table.schema.as_deref().unwrap_or_default();
        let engine = format!(
            "SELECT t.ENGINE FROM information_schema.TABLES AS t JOIN information_schema.ENGINES AS e \
             ON e.ENGINE = t.ENGINE WHERE t.TABLE_SCHEMA = {} AND t.TABLE_NAME = {} AND e.TRANSACTIONS = 'NO'",
            quote_text(schema, self.dialect()),
            quote_text(&table.table, self.dialect())
        );
        match self.send(&engine).await.map_err(|failed| failed.fault)?.as_deref() {
            Some([Some(engine), ..]) => Err(StepFault::Error(Error::new(
                ErrorKind::History,
                format!(
                    "the server made {} with the engine {engine}, which has no transactions\n\n\
                     hint: let the server use InnoDB, and drop the table",
                    table.name(self.dialect())
                ),
            ))),
            _ => Ok(()),
        }
    }
}

impl Mysql<'_> {
    fn is_limited(&self) -> bool {
        self.settings.as_ref().is_some_and(|settings| settings.limit.is_some())
    }
}

impl Drop for Mysql<'_> {
    /// Only a future that is dropped leaves anything to do here.
    fn drop(&mut self) {
        if self.conn.is_disconnected()
            || self.open
            || self.locked
            || self.touched.is_some()
            || self.is_limited()
        {
            close_now(self.conn, self.closer.as_ref());
        }
    }
}

/// Closes a connection without waiting: at a wrong number of parameters the driver does so before it sends anything.
fn close_now(conn: &mut Conn, closer: Option<&Statement>) {
    let Some(closer) = closer else { return };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let _ = std::pin::pin!(conn.exec_drop(closer, ())).poll(&mut context);
}

impl Database for Mysql<'_> {
    fn backend(&self) -> Backend {
        self.dialect()
    }

    fn left_something(&self) -> bool {
        self.left
    }

    /// Where a proxy makes a server of MariaDB's out to be one of MySQL's, or the reverse, the digest is another one if the
    /// revisions differ between them, and the next read asks the server itself.
    async fn read_end(&mut self, table: &HistoryTable) -> Result<End, Fault> {
        match self.read(&table.select_end(self.dialect())).await {
            Ok(rows) => Ok(End::of(rows)),
            Err(failed) if NO_HISTORY.contains(&failed.code) => Ok(End::NoTable),
            Err(failed) => Err(failed.fault),
        }
    }

    async fn read_last(&mut self, table: &HistoryTable) -> Result<Last, Fault> {
        match self.read(&table.select_last(self.dialect(), ", VERSION()")).await {
            Ok(mut rows) => {
                if let Some(row) = rows.first_mut() {
                    let version = row.pop().flatten();
                    self.backend.get_or_insert(session::dialect_of(version.as_deref()));
                }
                Ok(Last::of(rows))
            }
            Err(failed) if NO_HISTORY.contains(&failed.code) => Ok(Last::NoTable),
            Err(failed) => Err(failed.fault),
        }
    }

    async fn read_all(&mut self, table: &HistoryTable) -> Result<Vec<HistoryRow>, Fault> {
        let rows = self.read(&table.select_all(self.dialect())).await.map_err(|failed| failed.fault)?;
        rows.into_iter().map(|row| HistoryRow::parse(row).ok_or_else(super::unreadable)).collect()
    }

    /// A table without rows is nothing to worry about: no row is ever hidden, and making the table has committed by
    /// itself before its first row was written.
    async fn prepare(&mut self, table: &mut HistoryTable, last: &Last) -> Result<()> {
        let failed = |failed: Failed| failed.fault.while_doing("read the session's settings");
        let (settings, facts) = self.note(table).await.map_err(failed)?;
        let flags = flags(self.conn).unwrap_or(StatusFlags::empty());
        let inside = if settings.autocommit {
            flags.contains(StatusFlags::SERVER_STATUS_IN_TRANS)
        } else {
            // Without autocommit even our own reads begin a transaction; what was before is known only if the
            // caller's last statement succeeded.
            self.began_inside != Some(false)
        };
        if inside {
            return Err(super::in_transaction());
        }
        self.has_table = *last != Last::NoTable;
        self.backend = Some(facts.backend);
        let limit = self.conn.opts().max_allowed_packet().unwrap_or(usize::MAX);
        self.budget = facts.max_allowed_packet.min(limit) / 2;
        match (&table.schema, &settings.database) {
            (Some(_), _) if facts.schema_exists => {}
            (Some(schema), _) => return Err(no_database(schema)),
            (None, Some(database)) => table.schema = Some(database.clone()),
            (None, None) => return Err(none_selected()),
        }
        let closer = self.conn.prep("SELECT ?").await;
        self.closer = Some(closer.map_err(|error| packet::fault(error).while_doing("prepare the run"))?);
        if !settings.autocommit {
            self.touched = Some(Touched::default());
            self.send("ROLLBACK; SET @@SESSION.autocommit = 1").await.map_err(failed)?;
        }
        let limit = settings.limit.clone();
        self.settings = Some(settings);
        if let Some((limit, _)) = limit {
            self.send(&limit).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn restore(&mut self) -> Result<(), Fault> {
        if self.open {
            self.roll_back().await.map_err(|failed| failed.fault)?;
        }
        if let Some(restore) = self.restoring() {
            self.send(&format!("ROLLBACK; {restore}")).await.map_err(|failed| failed.fault)?;
            self.restored().await?;
        }
        if let Some((_, back)) = self.settings.as_ref().and_then(|settings| settings.limit.clone()) {
            self.send(&back).await.map_err(|failed| failed.fault)?;
        }
        if let Some(settings) = self.settings.take()
            && !settings.autocommit
        {
            self.send("SET @@SESSION.autocommit = 0").await.map_err(|failed| failed.fault)?;
        }
        self.touched = None;
        Ok(())
    }

    async fn try_lock(&mut self, key: &LockKey, wait: Duration) -> Result<Attempt, Fault> {
        let name = quote_text(&key.name, self.dialect());
        // MySQL takes whole seconds.
        let sql = format!("SELECT GET_LOCK({name}, {})", wait.as_secs());
        let held = match self.send(&sql).await {
            Ok(row) => row.and_then(|row| row.into_iter().next().flatten()),
            Err(failed) if matches!(failed.code, TOO_LONG | TOO_LONG_FOR_MYSQL) => None,
            Err(failed) => return Err(failed.fault),
        };
        if held.as_deref() == Some("1") {
            self.locked = true;
            return Ok(Attempt::Held);
        }
        let holder = format!(
            "SELECT CONCAT('connection ', ID, ', ', USER, ' at ', HOST) FROM information_schema.PROCESSLIST \
             WHERE ID = IS_USED_LOCK({name})"
        );
        // Not everyone may see it, and it may be gone by now.
        let holder = self.send(&holder).await.ok().flatten().and_then(|row| row.into_iter().next().flatten());
        // NULL: the wait was ended by a limit for statements, or the server could not wait at all.
        let nobody =
            || held.is_none().then(|| "unknown, and the server did not wait: GET_LOCK is NULL".to_owned());
        Ok(Attempt::Busy(holder.or_else(nobody)))
    }

    async fn unlock(&mut self, key: &LockKey) -> Result<(), Fault> {
        let sql = format!("SELECT RELEASE_LOCK({})", quote_text(&key.name, self.dialect()));
        let row = self.send(&sql).await.map_err(|failed| failed.fault)?;
        self.locked = false;
        match row.as_deref() {
            Some([Some(released)]) if released == "1" => Ok(()),
            _ => Err(Fault::new("it was no longer this connection's")),
        }
    }

    async fn is_locked(&mut self, key: &LockKey) -> Result<bool, Fault> {
        let sql = format!("SELECT IS_USED_LOCK({}) IS NOT NULL", quote_text(&key.name, self.dialect()));
        match self.send(&sql).await {
            Ok(row) => Ok(matches!(row.as_deref(), Some([Some(used)]) if used == "1")),
            // Then nobody could have it either.
            Err(failed) if matches!(failed.code, TOO_LONG | TOO_LONG_FOR_MYSQL) => Ok(false),
            Err(failed) => Err(failed.fault),
        }
    }

    fn lacks_session_lock(&self) -> Option<&'static str> {
        let cluster = self.settings.as_ref().is_some_and(|settings| settings.cluster);
        cluster.then_some("this is a node of a Galera cluster, where each node has locks of its own")
    }

    async fn sign(&mut self, _nonce: &str) -> Result<Option<String>, Fault> {
        self.place().await.map_err(|failed| failed.fault)
    }

    async fn sight(&mut self, _table: &HistoryTable, owner: &str) -> Result<Sight, Fault> {
        self.look_for(owner).await.map_err(|failed| failed.fault)
    }

    async fn own(&mut self, sql: &str) -> Result<Own, Fault> {
        match self.rows(sql).await {
            Ok(rows) => Ok(Own::Done { rows, changed: self.conn.affected_rows() }),
            Err(failed) if failed.code == NO_TABLE => Ok(Own::NoTable),
            Err(failed) if failed.is_lost_race() => Ok(Own::Lost),
            Err(failed) => Err(failed.fault),
        }
    }

    async fn create_beside(&mut self, _table: &HistoryTable, sql: &str) -> Result<(), Fault> {
        match self.send(sql).await {
            Err(failed) if !matches!(failed.code, TABLE_EXISTS | TABLE_IS_BEING_MADE) => Err(failed.fault),
            _ => Ok(()),
        }
    }

    /// A dropped run closes its connection, and others see that it is gone.
    fn owe_lease(&mut self, delete: Option<String>) {
        self.locked = delete.is_some();
    }

    async fn sleep(&mut self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn transact(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let result = self.transact_steps(table, create, steps, told).await;
        self.name_blockers(result).await
    }

    async fn transact_each(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), (usize, StepFault)> {
        self.transact_steps_each(table, create, steps, told).await
    }

    async fn begin_running(
        &mut self,
        table: &HistoryTable,
        create: bool,
        work: &Work<'_>,
        _told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        if create && !self.has_table {
            self.create(table).await?;
        }
        self.taken_over = false;
        self.beginning = Some(table.insert(&work.row, false, self.dialect()));
        Ok(())
    }

    async fn take_over(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        to: &TakeOver<'_>,
    ) -> Result<bool, Fault> {
        let update = table.update_owner(running, to, self.dialect());
        match self.send(&update).await {
            Ok(_) => self.taken_over = self.conn.affected_rows() == 1,
            // Its owner has the row locked, and so is at work.
            Err(failed) if failed.is_lost_race() => self.taken_over = false,
            Err(failed) => return Err(failed.fault),
        }
        Ok(self.taken_over)
    }

    async fn run_recorded(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        work: &Work<'_>,
        from: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let taken_over = std::mem::take(&mut self.taken_over);
        (self.undone, self.left) = (true, false);
        let beginning = self.beginning.take();
        match work.body {
            WorkBody::Sql { text, script } => {
                let revision = &work.row.revision;
                let recording = Recording { table, running, text, script, backend: self.dialect() };
                let recorder = recorded::Recorder { recording, beginning, taken_over, revision };
                let result = recorder.run(self, from, told).await;
                // Another try must not take for granted what this one did not get to find out.
                self.taken_over = result.is_err();
                self.name_blockers(result).await
            }
            WorkBody::Rust { run, data, .. } => {
                let revision = &work.row.revision;
                if let Some(beginning) = beginning {
                    self.send(&beginning).await.map_err(recorded::not_begun)?;
                }
                let recording = recorded::RustRecording { table, running, taken_over, revision };
                recorded::run_rust(self, &recording, run, data, told).await
            }
            WorkBody::Nothing => Err(StepFault::Error(super::not_recordable())),
        }
    }
}

/// What the server said of the session with its last answer; `None` if that was an error.
fn flags(conn: &Conn) -> Option<StatusFlags> {
    conn.last_ok_packet().map(mysql_async::OkPacket::status_flags)
}

/// How often a read is tried that changes nothing.
const READS: usize = 5;

/// Warnings of a rollback: changed tables without transactions, temporary tables made, temporary tables dropped.
const NOT_UNDONE: [u16; 3] = [1196, 1751, 1752];

const NO_DATABASE_SELECTED: u16 = 1046;
const NO_DATABASE: u16 = 1049;
const TABLE_EXISTS: u16 = 1050;
const NO_TABLE: u16 = 1146;
const TABLE_IS_BEING_MADE: u16 = 1684;
const TOO_LONG: u16 = 1969;
const TOO_LONG_FOR_MYSQL: u16 = 3024;

/// What a read of the history fails with where there is none.
const NO_HISTORY: [u16; 3] = [NO_DATABASE_SELECTED, NO_DATABASE, NO_TABLE];
