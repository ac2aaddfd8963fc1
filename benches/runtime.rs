//! The runtime beside the bare driver: a start with nothing to do against one `SELECT` of one row, and applying revisions
//! against the same statements with one transaction and one insert each.
//!
//! `cargo bench -p embed-migrations-benches` measures SQLite; with the variables that `cargo xtask servers` prints, the
//! servers as well.

use embed_migrations::Transaction;
use embed_migrations_benches::{Comparison, compare, compare_on};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;

fn main() {
    println!("{:<34} {:>6} {:>12} {:>12} {:>7}  spread", "", "N", "ours", "bare driver", "ratio");
    for kind in [Kind::Sqlite, Kind::Postgres, Kind::Mysql] {
        let variable = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some("EMBED_MIGRATIONS_TEST_POSTGRES"),
            Kind::Mysql => Some("EMBED_MIGRATIONS_TEST_MYSQL"),
        };
        if let Some(variable) = variable.filter(|variable| std::env::var_os(variable).is_none()) {
            println!("{kind:?} is left out: {variable} is not set");
            continue;
        }
        for count in [10, 1000] {
            print(&format!("{kind:?}: start with nothing to do"), count, &nothing_to_do(kind, count));
        }
        for count in [100, 1000] {
            print(&format!("{kind:?}: apply"), count, &apply(kind, count));
        }
        if kind != Kind::Mysql {
            print(&format!("{kind:?}: apply in one transaction"), 1000, &apply_at_once(kind, 1000));
        }
    }
}

fn print(what: &str, count: usize, result: &Comparison) {
    let Comparison { ours, bare, ratio, spread } = result;
    println!(
        "{what:<34} {count:>6} {ours:>12.1?} {bare:>12.1?} {ratio:>7.2}  {:.2} to {:.2}",
        spread.0, spread.1
    );
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

fn nothing_to_do(kind: Kind, count: usize) -> Comparison {
    let database = Database::new(kind);
    let set = revisions(count).build();
    migrate!(database.connect(), set, upgrade("head")).unwrap();
    let mut ours = database.connect();
    let mut bare = database.connect();
    compare(
        301,
        || assert!(migrate!(ours, set, upgrade("head")).unwrap().is_empty()),
        || {
            let select = format!("SELECT * FROM migrate_history WHERE namespace = 'main' AND seq = {count}");
            assert_eq!(bare.rows(&select).len(), 1);
        },
    )
}

fn fresh(kind: Kind) -> (Database, Connection) {
    let database = Database::new(kind);
    let connection = database.connect();
    (database, connection)
}

/// One transaction and one row of history per revision, against the same by hand.
fn apply(kind: Kind, count: usize) -> Comparison {
    let set = revisions(count).build();
    compare_on(
        5,
        || fresh(kind),
        |(_, connection)| {
            assert_eq!(migrate!(*connection, set, upgrade("head")).unwrap().steps.len(), count);
        },
        |(_, connection)| apply_bare(connection, count),
    )
}

/// One transaction for the run, against the same text in one piece.
fn apply_at_once(kind: Kind, count: usize) -> Comparison {
    let set = revisions(count).build();
    compare_on(
        5,
        || fresh(kind),
        |(_, connection)| {
            let report =
                migrate!(*connection, set, transaction(Transaction::PerRun).upgrade("head")).unwrap();
            assert_eq!(report.steps.len(), count);
        },
        |(_, connection)| {
            let steps: String = (1..=count).map(bare_step).collect();
            connection.run(&format!("{VERSIONS}; BEGIN; {steps} COMMIT"));
        },
    )
}

const VERSIONS: &str = "CREATE TABLE versions (version INTEGER PRIMARY KEY)";

fn bare_step(n: usize) -> String {
    let sql = if n == 1 {
        "CREATE TABLE t1 (id INTEGER PRIMARY KEY); INSERT INTO t1 VALUES (1)".to_owned()
    } else {
        format!("INSERT INTO t1 VALUES ({n})")
    };
    format!("{sql}; INSERT INTO versions VALUES ({n});")
}

/// What anybody would write by hand: a table of versions, and of each revision one transaction with one insert.
fn apply_bare(connection: &mut Connection, count: usize) {
    connection.run(VERSIONS);
    for n in 1..=count {
        connection.run(&format!("BEGIN; {} COMMIT", bare_step(n)));
    }
}
