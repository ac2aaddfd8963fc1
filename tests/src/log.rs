//! What connections send, by the server's own log or by SQLite's trace.

use std::cell::RefCell;
use std::ffi::OsString;
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
                let statement = |line| Some(postgres_statement(line, &self.database.name)?.1.to_owned());
                written(Kind::Postgres, 0).lines().filter_map(statement).collect()
            }
            Kind::Mysql => {
                let entry = |line| {
                    let (number, command, sql) = mysql_command(line)?;
                    let ours =
                        number.parse() == Ok(self.connection) && ["Query", "Prepare"].contains(&command);
                    ours.then(|| sql.to_owned())
                };
                written(Kind::Mysql, 0).lines().filter_map(entry).collect()
            }
        }
    }
}

/// Notes from where on it counts what all connections send to a database of a server, and to those whose names are its and `_` and
/// more.
pub struct ServerLog<'d> {
    database: &'d Database,
    from: usize,
}

impl<'d> ServerLog<'d> {
    /// Counts from now on.
    pub fn start(database: &'d Database) -> Self {
        let length = fs::metadata(path(database.kind)).unwrap().len();
        Self { database, from: length.try_into().unwrap() }
    }

    /// What each connection sent, the first one first; on MySQL with the protocol's command before it. A ping is in no log.
    pub fn connections(&self) -> Vec<Vec<String>> {
        let log = written(self.database.kind, self.from);
        let name = &self.database.name;
        let mut ours: Vec<(String, Vec<String>)> = Vec::new();
        for line in log.lines() {
            match self.database.kind {
                Kind::Sqlite => {}
                Kind::Postgres => {
                    let Some((before, sql)) = postgres_statement(line, name) else { continue };
                    let (_, process) = before.rsplit_once(" [").unwrap();
                    match ours.iter_mut().find(|(number, _)| number == process) {
                        Some((_, sent)) => sent.push(sql.to_owned()),
                        None => ours.push((process.to_owned(), vec![sql.to_owned()])),
                    }
                }
                Kind::Mysql => {
                    let Some((number, command, text)) = mysql_command(line) else { continue };
                    if command == "Connect" && is_below(text, name) {
                        ours.push((number.to_owned(), Vec::new()));
                    } else if let Some((_, sent)) = ours.iter_mut().find(|(ours, _)| ours == number)
                        && command != "Quit"
                    {
                        sent.push(format!("{command} {text}"));
                    }
                }
            }
        }
        ours.into_iter().map(|(_, sent)| sent).collect()
    }
}

/// A line of PostgreSQL's log that tells of a statement on a database: what comes before the database's name, and the statement.
fn postgres_statement<'l>(line: &'l str, database: &str) -> Option<(&'l str, &'l str)> {
    let (before, entry) = line.split_once(&format!("] {database} LOG:  "))?;
    let (kind, sql) = entry.split_once(": ")?;
    (kind == "statement" || kind.starts_with("execute")).then_some((before, sql))
}

/// A line of MySQL's log: a connection's number, a command of the protocol's, and what it says. Others go on with a statement.
fn mysql_command(line: &str) -> Option<(&str, &str, &str)> {
    let (_time, entry) = line.split_once('\t')?;
    let (entry, text) = entry.trim_start().split_once('\t')?;
    let (number, command) = entry.split_once(' ')?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then_some((number, command, text))
}

/// Whether a connection of MySQL's is made to a database or to one whose name goes on behind a `_`.
fn is_below(connect: &str, database: &str) -> bool {
    let rest = connect.split_once(" on ").and_then(|(_, rest)| rest.strip_prefix(database));
    rest.is_some_and(|rest| rest.starts_with([' ', '_']))
}

/// What the server has written behind so many bytes.
fn written(kind: Kind, from: usize) -> String {
    String::from_utf8_lossy(&fs::read(path(kind)).unwrap()[from..]).into_owned()
}

fn path(kind: Kind) -> OsString {
    let variable = match kind {
        Kind::Sqlite => unreachable!("SQLite has no server"),
        Kind::Postgres => "EMBED_MIGRATIONS_TEST_POSTGRES_LOG",
        Kind::Mysql => "EMBED_MIGRATIONS_TEST_MYSQL_LOG",
    };
    std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set; run `cargo xtask test`"))
}
