//! How SQLite's tables are changed: another one is made, the old one dropped, and the new one takes its name.

use std::ops::Range;

use crate::sql::{self, Statement};
use crate::{Backend, StatementKind};

/// Whether SQL for SQLite drops a table and gives another its name; not where it cannot be split.
#[must_use]
pub fn makes_a_table_anew(text: &str) -> bool {
    sql::split(text, Backend::Sqlite).is_ok_and(|statements| !rebuilt(&statements, text).is_empty())
}

/// The tables that are dropped and whose names others take, or that were renamed before they are dropped, or that are made again
/// and given rows from elsewhere, each with the statement that drops it.
///
/// Names are compared without their schema: two tables of one name in two schemas are rare enough to be taken for one.
pub(super) fn rebuilt<'t>(statements: &[Statement], text: &'t str) -> Vec<(Range<usize>, &'t str)> {
    let mut found = Vec::new();
    let mut drops: Vec<(&Statement, &str)> = Vec::new();
    // A table that was renamed takes the keys that refer to it along, so that to drop it is the same.
    let mut olds: Vec<(&str, &str)> = Vec::new();
    let mut again: Vec<(&Statement, &str)> = Vec::new();
    for statement in statements {
        // Every section is asked, by a macro that cargo builds without optimisations.
        if statement.kind != StatementKind::Ddl {
            if !again.is_empty()
                && let Some(name) = copied_into(statement, text)
                && let Some((drop, table)) = again.iter().find(|(_, table)| is(table, name))
            {
                found.push((drop.range.clone(), *table));
            }
            continue;
        }
        match text.as_bytes()[statement.range.start] | 0x20 {
            b'c' if !drops.is_empty() => {
                let Some(name) = created(statement, text) else { continue };
                let Some(&(drop, table)) = drops.iter().find(|(_, drop)| is(drop, name)) else { continue };
                if words(statement, text).iter().any(|word| is(word, "select")) {
                    found.push((drop.range.clone(), table));
                    continue;
                }
                again.push((drop, table));
            }
            b'd' => {
                let Some(name) = dropped(statement, text) else { continue };
                if let Some((old, _)) = olds.iter().find(|(_, new)| is(new, name)) {
                    found.push((statement.range.clone(), *old));
                    continue;
                }
                drops.push((statement, name));
            }
            b'a' => {
                let Some((old, new)) = renamed(statement, text) else { continue };
                if let Some((drop, name)) = drops.iter().find(|(_, drop)| is(drop, new)) {
                    found.push((drop.range.clone(), *name));
                }
                olds.push((old, new));
            }
            _ => {}
        }
    }
    found
}

/// Whether foreign keys are enforced at a place of a section without a transaction, as far as its statements before it say.
pub(super) fn enforces(statements: &[Statement], text: &str, at: usize) -> bool {
    let (mut enforces, mut in_transaction) = (true, false);
    for statement in statements.iter().take_while(|statement| statement.range.start < at) {
        let words = words(statement, text);
        let first = words.first().copied().unwrap_or_default();
        if statement.kind == StatementKind::Transaction {
            in_transaction = is(first, "begin") || is(first, "savepoint");
        } else if is(first, "pragma") && words.iter().any(|word| is(word, "foreign_keys")) && !in_transaction
        {
            let value = words.iter().rev().find(|word| **word != ")").copied().unwrap_or_default();
            // Without a value it is read.
            if !is(value, "foreign_keys") {
                enforces = !["off", "0", "false", "no"].iter().any(|off| is(bare(value), off));
            }
        }
    }
    enforces
}

/// The table that a statement makes, unless it is one for the session.
fn created<'t>(statement: &Statement, text: &'t str) -> Option<&'t str> {
    let mut words = statement.tokens.iter().map(|token| &text[token.clone()]).skip(1).peekable();
    words.next_if(|word| is(word, "table"))?;
    if words.next_if(|word| is(word, "if")).is_some() {
        words.nth(1)?;
    }
    let name = words.next()?;
    match words.next_if_eq(&".") {
        Some(_) => words.next().map(bare),
        None => Some(bare(name)),
    }
}

