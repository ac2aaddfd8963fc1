//! Scripts for psql. What need not be seen goes into variables of psql's by `\gset`.

use migrate_revision::{Backend, ScriptStatement, StatementKind};

use super::{Entry, Text, leaves_transaction_open};
use crate::Result;
use crate::dialect::postgres::{Scope, as_before, must_change_one, timeouts};
use crate::dialect::{UserTransaction, progress};
use crate::history::{HistoryTable, Running, quote_name, quote_text};

const BACKEND: Backend = Backend::Postgres;

/// The variable that holds the history's name, where no schema is named.
const HISTORY: &str = "embed_migrations_history";

/// The settings of the session, as an expression.
const SETTINGS: &str = ":'embed_migrations_settings'";

#[inline]
pub(super) fn write(
    text: &mut Text,
    mut table: HistoryTable,
    create: bool,
    entries: &[Entry<'_>],
) -> Result<()> {
    text.comment("run it with psql, outside of a transaction: psql -X -f SCRIPT DATABASE");
    text.comment("it ends at the first error; what was done before is recorded and stays");
    text.line("\\set ON_ERROR_STOP on");
    text.line("\\set AUTOCOMMIT on");
    // By these the statements were split.
    text.statement("SET client_encoding = 'UTF8'");
    text.statement("SET standard_conforming_strings = on");
    if table.schema.is_none() {
        find(text, &table);
        table.variable = Some(HISTORY);
    }
    for (place, entry) in entries.iter().enumerate() {
        text.heading(entry);
        let create = create && place == 0;
        if entry.is_transactional(BACKEND) {
            transact(text, &table, create, entry);
        } else {
            record(text, &table, create, entry)?;
        }
    }
    Ok(())
}

/// Finds the history, or the schema in which it is to be made: revisions may change the search path.
#[inline]
fn find(text: &mut Text, table: &HistoryTable) {
    let name = quote_text(&table.name(BACKEND), BACKEND);
    keep(
        text,
        &format!(
            "SELECT pg_catalog.quote_ident(coalesce((SELECT n.nspname FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass({name})), \
             pg_catalog.current_schema())) || '.' || {name} AS history"
        ),
    );
}

#[inline]
fn transact(text: &mut Text, table: &HistoryTable, create: bool, entry: &Entry<'_>) {
    let scope = scope(entry).filter(|_| changes_session(entry) || calls_functions(entry));
    if let Some(scope) = &scope {
        keep(text, &format!("SELECT {} AS settings", scope.settings()));
    }
    text.statement("BEGIN");
    if create {
        text.statements(creations(table));
    }
    text.statement(&table.insert(&entry.row, true, BACKEND));
    if let Some((sql, script)) = &entry.body {
        for (name, value) in timeouts(&script.options) {
            text.statement(&format!("SET LOCAL {name} = '{value}'"));
        }
        text.statements(script.statements.iter().map(|statement| &sql[statement.range.clone()]));
    }
    if let Some(scope) = scope {
        scope.restore(SETTINGS).iter().for_each(|sql| keep(text, sql));
    }
    text.statement("COMMIT");
}

#[inline]
fn record(text: &mut Text, table: &HistoryTable, create: bool, entry: &Entry<'_>) -> Result<()> {
    let Some((sql, script)) = &entry.body else { return Ok(()) };
    let running = Running { seq: None, applied_by: entry.row.applied_by.clone() };
    let limited = timeouts(&script.options).next().is_some();
    let identity = changes_session(entry) || calls_functions(entry);
    let scope = scope(entry).map(Scope::everything).filter(|_| identity || limited);
    if let Some(scope) = &scope {
        keep(text, &format!("SELECT {} AS settings", scope.settings()));
    }
    if create {
        text.statement("BEGIN");
        text.statements(creations(table));
    }
    text.statement(&table.insert(&entry.row, false, BACKEND));
    if create {
        text.statement("COMMIT");
    }
    for (name, value) in timeouts(&script.options) {
        text.statement(&format!("SET {name} = '{value}'"));
    }
    let mut transaction = UserTransaction::default();
    for (place, statement) in script.statements.iter().enumerate() {
        let sql = &sql[statement.range.clone()];
        let done = table.update_progress(&running, place + 1, &progress(script, place + 1), BACKEND);
        let record = |text: &mut Text| {
            // Whom a statement makes of the session may have no right to the history.
            let [before, after] = as_before(SETTINGS);
            if identity {
                keep(text, &before);
            }
            keep(text, &must_change_one(&done));
            if identity {
                keep(text, &after);
            }
        };
        let own = !transaction.is_open();
        if own && shares_transaction(statement, sql) {
            text.statements(["BEGIN", sql]);
            record(text);
            text.statement("COMMIT");
            continue;
        }
        text.statement(sql);
        if statement.kind == StatementKind::Transaction {
            transaction.follow(sql);
        }
        let wrapped = identity && !transaction.is_open();
        text.statements(wrapped.then_some("BEGIN"));
        record(text);
        text.statements(wrapped.then_some("COMMIT"));
    }
    if transaction.is_open() {
        return Err(leaves_transaction_open(entry));
    }
    if let Some(scope) = scope {
        scope.restore(SETTINGS).iter().for_each(|sql| keep(text, sql));
    }
    keep(text, &must_change_one(&table.update_done(&running, script.statements.len(), BACKEND)));
    Ok(())
}

/// Whether a statement may be in a transaction with its record. Where one is outside of transactions, a procedure is
/// likely to commit.
#[inline]
fn shares_transaction(statement: &ScriptStatement, sql: &str) -> bool {
    let word = sql.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let calls = ["call", "do"].iter().any(|call| word.eq_ignore_ascii_case(call));
    match statement.kind {
        StatementKind::OutsideTransaction | StatementKind::Transaction => false,
        StatementKind::Other => !calls,
        _ => true,
    }
}

#[inline]
fn creations(table: &HistoryTable) -> Vec<String> {
    let schema = table.schema.as_deref();
    let schema = schema.map(|schema| format!("CREATE SCHEMA IF NOT EXISTS {}", quote_name(schema, BACKEND)));
    schema.into_iter().chain([table.create(BACKEND)]).collect()
}

#[inline]
fn scope(entry: &Entry<'_>) -> Option<Scope> {
    entry.body.as_ref().map(|(sql, script)| Scope::default().and(sql, script))
}

#[inline]
fn changes_session(entry: &Entry<'_>) -> bool {
    let statements = entry.body.as_ref().map(|(_, script)| script.statements.as_slice()).unwrap_or_default();
    statements.iter().any(|statement| statement.session_effect)
}

/// Whether a section calls functions, any of which may change the session unseen. Only few do, by definitions alone.
#[inline]
fn calls_functions(entry: &Entry<'_>) -> bool {
    use StatementKind::{Dml, Other, Query};
    let statements = entry.body.as_ref().map(|(_, script)| script.statements.as_slice()).unwrap_or_default();
    statements.iter().any(|statement| matches!(statement.kind, Dml | Other | Query))
}

/// A query whose row is kept instead of shown.
#[inline]
fn keep(text: &mut Text, query: &str) {
    text.line(&format!("{query} \\gset embed_migrations_"));
}
