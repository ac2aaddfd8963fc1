//! A database of a test's own, on the servers that `cargo xtask test` starts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use mysql_async::prelude::Queryable;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::client::tool;

/// The backends that a behaviour is shown on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
    Mysql,
}

impl Kind {
    /// A file that `cargo xtask` has put beside the server's own: `ca.pem`, `client.pem`, `client.key`, sockets.
    pub fn server_file(self, name: &str) -> PathBuf {
        let variable = match self {
            Self::Sqlite => unreachable!("SQLite has no server"),
            Self::Postgres => "EMBED_MIGRATIONS_TEST_POSTGRES_CA",
            Self::Mysql => "EMBED_MIGRATIONS_TEST_MYSQL_CA",
        };
        let ca = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set; {}", advice()));
        PathBuf::from(ca).with_file_name(name)
    }
}

/// A database of its own, gone when this is dropped.
pub struct Database {
    pub kind: Kind,
    /// Its name on the server
    pub name: String,
    /// For files that belong to the test; SQLite's database is in it
    pub directory: TempDir,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Database {
    pub fn new(kind: Kind) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let database = Self { kind, name, directory: tempfile::tempdir().unwrap() };
        database.admin(&format!("CREATE DATABASE {}", database.name));
        database
    }

    /// The URL of the database, for a user who may do everything.
    pub fn url(&self) -> String {
        match self.kind {
            Kind::Sqlite => format!("sqlite:{}", self.sqlite_path().display()),
            _ => self.server_url(&self.name),
        }
    }

    pub fn sqlite_path(&self) -> PathBuf {
        self.directory.path().join("test.db")
    }

    fn server_url(&self, database: &str) -> String {
        let url = server(self.kind);
        let (server, _) = url.rsplit_once('/').unwrap();
        format!("{server}/{database}")
    }

    /// The same server and database for another account.
    pub fn url_for(&self, user: &str, password: &str) -> String {
        let url = self.url();
        let (scheme, rest) = url.split_once("://").unwrap();
        let (_, place) = rest.split_once('@').unwrap();
        format!("{scheme}://{user}:{password}@{place}")
    }

    /// A new connection.
    pub fn connect(&self) -> Connection {
        Connection::new(self.kind, &self.url())
    }

    /// Runs one statement on the server, outside of the database. Nothing for SQLite.
    fn admin(&self, sql: &str) {
        match self.kind {
            Kind::Sqlite => {}
            Kind::Postgres => Connection::new(self.kind, &self.server_url("postgres")).run(sql),
            Kind::Mysql => Connection::new(self.kind, &self.server_url("mysql")).run(sql),
        }
    }

    /// Whether its server is MariaDB, which is not quite MySQL.
    pub fn is_mariadb(&self) -> bool {
        self.kind == Kind::Mysql && self.connect().is_mariadb()
    }

    /// The schema without the history, as the database's own tool writes it.
    pub fn schema(&self) -> String {
        let output = match self.kind {
            Kind::Sqlite => {
                let rows = self.connect().rows(
                    "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name <> 'migrate_history' ORDER BY type, name",
                );
                return rows.iter().map(|row| row.join(" ") + "\n").collect();
            }
            Kind::Postgres => tool("EMBED_MIGRATIONS_TEST_POSTGRES_BIN", &["pg_dump"])
                .args([
                    "--schema-only",
                    "--no-owner",
                    "--restrict-key=fixed",
                    "--exclude-table=migrate_history",
                ])
                .arg(self.url())
                .output(),
            Kind::Mysql => tool("EMBED_MIGRATIONS_TEST_MYSQL_BIN", &["mariadb-dump", "mysqldump"])
                .args(["--no-data", "--skip-comments", "--routines", "--triggers", "--events"])
                .args(self.mysql_arguments())
                .arg(format!("--ignore-table={}.migrate_history", self.name))
                .arg(&self.name)
                .output(),
        };
        let output = output.expect("the dump program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .filter(|line| !is_volatile(line))
            .map(|l| format!("{l}\n"))
            .collect()
    }

    /// The names of the tables, the history's aside.
    pub fn tables(&self) -> Vec<String> {
        let sql = match self.kind {
            Kind::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'".to_owned(),
            Kind::Postgres => {
                "SELECT table_name FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
                    .to_owned()
            }
            Kind::Mysql => {
                format!("SELECT table_name FROM information_schema.tables WHERE table_schema = '{}'", self.name)
            }
        };
        let mut tables: Vec<String> =
            self.connect().rows(&sql).into_iter().map(|mut row| row.remove(0)).collect();
        tables.retain(|table| !table.starts_with("migrate_history"));
        tables.sort();
        tables
    }
}

/// Lines of a dump that change without the schema's doing.
fn is_volatile(line: &str) -> bool {
    line.starts_with("-- Dumped") || line.starts_with("\\restrict") || line.starts_with("\\unrestrict")
}

impl Drop for Database {
    fn drop(&mut self) {
        match self.kind {
            Kind::Sqlite => {}
            Kind::Postgres => self.admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)),
            Kind::Mysql => self.admin(&format!("DROP DATABASE IF EXISTS {}", self.name)),
        }
    }
}

/// The URL of a server that the test command started.
fn server(kind: Kind) -> String {
    let variable = match kind {
        Kind::Sqlite => unreachable!("SQLite has no server"),
        Kind::Postgres => "EMBED_MIGRATIONS_TEST_POSTGRES",
        Kind::Mysql => "EMBED_MIGRATIONS_TEST_MYSQL",
    };
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set; {}", advice()))
}

