//! A database to try revisions on: SQLite in memory, or one on a server that is made for it and goes with it.

mod mysql;
mod postgres;
mod reach;

use migrate_cli::{Error, Exit};
use migrate_revision::{Backend, sql};
use migrate_runtime::{Migrations, Migrator};

use crate::schema::{self, History, Snapshot};
use migrate_runtime::native::MysqlConn;
use mysql::MysqlServer;
use postgres::PostgresServer;

/// The database. One of a server stays there until [`Scratch::remove`].
pub(crate) struct Scratch {
    native: Native,
    history: History,
}

enum Native {
    Sqlite(rusqlite::Connection),
    Postgres(Box<PostgresServer>, tokio_postgres::Client),
    Mysql(MysqlServer, MysqlConn),
}

/// Writes a verb once for the three connections.
macro_rules! migrator {
    ($scratch:expr, $set:expr, $verb:ident($target:expr)) => {{
        let Scratch { native, history } = $scratch;
        match native {
            Native::Sqlite(connection) => placed($set.sqlite(connection), history).$verb($target),
            Native::Postgres(_, client) => placed($set.postgres(client), history).$verb($target).await,
            Native::Mysql(_, conn) => placed($set.mysql(conn), history).$verb($target).await,
        }
    }};
}

fn placed<'a, C>(migrator: Migrator<'a, C>, history: &History) -> Migrator<'a, C> {
    let migrator = migrator.table(&history.table);
    match &history.schema {
        Some(schema) => migrator.schema(schema),
        None => migrator,
    }
}

impl Scratch {
    /// Makes an empty database: in memory for SQLite, beside the one of the URL on a server.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses.
    pub(crate) async fn new(url: &str, mut history: History) -> Result<Self, Error> {
        let native = match url.split_once(':').map_or("", |(scheme, _)| scheme) {
            "postgres" | "postgresql" => {
                let server = PostgresServer::new(url);
                server.create().await?;
                match server.connect().await {
                    Ok(client) => Native::Postgres(Box::new(server), client),
                    Err(error) => return Err(given_up(error, server.remove().await)),
                }
            }
            "mysql" | "mariadb" => {
                let server = MysqlServer::new(url).await?;
                server.create().await?;
                match server.connect().await {
                    Ok(conn) => Native::Mysql(server, conn),
                    Err(error) => return Err(given_up(error, server.remove(None).await)),
                }
            }
            _ => Native::Sqlite(in_memory()?),
        };
        if !matches!(native, Native::Postgres(..)) {
            // Elsewhere it would be a database that this one stands beside.
            history.schema = None;
        }
        Ok(Self { native, history })
    }

