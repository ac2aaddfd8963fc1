//! What Rust revisions send and get.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

use crate::db::{Row, Value};
use crate::{Error, ErrorKind, Result};

pub(crate) fn execute(connection: &mut Connection, sql: &str, params: &[Value]) -> Result<u64> {
    let mut statement = one(connection, sql)?;
    let changed = statement.execute(rusqlite::params_from_iter(params)).map_err(Error::from)?;
    Ok(changed as u64)
}

pub(crate) fn query(connection: &mut Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    let mut statement = one(connection, sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let value = |column| {
            Ok(match row.get_ref(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(value) => Value::Int(value),
                ValueRef::Real(value) => Value::Float(value),
                // SQLite takes any bytes for text, and what was made readable would be written back as something else.
                ValueRef::Text(text) => match std::str::from_utf8(text) {
                    Ok(text) => Value::Text(text.to_owned()),
                    Err(_) => Value::Bytes(text.to_owned()),
                },
                ValueRef::Blob(bytes) => Value::Bytes(bytes.to_owned()),
            })
        };
        found.push(Row { values: (0..columns).map(value).collect::<rusqlite::Result<_>>()? });
    }
    Ok(found)
}

/// The statement of a text, of which not every version of the driver refuses a second one.
fn one<'c>(connection: &'c Connection, sql: &str) -> Result<Statement<'c>> {
    let statement = connection.prepare(sql)?;
    // Within a trigger's body the text so far is no statement.
    if ends(sql).any(|end| connection.prepare(&sql[..end]).is_ok()) {
        return Err(Error::new(
            ErrorKind::Database,
            "this is more than one statement\n\nhint: give them one by one; several at once go to `execute_batch` of the driver's connection, which `sqlite()` gives",
        ));
    }
    Ok(statement)
}

/// The places behind semicolons outside of strings, names and comments that are followed by something.
fn ends(sql: &str) -> impl Iterator<Item = usize> {
    let last = tokens(sql).filter(|(token, _)| *token != ";").last();
    let semicolons = tokens(sql).skip_while(|(token, _)| *token == ";").filter(|(token, _)| *token == ";");
    let semicolons = semicolons.map(|(_, end)| end);
    semicolons.take_while(move |end| last.is_some_and(|(_, last)| *end < last))
}

/// Strings, names in quotes and single characters, each with where it ends.
fn tokens(sql: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = &sql[at..];
            let until = |end: &str, from: usize| {
                rest.get(from..)
                    .and_then(|text| text.find(end))
                    .map_or(rest.len(), |found| from + found + end.len())
            };
            let first = rest.chars().next()?;
            let (is_token, length) = match first {
                '\'' | '"' | '`' => (true, until(first.encode_utf8(&mut [0; 4]), 1)),
                '[' => (true, until("]", 1)),
                '-' if rest.starts_with("--") => (false, until("\n", 2)),
                '/' if rest.starts_with("/*") => (false, until("*/", 2)),
                _ => (!first.is_whitespace(), first.len_utf8()),
            };
            at += length;
            if is_token {
                return Some((&rest[..length], at));
            }
        }
    })
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::ToSqlOutput::Borrowed;
        Ok(Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Bool(value) => ValueRef::Integer(i64::from(*value)),
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Float(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(ErrorKind::Database, error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_statement_is_seen_and_what_only_looks_like_one_is_not() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a TEXT); CREATE TABLE \"a;b\" (x)").unwrap();
        let is_one = |sql: &str| one(&connection, sql).is_ok();
        for sql in [
            "SELECT 1",
            "SELECT ';', 'it''s; SELECT 2', \"x\" FROM \"a;b\"; -- over; SELECT 3",
            "SELECT 1 -- ;\n + 1; /* ; */ ;",
            "SELECT 1 /* ; SELECT 2 */ FROM [a;b];\n",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t; DELETE FROM t; END; ",
        ] {
            assert!(is_one(sql), "{sql}");
        }
        for sql in [
            "SELECT 1; SELECT 2",
            "CREATE TABLE u (a); INSERT INTO u VALUES (1)",
            "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM t; END; DROP TABLE t",
            "SELECT ';'; nonsense",
        ] {
            assert!(!is_one(sql), "{sql}");
        }
    }
}