pub(crate) fn advice() -> &'static str {
    "run `cargo xtask test`, which starts the servers (or `--backends sqlite` to leave them out); for single tests, \
     `cargo xtask servers` prints the variables"
}

/// A connection, with the runtime that it lives in.
pub struct Connection {
    pub native: Native,
    pub runtime: Runtime,
}

/// The connection of each driver.
pub enum Native {
    Sqlite(rusqlite::Connection),
    Postgres(tokio_postgres::Client),
    Mysql(mysql_async::Conn),
}

impl Connection {
    pub fn new(kind: Kind, url: &str) -> Self {
        Self::try_new(kind, url).unwrap()
    }

    pub fn try_new(kind: Kind, url: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let native = match kind {
            Kind::Sqlite => {
                Native::Sqlite(rusqlite::Connection::open(url.strip_prefix("sqlite:").unwrap_or(url))?)
            }
            Kind::Postgres => runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
                tokio::spawn(connection);
                Ok::<_, tokio_postgres::Error>(Native::Postgres(client))
            })?,
            Kind::Mysql => Native::Mysql(runtime.block_on(mysql_async::Conn::from_url(url))?),
        };
        Ok(Self { native, runtime })
    }

    /// Runs statements for their effect.
    pub fn run(&mut self, sql: &str) {
        self.try_run(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    pub fn try_run(&mut self, sql: &str) -> Result<(), Box<dyn std::error::Error>> {
        match &mut self.native {
            Native::Sqlite(connection) => connection.execute_batch(sql)?,
            Native::Postgres(client) => self.runtime.block_on(client.batch_execute(sql))?,
            Native::Mysql(conn) => self.runtime.block_on(conn.query_drop(sql))?,
        }
        Ok(())
    }

    fn is_mariadb(&mut self) -> bool {
        self.value("SELECT VERSION()").contains("MariaDB")
    }

    /// How many transactions it has open, on MySQL and MariaDB.
    pub fn open_transactions(&mut self) -> String {
        if self.is_mariadb() {
            return self.value("SELECT @@in_transaction");
        }
        // MySQL tells of those alone that have touched a row.
        self.value(
            "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = CONNECTION_ID()",
        )
    }

    /// The rows of a query, every value as text, NULL as `NULL`.
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<String>> {
        match &mut self.native {
            Native::Sqlite(connection) => {
                let mut statement = connection.prepare(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
                let columns = statement.column_count();
                let mut rows = statement.query([]).unwrap();
                let mut found = Vec::new();
                while let Some(row) = rows.next().unwrap() {
                    let text = |column| match row.get_ref(column).unwrap() {
                        rusqlite::types::ValueRef::Null => "NULL".to_owned(),
                        rusqlite::types::ValueRef::Integer(value) => value.to_string(),
                        rusqlite::types::ValueRef::Real(value) => value.to_string(),
                        rusqlite::types::ValueRef::Text(text) | rusqlite::types::ValueRef::Blob(text) => {
                            String::from_utf8_lossy(text).into_owned()
                        }
                    };
                    found.push((0..columns).map(text).collect());
                }
                found
            }
            Native::Postgres(client) => {
                let messages = self
                    .runtime
                    .block_on(client.simple_query(sql))
                    .unwrap_or_else(|e| panic!("{e:?}: {sql}"));
                let text = |value: Option<&str>| value.unwrap_or("NULL").to_owned();
                let row = |message| match message {
                    SimpleQueryMessage::Row(row) => {
                        Some((0..row.len()).map(|column| text(row.get(column))).collect())
                    }
                    _ => None,
                };
                messages.into_iter().filter_map(row).collect()
            }
            Native::Mysql(conn) => {
                let rows: Vec<mysql_async::Row> =
                    self.runtime.block_on(conn.query(sql)).unwrap_or_else(|error| panic!("{error}: {sql}"));
                let text = |value: mysql_async::Value| match value {
                    mysql_async::Value::NULL => "NULL".to_owned(),
                    mysql_async::Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    other => other.as_sql(false),
                };
                rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect()
            }
        }
    }

    /// The only value of a query's only row.
    pub fn value(&mut self, sql: &str) -> String {
        let rows = self.rows(sql);
        assert!(rows.len() == 1 && rows[0].len() == 1, "{sql} gave {rows:?}");
        rows.into_iter().next().unwrap().remove(0)
    }

    pub fn count(&mut self, table: &str) -> usize {
        self.value(&format!("SELECT count(*) FROM {table}")).parse().unwrap()
    }
}

/// The passwords of the servers under test.
pub fn passwords() -> impl Iterator<Item = String> {
    ["EMBED_MIGRATIONS_TEST_POSTGRES", "EMBED_MIGRATIONS_TEST_MYSQL"].into_iter().filter_map(|variable| {
        let url = std::env::var(variable).ok()?;
        let (account, _) = url.rsplit_once('@')?;
        Some(account.rsplit_once(':')?.1.to_owned())
    })
}

/// Fails the test if what a program printed shows the password of a server under test.
#[track_caller]
pub fn assert_hides_passwords(printed: &str) {
    for password in passwords() {
        assert!(!printed.contains(&password), "the password {password} is shown: {printed}");
    }
}
