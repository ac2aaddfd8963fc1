//! What a Rust revision works with: one database for all backends, inside the revision's transaction.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use include_dir::File;
use migrate_revision::Backend;

use crate::data::Data;
use crate::{Error, ErrorKind, Result};

/// The database, as a Rust revision sees it.
///
/// Everything runs inside the revision's transaction. Placeholders are `?` on every backend; on PostgreSQL a text that
/// uses `$1` is taken as it is, and `??` stands for the operator `?`. On SQLite nothing ever waits: a revision that awaits
/// anything but the methods of this type fails there, also over a connection of [`Migrations::connect`](crate::Migrations::connect).
///
/// A Rust revision that is interrupted runs again from its beginning, and so does one whose error, or a source of it, is the
/// driver's of a lock that was waited for in vain, once what it did is rolled back. What it does besides is then done again.
/// On MySQL and MariaDB, DDL commits the transaction, so there it should change rows only.
pub struct Db<'a> {
    pub(crate) connection: Connection<'a>,
    pub(crate) data: Option<&'static Data>,
}

/// The handle of each driver.
pub(crate) enum Connection<'a> {
    #[cfg(feature = "sqlite")]
    Sqlite(&'a mut rusqlite::Connection),
    #[cfg(feature = "postgres")]
    Postgres(&'a tokio_postgres::Client),
    #[cfg(feature = "mysql")]
    Mysql(&'a mut mysql_async::Conn, Backend),
    #[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
    None(std::convert::Infallible, std::marker::PhantomData<&'a ()>),
}

/// One direction of a Rust revision.
#[doc(hidden)]
pub type RustFn = for<'f, 'db> fn(&'f mut Db<'db>) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'f>>;

/// The functions of a Rust revision.
#[doc(hidden)]
#[derive(Debug)]
pub struct RustRevision {
    /// The revision's place in its set
    pub index: usize,
    /// What upgrades
    pub up: RustFn,
    /// What downgrades, if there is such a thing
    pub down: Option<RustFn>,
}

#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(unreachable_code, unused_variables, reason = "without a backend there is no database")
)]
impl Db<'_> {
    /// The database that this is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        match &self.connection {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(_) => Backend::Sqlite,
            #[cfg(feature = "postgres")]
            Connection::Postgres(_) => Backend::Postgres,
            #[cfg(feature = "mysql")]
            Connection::Mysql(_, backend) => *backend,
            #[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
            Connection::None(never, _) => match *never {},
        }
    }

    /// Runs one statement, and returns how many rows it changed.
    ///
    /// # Errors
    /// What the database says, with the statement.
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        let result: Result<u64> = match &mut self.connection {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(connection) => crate::backends::sqlite::execute(connection, sql, params),
            #[cfg(feature = "postgres")]
            Connection::Postgres(client) => crate::backends::postgres::execute(client, sql, params).await,
            #[cfg(feature = "mysql")]
            Connection::Mysql(conn, _) => crate::backends::mysql::execute(conn, sql, params).await,
            #[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
            Connection::None(never, _) => match *never {},
        };
        result.map_err(|error| error.in_statement(sql))
    }

    /// Runs one statement, and returns the rows that it gives. Text of SQLite's that is not UTF-8 comes as [`Value::Bytes`].
    ///
    /// # Errors
    /// What the database says, with the statement; a column whose type is not one of [`Value`]'s.
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        let result: Result<Vec<Row>> = match &mut self.connection {
            #[cfg(feature = "sqlite")]
            Connection::Sqlite(connection) => crate::backends::sqlite::query(connection, sql, params),
            #[cfg(feature = "postgres")]
            Connection::Postgres(client) => crate::backends::postgres::query(client, sql, params).await,
            #[cfg(feature = "mysql")]
            Connection::Mysql(conn, _) => crate::backends::mysql::query(conn, sql, params).await,
            #[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
            Connection::None(never, _) => match *never {},
        };
        result.map_err(|error| error.in_statement(sql))
    }

    /// The text of a file under `data/`, with LF where the file has CRLF: a clone on Windows gives the same lines as any other.
    ///
    /// # Errors
    /// When there is no such file, or it is not UTF-8.
    pub fn file(&self, name: &str) -> Result<&'static str> {
        let (data, file) = self.data_file(name)?;
        data.text(file).map_err(|error| {
            Error::new(ErrorKind::Other, format!("data/{name} is not UTF-8: {error}")).with_source(error)
        })
    }

    /// The bytes of a file under `data/`, as they are.
    ///
    /// # Errors
    /// When there is no such file.
    pub fn file_bytes(&self, name: &str) -> Result<&'static [u8]> {
        self.data_file(name).map(|(_, file)| file.contents())
    }

    fn data_file(&self, name: &str) -> Result<(&'static Data, &'static File<'static>)> {
        self.data.and_then(|data| Some((data, data.directory().get_file(name)?))).ok_or_else(|| {
            Error::new(
                ErrorKind::Other,
                format!(
                    "there was no file `{name}` under the migrations' `data` directory when this was built"
                ),
            )
        })
    }

    /// The connection of rusqlite, on SQLite.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(&mut self) -> Option<&mut rusqlite::Connection> {
        match &mut self.connection {
            Connection::Sqlite(connection) => Some(connection),
            #[cfg(any(feature = "postgres", feature = "mysql"))]
            _ => None,
        }
    }

    /// The client of tokio-postgres, on PostgreSQL.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(&self) -> Option<&tokio_postgres::Client> {
        match &self.connection {
            Connection::Postgres(client) => Some(client),
            #[cfg(any(feature = "sqlite", feature = "mysql"))]
            _ => None,
        }
    }

    /// The connection of mysql_async, on MySQL and MariaDB.
    #[cfg(feature = "mysql")]
    pub fn mysql(&mut self) -> Option<&mut mysql_async::Conn> {
        match &mut self.connection {
            Connection::Mysql(conn, _) => Some(conn),
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            _ => None,
        }
    }
}

