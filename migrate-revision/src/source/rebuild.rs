//! How SQLite's tables are changed: another one is made, the old one dropped, and the new one takes its name.

use std::ops::Range;

use crate::sql::{self, Statement};
use crate::{Backend, StatementKind};

/// Whether SQL for SQLite drops a table and gives another its name; not where it cannot be split.
#[must_use]
pub fn makes_a_table_anew(text: &str) -> bool {
    sql::split(text, Backend::Sqlite).is_ok_and(|statements| rebuilt(&statements, text).is_some())
}

/// A table that is dropped and whose name another takes, or that was renamed before it is dropped, with the statement that
/// drops it.
///
/// Names are compared without their schema: two tables of one name in two schemas are rare enough to be taken for one.
pub(super) fn rebuilt<'t>(statements: &[Statement], text: &'t str) -> Option<(Range<usize>, &'t str)> {
    let mut drops: Vec<(&Statement, &str)> = Vec::new();
    // A table that was renamed takes the keys that refer to it along, so that to drop it is the same.
    let mut olds: Vec<(&str, &str)> = Vec::new();
    for statement in statements.iter().filter(|statement| statement.kind == StatementKind::Ddl) {
        // Every section is asked, by a macro that cargo builds without optimisations.
        match text.as_bytes()[statement.range.start] | 0x20 {
            b'd' => {
                let Some(name) = dropped(statement, text) else { continue };
                if let Some((old, _)) = olds.iter().find(|(_, new)| is(new, name)) {
                    return Some((statement.range.clone(), old));
                }
                drops.push((statement, name));
            }
            b'a' => {
                let Some((old, new)) = renamed(statement, text) else { continue };
                if let Some((drop, name)) = drops.iter().find(|(_, drop)| is(drop, new)) {
                    return Some((drop.range.clone(), name));
                }
                olds.push((old, new));
            }
            _ => {}
        }
    }
    None
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
        ] {
            assert_eq!(makes_a_table_anew(text), anew, "{text}");
        }
    }
}
