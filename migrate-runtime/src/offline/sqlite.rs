//! Scripts for the sqlite3 shell.

use migrate_revision::{Backend, Script, StatementKind};

use super::{Entry, Text, leaves_transaction_open};
use crate::Result;
use crate::dialect::{UserTransaction, progress};
use crate::history::{HistoryTable, Running, quote_text};

const BACKEND: Backend = Backend::Sqlite;

/// How long to wait for another connection's lock, in milliseconds: as a run does.
const PATIENCE: u128 = 60_000;

/// The pragmas that change what statements do, as a shell has them when it starts.
const DEFAULTS: [(&str, &str); 12] = [
    ("foreign_keys", "ON"),
    ("ignore_check_constraints", "OFF"),
    ("legacy_alter_table", "OFF"),
    ("recursive_triggers", "OFF"),
    ("writable_schema", "OFF"),
    ("defer_foreign_keys", "OFF"),
    ("query_only", "OFF"),
    ("read_uncommitted", "OFF"),
    ("reverse_unordered_selects", "OFF"),
    ("automatic_index", "ON"),
    ("case_sensitive_like", "OFF"),
    ("locking_mode", "NORMAL"),
];

#[inline]
pub(super) fn write(
    text: &mut Text,
    table: &HistoryTable,
    create: bool,
    entries: &[Entry<'_>],
) -> Result<()> {
    text.comment("run it with the shell of SQLite: sqlite3 FILE < SCRIPT");
    text.comment("it ends at the first error; what was done before is recorded and stays");
    text.line(".bail on");
    text.line(&format!(".timeout {PATIENCE}"));
    // The shell does not enforce them unless told.
    text.statement("PRAGMA foreign_keys = ON");
    for (place, entry) in entries.iter().enumerate() {
        text.heading(entry);
        let create = create && place == 0;
        if entry.is_transactional(BACKEND) {
            transact(text, table, create, entry);
        } else {
            record(text, table, create, entry)?;
        }
    }
    Ok(())
}

#[inline]
fn transact(text: &mut Text, table: &HistoryTable, create: bool, entry: &Entry<'_>) {
    let script = entry.body.as_ref().map(|(_, script)| *script);
    let unenforced = script.is_some_and(|script| script.options.foreign_keys_off);
    let patience = script.and_then(|script| script.options.lock_timeout);
    if let Some(patience) = patience {
        text.line(&format!(".timeout {}", patience.as_millis().clamp(1, i32::MAX as u128)));
    }
    // Inside of a transaction the pragma would do nothing.
    if unenforced {
        text.statement("PRAGMA foreign_keys = OFF");
    }
    text.statement("BEGIN IMMEDIATE");
    if create {
        text.statement(&table.create(BACKEND));
    }
    text.statement(&table.insert(&entry.row, true, BACKEND));
    // What was broken before is not the revision's doing.
    if unenforced {
        text.statement("CREATE TEMP TABLE embed_migrations_before AS SELECT * FROM pragma_foreign_key_check");
    }
    if let Some((sql, script)) = &entry.body {
        text.statements(script.statements.iter().map(|statement| &sql[statement.range.clone()]));
    }
    if unenforced {
        text.statements([
            "CREATE TEMP TABLE embed_migrations_check (every_reference_leads_to_a_row NOT NULL)",
            "INSERT INTO temp.embed_migrations_check SELECT NULL FROM (SELECT * FROM pragma_foreign_key_check \
             EXCEPT SELECT * FROM temp.embed_migrations_before)",
            "DROP TABLE temp.embed_migrations_check",
            "DROP TABLE temp.embed_migrations_before",
        ]);
    }
    text.statement("COMMIT");
    if unenforced {
        text.statement("PRAGMA foreign_keys = ON");
    }
    if let Some((sql, script)) = &entry.body {
        restore(text, sql, script);
    }
    if patience.is_some() {
        text.line(&format!(".timeout {PATIENCE}"));
    }
}

#[inline]
fn record(text: &mut Text, table: &HistoryTable, create: bool, entry: &Entry<'_>) -> Result<()> {
    let Some((sql, script)) = &entry.body else { return Ok(()) };
    let running = Running { seq: None, applied_by: entry.row.applied_by.clone() };
    text.statement("BEGIN IMMEDIATE");
    if create {
        text.statement(&table.create(BACKEND));
    }
    text.statements([&table.insert(&entry.row, false, BACKEND), "COMMIT"]);
    let mut transaction = UserTransaction::default();
    for (place, statement) in script.statements.iter().enumerate() {
        let sql = &sql[statement.range.clone()];
        let done = table.update_progress(&running, place + 1, &progress(script, place + 1), BACKEND);
        // What may be in a transaction shares one with its progress, and is then never done twice.
        let together = !transaction.is_open()
            && !matches!(statement.kind, StatementKind::OutsideTransaction | StatementKind::Transaction);
        if together {
            text.statement("BEGIN IMMEDIATE");
        }
        let was_open = transaction.is_open();
        if statement.kind == StatementKind::Transaction {
            transaction.follow(sql);
        }
        // A commit is never done twice if its record is part of what it commits.
        let commits = was_open && !transaction.is_open() && !is_rollback(sql);
        let record = [done, must_have_changed_one(table)];
        if commits {
            text.statements(record);
            text.statement(sql);
        } else {
            text.statement(sql);
            text.statements(record);
        }
        if together {
            text.statement("COMMIT");
        }
    }
    if transaction.is_open() {
        return Err(leaves_transaction_open(entry));
    }
    let done = table.update_done(&running, script.statements.len(), BACKEND);
    text.statements([&done, &must_have_changed_one(table)]);
    restore(text, sql, script);
    Ok(())
}

#[inline]
fn is_rollback(sql: &str) -> bool {
    sql.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("rollback"))
}

/// Fails unless the statement before it changed one row: no row can be without its number.
#[inline]
fn must_have_changed_one(table: &HistoryTable) -> String {
    format!(
        "UPDATE {} SET seq = NULL WHERE namespace = {} AND changes() <> 1",
        table.name(BACKEND),
        quote_text(&table.namespace, BACKEND)
    )
}

/// Puts back the pragmas that a script names.
#[inline]
fn restore(text: &mut Text, sql: &str, script: &Script) {
    let sessions = script.statements.iter().filter(|statement| statement.session_effect);
    let sessions: Vec<String> =
        sessions.map(|statement| sql[statement.range.clone()].to_ascii_lowercase()).collect();
    for (name, value) in DEFAULTS {
        if sessions.iter().any(|sql| sql.contains(name)) {
            text.statement(&format!("PRAGMA {name} = {value}"));
        }
    }
}