impl fmt::Debug for Db<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Db").field("backend", &self.backend()).finish_non_exhaustive()
    }
}

/// A value that goes into a statement or comes out of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// No value
    Null,
    /// A truth value; databases without them give [`Value::Int`]
    Bool(bool),
    /// A whole number
    Int(i64),
    /// A floating-point number
    Float(f64),
    /// Text; also decimals, dates, times, UUIDs and JSON, as their text
    Text(String),
    /// Bytes
    Bytes(Vec<u8>),
}

macro_rules! value_from {
    ($($type:ty => $variant:ident),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

value_from!(bool => Bool, i16 => Int, i32 => Int, i64 => Int, u8 => Int, u16 => Int, u32 => Int, f32 => Float,
    f64 => Float, &str => Text, String => Text, &[u8] => Bytes, Vec<u8> => Bytes);

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row of a [`Db::query`].
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub(crate) values: Vec<Value>,
}

impl Row {
    /// The value of a column, from 0.
    ///
    /// # Errors
    /// When there is no such column, or its value is not of the type.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T> {
        let value = self.values.get(column).ok_or_else(|| {
            Error::new(
                ErrorKind::Other,
                format!("there is no column {column}: the row has {} columns, from 0", self.values.len()),
            )
        })?;
        T::from_value(value).ok_or_else(|| {
            Error::new(
                ErrorKind::Other,
                format!("column {column} is not {}: it holds {}", T::NAME, value.type_name()),
            )
        })
    }

    /// The values of all columns.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

impl Value {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Bool(_) => "a truth value",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a floating-point number",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        }
    }
}

/// A type that a [`Value`] can be read as.
pub trait FromValue: Sized {
    #[doc(hidden)]
    const NAME: &'static str;

    /// The value as this type, if it is one.
    fn from_value(value: &Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($type:ty, $name:literal: $($pattern:pat $(if $guard:expr)? => $result:expr),+;)*) => {$(
        impl FromValue for $type {
            const NAME: &'static str = $name;

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    $($pattern $(if $guard)? => $result,)+
                    _ => None,
                }
            }
        }
    )*};
}

from_value! {
    bool, "a truth value": Value::Bool(value) => Some(*value), Value::Int(value @ 0..=1) => Some(*value == 1);
    i64, "a whole number": Value::Int(value) => Some(*value);
    i32, "a whole number of 32 bits": Value::Int(value) => i32::try_from(*value).ok();
    u32, "a whole number of 32 bits": Value::Int(value) => u32::try_from(*value).ok();
    u64, "a whole number": Value::Int(value) => u64::try_from(*value).ok();
    f64, "a number": Value::Float(value) => Some(*value), Value::Int(value) => Some(*value as f64);
    String, "text": Value::Text(value) => Some(value.clone());
    Vec<u8>, "bytes": Value::Bytes(value) => Some(value.clone()), Value::Text(value) => Some(value.clone().into_bytes());
}

impl FromValue for Value {
    const NAME: &'static str = "a value";

    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const NAME: &'static str = T::NAME;

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
