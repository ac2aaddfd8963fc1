//! A database for a while on a MySQL or MariaDB server.

use migrate_cli::{Error, Exit};
use migrate_revision::Backend;
use migrate_runtime::native::{self, MysqlConn};
use mysql_async::Error as Fault;
use mysql_async::prelude::Queryable;

use super::{name, refused};

/// The server, and the name of the database for a while.
pub(super) struct MysqlServer {
    url: String,
    /// The database that the URL names
    neighbour: Option<String>,
    backend: Backend,
    name: String,
    /// How the database is made that the URL names
    charset: String,
}

/// What the server says where an account may not make databases of that name.
const ACCESS_DENIED: [u16; 2] = [1044, 1045];

impl MysqlServer {
    pub(super) async fn new(url: &str) -> Result<Self, Error> {
        let neighbour = native::database_of(url)?;
        let mut conn = native::mysql(url, None).await?;
        let asked = async {
            let version: Option<String> = conn.query_first("SELECT VERSION()").await?;
            let charset: Option<(String, String)> = conn
                .exec_first(
                    "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata \
                     WHERE schema_name = ?",
                    (neighbour.as_deref().unwrap_or_default(),),
                )
                .await?;
            Ok::<_, Fault>((version.unwrap_or_default(), charset))
        };
        let (version, charset) =
            asked.await.map_err(|error| refused("read the server's settings", &error))?;
        conn.close().await;
        let charset = charset
            .map_or(String::new(), |(set, collation)| format!(" CHARACTER SET {set} COLLATE {collation}"));
        let backend = if version.contains("MariaDB") { Backend::Mariadb } else { Backend::Mysql };
        Ok(Self { url: url.to_owned(), neighbour, backend, name: name(), charset })
    }

    pub(super) fn backend(&self) -> Backend {
        self.backend
    }

    /// The database that the URL names.
    pub(super) fn neighbour(&self) -> Option<&str> {
        self.neighbour.as_deref()
    }

    pub(super) async fn create(&self) -> Result<(), Error> {
        let mut conn = native::mysql(&self.url, None).await?;
        let made = conn.query_drop(format!("CREATE DATABASE {}{}", self.name, self.charset)).await;
        conn.close().await;
        made.map_err(|error| {
            let message = refused("make a database to verify on", &error);
            match error {
                Fault::Server(server) if ACCESS_DENIED.contains(&server.code) => Error::new(Exit::Database, format!(
                    "{message}\n\nhint: `verify` works on a database of its own beside yours: grant the account everything on \
                     `verify\\_%`, or name a server with `--database-url` where it has that"
                )),
                _ => message,
            }
        })
    }

    pub(super) async fn connect(&self) -> Result<MysqlConn, Error> {
        Ok(native::mysql(&self.url, Some(&self.name)).await?)
    }

    /// Drops the database, after the end of the connection with this number.
    pub(super) async fn remove(&self, connection: Option<u32>) -> Result<(), Error> {
        let failed = |error: &(dyn std::error::Error + 'static)| {
            refused(&format!("drop the database `{}`, which is left over", self.name), error)
        };
        let mut conn = native::mysql(&self.url, None).await.map_err(|error| failed(&error))?;
        if let Some(connection) = connection {
            // A statement may still be at work on it. If the connection is gone already, all is well.
            let _ = conn.query_drop(format!("KILL {connection}")).await;
        }
        let dropped = conn.query_drop(format!("DROP DATABASE IF EXISTS {}", self.name)).await;
        conn.close().await;
        dropped.map_err(|error| failed(&error))
    }
}
