//! Values of Rust revisions, in and out.

use mysql_async::consts::ColumnType;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, Params};

use crate::Result;
use crate::db::{Row, Value};

/// Runs one statement, and returns how many rows it changed.
pub(crate) async fn execute(conn: &mut Conn, sql: &str, values: &[Value]) -> Result<u64> {
    // Not every statement can be prepared.
    if values.is_empty() {
        conn.query_drop(sql).await?;
    } else {
        conn.exec_drop(sql, params(values)).await?;
    }
    Ok(conn.affected_rows())
}

/// Runs one statement, and returns the rows that it gives.
pub(crate) async fn query(conn: &mut Conn, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
    let rows: Vec<mysql_async::Row> =
        if values.is_empty() { conn.query(sql).await? } else { conn.exec(sql, params(values)).await? };
    let read = |row: mysql_async::Row| {
        let columns = row.columns();
        let values = columns.iter().enumerate();
        Row {
            values: values
                .map(|(place, column)| row.as_ref(place).map_or(Value::Null, |v| value(column, v)))
                .collect(),
        }
    };
    Ok(rows.into_iter().map(read).collect())
}

fn params(values: &[Value]) -> Params {
    use mysql_async::Value as Sent;
    let sent = values.iter().map(|value| match value {
        Value::Null => Sent::NULL,
        Value::Bool(value) => Sent::Int(i64::from(*value)),
        Value::Int(value) => Sent::Int(*value),
        Value::Float(value) => Sent::Double(*value),
        Value::Text(text) => Sent::Bytes(text.clone().into_bytes()),
        Value::Bytes(bytes) => Sent::Bytes(bytes.clone()),
    });
    Params::Positional(sent.collect())
}

/// A value as its column's type has it: statements without parameters answer everything as text.
fn value(column: &Column, value: &mysql_async::Value) -> Value {
    use ColumnType::{
        MYSQL_TYPE_BIT, MYSQL_TYPE_BLOB, MYSQL_TYPE_DOUBLE, MYSQL_TYPE_FLOAT, MYSQL_TYPE_GEOMETRY,
        MYSQL_TYPE_INT24, MYSQL_TYPE_LONG, MYSQL_TYPE_LONG_BLOB, MYSQL_TYPE_LONGLONG, MYSQL_TYPE_MEDIUM_BLOB,
        MYSQL_TYPE_SHORT, MYSQL_TYPE_STRING, MYSQL_TYPE_TINY, MYSQL_TYPE_TINY_BLOB, MYSQL_TYPE_VAR_STRING,
        MYSQL_TYPE_VARCHAR, MYSQL_TYPE_YEAR,
    };
    use mysql_async::Value as Got;
    let bytes = match value {
        Got::NULL => return Value::Null,
        Got::Int(value) => return Value::Int(*value),
        Got::UInt(value) => {
            return i64::try_from(*value).map_or_else(|_| Value::Text(value.to_string()), Value::Int);
        }
        Got::Float(value) => return Value::Float(f64::from(*value)),
        Got::Double(value) => return Value::Float(*value),
        Got::Date(year, month, day, hour, minute, second, micros) => {
            let mut text = format!("{year:04}-{month:02}-{day:02}");
            if !matches!(column.column_type(), ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE) {
                text.push_str(&format!(" {hour:02}:{minute:02}:{second:02}{}", fraction(*micros, column)));
            }
            return Value::Text(text);
        }
        Got::Time(negative, days, hours, minutes, seconds, micros) => {
            let sign = if *negative { "-" } else { "" };
            let hours = days * 24 + u32::from(*hours);
            let fraction = fraction(*micros, column);
            return Value::Text(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{fraction}"));
        }
        Got::Bytes(bytes) => bytes,
    };
    let text = || String::from_utf8_lossy(bytes).into_owned();
    match column.column_type() {
        MYSQL_TYPE_TINY | MYSQL_TYPE_SHORT | MYSQL_TYPE_INT24 | MYSQL_TYPE_LONG | MYSQL_TYPE_LONGLONG
        | MYSQL_TYPE_YEAR => text().parse().map_or_else(|_| Value::Text(text()), Value::Int),
        MYSQL_TYPE_FLOAT | MYSQL_TYPE_DOUBLE => {
            text().parse().map_or_else(|_| Value::Text(text()), Value::Float)
        }
        MYSQL_TYPE_BIT | MYSQL_TYPE_GEOMETRY => Value::Bytes(bytes.clone()),
        MYSQL_TYPE_VARCHAR
        | MYSQL_TYPE_VAR_STRING
        | MYSQL_TYPE_STRING
        | MYSQL_TYPE_BLOB
        | MYSQL_TYPE_TINY_BLOB
        | MYSQL_TYPE_MEDIUM_BLOB
        | MYSQL_TYPE_LONG_BLOB
            if column.character_set() == BINARY =>
        {
            Value::Bytes(bytes.clone())
        }
        _ => Value::Text(text()),
    }
}

/// The part of a second, with as many digits as the column has.
fn fraction(micros: u32, column: &Column) -> String {
    let digits = usize::from(column.decimals()).min(6);
    if digits == 0 { String::new() } else { format!(".{}", &format!("{micros:06}")[..digits]) }
}

/// The collation of what is no text.
const BINARY: u16 = 63;
