//! PostgreSQL through tokio-postgres. A revision is one message of the simple protocol, without BEGIN and COMMIT: the
//! server makes it one transaction, and the session is idle after it, whatever happens.

mod alone;
mod batch;
mod blockers;
mod connect;
mod index;
mod prepared;
mod recorded;
mod reindex;
mod session;
mod transact;
mod values;

use std::future::Future as _;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use migrate_revision::Backend;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use self::batch::{Batch, Cells, Encoding, Failed, What, cells};
use self::prepared::Prepared;
use self::session::STRINGS_OFF;
use super::{Attempt, Database, End, Last, LockKey, Own, Sight, StepFault, Tell, Work};
use crate::dialect::postgres::Noted;
use crate::error::Fault;
use crate::history::{HistoryRow, HistoryTable, Running, TakeOver, UNLOCKED, quote_name, quote_text};
use crate::{Error, ErrorKind, Result};

pub(crate) use self::connect::{Canceller, Connected, connect};
pub(crate) use self::values::{execute, query};

const BACKEND: Backend = Backend::Postgres;

/// How long a pooler is given to hand out the session with the lock again, once it has handed out another.
const COMES_BACK: Duration = Duration::from_secs(1);

/// How often it is asked for that session. Seldom, since pgbouncer hands out the session that it was given back last: one that
/// comes back while another is asked lies under that one.
const ASKS: Duration = Duration::from_millis(200);

/// A session of the caller's, and what of it must be put back.
pub(crate) struct Postgres<'a> {
    client: &'a Client,
    encoding: Encoding,
    /// Whether the history's schema is yet to be made
    lacks_schema: bool,
    /// Whether this run began the row that is running
    began: bool,
    /// How many transactions in a row the server gave up for the sake of others
    given_up: u32,
    debts: Debts,
    /// The process that answered first
    process: Option<String>,
    /// The session's settings by that process; they are its as long as the lock is
    noted: Option<Noted>,
    prepared: Prepared,
    /// What each text begins with that takes a step
    signature: String,
    /// How long a statement waits for a lock, where its section does not say; zero is as the server has it
    patience: Duration,
    /// The settings before a step that is tried again in the session as its statements have left it
    session_of_try: Option<String>,
    /// Whether the statement that failed may have committed a part of its work by itself
    in_part: bool,
    /// Indexes that failed tries of a `REINDEX CONCURRENTLY` left, and that are to be dropped
    leftovers: Vec<String>,
    /// The only schema of the search path, for the revisions alone; without it that of the session counts
    schema: Option<String>,
    /// Whether that schema is to be there already
    must_exist: bool,
    /// Where the run says that statements of a revision were sent, which may leave something in the session
    used: Option<&'a AtomicBool>,
}

/// What the session is owed on every way out, also when a future is dropped or a revision panics.
#[derive(Default)]
struct Debts {
    /// A transaction may be open
    rollback: bool,
    /// The statements that put the settings back that were changed outside of a transaction, or in an open one
    settings: Vec<String>,
    /// Strings were not read as the standard has it, and are for as long as the run takes
    strings_off: bool,
    /// The statement that puts the client's encoding back
    encoding: Option<String>,
    /// The lock that may be ours
    lock: Option<i64>,
    /// The statement that gives the lease back that may be ours
    lease: Option<String>,
}

impl<'a> Postgres<'a> {
    pub(crate) fn new(client: &'a mut Client, patience: Duration) -> Self {
        Self {
            client,
            encoding: Encoding::default(),
            lacks_schema: false,
            began: false,
            given_up: 0,
            debts: Debts::default(),
            process: None,
            noted: None,
            prepared: Prepared::default(),
            signature: String::new(),
            patience,
            session_of_try: None,
            in_part: false,
            leftovers: Vec::new(),
            schema: None,
            must_exist: false,
            used: None,
        }
    }

