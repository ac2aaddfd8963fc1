//! PostgreSQL through tokio-postgres. A revision is one message of the simple protocol, without BEGIN and COMMIT: the
//! server makes it one transaction, and the session is idle after it, whatever happens.

mod alone;
mod batch;
mod index;
mod recorded;
mod settings;
mod transact;
mod values;

use std::future::Future as _;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use migrate_revision::Backend;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use self::batch::{Batch, Cells, Encoding, Failed, What, cells};
use super::{Attempt, Database, Last, LockKey, StepFault, Tell, Work};
use crate::error::Fault;
use crate::history::{HistoryRow, HistoryTable, NewRow, Running, TakeOver, quote_name, quote_text};
use crate::{Error, ErrorKind, Result};

pub(crate) use self::values::{execute, query};

const BACKEND: Backend = Backend::Postgres;

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
    /// The lock that may be ours
    lock: Option<i64>,
}

impl<'a> Postgres<'a> {
    pub(crate) fn new(client: &'a mut Client) -> Self {
        Self {
            client,
            encoding: Encoding::default(),
            lacks_schema: false,
            began: false,
            given_up: 0,
            debts: Debts::default(),
        }
    }

    async fn rows(&self, sql: &str) -> Result<Vec<Cells>, tokio_postgres::Error> {
        let messages = self.client.simple_query(sql).await?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(cells(row)),
            _ => None,
        });
        Ok(rows.collect())
    }

    async fn run(&self, batch: &Batch, told: &mut Tell<'_>) -> Result<Vec<Cells>, Failed> {
        batch.run(self.client, self.encoding, told).await
    }

    /// Adds the statements that make the history table.
    fn push_create(&self, batch: &mut Batch, table: &HistoryTable) {
        if let Some(schema) = table.schema.as_deref().filter(|_| self.lacks_schema) {
            let sql = format!("CREATE SCHEMA IF NOT EXISTS {}", quote_name(schema, BACKEND));
            batch.push(What::Create, &sql);
        }
        batch.push(What::Create, &table.create(BACKEND));
    }

    /// Pays for what may be open or changed, and waits for it.
    async fn settle(&mut self) -> Result<(), Fault> {
        if self.debts.rollback {
            self.client.batch_execute("ROLLBACK").await.map_err(fault)?;
            self.debts.rollback = false;
        }
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
        if let Some(number) = self.debts.lock {
            send(&format!("SELECT pg_catalog.pg_advisory_unlock({number})"));
        }
    }
}

const STRINGS_ON: &str = "SET standard_conforming_strings = on";
const STRINGS_OFF: &str = "SET standard_conforming_strings = off";

