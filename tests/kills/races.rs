//! Many starters at once, and what becomes of a lock whose holder is gone.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::guarantees::counted;
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

use crate::proxy::{Fate, Proxy};

/// How many processes start at once.
const STARTERS: usize = 32;

/// How long after the first the last one may be done.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// What is added to times where more processes want to run than there are processors.
const SLACK: Duration = Duration::from_secs(5);

/// Starts the program, which waits for a line before it begins.
fn start(url: &str, directory: &Path, options: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_migrating"))
        .args([url, directory.to_str().unwrap(), "upgrade", "head"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets starters go at once, and gives the steps that they say they took, sorted, and the time between the first that
/// was done and the last.
fn race(db: &Database, directories: &[&Path], options: &[&str]) -> (Vec<String>, Duration) {
    let directories = directories.iter().cycle().take(STARTERS);
    let mut starters: Vec<Child> =
        directories.map(|directory| start(&db.url(), directory, options)).collect();
    for starter in &mut starters {
        starter.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let waiting: Vec<_> = starters
        .into_iter()
        .map(|starter| std::thread::spawn(move || (starter.wait_with_output().unwrap(), Instant::now())))
        .collect();
    let mut taken = Vec::new();
    let mut ends = Vec::new();
    for starter in waiting {
        let (output, end) = starter.join().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        taken.extend(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned));
        ends.push(end);
    }
    taken.sort();
    (taken, *ends.iter().max().unwrap() - *ends.iter().min().unwrap())
}

/// Half of the starters have two revisions more, which let the others run.
fn mixed_versions(db: &Database, options: &[&str]) {
    let old = Revisions::tables(6);
    let new = ["s0007", "s0008"].into_iter().fold(Revisions::tables(6), |revisions, id| {
        let sections = format!("-- migrate:up\nCREATE TABLE {id} (n INTEGER);\nINSERT INTO {id} VALUES (1);\n-- migrate:down\nDROP TABLE {id};");
        revisions.keys(id, "-- compatible: yes", &sections)
    });
    let directories = [old.write(), new.write()];
    let (taken, afterwards) = race(db, &[directories[0].path(), directories[1].path()], options);
    assert_eq!(taken, ["r0001", "r0002", "r0003", "r0004", "r0005", "r0006", "s0007", "s0008"]);
    let mut connection = db.connect();
    let set = new.build();
    let history = migrate!(connection, set, history()).unwrap();
    assert_eq!(history.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    for table in ["t1", "t2", "t3", "t4", "t5", "t6", "s0007", "s0008"] {
        assert_eq!(connection.count(table), 1, "{table}");
    }
    if options.is_empty() {
        println!("{STARTERS} starters on {:?}: the last was done {afterwards:?} after the first", db.kind);
        assert!(afterwards < AFTERWARDS + SLACK, "the last was done {afterwards:?} after the first");
        counted("Many starters on one empty database", db.kind, STARTERS);
    } else {
        counted("The same without locks", db.kind, STARTERS);
    }
}

behaviours! {
    fn starters_of_two_versions_take_each_step_once_and_are_done_together(db) {
        mixed_versions(db, &[]);
    }

    fn without_locks_starters_of_two_versions_take_each_step_once(db) {
        mixed_versions(db, &["no-lock"]);
    }

    fn a_lock_whose_holder_was_killed_is_free_at_once(db) {
        if db.kind == Kind::Sqlite {
            // The lock is the file's, which the system frees with the process.
            let directory = Revisions::tables(2).write();
            let mut holder = start(&db.url(), directory.path(), &["stop-at=1"]);
            holder.stdin.take().unwrap().write_all(b"go\n").unwrap();
            let mut line = [0; 8];
            std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut line).unwrap();
            assert_eq!(&line, b"stopped\n");
            holder.kill().unwrap();
            holder.wait().unwrap();
        } else {
            // It is about to run its first statement when it is killed: the lock is its own by then.
            let url = db.url();
            let place = url.rsplit_once(':').unwrap().1;
            let port = place.split('/').next().unwrap().parse().unwrap();
            let directory = Revisions::tables(2).write();
            let judge = |_: usize, message: &[u8]| {
                let first = message.windows(15).any(|text| text == b"CREATE TABLE t1");
                if first { Fate::Hold } else { Fate::Forward }
            };
            let mut proxy = Proxy::start(db.kind, port, Box::new(judge));
            let url = url.replace(&format!(":{place}"), &format!(":{}/{}", proxy.port, db.name));
            // The proxy reads along.
            let url = format!("{url}?sslmode=disable");
            let url = if db.kind == Kind::Mysql { format!("{url}&prefer_socket=false") } else { url };
            let mut holder = start(&url, directory.path(), &[]);
            holder.stdin.take().unwrap().write_all(b"go\n").unwrap();
            assert!(proxy.stopped());
            let mut connection = db.connect();
            let set = Revisions::tables(2).build();
            let error = migrate!(connection, set, lock_timeout(Duration::ZERO).upgrade("head")).unwrap_err();
            assert_eq!(error.kind(), embed_migrations::ErrorKind::Locked);
            holder.kill().unwrap();
            holder.wait().unwrap();
        }
        let mut connection = db.connect();
        let set = Revisions::tables(2).build();
        let begun = Instant::now();
        migrate!(connection, set, upgrade("head")).unwrap();
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(1) + SLACK, "it was free after {waited:?}");
        assert_eq!((connection.count("t1"), connection.count("t2")), (1, 1));
        counted("A lock whose holder was killed", db.kind, 1);
    }
}

mod an_index_is_built_concurrently_while_others_wait {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let revisions = Revisions::new()
            .sql("a", "CREATE TABLE t1 (x INTEGER); INSERT INTO t1 SELECT generate_series(1, 50000)", "")
            .sections(
                "b",
                "-- migrate:up no-transaction\nCREATE INDEX CONCURRENTLY t1_x ON t1 (x);\n\
                 CREATE UNIQUE INDEX CONCURRENTLY ON t1 (x);\nINSERT INTO t1 VALUES (0);",
            );
        let directory = revisions.write();
        let (taken, _) = race(&db, &[directory.path()], &[]);
        assert_eq!(taken, ["a", "b"]);
        let mut connection = db.connect();
        let valid = "SELECT count(*) FROM pg_index WHERE indrelid = 't1'::regclass AND indisvalid";
        assert_eq!(connection.value(valid), "2");
        assert_eq!(connection.count("t1"), 50_001);
        counted("An index built concurrently", Kind::Postgres, STARTERS);
    }
}