    /// Makes it empty again.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn renew(&mut self) -> Result<(), Error> {
        match &mut self.native {
            Native::Sqlite(connection) => *connection = in_memory()?,
            Native::Postgres(server, client) => {
                server.remove().await?;
                server.create().await?;
                *client = server.connect().await?;
            }
            Native::Mysql(server, conn) => {
                server.remove(Some(conn.id())).await?;
                server.create().await?;
                *conn = server.connect().await?;
            }
        }
        Ok(())
    }

    /// Removes it from its server, whatever still goes on in it.
    ///
    /// # Errors
    /// When the server refuses; the text names what is left.
    pub(crate) async fn remove(self) -> Result<(), Error> {
        match self.native {
            Native::Sqlite(_) => Ok(()),
            Native::Postgres(server, client) => {
                drop(client);
                server.remove().await
            }
            Native::Mysql(server, conn) => server.remove(Some(conn.id())).await,
        }
    }

    /// Which database it is.
    pub(crate) fn backend(&self) -> Backend {
        match &self.native {
            Native::Sqlite(_) => Backend::Sqlite,
            Native::Postgres(..) => Backend::Postgres,
            Native::Mysql(server, _) => server.backend(),
        }
    }

    /// Refuses a statement that reaches beyond this database: another of the server, or a file.
    ///
    /// # Errors
    /// When it does.
    pub(crate) fn keeps_to_itself(&self, statement: &str, place: &str) -> Result<(), Error> {
        let neighbour = match &self.native {
            Native::Mysql(server, _) => server.neighbour(),
            _ => None,
        };
        match reach::reach(statement, neighbour, self.backend()) {
            None => Ok(()),
            Some(reach) => {
                let (message, hint) = reach.text(neighbour, self.backend());
                Err(Error::unsupported(format!("{message}\n --> {place}\n\nhint: {hint}")))
            }
        }
    }

    /// Applies what is missing to a revision.
    ///
    /// # Errors
    /// Those of the runtime.
    pub(crate) async fn up(&mut self, set: &Migrations, revision: &str) -> Result<(), Error> {
        migrator!(self, set, upgrade(revision))?;
        Ok(())
    }

    /// Undoes the last revision.
    ///
    /// # Errors
    /// Those of the runtime.
    pub(crate) async fn down(&mut self, set: &Migrations) -> Result<(), Error> {
        migrator!(self, set, downgrade("-1"))?;
        Ok(())
    }

    /// What is in it, without rows.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn schema(&mut self) -> Result<Snapshot, Error> {
        const WHAT: &str = "read the schema";
        match &mut self.native {
            Native::Sqlite(connection) => {
                schema::sqlite::schema(connection, &self.history).map_err(|e| refused(WHAT, &e))
            }
            Native::Postgres(_, client) => {
                schema::postgres::schema(client, &self.history).await.map_err(|e| refused(WHAT, &e))
            }
            Native::Mysql(_, conn) => {
                schema::mysql::schema(conn, &self.history).await.map_err(|e| refused(WHAT, &e))
            }
        }
    }

    /// Its rows.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn rows(&mut self) -> Result<Snapshot, Error> {
        const WHAT: &str = "read the rows";
        match &mut self.native {
            Native::Sqlite(connection) => {
                schema::sqlite::rows(connection, &self.history).map_err(|e| refused(WHAT, &e))
            }
            Native::Postgres(_, client) => {
                schema::postgres::rows(client, &self.history).await.map_err(|e| refused(WHAT, &e))
            }
            Native::Mysql(_, conn) => {
                schema::mysql::rows(conn, &self.history).await.map_err(|e| refused(WHAT, &e))
            }
        }
    }

    /// Runs the statements of a file.
    ///
    /// # Errors
    /// When one fails, or the text cannot be split.
    pub(crate) async fn run(&mut self, file: &str, text: &str) -> Result<(), Error> {
        use mysql_async::prelude::Queryable;

        let failed = |at: usize, reason: &str| {
            let message = format!("a statement failed: {reason}\n --> {}", place(file, text, at));
            Error::new(Exit::Revision, message)
        };
        let statements = sql::split(text, self.backend()).map_err(|problems| {
            problems
                .first()
                .map_or_else(|| failed(0, "?"), |problem| failed(problem.range.start, &problem.message))
        })?;
        for statement in statements {
            let sql = &text[statement.range.clone()];
            self.keeps_to_itself(sql, &place(file, text, statement.range.start))?;
            let done = match &mut self.native {
                Native::Sqlite(connection) => connection.execute_batch(sql).map_err(|e| e.to_string()),
                Native::Postgres(_, client) => client.batch_execute(sql).await.map_err(|e| reason(&e)),
                Native::Mysql(_, conn) => conn.query_drop(sql).await.map_err(|e| reason(&e)),
            };
            done.map_err(|reason| failed(statement.range.start, &reason))?;
        }
        Ok(())
    }
}

/// A place in a file, as messages name it.
pub(crate) fn place(file: &str, text: &str, at: usize) -> String {
    let line = text.get(..at).unwrap_or(text).matches('\n').count() + 1;
    format!("{file}:{line}")
}

fn in_memory() -> Result<rusqlite::Connection, Error> {
    rusqlite::Connection::open_in_memory().map_err(|error| refused("open a database in memory", &error))
}

/// A name that no database has.
fn name() -> String {
    format!("verify_{}", crate::files::random_hex())
}

/// The error, and what could not be removed after it.
fn given_up(error: Error, removed: Result<(), Error>) -> Error {
    match removed {
        Ok(()) => error,
        Err(left) => Error::new(Exit::Database, format!("{error}; {left}")),
    }
}

/// An error of a database's; `what` follows "cannot".
fn refused(what: &str, error: &(dyn std::error::Error + 'static)) -> Error {
    Error::new(Exit::Database, format!("cannot {what}: {}", reason(error)))
}

/// What an error says, with what lies under it.
fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        next = error.source();
    }
    text
}