    /// Has the revisions find and make everything in one schema, which is made if it is not there, unless it `must_exist`.
    pub(crate) fn in_schema(mut self, schema: Option<String>, must_exist: bool) -> Self {
        self.schema = schema;
        self.must_exist = must_exist;
        self
    }

    /// Has the run say whether statements of a revision were sent.
    pub(crate) fn telling(mut self, used: &'a AtomicBool) -> Self {
        self.used = Some(used);
        self
    }

    /// Says that statements of a revision are sent.
    fn mark_used(&self) {
        if let Some(used) = self.used {
            used.store(true, Ordering::Relaxed);
        }
    }

    /// The statement that makes the schema the whole search path, for the transaction or for the session.
    fn set_path(&self, scope: &str) -> Option<String> {
        let schema = quote_name(self.schema.as_deref()?, BACKEND);
        Some(format!("SET {scope} search_path = {schema}"))
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Cells>, tokio_postgres::Error> {
        let messages = self.client.simple_query(sql).await?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(cells(row)),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// The rows of a query of cargo-migrate's.
    #[cfg(feature = "_source")]
    pub(crate) async fn query(&self, sql: &str) -> Result<Vec<Cells>, Fault> {
        self.rows(sql).await.map_err(fault)
    }

    async fn run(&self, batch: &Batch, told: &mut Tell<'_>) -> Result<Vec<Cells>, Failed> {
        batch.run(self.client, &self.signature, self.encoding, told).await
    }

    /// Adds the statements that make the history table.
    fn push_create(&self, batch: &mut Batch, table: &HistoryTable) {
        if let Some(schema) = table.schema.as_deref().filter(|_| self.lacks_schema) {
            let sql = format!("CREATE SCHEMA IF NOT EXISTS {}", quote_name(schema, BACKEND));
            batch.push(What::Create, &sql);
        }
        batch.push(What::Create, &table.create(BACKEND));
    }

    async fn roll_back(&mut self) -> Result<(), Fault> {
        if self.debts.rollback {
            self.client.batch_execute("ROLLBACK").await.map_err(fault)?;
            self.debts.rollback = false;
        }
        Ok(())
    }

    /// Pays for what may be open or changed, and waits for it.
    async fn settle(&mut self) -> Result<(), Fault> {
        self.roll_back().await?;
        self.session_of_try = None;
        if !self.debts.settings.is_empty() {
            self.client.batch_execute(&self.debts.settings.join(";\n")).await.map_err(fault)?;
            self.debts.settings.clear();
        }
        Ok(())
    }
}

impl Drop for Postgres<'_> {
    /// Sends what is owed without waiting for it. Whatever else is sent on this connection comes after it.
    fn drop(&mut self) {
        let send = |sql: &str| {
            let mut context = Context::from_waker(Waker::noop());
            // The first poll sends; if the connection is lost, so is the session and all that it owes.
            let _ = pin!(self.client.batch_execute(sql)).poll(&mut context);
        };
        if self.debts.rollback {
            send("ROLLBACK");
        }
        if !self.debts.settings.is_empty() {
            send(&self.debts.settings.join(";\n"));
        }
        if self.debts.strings_off {
            send(STRINGS_OFF);
        }
        if let Some(back) = &self.debts.encoding {
            send(back);
        }
        if let Some(names) = self.prepared.names() {
            send(&names.deallocate());
        }
        if let Some(delete) = &self.debts.lease {
            send(delete);
        }
        if let Some(number) = self.debts.lock {
            send(&format!("SELECT pg_catalog.pg_advisory_unlock({number})"));
        }
    }
}

/// What is wrong where a schema was found that is not there any more.
const GONE: &str = "the schema is gone\n\nhint: it was there when the server was asked for its schemas, and was dropped or renamed since";

/// What a read of the history fails with where there is none.
const NO_TABLE: [SqlState; 2] = [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME];

impl Database for Postgres<'_> {
    fn backend(&self) -> Backend {
        BACKEND
    }

