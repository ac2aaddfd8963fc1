//! How SQLite's tables are changed: another one is made, the old one dropped, and the new one takes its name.

use std::ops::Range;

use crate::sql::{self, Statement};
use crate::{Backend, StatementKind};

/// Whether SQL for SQLite drops a table and gives another its name; not where it cannot be split.
#[must_use]
pub fn makes_a_table_anew(text: &str) -> bool {
    sql::split(text, Backend::Sqlite).is_ok_and(|statements| rebuilt(&statements, text).is_some())
}

/// A table that is dropped and whose name another takes, with the statement that drops it.
///
/// Names are compared without their schema: two tables of one name in two schemas are rare enough to be taken for one.
pub(super) fn rebuilt<'t>(statements: &[Statement], text: &'t str) -> Option<(Range<usize>, &'t str)> {
    let mut drops: Vec<(&Statement, &str)> = Vec::new();
    for statement in statements.iter().filter(|statement| statement.kind == StatementKind::Ddl) {
        // Every section is asked, by a macro that cargo builds without optimisations.
        match text.as_bytes()[statement.range.start] | 0x20 {
            b'd' => drops.extend(dropped(statement, text).map(|name| (statement, name))),
            b'a' if !drops.is_empty() => {
                let name = renamed(statement, text);
                let found = name.and_then(|name| drops.iter().find(|(_, drop)| is(drop, name)));
                if let Some((drop, name)) = found {
                    return Some((drop.range.clone(), name));
                }
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

/// The name that a statement gives to a table.
fn renamed<'t>(statement: &Statement, text: &'t str) -> Option<&'t str> {
    match words(statement, text).as_slice() {
        [alter, table, .., rename, to, name]
            if is(alter, "alter") && is(table, "table") && is(rename, "rename") && is(to, "to") =>
        {
            Some(bare(name))
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
