//! Texts of several statements, and what is known of one that failed.

use std::ops::Range;

use mysql_async::{Row, ServerError, Value};

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

    /// Whether the server let another transaction by, for which it has rolled back the whole transaction.
    pub(super) fn is_deadlock(&self) -> bool {
        self.code == DEADLOCK
    }

    /// Whether the history's row could not be written because another process was about to, or had.
    pub(super) fn is_lost_race(&self) -> bool {
        matches!(self.code, CHANGED_SINCE_READ | NULL_COLUMN | DUPLICATE_KEY | LOCK_TIMEOUT | DEADLOCK)
    }

    /// Where in the statement the server saw a fault. It names the line of a syntax error, and shows what follows the
    /// place; what of that is another statement's is taken out of its message.
    pub(super) fn place_in(&mut self, sql: &str) -> usize {
        let Some(error) = self.fault.source.downcast_mut::<ServerError>() else { return 0 };
        let Some((near, line)) = near(&error.message).filter(|_| error.code == SYNTAX) else { return 0 };
        let Some(place) = place_in(sql, &error.message[near.clone()], line) else { return 0 };
        let rest = &sql[place..];
        if error.message[near.clone()].starts_with(rest) {
            error.message.replace_range(near.start + rest.len()..near.end, "");
        }
        place
    }
}

/// The text and the line that a message about a syntax error names.
fn near(message: &str) -> Option<(Range<usize>, usize)> {
    let end = message.rfind("' at line ")?;
    let start = message.find("near '")? + 6;
    let line = message[end + 10..].trim().parse().ok()?;
    (start <= end).then_some((start..end, line))
}

/// Where what the server shows begins: on the line that it names, else that line.
fn place_in(sql: &str, near: &str, line: usize) -> Option<usize> {
    if near.is_empty() {
        return Some(sql.len());
    }
    let mut lines = std::iter::once(0).chain(sql.match_indices('\n').map(|(at, _)| at + 1));
    let start = lines.nth(line.checked_sub(1)?)?;
    // MariaDB ends what it cuts short with dots.
    let near = near.strip_suffix("...").unwrap_or(near);
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
pub(super) const LOCK_TIMEOUT: u16 = 1205;
pub(super) const DEADLOCK: u16 = 1213;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syntax_error_is_found_in_its_statement() {
        let sql = "SELECT 1,\n  1 FRM x";
        let at = |message: &str| {
            let error = ServerError { code: SYNTAX, message: message.to_owned(), state: String::new() };
            let mut failed = Failed::new(0, mysql_async::Error::Server(error));
            let place = failed.place_in(sql);
            (place, failed.fault.source.to_string().split_once("): ").unwrap().1.to_owned())
        };
        let same = |place: usize, message: &str| assert_eq!(at(message), (place, message.to_owned()));
        same(18, "to use near 'x' at line 2");
        same(0, "to use near 'SELECT 1,\n  1 FRM x' at line 1");
        same(14, "to use near 'FRM...' at line 2");
        same(10, "to use near 'elsewhere' at line 2");
        same(sql.len(), "to use near '' at line 2");
        same(0, "to use near 'x' at line 9");
        same(0, "nothing of the kind");
        assert_eq!(
            at("to use near 'FRM x;\nUPDATE h...' at line 2"),
            (14, "to use near 'FRM x' at line 2".to_owned())
        );
    }
}