    async fn read_end(&mut self, table: &HistoryTable) -> Result<End, Fault> {
        match self.rows(&table.select_end(BACKEND)).await {
            Ok(rows) => Ok(End::of(rows)),
            Err(error) if is(&error, &NO_TABLE) => Ok(End::NoTable),
            Err(error) => Err(fault(error)),
        }
    }

    async fn read_last(&mut self, table: &HistoryTable) -> Result<Last, Fault> {
        match self.rows(&table.select_last(BACKEND, "")).await {
            Ok(rows) => Ok(Last::of(rows)),
            Err(error) if is(&error, &NO_TABLE) => {
                // A verb that changes nothing asks nothing else.
                if self.must_exist && !self.has_schema(table).await? {
                    return Err(Fault::new(GONE));
                }
                Ok(Last::NoTable)
            }
            Err(error) => Err(fault(error)),
        }
    }

    async fn read_all(&mut self, table: &HistoryTable) -> Result<Vec<HistoryRow>, Fault> {
        let rows = self.rows(&table.select_all(BACKEND)).await.map_err(fault)?;
        rows.into_iter().map(|row| HistoryRow::parse(row).ok_or_else(super::unreadable)).collect()
    }

    async fn prepare(&mut self, table: &mut HistoryTable, last: &Last) -> Result<()> {
        self.look(table, last).await
    }

    async fn restore(&mut self) -> Result<(), Fault> {
        self.settle().await?;
        self.read_as_before().await?;
        if let Some(names) = self.prepared.names() {
            match self.client.batch_execute(&names.deallocate()).await {
                // A revision may have made the session forget them.
                Err(error) if !is(&error, &[SqlState::INVALID_SQL_STATEMENT_NAME]) => {
                    return Err(fault(error));
                }
                _ => self.prepared = Prepared::default(),
            }
        }
        Ok(())
    }

    /// Polled by the engine: a transaction that waits for the lock would deadlock with a concurrent index build.
    async fn try_lock(&mut self, key: &LockKey, _wait: Duration) -> Result<Attempt, Fault> {
        let number = key.number;
        self.debts.lock = Some(number);
        // A pooler that hands out a session per transaction may have handed out another by now. Then nothing is locked.
        let process = self.process.as_deref().unwrap_or("pg_catalog.pg_backend_pid()");
        let sql = format!(
            "SELECT CASE WHEN pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {process} \
             THEN pg_catalog.pg_try_advisory_lock({number}) END"
        );
        let rows = self.rows(&sql).await.map_err(fault)?;
        if says_true(&rows) {
            return Ok(Attempt::Held);
        }
        self.debts.lock = None;
        if first_cell(&rows).is_none() {
            return Ok(Attempt::Unsteady);
        }
        let rows = self.rows(&holder(number)).await.map_err(fault)?;
        Ok(Attempt::Busy(rows.first().map(describe_holder)))
    }

    async fn unlock(&mut self, key: &LockKey) -> Result<(), Fault> {
        let number = key.number;
        self.debts.lock = None;
        let process = self.process.as_deref().unwrap_or("pg_catalog.pg_backend_pid()");
        // Asked of the session that has it, since any other would warn.
        let sql = format!(
            "SELECT CASE WHEN pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) {process} \
             THEN pg_catalog.pg_advisory_unlock({number}) END"
        );
        let mut missed: Option<Instant> = None;
        loop {
            let rows = self.rows(&sql).await.map_err(fault)?;
            if says_true(&rows) {
                return Ok(());
            }
            // A pooler may hand out that session again, when others have done with it.
            let over = missed.get_or_insert_with(Instant::now).elapsed() > COMES_BACK;
            if first_cell(&rows).is_some() || over {
                break;
            }
            self.debts.lock = Some(number);
            tokio::time::sleep(ASKS).await;
            self.debts.lock = None;
        }
        Err(Fault::new(
            "the session does not hold the lock any more; a pooler that hands out a session per transaction does this, \
             and so does `DISCARD ALL` or `pg_advisory_unlock_all()` in a revision\n\n\
             hint: behind a pooler use `lock(Lock::Lease)`; the lock may have stayed with one of its sessions",
        ))
    }

