//! What a connection sends, by the server's own log or by SQLite's trace.

use std::cell::RefCell;
use std::fs;

use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::database::{Connection, Database, Kind, Native};

thread_local! {
    static TRACED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes from where on statements count.
pub struct Log<'d> {
    database: &'d Database,
    /// MySQL's log tells connections apart by number
    connection: u32,
    from: usize,
}

impl<'d> Log<'d> {
    /// Counts what a connection sends from now on.
    pub fn start(database: &'d Database, connection: &mut Connection) -> Self {
        let number = match &mut connection.native {
            Native::Sqlite(connection) => {
                TRACED.with_borrow_mut(Vec::clear);
                connection.trace_v2(
                    TraceEventCodes::SQLITE_TRACE_STMT,
                    Some(|event| {
                        if let TraceEvent::Stmt(_, sql) = event {
                            TRACED.with_borrow_mut(|traced| traced.push(sql.to_owned()));
                        }
                    }),
                );
                0
            }
            Native::Postgres(_) => 0,
            Native::Mysql(conn) => conn.id(),
        };
        let mut log = Self { database, connection: number, from: 0 };
        log.from = log.all().len();
        log
    }

    /// The statements since the start. One message of PostgreSQL's simple protocol is one.
    pub fn statements(&self) -> Vec<String> {
        self.all().split_off(self.from)
    }

    fn all(&self) -> Vec<String> {
        match self.database.kind {
            Kind::Sqlite => TRACED.with_borrow(Clone::clone),
            Kind::Postgres => {
                let mark = format!(" {} LOG:  ", self.database.name);
                let log = read("EMBED_MIGRATIONS_TEST_POSTGRES_LOG");
                let entries = log.lines().filter_map(|line| line.split_once(&mark)?.1.split_once(": "));
                entries
                    .filter(|(kind, _)| *kind == "statement" || kind.starts_with("execute"))
                    .map(|(_, sql)| sql.to_owned())
                    .collect()
            }
            Kind::Mysql => {
                let log = read("EMBED_MIGRATIONS_TEST_MYSQL_LOG");
                let entry = |line: &str| {
                    let (id, rest) = line.split_once(" Query\t").or_else(|| line.split_once(" Prepare\t"))?;
                    let id = id.split_whitespace().next_back()?;
                    (id.parse() == Ok(self.connection)).then(|| rest.to_owned())
                };
                log.lines().filter_map(entry).collect()
            }
        }
    }
}

fn read(variable: &str) -> String {
    let path =
        std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set; run `cargo xtask test`"));
    String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()
}
