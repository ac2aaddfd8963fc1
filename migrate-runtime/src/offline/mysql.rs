//! Scripts for the clients of MySQL and MariaDB. What need not be seen goes into user variables.

use migrate_revision::{Backend, Script, ScriptStatement};

use super::{Entry, Text, leaves_transaction_open};
use crate::dialect::UserTransaction;
use crate::dialect::mysql::recording::{ONE_ROW_CHANGED, Recording};
use crate::dialect::mysql::{ALWAYS, Assigned, assigned, changes_session, timeouts};
use crate::history::{HistoryTable, Running};
use crate::{Error, ErrorKind, Result};

#[inline]
pub(super) fn write(
    text: &mut Text,
    table: &HistoryTable,
    create: bool,
    entries: &[Entry<'_>],
) -> Result<()> {
    let client = if text.backend == Backend::Mariadb { "mariadb" } else { "mysql" };
    text.comment(&format!(
        "run it with its client, not by `source` and without --force: {client} --comments DATABASE < SCRIPT"
    ));
    text.comment("it ends at the first error; what was done before is recorded and stays");
    // As a run has them: MariaDB 11 takes the collation that drivers ask for as the server's own for the character set.
    let mariadb = text.backend == Backend::Mariadb;
    text.statement(if mariadb {
        "SET NAMES utf8mb4"
    } else {
        "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci"
    });
    text.statement("SET @@SESSION.autocommit = 1");
    // The build took a backslash in a string for an escape.
    text.statement("SET @@SESSION.sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')");
    if create && !entries.is_empty() {
        text.statement(&table.create(text.backend));
    }
    for entry in entries {
        text.heading(entry);
        if entry.is_transactional(text.backend) {
            transact(text, table, entry)?;
        } else {
            record(text, table, entry)?;
        }
    }
    Ok(())
}

#[inline]
fn transact(text: &mut Text, table: &HistoryTable, entry: &Entry<'_>) -> Result<()> {
    let session = Session::of(entry, text.backend)?;
    session.save(text);
    text.statement("START TRANSACTION");
    text.statement(&table.insert(&entry.row, true, text.backend));
    if let Some((sql, script)) = &entry.body {
        text.statements(timeouts(&script.options, text.backend));
        text.statements(script.statements.iter().map(|statement| &sql[statement.range.clone()]));
    }
    text.statement("COMMIT");
    session.restore(text);
    Ok(())
}

#[inline]
fn record(text: &mut Text, table: &HistoryTable, entry: &Entry<'_>) -> Result<()> {
    let Some((sql, script)) = &entry.body else { return Ok(()) };
    let running = Running { seq: None, applied_by: entry.row.applied_by.clone() };
    let recording = Recording { table, running: &running, text: sql, script, backend: text.backend };
    let session = Session::of(entry, text.backend)?;
    session.save(text);
    text.statement(&table.insert(&entry.row, false, text.backend));
    text.statements(timeouts(&script.options, text.backend));
    text.statements(recording.progress(0));
    let mut transaction = UserTransaction::default();
    for place in 0..script.statements.len() {
        text.statements(recording.unit(place, &mut transaction));
    }
    if transaction.begun {
        return Err(leaves_transaction_open(entry));
    }
    let [rollback, done, commit] = recording.done();
    text.statements([rollback.as_str(), &done, ONE_ROW_CHANGED, &commit]);
    session.restore(text);
    Ok(())
}

/// What a section may change of the session.
struct Session {
    /// The variables that are put back
    variables: Vec<String>,
    /// Whether the clock is stopped
    clock: bool,
}

impl Session {
    /// Looks through a section.
    ///
    /// # Errors
    /// When it changes what a script cannot put back, because it would have to name it.
    #[inline]
    fn of(entry: &Entry<'_>, backend: Backend) -> Result<Self> {
        let mut session = Self { variables: Vec::new(), clock: false };
        let Some((text, script)) = &entry.body else { return Ok(session) };
        if !is_changed(script) {
            return Ok(session);
        }
        let foreign = match backend {
            Backend::Mariadb => ["max_execution_time", "transaction_isolation", "transaction_read_only"],
            _ => ["max_statement_time", "tx_isolation", "tx_read_only"],
        };
        session
            .variables
            .extend(ALWAYS.iter().filter(|name| !foreign.contains(name)).map(ToString::to_string));
        for statement in script.statements.iter().filter(|statement| changes_session(statement)) {
            let sql = &text[statement.range.clone()];
            let words: Vec<String> = words(sql).collect();
            let is = |place: usize, word: &str| words.get(place).is_some_and(|found| found == word);
            if is(0, "use") || is(0, "set") && is(1, "role") {
                return Err(cannot_put_back(entry, statement, text));
            }
            for Assigned { name, .. } in assigned(sql) {
                if name == "timestamp" {
                    session.clock = true;
                } else if name != "autocommit" && !session.variables.contains(&name) {
                    session.variables.push(name);
                }
            }
        }
        Ok(session)
    }

    #[inline]
    fn save(&self, text: &mut Text) {
        let save = |name: &String| format!("@embed_migrations_{name} = @@SESSION.{name}");
        let saved: Vec<String> = self.variables.iter().map(save).collect();
        if !saved.is_empty() {
            text.statement(&format!("SET {}", saved.join(", ")));
        }
    }

    #[inline]
    fn restore(&self, text: &mut Text) {
        if self.variables.is_empty() {
            return;
        }
        let restore = |name: &String| format!("@@SESSION.{name} = @embed_migrations_{name}");
        let all = std::iter::once("@@SESSION.autocommit = 1".to_owned());
        let all: Vec<String> = all.chain(self.variables.iter().map(restore)).collect();
        text.statement(&format!("SET {}", all.join(", ")));
        if self.clock {
            text.statement("SET @@SESSION.timestamp = DEFAULT");
        }
    }
}

#[inline]
fn is_changed(script: &Script) -> bool {
    let options = &script.options;
    options.lock_timeout.is_some()
        || options.statement_timeout.is_some()
        || script.statements.iter().any(changes_session)
}

/// The words of a statement in lower case.
#[inline]
fn words(sql: &str) -> impl Iterator<Item = String> {
    let words = sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase)
}

#[inline]
fn cannot_put_back(entry: &Entry<'_>, statement: &ScriptStatement, text: &str) -> Error {
    let line = text[..statement.range.start].matches('\n').count() + 1;
    let sql = &text[statement.range.clone()];
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "revision '{}' selects another database or role by `{sql}`, and a script cannot go back to the former one\n \
             --> {}:{line}\n\nhint: write the database before the names instead, or let a run apply the revision",
            entry.row.revision, entry.file
        ),
    )
}
