//! A database for a while on a PostgreSQL server.

use migrate_cli::{Error, Exit};
use migrate_runtime::native;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::{name, refused};

/// The server, and the name of the database for a while.
pub(super) struct PostgresServer {
    url: String,
    name: String,
}

impl PostgresServer {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), name: name() }
    }

    pub(super) async fn create(&self) -> Result<(), Error> {
        let client = self.beside().await?;
        client.batch_execute(&format!("CREATE DATABASE {}", self.name)).await.map_err(|error| {
            match error.code() {
                Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Error::new(Exit::Database, format!(
                    "{}\n\nhint: `verify` works on a database of its own beside yours: give the role `CREATEDB`, or name a \
                     server with `--database-url` where it has that",
                    refused("make a database to verify on", &error)
                )),
                _ => refused("make a database to verify on", &error),
            }
        })
    }

    pub(super) async fn connect(&self) -> Result<Client, Error> {
        Ok(native::postgres(&self.url, Some(&self.name)).await?)
    }

    /// A connection from which the database is made and dropped: to the one of the URL, or, where that is gone or lets nobody in
    /// any more, to one that every server has.
    async fn beside(&self) -> migrate_runtime::Result<Client> {
        let error = match native::postgres(&self.url, None).await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        for name in ["postgres", "template1"] {
            if let Ok(client) = native::postgres(&self.url, Some(name)).await {
                return Ok(client);
            }
        }
        Err(error)
    }

    pub(super) async fn remove(&self) -> Result<(), Error> {
        let failed = |error: &(dyn std::error::Error + 'static)| {
            refused(&format!("drop the database `{}`, which is left over", self.name), error)
        };
        let client = self.beside().await.map_err(|error| failed(&error))?;
        // A statement may still be at work in it.
        let end =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'", self.name);
        client.simple_query(&end).await.map_err(|error| failed(&error))?;
        let drop = format!("DROP DATABASE IF EXISTS {}", self.name);
        client.batch_execute(&drop).await.map_err(|error| failed(&error))
    }
}
