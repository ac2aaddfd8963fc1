//! What is in a database, as lines of text that can be compared: its schema, and its rows.

pub(crate) mod mysql;
pub(crate) mod postgres;
pub(crate) mod sqlite;

use std::cmp::Ordering;

/// The table of the history, which is no part of what revisions make.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// The schema in which it is said to be
    pub(crate) schema: Option<String>,
    /// Its name
    pub(crate) table: String,
}

/// What was found, a line for each thing. Names and definitions only: nothing that differs from one making to the next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Snapshot {
    lines: Vec<String>,
    orders: Vec<String>,
}

impl Snapshot {
    fn new(lines: Vec<String>) -> Self {
        Self::with_orders(lines, Vec::new())
    }

    /// With the order of each table's columns, which is told apart: no `ALTER` of PostgreSQL or SQLite can bring it back.
    fn with_orders(mut lines: Vec<String>, mut orders: Vec<String>) -> Self {
        lines.sort_unstable();
        orders.sort_unstable();
        Self { lines, orders }
    }

    /// What is no longer there, each with `- ` before it, and what is new, with `+ `.
    pub(crate) fn changes(&self, after: &Self) -> Vec<String> {
        difference(&self.lines, &after.lines)
    }

    /// The same of the order of columns.
    pub(crate) fn moves(&self, after: &Self) -> Vec<String> {
        difference(&self.orders, &after.orders)
    }
}

/// The lines that only one of two sorted lists has.
fn difference(before: &[String], after: &[String]) -> Vec<String> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    let mut lines = Vec::new();
    loop {
        let order = match (before.peek(), after.peek()) {
            (Some(old), Some(new)) => old.cmp(new),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return lines,
        };
        let gone = before.next_if(|_| order.is_le());
        let new = after.next_if(|_| order.is_ge());
        match (gone, new) {
            (Some(gone), None) => lines.push(format!("- {gone}")),
            (None, Some(new)) => lines.push(format!("+ {new}")),
            _ => {}
        }
    }
}

/// A row as a line: its table, and each column with its value.
fn row<'a>(table: &str, values: impl Iterator<Item = (&'a str, Option<String>)>) -> String {
    let values = values.map(|(column, value)| match value {
        Some(value) => format!("{column} = {value}"),
        None => format!("{column} is null"),
    });
    format!("row of {table}: {}", values.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_what_went_and_what_came_and_counts_what_is_there_twice() {
        let snapshot = |text: &str| Snapshot::new(text.split_whitespace().map(str::to_owned).collect());
        let (before, after) = (snapshot("b a c c d"), snapshot("a c d d e"));
        assert_eq!(before.changes(&after), ["- b", "- c", "+ d", "+ e"]);
        assert!(before.changes(&before).is_empty());
    }
}
