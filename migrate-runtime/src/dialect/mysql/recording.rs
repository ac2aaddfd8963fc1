//! The record of a section that cannot be one transaction: each statement with its progress.

use std::borrow::Cow;

use migrate_revision::{Backend, Script, StatementKind};

use super::fingerprint;
use crate::dialect::{UserTransaction, progress};
use crate::history::{HistoryTable, Running};

/// A running row and the script that it is of.
#[derive(Clone, Copy)]
pub(crate) struct Recording<'s> {
    pub(crate) table: &'s HistoryTable,
    pub(crate) running: &'s Running,
    pub(crate) text: &'s str,
    pub(crate) script: &'s Script,
    pub(crate) backend: Backend,
}

impl<'s> Recording<'s> {
    /// A statement and the record that it is done. Rows share a transaction with it, and are then never changed twice.
    #[inline]
    pub(crate) fn unit(&self, place: usize, transaction: &mut UserTransaction) -> Vec<Cow<'s, str>> {
        use StatementKind::{Ddl, Dml, Other, Query, Transaction};
        let Some(statement) = self.script.statements.get(place) else { return Vec::new() };
        let sql = &self.text[statement.range.clone()];
        let mut unit: Vec<Cow<'s, str>> = vec![sql.into()];
        unit.extend(self.progress(place + 1).into_iter().map(Cow::from));
        unit.push(ONE_ROW_CHANGED.into());
        let own = !transaction.is_open();
        match statement.kind {
            // A temporary table is made and dropped without a commit.
            Ddl if is_of_temporary_table(sql) => {}
            Ddl => transaction.begun = false,
            Transaction => transaction.follow(sql),
            _ => {}
        }
        if statement.kind == Other {
            unit.insert(0, self.begun(place).into());
        }
        match statement.kind {
            Dml | Query | Other if own => {
                unit.insert(0, "START TRANSACTION".into());
                unit.push("COMMIT".into());
            }
            // Just committed or not begun: what is open now holds nothing but the record.
            Ddl | Transaction if transaction.autocommit_off && !transaction.begun => {
                unit.push("COMMIT".into());
            }
            _ => {}
        }
        unit
    }

    /// Records, in the transaction of a statement that may commit in its middle, that it was begun: the record is kept
    /// if it did, and if not rolled back with it.
    #[inline]
    fn begun(&self, place: usize) -> String {
        let begun = format!("{} {BEGUN}", progress(self.script, place));
        self.table.update_progress(self.running, place, &begun, self.backend)
    }

    /// Records that so many statements are done, and of the next what tells afterwards whether it was done.
    #[inline]
    pub(crate) fn progress(&self, done: usize) -> Vec<String> {
        let Self { table, running, backend, .. } = *self;
        let digest = progress(self.script, done);
        let next = self.script.statements.get(done);
        let next =
            next.and_then(|next| fingerprint::expression(next, &self.text[next.range.clone()], self.backend));
        match next {
            None => vec![table.update_progress(running, done, &digest, backend)],
            Some(next) => {
                let both = format!("CONCAT('{digest} ', {BEFORE})");
                let update = table.update_progress_to(running, done, &both, backend);
                vec![format!("SET {BEFORE} = {next}"), update]
            }
        }
    }

    /// Records that the section is done, if all of its statements are: what it left open is rolled back, with its progress.
    #[inline]
    pub(crate) fn done(&self) -> [String; 3] {
        let total = self.script.statements.len();
        let done = self.table.update_done(self.running, total, self.backend);
        ["ROLLBACK".to_owned(), format!("{done} AND statements_done = {total}"), "COMMIT".to_owned()]
    }
}

/// Whether a statement makes or drops a temporary table.
#[inline]
fn is_of_temporary_table(sql: &str) -> bool {
    let words = sql.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let mut words = words.map(str::to_ascii_lowercase);
    let verb = words.next().unwrap_or_default();
    let mut next = words.next().unwrap_or_default();
    if verb == "create" && next == "or" && words.next().is_some_and(|word| word == "replace") {
        next = words.next().unwrap_or_default();
    }
    // What is inside of a comment is none of its words.
    matches!(verb.as_str(), "create" | "drop")
        && next == "temporary"
        && !sql.contains("/*")
        && !sql.contains("--")
}

/// A factor that only 0 times stays in the range of numbers: beyond, the statement fails, and what follows in the same
/// text is not run.
pub(crate) const OVERFLOW: &str = "9223372036854775807 * 9";

/// Fails unless the statement before it changed exactly one row.
pub(crate) const ONE_ROW_CHANGED: &str =
    "SET @embed_migrations_changed = (ROW_COUNT() - 1) * 9223372036854775807 * 9";

/// Where the definitions are that the next statement may change.
pub(crate) const BEFORE: &str = "@embed_migrations_before";

/// What is recorded before a statement, or the function of a Rust revision, that may commit in its middle.
pub(crate) const BEGUN: &str = "begun";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_is_a_word_of_its_own_before_the_table() {
        for (sql, temporary) in [
            ("CREATE TEMPORARY TABLE t (a INT)", true),
            ("create or replace temporary table t (a INT)", true),
            ("DROP TEMPORARY TABLE IF EXISTS t", true),
            ("CREATE TABLE temporary_passwords (a INT)", false),
            ("CREATE VIEW v_temporary AS SELECT 1", false),
            ("CREATE /* temporary */ TABLE t (a INT)", false),
            ("DROP TABLE temporary", false),
        ] {
            assert_eq!(is_of_temporary_table(sql), temporary, "{sql}");
        }
    }
}
