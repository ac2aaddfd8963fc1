//! Texts of several statements, and what is known of one that failed.

use mysql_async::{Row, Value};

use crate::error::Fault;

/// A text of statements, and what each of them is for.
#[derive(Debug, Default)]
pub(super) struct Packet {
    pub(super) sql: String,
    pub(super) parts: Vec<Part>,
}

/// What a statement of a [`Packet`] is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Housekeeping
    Own,
    /// The history's row
    Row,
    /// A statement of the revision
    Statement(usize),
    /// The end of the transaction
    Commit,
    /// The session's settings
    Restore,
}

impl Packet {
    pub(super) fn push(&mut self, part: Part, sql: &str) {
        if !self.sql.is_empty() {
            self.sql.push_str(";\n");
        }
        self.sql.push_str(sql);
        self.parts.push(part);
    }
}

/// A text that was not run to its end.
#[derive(Debug)]
pub(super) struct Failed {
    /// How many results came before; as many statements were run if none of them is a `CALL`
    pub(super) done: usize,
    /// The server's code; 0 if the connection failed
    pub(super) code: u16,
    pub(super) fault: Fault,
}

impl Failed {
    pub(super) fn new(done: usize, error: mysql_async::Error) -> Self {
        let code = match &error {
            mysql_async::Error::Server(error) => error.code,
            _ => 0,
        };
        Self { done, code, fault: fault(error) }
    }

    /// A connection on which a future was dropped: what it would answer is not known.
    pub(super) fn unusable() -> Self {
        let what = "the connection is closed, or a query on it was dropped before its answer; use another";
        Self { done: 0, code: 0, fault: Fault::new(what) }
    }

    /// Whether the connection is gone.
    pub(super) fn is_fatal(&self) -> bool {
        self.code == 0
    }

    /// Whether the history's row could not be written because another process was about to, or had.
    pub(super) fn is_lost_race(&self) -> bool {
        matches!(self.code, CHANGED_SINCE_READ | NULL_COLUMN | DUPLICATE_KEY | LOCK_TIMEOUT | DEADLOCK)
    }

    /// Where in the statement the server saw a fault: it names the line, and shows what follows the place.
    pub(super) fn place_in(&self, sql: &str) -> usize {
        if self.code != SYNTAX { 0 } else { place_in(sql, &self.fault.source.to_string()).unwrap_or(0) }
    }
}

fn place_in(sql: &str, message: &str) -> Option<usize> {
    let (head, line) = message.rsplit_once("' at line ")?;
    let (_, near) = head.split_once("near '")?;
    let line: usize = line.trim().parse().ok()?;
    if near.is_empty() {
        return Some(sql.len());
    }
    let start = sql.match_indices('\n').map(|(at, _)| at + 1).nth(line.checked_sub(2)?);
    let start = if line == 1 { 0 } else { start? };
    let mut places = sql[start..].char_indices().map(|(at, _)| start + at);
    let found = places.find(|&at| sql[at..].starts_with(near) || near.starts_with(&sql[at..]));
    found.or(Some(start))
}

/// An error of the driver. The server's own are taken out of their frame.
pub(super) fn fault(error: mysql_async::Error) -> Fault {
    match error {
        mysql_async::Error::Server(error) => Fault::new(error),
        error => Fault::new(error),
    }
}

/// A row as text, which is how it came.
pub(super) fn columns(row: &Row) -> Vec<Option<String>> {
    let text = |place| match row.as_ref(place) {
        None | Some(Value::NULL) => None,
        Some(Value::Bytes(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Some(value) => Some(value.as_sql(true)),
    };
    (0..row.len()).map(text).collect()
}

const CHANGED_SINCE_READ: u16 = 1020;
const NULL_COLUMN: u16 = 1048;
const DUPLICATE_KEY: u16 = 1062;
const SYNTAX: u16 = 1064;
const LOCK_TIMEOUT: u16 = 1205;
const DEADLOCK: u16 = 1213;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_is_found_in_its_statement() {
        let sql = "SELECT 1,\n  1 FRM x";
        let at = |message: &str| place_in(sql, message);
        assert_eq!(at("to use near 'x' at line 2"), Some(18));
        assert_eq!(at("to use near 'FRM x;\nUPDATE h' at line 2"), Some(14));
        assert_eq!(at("to use near 'SELECT 1,\n  1 FRM x' at line 1"), Some(0));
        assert_eq!(at("to use near 'elsewhere' at line 2"), Some(10));
        assert_eq!(at("to use near '' at line 2"), Some(sql.len()));
        assert_eq!(at("to use near 'x' at line 9"), None);
        assert_eq!(at("nothing of the kind"), None);
    }
}