impl Database for Postgres<'_> {
    fn backend(&self) -> Backend {
        BACKEND
    }

    async fn read_last(&mut self, table: &HistoryTable) -> Result<Last, Fault> {
        match self.rows(&table.select_last(BACKEND, "")).await {
            Ok(rows) => Ok(match rows.first() {
                None => Last::NoRow,
                Some(row) => HistoryRow::parse(row).map_or(Last::Unreadable, |row| Last::Row(Box::new(row))),
            }),
            Err(error) if is(&error, &[SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME]) => {
                Ok(Last::NoTable)
            }
            Err(error) => Err(fault(error)),
        }
    }

    async fn read_all(&mut self, table: &HistoryTable) -> Result<Vec<HistoryRow>, Fault> {
        let rows = self.rows(&table.select_all(BACKEND)).await.map_err(fault)?;
        rows.iter().map(|row| HistoryRow::parse(row).ok_or_else(super::unreadable)).collect()
    }

    async fn prepare(&mut self, table: &mut HistoryTable, last: &Last) -> Result<()> {
        let facts = self.rows(&facts(table, last)).await;
        let facts = match facts {
            Err(error) if is(&error, &[SqlState::IN_FAILED_SQL_TRANSACTION]) => {
                return Err(super::in_transaction());
            }
            facts => facts.map_err(|e| fault(e).while_doing("look at the session"))?,
        };
        let fact = |place: usize| facts.first().and_then(|row| row.get(place)).and_then(Option::as_deref);
        if fact(0) != Some("t") {
            return Err(super::in_transaction());
        }
        if fact(1) == Some("SQL_ASCII") {
            self.encoding = Encoding::Bytes;
        }
        self.lacks_schema = fact(3) == Some("f");
        if table.schema.is_none() {
            table.schema = fact(4).or_else(|| fact(5)).map(str::to_owned);
        }
        if table.schema.is_none() {
            return Err(Error::new(
                ErrorKind::History,
                format!(
                    "there is no schema to make table {} in: none of those in the search path is there\n\n\
                     hint: name one with `schema`, or set `search_path`",
                    table.name(BACKEND)
                ),
            ));
        }
        if *last == Last::NoRow {
            if fact(7) == Some("t") {
                return Err(Error::new(
                    ErrorKind::History,
                    format!(
                        "row security hides rows of table {} from this role\n\n\
                         hint: run as the table's owner, or switch row security off for the table",
                        table.name(BACKEND)
                    ),
                ));
            }
            if fact(6) != Some("t") {
                return Err(super::empty_history(&table.name(BACKEND)));
            }
        }
        if fact(2) == Some("off") {
            // The build split the text by what the standard says of strings.
            self.debts.strings_off = true;
            let set = self.client.batch_execute(STRINGS_ON).await;
            set.map_err(|e| fault(e).while_doing("set `standard_conforming_strings`"))?;
        }
        Ok(())
    }

    async fn restore(&mut self) -> Result<(), Fault> {
        self.settle().await?;
        if self.debts.strings_off {
            self.client.batch_execute(STRINGS_OFF).await.map_err(fault)?;
            self.debts.strings_off = false;
        }
        Ok(())
    }

    /// Polled by the engine: a transaction that waits for the lock would deadlock with a concurrent index build.
    async fn try_lock(&mut self, key: &LockKey, _wait: Duration) -> Result<Attempt, Fault> {
        let number = key.number;
        self.debts.lock = Some(number);
        let rows =
            self.rows(&format!("SELECT pg_catalog.pg_try_advisory_lock({number})")).await.map_err(fault)?;
        if says_true(&rows) {
            return Ok(Attempt::Held);
        }
        self.debts.lock = None;
        let rows = self.rows(&holder(number)).await.map_err(fault)?;
        Ok(Attempt::Busy(rows.first().map(describe_holder)))
    }

    async fn unlock(&mut self, key: &LockKey) -> Result<(), Fault> {
        let number = key.number;
        self.debts.lock = None;
        let rows =
            self.rows(&format!("SELECT pg_catalog.pg_advisory_unlock({number})")).await.map_err(fault)?;
        if says_true(&rows) {
            return Ok(());
        }
        Err(Fault::new(
            "the session does not hold the lock any more; a pooler that hands out a session per transaction does this, \
             and so does `DISCARD ALL` or `pg_advisory_unlock_all()` in a revision",
        ))
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
        self.transact_steps(table, create, steps, told).await
    }

    async fn begin_running(
        &mut self,
        table: &HistoryTable,
        create: bool,
        row: &NewRow,
    ) -> Result<(), StepFault> {
        let mut batch = Batch::default();
        if create {
            self.push_create(&mut batch, table);
        }
        batch.push(What::Row(0), &table.insert(row, false, BACKEND));
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
        self.record(table, running, work, from, told).await
    }
}

/// Asks all that must be known before something is changed.
fn facts(table: &HistoryTable, last: &Last) -> String {
    let name = table.name(BACKEND);
    let quoted = quote_text(&name, BACKEND);
    let has_schema = table.schema.as_deref().map_or("NULL".to_owned(), |schema| {
        let name = quote_text(schema, BACKEND);
        format!("EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {name})")
    });
    // A table that nobody has yet can be asked nothing.
    let (any, hidden) = if *last == Last::NoRow {
        let any = table.select_any(BACKEND);
        (format!("EXISTS ({any})"), format!("pg_catalog.row_security_active({quoted})"))
    } else {
        ("NULL".to_owned(), "NULL".to_owned())
    };
    let found = if table.schema.is_some() {
        "NULL".to_owned()
    } else {
        format!(
            "(SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.oid = pg_catalog.to_regclass({quoted}))"
        )
    };
    format!(
        "SELECT now() = statement_timestamp(), current_setting('server_encoding'), \
         current_setting('standard_conforming_strings'), {has_schema}, {found}, current_schema(), {any}, {hidden}"
    )
}

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

fn says_true(rows: &[Cells]) -> bool {
    rows.first().and_then(|row| row.first()).and_then(Option::as_deref) == Some("t")
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

/// A connection of a URL's.
pub(crate) struct Connected {
    pub(crate) client: Client,
    /// Ends by itself once the client is dropped and what it sent is answered
    _connection: JoinHandle<()>,
}

/// Connects to the database of a `postgres:` URL.
pub(crate) async fn connect(url: &str) -> Result<Connected> {
    let config: tokio_postgres::Config = url.parse().map_err(|error| {
        Error::new(ErrorKind::Url, "the URL is not one of PostgreSQL").with_source(source(error))
    })?;
    let hosts = config.get_hosts().iter().map(|host| match host {
        tokio_postgres::config::Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
    });
    let hosts = hosts.collect::<Vec<_>>().join(", ");
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let connected = config.connect(NoTls).await;
    let (client, connection) = connected
        .map_err(|error| fault(error).while_doing(&format!("connect to PostgreSQL at {hosts}:{port}")))?;
    let connection = tokio::spawn(async move {
        // Whatever ends it, the client's next call fails with the reason.
        let _ = connection.await;
    });
    Ok(Connected { client, _connection: connection })
}
