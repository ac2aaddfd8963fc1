//! Values into statements and out of rows. Parameters go as text, so that a column of any type takes them; results
//! come in the server's binary forms.

use std::error::Error as StdError;

use tokio_postgres::Client;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

use super::fault;
use crate::db::{Row, Value};
use crate::{Error, ErrorKind, Result};

mod decimal;
mod placeholders;
mod time;

/// Runs one statement and counts its rows.
pub(crate) async fn execute(client: &Client, sql: &str, params: &[Value]) -> Result<u64> {
    let statement = prepare(client, sql, params).await?;
    Ok(client.execute_raw(&statement, params.iter().map(Parameter)).await?)
}

/// Runs one statement and returns its rows.
pub(crate) async fn query(client: &Client, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
    let statement = prepare(client, sql, params).await?;
    let params: Vec<Parameter<'_>> = params.iter().map(Parameter).collect();
    let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
    let rows = client.query(&statement, &params).await?;
    rows.iter().map(row).collect()
}

async fn prepare(client: &Client, sql: &str, params: &[Value]) -> Result<tokio_postgres::Statement> {
    let statement = client.prepare(&placeholders::numbered(sql)).await?;
    let expected = statement.params().len();
    if expected != params.len() {
        return Err(Error::new(
            ErrorKind::Other,
            format!("the statement has {expected} placeholders and was given {} values", params.len()),
        ));
    }
    Ok(statement)
}

fn row(row: &tokio_postgres::Row) -> Result<Row> {
    let value = |(place, column): (usize, &tokio_postgres::Column)| {
        let raw: Option<Raw<'_>> =
            row.try_get(place).map_err(|error| fault(error).while_doing(&format!("read column {place}")))?;
        let Some(Raw(bytes)) = raw else { return Ok(Value::Null) };
        decode(bytes, column.type_()).ok_or_else(|| {
            Error::new(
                ErrorKind::Other,
                format!(
                    "column `{}` is of type {}, which has no value of ours\n\nhint: cast it in the query: `::text`",
                    column.name(),
                    column.type_()
                ),
            )
        })
    };
    Ok(Row { values: row.columns().iter().enumerate().map(value).collect::<Result<_>>()? })
}

/// A value of one of the known types from its binary form.
fn decode(bytes: &[u8], column: &Type) -> Option<Value> {
    let text = |bytes: &[u8]| Some(Value::Text(String::from_utf8(bytes.to_vec()).ok()?));
    match column.kind() {
        Kind::Domain(base) => return decode(bytes, base),
        Kind::Enum(_) => return text(bytes),
        _ => {}
    }
    Some(match *column {
        Type::BOOL => Value::Bool(*bytes.first()? != 0),
        Type::INT2 => Value::Int(i16::from_be_bytes(bytes.try_into().ok()?).into()),
        Type::INT4 => Value::Int(i32::from_be_bytes(bytes.try_into().ok()?).into()),
        Type::INT8 => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        Type::OID => Value::Int(u32::from_be_bytes(bytes.try_into().ok()?).into()),
        Type::FLOAT4 => Value::Float(f32::from_be_bytes(bytes.try_into().ok()?).into()),
        Type::FLOAT8 => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
        Type::BYTEA => Value::Bytes(bytes.to_vec()),
        Type::NUMERIC => Value::Text(decimal::text(bytes)?),
        Type::UUID => Value::Text(uuid(bytes)?),
        Type::DATE => Value::Text(time::date(i32::from_be_bytes(bytes.try_into().ok()?))),
        Type::TIME => Value::Text(time::time(i64::from_be_bytes(bytes.try_into().ok()?))),
        Type::TIMESTAMP => Value::Text(time::timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "")),
        Type::TIMESTAMPTZ => Value::Text(time::timestamp(i64::from_be_bytes(bytes.try_into().ok()?), "+00")),
        // The first byte is the version of the form.
        Type::JSONB => return text(bytes.strip_prefix(&[1])?),
        // What a function returns that returns nothing
        Type::VOID => Value::Null,
        Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::CHAR
        | Type::JSON
        | Type::XML
        | Type::UNKNOWN => {
            return text(bytes);
        }
        _ if column.name() == "citext" => return text(bytes),
        _ => return None,
    })
}

fn uuid(bytes: &[u8]) -> Option<String> {
    if bytes.len() != 16 {
        return None;
    }
    let mut text = hex(bytes);
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    Some(text)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a column, of whatever type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_type: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_type: &Type) -> bool {
        true
    }
}

/// A value as a parameter in the form of text.
#[derive(Debug)]
struct Parameter<'a>(&'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, to: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let text = match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            // Numbers take no truth values, but other databases have nothing else.
            Value::Bool(value) if [Type::INT2, Type::INT4, Type::INT8].contains(to) => {
                u8::from(*value).to_string()
            }
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => value.to_string(),
            Value::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                return Ok(IsNull::No);
            }
            Value::Bytes(bytes) => format!("\\x{}", hex(bytes)),
        };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_type: &Type) -> bool {
        true
    }

    fn encode_format(&self, _type: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_forms_become_values() {
        assert_eq!(decode(&[1, b'{', b'}'], &Type::JSONB), Some(Value::Text("{}".into())));
        assert_eq!(decode(&[0xff; 4], &Type::INT4), Some(Value::Int(-1)));
        assert_eq!(
            decode(&[0xab; 16], &Type::UUID),
            Some(Value::Text("abababab-abab-abab-abab-abababababab".into()))
        );
        assert_eq!(decode(&[], &Type::VOID), Some(Value::Null));
        assert_eq!(decode(&[0; 16], &Type::INTERVAL), None);
    }
}
