//! The runtime beside the bare driver: a start with nothing to do against one `SELECT` of one row, and applying revisions
//! against the same statements with one transaction and one insert each; and both over a slow link.
//!
//! `cargo bench -p embed-migrations-benches` measures SQLite; with the variables that `cargo xtask servers` prints, the
//! servers as well. Another argument chooses what has it in its name: `postgres: apply`, `link`.

use std::time::{Duration, Instant};

use embed_migrations::{Migrations, Transaction};
use embed_migrations_benches::proxy::Proxy;
use embed_migrations_benches::table::Format;
use embed_migrations_benches::{Comparison, Threads, compare, unlogged};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;

/// How long the slow link takes in each direction.
const DELAY: Duration = Duration::from_millis(5);

fn main() {
    let format = Format::of_arguments();
    let filter = embed_migrations_benches::filter();
    let is_wanted = |what: &str| filter.as_ref().is_none_or(|filter| what.to_lowercase().contains(filter));
    format.print_head();
    let mut servers = Vec::new();
    for kind in [Kind::Sqlite, Kind::Postgres, Kind::Mysql] {
        let variable = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some("EMBED_MIGRATIONS_TEST_POSTGRES"),
            Kind::Mysql => Some("EMBED_MIGRATIONS_TEST_MYSQL"),
        };
        if let Some(variable) = variable.filter(|variable| std::env::var_os(variable).is_none()) {
            eprintln!("{kind:?} is left out: {variable} is not set");
            continue;
        }
        if kind != Kind::Sqlite {
            servers.push(kind);
        }
        let measure = |what: &str, counts: &[usize], measure: fn(Kind, usize) -> Comparison| {
            let what = format!("{kind:?}: {what}");
            for &count in counts.iter().filter(|_| is_wanted(&what)) {
                format.print(&what, count, &measure(kind, count));
            }
        };
        measure("nothing to do, beside the row by its key", &[10, 1000, 10_000], |kind, count| {
            nothing_to_do(kind, count, WHOLE_ROW)
        });
        measure("nothing to do, beside the same three columns", &[10, 1000, 10_000], |kind, count| {
            nothing_to_do(kind, count, THREE_COLUMNS)
        });
        measure("apply, beside rows of a number", &[100, 1000], |kind, count| {
            apply(kind, count, Row::Number)
        });
        measure("apply, beside rows like ours", &[1000], |kind, count| apply(kind, count, Row::LikeOurs));
        if kind != Kind::Mysql {
            let number = |kind, count| apply_at_once(kind, count, Row::Number);
            measure("apply in one transaction, rows of a number", &[1000], number);
            let like_ours = |kind, count| apply_at_once(kind, count, Row::LikeOurs);
            measure("apply in one transaction, rows like ours", &[1000], like_ours);
        }
    }
    for kind in servers.into_iter().filter(|_| is_wanted("link")) {
        for count in [100, 1000] {
            link(format, kind, "apply", count, &revisions(count).build());
        }
        link(format, kind, "apply DDL", 100, &tables(100).build());
    }
}

/// How much longer it takes to apply a set over a slow link than over none: of each the least of three.
fn link(format: Format, kind: Kind, what: &str, count: usize, set: &Migrations) {
    let least = |delay| (0..3).map(|_| apply_by(kind, set, delay)).min().expect("there are three");
    let (near, far) = (least(Duration::ZERO), least(DELAY));
    format.print_link(&format!("{kind:?}: {what} over a link of 10 ms"), count, near, far);
}

/// Revisions of one row each after the first, so that the schema stays small.
fn revisions(count: usize) -> Revisions {
    (2..=count).fold(Revisions::tables(1), |revisions, n| {
        revisions.sql(
            &format!("i{n}"),
            &format!("INSERT INTO t1 VALUES ({n});"),
            &format!("DELETE FROM t1 WHERE id = {n};"),
        )
    })
}

/// Revisions of one table each.
fn tables(count: usize) -> Revisions {
    (1..=count).fold(Revisions::new(), |revisions, n| {
        let name = format!("t{n}");
        revisions.sql(
            &name,
            &format!("CREATE TABLE {name} (id INTEGER PRIMARY KEY);"),
            &format!("DROP TABLE {name};"),
        )
    })
}

/// What tells the state, of a row.
const WHOLE_ROW: &str = "seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, \
                         statements_total, progress, applied_by, format";

/// What a start with nothing to do asks of it.
const THREE_COLUMNS: &str = "digest, state, format";

/// The last row by its key, without the runtime. The set is decoded once per process, and so before.
fn nothing_to_do(kind: Kind, count: usize, columns: &str) -> Comparison {
    let database = Database::new(kind);
    let set = revisions(count).build();
    migrate!(database.connect(), set, stamp("head")).unwrap();
    let connection = unlogged(database.connect());
    let select = format!("SELECT {columns} FROM migrate_history WHERE namespace = 'main' AND seq = 1");
    let connection = std::cell::RefCell::new(connection);
    compare(
        301,
        || ((), Threads::of(&mut connection.borrow_mut())),
        |()| {
            let mut connection = connection.borrow_mut();
            assert!(migrate!(*connection, set, upgrade("head")).unwrap().is_empty());
        },
        |()| assert_eq!(connection.borrow_mut().rows(&select).len(), 1),
    )
}

