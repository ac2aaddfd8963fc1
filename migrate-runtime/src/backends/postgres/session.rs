//! The caller's session: what a run must know of it, and how it reads text.

use tokio_postgres::error::SqlState;

use super::batch::Encoding;
use super::{BACKEND, GONE, Postgres, fault, is, says_true};
use crate::backends::{Last, empty_history, in_transaction};
use crate::dialect::postgres::Noted;
use crate::error::Fault;
use crate::history::{HistoryTable, quote_text};
use crate::{Error, ErrorKind, Result};

const STRINGS_ON: &str = "SET standard_conforming_strings = on";
pub(super) const STRINGS_OFF: &str = "SET standard_conforming_strings = off";

impl Postgres<'_> {
    /// Looks at the session before something is changed, and has text mean what the build took it for.
    pub(super) async fn look(&mut self, table: &mut HistoryTable, last: &Last) -> Result<()> {
        let facts = self.rows(&facts(table, last)).await;
        let facts = match facts {
            Err(error) if is(&error, &[SqlState::IN_FAILED_SQL_TRANSACTION]) => {
                return Err(in_failed_transaction());
            }
            facts => facts.map_err(|e| fault(e).while_doing("look at the session"))?,
        };
        let fact = |place: usize| facts.first().and_then(|row| row.get(place)).and_then(Option::as_deref);
        if fact(0) != Some("t") {
            return Err(in_transaction());
        }
        if fact(1) == Some("SQL_ASCII") {
            self.encoding = Encoding::Bytes;
        }
        self.process = fact(8).map(str::to_owned);
        self.noted = facts.first().and_then(|row| row.get(10..)).and_then(Noted::read);
        self.lacks_schema = fact(3) == Some("f");
        if self.lacks_schema && self.must_exist {
            return Err(Error::new(ErrorKind::Database, GONE));
        }
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
                return Err(empty_history(&table.name(BACKEND)));
            }
        }
        // The driver asks for UTF-8 when it connects, and sends nothing else.
        if let Some(encoding) = fact(9).filter(|encoding| !["UTF8", "SQL_ASCII"].contains(encoding)) {
            self.debts.encoding = Some(format!("SET client_encoding = '{encoding}'"));
            let set = self.client.batch_execute("SET client_encoding = 'UTF8'").await;
            set.map_err(|e| fault(e).while_doing("set `client_encoding`"))?;
        }
        if fact(2) == Some("off") {
            // The build split the text by what the standard says of strings.
            self.debts.strings_off = true;
            let set = self.client.batch_execute(STRINGS_ON).await;
            set.map_err(|e| fault(e).while_doing("set `standard_conforming_strings`"))?;
        }
        Ok(())
    }

    /// Whether the history's schema is there.
    pub(super) async fn has_schema(&self, table: &HistoryTable) -> Result<bool, Fault> {
        let rows = self.rows(&format!("SELECT {}", has_schema(table))).await.map_err(fault)?;
        Ok(says_true(&rows))
    }

    /// Has text mean what it meant to the caller.
    pub(super) async fn read_as_before(&mut self) -> Result<(), Fault> {
        if self.debts.strings_off {
            self.client.batch_execute(STRINGS_OFF).await.map_err(fault)?;
            self.debts.strings_off = false;
        }
        if let Some(back) = self.debts.encoding.clone() {
            self.client.batch_execute(&back).await.map_err(fault)?;
            self.debts.encoding = None;
        }
        Ok(())
    }
}

/// The error of a connection whose transaction has failed, by a statement of the caller's or by the look for a history that
/// is not there: nothing but a look tells whether there is a transaction.
fn in_failed_transaction() -> Error {
    Error::new(
        ErrorKind::Connection,
        "the connection is inside a transaction, and migrations begin and commit their own; as there is no history yet, the look for \
         it has failed the transaction\n\n\
         hint: roll it back, as it can no longer be committed; commit before the migrations, or give them another connection",
    )
}

/// Whether the history's schema is there, if it has one.
fn has_schema(table: &HistoryTable) -> String {
    table.schema.as_deref().map_or("NULL".to_owned(), |schema| {
        let name = quote_text(schema, BACKEND);
        format!("EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = {name})")
    })
}

/// Asks all that must be known before something is changed.
fn facts(table: &HistoryTable, last: &Last) -> String {
    let name = table.name(BACKEND);
    let quoted = quote_text(&name, BACKEND);
    let has_schema = has_schema(table);
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
         current_setting('standard_conforming_strings'), {has_schema}, {found}, current_schema(), {any}, {hidden}, \
         pg_catalog.pg_backend_pid(), current_setting('client_encoding'), {}",
        Noted::columns()
    )
}