    fn lacks_session_lock(&self) -> Option<&'static str> {
        None
    }

    async fn sign(&mut self, nonce: &str) -> Result<Option<String>, Fault> {
        self.signature = signature(nonce);
        Ok(None)
    }

    async fn sight(&mut self, table: &HistoryTable, owner: &str) -> Result<Sight, Fault> {
        // The caller's own name for it may have parentheses as well.
        let name = owner.rsplit_once(UNLOCKED).map_or(owner, |(name, _)| name);
        let nonce = name.rsplit(' ').next().unwrap_or_default();
        if nonce.len() != 16 || !nonce.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Sight::Unknown);
        }
        let rows = self.rows(&at_work(table, nonce)).await.map_err(fault)?;
        let cell = |place: usize| rows.first().and_then(|row| row.get(place)).and_then(Option::as_deref);
        Ok(match (cell(0), cell(1)) {
            (Some("t"), _) => Sight::AtWork,
            (_, Some("f")) => Sight::Idle,
            _ => Sight::Unknown,
        })
    }

    async fn own(&mut self, sql: &str) -> Result<Own, Fault> {
        let lost = [
            SqlState::UNIQUE_VIOLATION,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::LOCK_NOT_AVAILABLE,
        ];
        let messages = match self.client.simple_query(sql).await {
            Ok(messages) => messages,
            Err(error) if is(&error, &[SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME]) => {
                return Ok(Own::NoTable);
            }
            Err(error) if is(&error, &lost) => return Ok(Own::Lost),
            Err(error) => return Err(fault(error)),
        };
        let mut own = (Vec::new(), 0);
        for message in &messages {
            match message {
                SimpleQueryMessage::Row(row) => own.0.push(cells(row)),
                SimpleQueryMessage::CommandComplete(changed) => own.1 = *changed,
                _ => {}
            }
        }
        Ok(Own::Done { rows: own.0, changed: own.1 })
    }

    async fn create_beside(&mut self, table: &HistoryTable, sql: &str) -> Result<(), Fault> {
        let schema = table.schema.as_deref().filter(|_| self.lacks_schema);
        let schema =
            schema.map(|schema| format!("CREATE SCHEMA IF NOT EXISTS {}", quote_name(schema, BACKEND)));
        for sql in schema.iter().map(String::as_str).chain([sql]) {
            match self.client.batch_execute(sql).await {
                Err(error) if !is(&error, &MADE_MEANWHILE) => return Err(fault(error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn owe_lease(&mut self, delete: Option<String>) {
        self.debts.lease = delete;
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
        self.mark_used();
        let result = self.transact_steps(table, create, steps, told).await;
        self.name_blockers(result, steps).await
    }

    async fn transact_each(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), (usize, StepFault)> {
        self.mark_used();
        let Err((place, fault)) = self.transact_steps_each(table, create, steps, told).await else {
            return Ok(());
        };
        let named = self.name_blockers(Err(fault), &steps[place..=place]).await;
        named.map_err(|fault| (place, fault))
    }

    async fn begin_running(
        &mut self,
        table: &HistoryTable,
        create: bool,
        work: &Work<'_>,
        _told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        self.check_session(work, 0)?;
        let mut batch = Batch::default();
        if create {
            self.push_create(&mut batch, table);
        }
        batch.push(What::Row(0), &table.insert(&work.row, false, BACKEND));
        let result = self.run(&batch, &mut |_, _| {}).await;
        result.map_err(|failed| self.transaction_fault(table, &[], failed))?;
        self.lacks_schema = false;
        self.began = true;
        Ok(())
    }

    async fn take_over(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        to: &TakeOver<'_>,
    ) -> Result<bool, Fault> {
        self.began = false;
        // Whom a step that is given up made of the session may have no right to the history.
        self.settle().await?;
        let update = table.update_owner(running, to, BACKEND);
        let messages = self.client.simple_query(&update).await.map_err(fault)?;
        Ok(messages.iter().any(|message| matches!(message, SimpleQueryMessage::CommandComplete(1))))
    }

    async fn run_recorded(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        work: &Work<'_>,
        from: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        self.mark_used();
        let result = self.record(table, running, work, from, told).await;
        self.name_blockers(result, std::slice::from_ref(work)).await
    }
}

/// By what the statements of a run are known, wherever a pooler sends them.
fn signature(nonce: &str) -> String {
    format!("/* embed-migrations {nonce} */ ")
}

/// Asks whether a run is at work, or any transaction that has written to the history; and whether something is hidden
/// that may be it.
fn at_work(table: &HistoryTable, nonce: &str) -> String {
    let like = quote_text(&format!("{}%", signature(nonce)), BACKEND);
    let history = quote_text(&table.name(BACKEND), BACKEND);
    format!(
        "SELECT coalesce(pg_catalog.bool_or(a.state <> 'idle' AND a.query LIKE {like}), false) \
         OR EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' \
         AND l.relation = pg_catalog.to_regclass({history}) AND l.mode = 'RowExclusiveLock' AND l.granted \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
         AND l.pid <> pg_catalog.pg_backend_pid()), \
         coalesce(pg_catalog.bool_or(a.state IS NULL OR a.state = 'disabled'), false) \
         FROM pg_catalog.pg_stat_activity a WHERE coalesce(a.backend_type, 'client backend') = 'client backend' \
         AND a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()"
    )
}

/// What the server says when several make the same at once.
const MADE_MEANWHILE: [SqlState; 4] = [
    SqlState::UNIQUE_VIOLATION,
    SqlState::DUPLICATE_TABLE,
    SqlState::DUPLICATE_SCHEMA,
    SqlState::DUPLICATE_OBJECT,
];

/// Asks who holds an advisory lock.
fn holder(number: i64) -> String {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    let (high, low) = (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
    format!(
        "SELECT l.pid, a.usename, a.application_name, a.client_addr, \
         to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
         FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
         AND l.classid = {high} AND l.objid = {low} \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) LIMIT 1"
    )
}

fn describe_holder(row: &Cells) -> String {
    let cell = |place: usize| row.get(place).and_then(Option::as_deref).filter(|text| !text.is_empty());
    let mut parts = vec![format!("process {}", cell(0).unwrap_or("unknown"))];
    parts.extend(cell(1).map(|user| format!("user `{user}`")));
    parts.extend(cell(2).map(|application| format!("application `{application}`")));
    parts.extend(cell(3).map(|address| format!("from {address}")));
    parts.extend(cell(4).map(|start| format!("connected since {start}")));
    parts.join(", ")
}

fn first_cell(rows: &[Cells]) -> Option<&str> {
    rows.first().and_then(|row| row.first()).and_then(Option::as_deref)
}

fn says_true(rows: &[Cells]) -> bool {
    first_cell(rows) == Some("t")
}

fn is(error: &tokio_postgres::Error, states: &[SqlState]) -> bool {
    error.code().is_some_and(|code| states.contains(code))
}

/// What the server said, or what happened to the connection.
fn source(error: tokio_postgres::Error) -> Box<dyn std::error::Error + Send + Sync> {
    if error.as_db_error().is_none() {
        return Box::new(error);
    }
    error.into_source().unwrap_or_else(|| "the server gave no reason".into())
}

fn fault(error: tokio_postgres::Error) -> Fault {
    Fault::new(source(error))
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let source = source(error);
        Self::new(ErrorKind::Database, crate::error::root_message(&*source)).with_source(source)
    }
}