fn fresh(kind: Kind) -> ((Database, Connection), Threads) {
    let database = Database::new(kind);
    let mut connection = unlogged(database.connect());
    let threads = Threads::of(&mut connection);
    ((database, connection), threads)
}

/// What the bare driver keeps of each revision.
#[derive(Clone, Copy)]
enum Row {
    /// Its number
    Number,
    /// As much as the runtime does
    LikeOurs,
}

/// One transaction and one row of history per revision, against the same by hand.
fn apply(kind: Kind, count: usize, row: Row) -> Comparison {
    let set = revisions(count).build();
    compare(
        5,
        || fresh(kind),
        |(_, connection)| {
            assert_eq!(migrate!(*connection, set, upgrade("head")).unwrap().steps.len(), count);
        },
        |(_, connection)| apply_bare(connection, count, row),
    )
}

/// How long it takes to apply a set by way of a proxy, and how often the client went on after an answer.
fn apply_by(kind: Kind, set: &Migrations, delay: Duration) -> (Duration, usize) {
    let database = Database::new(kind);
    let proxy = Proxy::of_url(&database.url(), delay);
    // The driver of MySQL would leave the proxy for the server's socket.
    let parameters = if kind == Kind::Mysql { "?prefer_socket=false" } else { "" };
    let connection = Connection::new(kind, &format!("{}{parameters}", proxy.url(&database.url())));
    let mut connection = unlogged(connection);
    let (start, turns) = (Instant::now(), proxy.turns());
    migrate!(connection, set, upgrade("head")).unwrap();
    (start.elapsed(), proxy.turns() - turns)
}

/// One transaction for the run, against the same text in one piece.
fn apply_at_once(kind: Kind, count: usize, row: Row) -> Comparison {
    let set = revisions(count).build();
    compare(
        5,
        || fresh(kind),
        |(_, connection)| {
            let report =
                migrate!(*connection, set, transaction(Transaction::PerRun).upgrade("head")).unwrap();
            assert_eq!(report.steps.len(), count);
        },
        |(_, connection)| {
            let steps: String = (1..=count).map(|n| bare_step(n, row)).collect();
            connection.run(&format!("{}; BEGIN; {steps} COMMIT", row.table()));
        },
    )
}

impl Row {
    /// Makes the table of versions.
    fn table(self) -> &'static str {
        match self {
            Self::Number => "CREATE TABLE versions (version INTEGER PRIMARY KEY)",
            Self::LikeOurs => {
                "CREATE TABLE versions (namespace VARCHAR(64) NOT NULL, seq BIGINT NOT NULL, revision TEXT NOT NULL, \
                 direction VARCHAR(64) NOT NULL, heads TEXT NOT NULL, digest TEXT NOT NULL, checksum TEXT, \
                 compatible BIGINT, state VARCHAR(64) NOT NULL, statements_done BIGINT NOT NULL, \
                 statements_total BIGINT NOT NULL, progress TEXT, down_sql TEXT, in_force TEXT, \
                 applied_by TEXT NOT NULL, started_at TIMESTAMP NOT NULL, finished_at TIMESTAMP NULL, \
                 format BIGINT NOT NULL, PRIMARY KEY (namespace, seq))"
            }
        }
    }

    /// Writes the row of the nth revision.
    fn insert(self, n: usize) -> String {
        match self {
            Self::Number => format!("INSERT INTO versions VALUES ({n})"),
            Self::LikeOurs => {
                let digest = format!("1:{n:064x}");
                format!(
                    "INSERT INTO versions (namespace, seq, revision, direction, heads, digest, checksum, compatible, \
                     state, statements_done, statements_total, progress, down_sql, in_force, applied_by, started_at, \
                     finished_at, format) VALUES ('main', {n}, 'i{n}', 'up', 'i{n}', '{digest}', '{digest}', NULL, 'done', \
                     1, 1, NULL, 'DELETE FROM t1 WHERE id = {n}', NULL, 'runtime[12345] 0123456789abcdef', \
                     CURRENT_TIMESTAMP, CURRENT_TIMESTAMP, 1)"
                )
            }
        }
    }
}

fn bare_step(n: usize, row: Row) -> String {
    let sql = if n == 1 {
        "CREATE TABLE t1 (id INTEGER PRIMARY KEY); INSERT INTO t1 VALUES (1)".to_owned()
    } else {
        format!("INSERT INTO t1 VALUES ({n})")
    };
    format!("{sql}; {};", row.insert(n))
}

/// What anybody would write by hand: a table of versions, and of each revision one transaction with one insert.
fn apply_bare(connection: &mut Connection, count: usize, row: Row) {
    connection.run(row.table());
    for n in 1..=count {
        connection.run(&format!("BEGIN; {} COMMIT", bare_step(n, row)));
    }
}
