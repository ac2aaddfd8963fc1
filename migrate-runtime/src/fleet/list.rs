//! The targets that a server has.

use super::pattern::Pattern;
use super::target::{FleetTarget, scheme};
use crate::migrator::Connected;
use crate::{Error, ErrorKind, Result};

/// What everybody may be expected to have beside the server's own: those that can be connected to, and `postgres`, which is for
/// who looks after the server, left out.
const POSTGRES_DATABASES: &str = "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate \
                                  AND datconnlimit <> -2 AND datname <> 'postgres' ORDER BY datname";

const POSTGRES_SCHEMAS: &str = "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname <> 'information_schema' \
                                AND nspname NOT LIKE E'pg\\\\_%' ORDER BY nspname";

/// A directory among those of the databases that is none, such as `lost+found`, is shown with `#mysql50#` before its name.
const MYSQL_DATABASES: &str = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN \
                               ('information_schema', 'mysql', 'performance_schema', 'sys') \
                               AND SCHEMA_NAME NOT LIKE '#mysql50#%' ORDER BY SCHEMA_NAME";

impl FleetTarget {
    /// The schemas of a database of PostgreSQL whose names are like a pattern of SQL's: `%` is any text, `_` any character, and a
    /// backslash takes the next character for itself. They are sorted by their names, and there may be none.
    ///
    /// One that is gone when its turn comes is not made again, as [`schema`](Self::schema) would: the target fails.
    ///
    /// # Errors
    /// When the database is not of PostgreSQL, cannot be reached, or the pattern ends with a backslash.
    pub async fn schemas_like(url: &str, pattern: &str) -> Result<Vec<Self>> {
        if matches!(scheme(url), "sqlite" | "mysql" | "mariadb") {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the URL is not one of PostgreSQL, which alone has schemas in a database\n\n\
                 hint: of MySQL and MariaDB take the databases, of SQLite the files",
            ));
        }
        let schemas = names(url, pattern, POSTGRES_SCHEMAS).await?;
        Ok(schemas.into_iter().map(|schema| Self::found_schema(url, schema)).collect())
    }

    /// The databases of a server whose names are like a pattern, as of [`schemas_like`](Self::schemas_like). A database is named in the
    /// URL for the connection that asks, if the server wants one. Its own databases are left out: on PostgreSQL `postgres`, templates and those that
    /// allow no connection, on MySQL and MariaDB `mysql`, `sys`, `information_schema`, `performance_schema` and directories that are no databases.
    ///
    /// # Errors
    /// When the URL is of SQLite, the server cannot be reached, or the pattern ends with a backslash.
    pub async fn databases_like(url: &str, pattern: &str) -> Result<Vec<Self>> {
        let sql = match scheme(url) {
            "sqlite" => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the URL is one of SQLite, which has no server that knows its databases\n\nhint: name the files",
                ));
            }
            "mysql" | "mariadb" => MYSQL_DATABASES,
            _ => POSTGRES_DATABASES,
        };
        let databases = names(url, pattern, sql).await?;
        databases.into_iter().map(|name| Ok(Self::new(on_database(url, &name)?).named(name))).collect()
    }
}

/// The names of a query that are like a pattern.
async fn names(url: &str, pattern: &str, sql: &str) -> Result<Vec<String>> {
    let pattern = Pattern::new(pattern)?;
    let connected = Connected::new(url).await?;
    let mut names = column(connected, sql).await?;
    names.retain(|name| pattern.matches(name));
    Ok(names)
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn on_database(url: &str, name: &str) -> Result<String> {
    let mut url = crate::url::ServerUrl::parse(url)?;
    url.set_database(Some(name));
    Ok(url.to_string())
}

#[cfg(not(any(feature = "postgres", feature = "mysql")))]
fn on_database(url: &str, _: &str) -> Result<String> {
    Ok(url.to_owned())
}

/// The only column of a query.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn column(connected: Connected, sql: &str) -> Result<Vec<String>> {
    use crate::migrator::Kind;

    let mut kind = connected.0;
    let names = match &mut kind {
        #[cfg(feature = "sqlite")]
        Kind::Sqlite(_) => Ok(Vec::new()),
        #[cfg(feature = "postgres")]
        Kind::Postgres(connected) => {
            let messages = connected.client.simple_query(sql).await;
            let name = |message: &tokio_postgres::SimpleQueryMessage| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            };
            messages.map(|messages| messages.iter().filter_map(name).collect()).map_err(Error::from)
        }
        #[cfg(feature = "mysql")]
        Kind::Mysql(connected) => {
            mysql_async::prelude::Queryable::query(&mut connected.conn, sql).await.map_err(Error::from)
        }
    };
    kind.close().await;
    names
}

/// Without a server in the program nothing is reached that could be asked.
#[cfg(not(any(feature = "postgres", feature = "mysql")))]
async fn column(_: Connected, _: &str) -> Result<Vec<String>> {
    Ok(Vec::new())
}
