//! The runtime beside the bare driver: a start with nothing to do against one `SELECT` of one row, and applying revisions
//! against the same statements with one transaction and one insert each.
//!
//! `cargo bench -p embed-migrations-benches` measures SQLite; with the variables that `cargo xtask servers` prints, the
//! servers as well.

use embed_migrations_benches::{Comparison, compare};
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
        print(&format!("{kind:?}: apply"), 100, &apply(kind, 100));
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

fn apply(kind: Kind, count: usize) -> Comparison {
    let set = revisions(count).build();
    compare(
        7,
        || {
            let database = Database::new(kind);
            assert_eq!(migrate!(database.connect(), set, upgrade("head")).unwrap().steps.len(), count);
        },
        || {
            let database = Database::new(kind);
            apply_bare(&mut database.connect(), count);
        },
    )
}

/// What anybody would write by hand: a table of versions, and of each revision one transaction with one insert.
fn apply_bare(connection: &mut Connection, count: usize) {
    connection.run("CREATE TABLE versions (version INTEGER PRIMARY KEY)");
    for n in 1..=count {
        let sql = if n == 1 {
            "CREATE TABLE t1 (id INTEGER PRIMARY KEY); INSERT INTO t1 VALUES (1)".to_owned()
        } else {
            format!("INSERT INTO t1 VALUES ({n})")
        };
        connection.run(&format!("BEGIN; {sql}; INSERT INTO versions VALUES ({n}); COMMIT"));
    }
}
