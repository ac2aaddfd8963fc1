//! A fleet beside the bare driver: many schemas of one PostgreSQL database, and many SQLite files, when each is new and when there
//! is nothing to do.
//!
//! `cargo bench -p embed-migrations-benches --bench fleet` measures SQLite; with the variables that `cargo xtask servers`
//! prints, PostgreSQL as well.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use embed_migrations::{FleetReport, FleetTarget, Migrations, Report};
use embed_migrations_benches::table::Format;
use embed_migrations_benches::{Cost, summary};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::revisions::Revisions;

const SCHEMAS: usize = 1000;
const FILES: usize = 500;

/// How many revisions a new target gets.
const STEPS: usize = 3;

/// How many targets are under way at a time where it is not one.
const LIMIT: usize = 8;

/// How often each is measured.
const ROUNDS: usize = 3;

/// The last row as the runtime has it.
const SELECT: &str = "SELECT seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, \
                      statements_total, progress, applied_by, format FROM";

fn main() {
    let format = Format::of_arguments();
    format.print_head();
    let set = Revisions::tables(STEPS).build();
    files(format, &set);
    if std::env::var_os("EMBED_MIGRATIONS_TEST_POSTGRES").is_some() {
        schemas(format, &set, 1);
        schemas(format, &set, LIMIT);
    } else {
        eprintln!("Postgres is left out: EMBED_MIGRATIONS_TEST_POSTGRES is not set");
    }
}

/// Pairs of ours and of the bare driver, new and with nothing to do.
type Pairs = Vec<(Cost, Cost)>;

fn print(format: Format, what: &str, count: usize, [new, idle]: [&Pairs; 2]) {
    for (what, pairs) in [(format!("{what}: apply"), new), (format!("{what}: nothing to do"), idle)] {
        let comparison = summary(pairs);
        format.print(&what, count, &comparison);
        let each = comparison.ours.time.as_secs_f64() * 1000.0 / count as f64;
        format.print_value(&format!("{what}, ms per target"), count, each);
    }
}

fn timed(work: impl FnOnce()) -> Cost {
    let start = Instant::now();
    work();
    Cost { time: start.elapsed(), cpu: None }
}

fn check(report: &FleetReport<Report>, idle: bool) {
    assert!(report.is_success(), "{report}");
    let line = report.to_string();
    let expected = if idle { "with nothing to do" } else { "changed" };
    assert!(
        line.lines()
            .last()
            .is_some_and(|line| line.contains(&format!(": {} {expected} (", report.targets.len())))
    );
}

/// Both on databases of their own, in turn; the bare driver over one connection, as whoever writes a loop would have it.
fn schemas(format: Format, set: &Migrations, limit: usize) {
    let (mut new, mut idle) = (Pairs::new(), Pairs::new());
    for _ in 0..ROUNDS {
        let [ours, bare] = [0, 1].map(|_| {
            let database = Database::new(Kind::Postgres);
            let mut connection = database.connect();
            (0..SCHEMAS).for_each(|n| connection.run(&format!("CREATE SCHEMA tenant_{n}")));
            (database, connection)
        });
        let fleet = |idle| {
            let targets = (0..SCHEMAS).map(|n| FleetTarget::schema(ours.0.url(), format!("tenant_{n}")));
            let fleet = set.fleet(targets).limit(limit);
            check(&ours.1.runtime.block_on(fleet.upgrade("head")), idle);
        };
        let mut connection = bare.1;
        new.push((
            timed(|| fleet(false)),
            timed(|| {
                for n in 0..SCHEMAS {
                    connection.run(&format!("SET search_path = tenant_{n}"));
                    apply_bare(|sql| connection.run(sql));
                }
            }),
        ));
        // What the bare driver reads is what the runtime has written.
        let mut connection = Connection::new(Kind::Postgres, &ours.0.url());
        idle.push((
            timed(|| fleet(true)),
            timed(|| {
                for n in 0..SCHEMAS {
                    let sql = format!(
                        "{SELECT} tenant_{n}.migrate_history WHERE namespace = 'main' ORDER BY seq DESC LIMIT 1"
                    );
                    assert_eq!(connection.rows(&sql).len(), 1);
                }
            }),
        ));
    }
    let lanes = if limit == 1 { "1 connection".to_owned() } else { format!("{limit} connections") };
    print(format, &format!("Postgres schemas, {lanes}"), SCHEMAS, [&new, &idle]);
}

/// Both on as many threads, each file opened anew.
fn files(format: Format, set: &Migrations) {
    let (mut new, mut idle) = (Pairs::new(), Pairs::new());
    for _ in 0..ROUNDS {
        let [ours, bare] = [0, 1].map(|_| Database::new(Kind::Sqlite));
        let fleet = |idle| {
            let target = |n| FleetTarget::new(format!("sqlite:{}", file(&ours, n).display()));
            check(&set.fleet((0..FILES).map(target)).limit(LIMIT).upgrade_sqlite("head"), idle);
        };
        let open = |path: &Path| rusqlite::Connection::open(path).unwrap();
        new.push((
            timed(|| fleet(false)),
            timed(|| {
                on_threads(|n| {
                    let connection = open(&file(&bare, n));
                    apply_bare(|sql| connection.execute_batch(sql).unwrap());
                });
            }),
        ));
        idle.push((
            timed(|| fleet(true)),
            timed(|| {
                on_threads(|n| {
                    let sql = format!(
                        "{SELECT} migrate_history WHERE namespace = 'main' ORDER BY seq DESC LIMIT 1"
                    );
                    let connection = open(&file(&ours, n));
                    let seq: i64 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
                    assert_eq!(seq, STEPS as i64);
                });
            }),
        ));
    }
    print(format, &format!("Sqlite files, {LIMIT} threads"), FILES, [&new, &idle]);
}

fn file(database: &Database, n: usize) -> PathBuf {
    database.directory.path().join(format!("tenant_{n}.db"))
}

fn on_threads(work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..LIMIT {
            scope.spawn(|| {
                while let Some(n) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < FILES) {
                    work(n);
                }
            });
        }
    });
}

/// What anybody would write by hand: a table of versions, and of each revision one transaction with one insert.
fn apply_bare(mut run: impl FnMut(&str)) {
    run("CREATE TABLE versions (version INTEGER PRIMARY KEY)");
    for n in 1..=STEPS {
        run(&format!(
            "BEGIN; CREATE TABLE t{n} (id INTEGER PRIMARY KEY); INSERT INTO t{n} VALUES ({n}); \
             INSERT INTO versions VALUES ({n}); COMMIT"
        ));
    }
}