/// The table that a statement gives rows that it selects.
fn copied_into<'t>(statement: &Statement, text: &'t str) -> Option<&'t str> {
    if !matches!(text.as_bytes()[statement.range.start] | 0x20, b'i' | b'r') {
        return None;
    }
    let words = words(statement, text);
    let into = words.iter().take(4).position(|word| is(word, "into"))?;
    words.iter().any(|word| is(word, "select")).then_some(())?;
    match words.get(into + 1..)? {
        [_, ".", name, ..] | [name, ..] => Some(bare(name)),
        [] => None,
    }
}

/// The table that a statement drops.
fn dropped<'t>(statement: &Statement, text: &'t str) -> Option<&'t str> {
    match words(statement, text).as_slice() {
        [drop, table, .., name] if is(drop, "drop") && is(table, "table") => Some(bare(name)),
        _ => None,
    }
}

/// The name of a table and the one that a statement gives to it.
fn renamed<'t>(statement: &Statement, text: &'t str) -> Option<(&'t str, &'t str)> {
    match words(statement, text).as_slice() {
        [alter, table, .., old, rename, to, new]
            if is(alter, "alter") && is(table, "table") && is(rename, "rename") && is(to, "to") =>
        {
            Some((bare(old), bare(new)))
        }
        _ => None,
    }
}

fn words<'t>(statement: &Statement, text: &'t str) -> Vec<&'t str> {
    statement.tokens.iter().map(|token| &text[token.clone()]).collect()
}

fn is(word: &str, other: &str) -> bool {
    word.eq_ignore_ascii_case(other)
}

fn bare(name: &str) -> &str {
    name.trim_matches(['"', '`', '[', ']', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_made_anew_in_either_order() {
        for (text, anew) in [
            ("CREATE TABLE n (a); DROP TABLE t; ALTER TABLE n RENAME TO t;", true),
            (
                "ALTER TABLE \"T\" RENAME TO old; CREATE TABLE t (a); INSERT INTO t SELECT a FROM old; DROP TABLE IF EXISTS main.old;",
                true,
            ),
            ("ALTER TABLE t RENAME COLUMN a TO b; DROP TABLE b;", false),
            ("ALTER TABLE t RENAME TO u; DROP TABLE v;", false),
            ("DROP TABLE t; CREATE TABLE t (a);", false),
            ("DROP TABLE t; CREATE TABLE t (a); INSERT INTO t VALUES (1);", false),
            ("DROP TABLE t; CREATE TABLE t AS SELECT a FROM b;", true),
            ("DROP TABLE t; CREATE TABLE u (a); INSERT INTO u SELECT 1;", false),
            (
                "CREATE TEMPORARY TABLE b (a); INSERT INTO b SELECT a FROM t; DROP TABLE t; CREATE TABLE IF NOT EXISTS main.\"T\" (a); \
                 INSERT OR IGNORE INTO main.t SELECT a FROM b; DROP TABLE b;",
                true,
            ),
            ("DROP TABLE t; CREATE TABLE t (a); REPLACE INTO t SELECT a FROM b;", true),
        ] {
            assert_eq!(makes_a_table_anew(text), anew, "{text}");
        }
    }

    #[test]
    fn foreign_keys_are_enforced_as_the_last_pragma_outside_of_a_transaction_says() {
        for (text, enforced) in [
            ("", true),
            ("PRAGMA foreign_keys = OFF;", false),
            ("PRAGMA main.foreign_keys(0); SELECT 1;", false),
            ("PRAGMA foreign_keys;", true),
            ("PRAGMA foreign_keys=off; PRAGMA foreign_keys=ON;", true),
            ("BEGIN; PRAGMA foreign_keys = OFF;", true),
            ("BEGIN; COMMIT; PRAGMA foreign_keys = 'no';", false),
            ("PRAGMA defer_foreign_keys = OFF;", true),
        ] {
            let statements = sql::split(text, Backend::Sqlite).unwrap();
            assert_eq!(enforces(&statements, text, text.len()), enforced, "{text}");
        }
    }
}
