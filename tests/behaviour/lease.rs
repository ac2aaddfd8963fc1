//! Runs that are kept apart without a lock of their sessions.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use embed_migrations::{ErrorKind, Event, Lock, Result};
use embed_migrations_tests::database::{Connection, Database, Kind, Native};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

const SHORT: Duration = Duration::from_millis(300);

/// A moment in the server's time, so many seconds from now.
fn in_seconds(kind: Kind, seconds: i32) -> String {
    match kind {
        Kind::Postgres => format!("clock_timestamp() + interval '{seconds} seconds'"),
        _ => format!("UTC_TIMESTAMP(6) + INTERVAL {seconds} SECOND"),
    }
}

/// A revision whose first statement takes seconds, in a transaction or not.
fn slow(kind: Kind, options: &str) -> Revisions {
    let (sleep, backend) = match kind {
        Kind::Sqlite => ("SELECT 1", "sqlite"),
        Kind::Postgres => ("SELECT pg_sleep(2)", "postgres"),
        Kind::Mysql => ("CREATE TABLE slept AS SELECT SLEEP(2) AS a", "mysql"),
    };
    Revisions::tables(1).sections(
        "slow",
        &format!("-- migrate:up {backend}{options}\n{sleep};\nCREATE TABLE once (id INTEGER);\nINSERT INTO once VALUES (1);"),
    )
}

/// Starts a run in a thread of its own, and waits until it is at the slow statement.
fn start_slow(db: &Database, options: &'static str, lock: Lock) -> JoinHandle<Result<usize>> {
    let (kind, url) = (db.kind, db.url());
    let (started, wait) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        let set = slow(kind, options).build();
        let mut connection = Connection::new(kind, &url);
        let told = migrate!(
            connection,
            set,
            lock(lock)
                .lease(SHORT)
                .applied_by("deploy (blue)")
                .on_event(move |event| {
                    if matches!(event, Event::Started { step, .. } if step.revision == "slow") {
                        let _ = started.send(());
                    }
                })
                .upgrade("head")
        );
        told.map(|report| report.steps.len())
    });
    wait.recv().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    other
}

behaviours! {
    fn a_run_under_a_lease_does_its_work_and_gives_it_back(db) {
        let set = Revisions::tables(3).build();
        let mut connection = db.connect();
        assert_eq!(migrate!(connection, set, lock(Lock::Lease).upgrade("head")).unwrap().steps.len(), 3);
        assert!(migrate!(connection, set, lock(Lock::Lease).upgrade("head")).unwrap().is_empty());
        let bad = Revisions::tables(3).sql("bad", "SELECT nothing FROM nowhere", "").build();
        migrate!(connection, bad, lock(Lock::Lease).upgrade("head")).unwrap_err();
        migrate!(connection, set, lock(Lock::Lease).downgrade("base")).unwrap();
        assert_eq!(db.tables(), Vec::<String>::new());
        match db.kind {
            // Its write lock is all that is needed.
            Kind::Sqlite => assert!(connection.try_run("SELECT * FROM migrate_history_lease").is_err()),
            _ => assert_eq!(connection.count("migrate_history_lease"), 0),
        }
    }

    fn a_lease_that_another_has_is_waited_for_and_its_owner_is_named(db) {
        let set = Revisions::tables(2).build();
        let mut connection = db.connect();
        migrate!(connection, set, lock(Lock::Lease).upgrade("r0001")).unwrap();
        if db.kind == Kind::Sqlite {
            return;
        }
        let lease = format!("INSERT INTO migrate_history_lease VALUES ('main', 'somebody', {})", in_seconds(db.kind, 3));
        connection.run(&lease);
        let mut holders = Vec::new();
        let error = migrate!(connection, set, lock(Lock::Lease).lock_timeout(SHORT).on_event(|event| {
            if let Event::Waiting { holder: Some(holder), .. } = event {
                holders.push((*holder).to_owned());
            }
        }).upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
        assert!(error.to_string().contains("(somebody, lease until 20"), "{error}");
        assert!(holders.iter().any(|holder| holder.starts_with("somebody, lease until 20")), "{holders:?}");
        assert_eq!(db.tables(), ["t1"]);
        // Of one that is dead, once it is over.
        let start = Instant::now();
        migrate!(connection, set, lock(Lock::Lease).upgrade("head")).unwrap();
        assert!(start.elapsed() > Duration::from_secs(1), "{:?}", start.elapsed());
        assert_eq!((db.tables().len(), connection.count("migrate_history_lease")), (2, 0));
    }

    fn a_lease_that_is_over_is_not_taken_while_the_server_is_at_its_owners_statement(db) {
        for options in ["", " no-transaction"] {
            let db = &Database::new(db.kind);
            let other = start_slow(db, options, Lock::Lease);
            let set = slow(db.kind, options).build();
            let mut waited = Duration::ZERO;
            let report = migrate!(db.connect(), set, lock(Lock::Lease).on_event(|event| {
                if let Event::Waiting { waited: so_far, .. } = event {
                    waited = *so_far;
                }
            }).upgrade("head")).unwrap();
            assert_eq!(other.join().unwrap().unwrap(), 2, "the owner did it all");
            assert!(report.is_empty(), "{report}");
            assert_eq!(db.connect().count("once"), 1);
            assert!(db.kind == Kind::Sqlite || waited > Duration::from_secs(1), "{waited:?}");
        }
    }

    fn without_a_lock_a_statement_is_not_taken_over_while_the_server_is_at_it(db) {
        let other = start_slow(db, " no-transaction", Lock::None);
        let set = slow(db.kind, " no-transaction").build();
        let mut told = Vec::new();
        let first = migrate!(db.connect(), set, lock(Lock::None).lock_timeout(SHORT).on_event(|event| {
            if let Event::Waiting { waited, .. } = event {
                told.push(*waited);
            }
        }).upgrade("head"));
        assert!(told.windows(2).all(|two| two[1] > two[0] + two[0].min(Duration::from_millis(200))), "{told:?}");
        if db.kind != Kind::Sqlite {
            let error = first.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
        }
        assert_eq!(other.join().unwrap().unwrap(), 2);
        assert!(migrate!(db.connect(), set, lock(Lock::None).upgrade("head")).unwrap().is_empty());
        assert_eq!(db.connect().count("once"), 1);
    }

    fn without_a_lock_a_run_that_has_one_is_left_to_its_work(db) {
        for lock in [Lock::None, Lock::Lease] {
            let db = &Database::new(db.kind);
            let other = start_slow(db, " no-transaction", Lock::Session);
            let set = slow(db.kind, " no-transaction").build();
            let first = migrate!(db.connect(), set, lock(lock).lock_timeout(SHORT).upgrade("head"));
            if db.kind != Kind::Sqlite {
                let error = first.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
            }
            assert_eq!(other.join().unwrap().unwrap(), 2);
            assert!(migrate!(db.connect(), set, lock(lock).upgrade("head")).unwrap().is_empty());
            assert_eq!(db.connect().count("once"), 1);
        }
    }

    fn without_a_lock_the_row_of_a_dead_run_is_taken_over_soon(db) {
        let set = Revisions::tables(1).sections("m",
            "-- migrate:up no-transaction\nCREATE TABLE t2 (id INTEGER);\nINSERT INTO nowhere VALUES (1);").build();
        let mut connection = db.connect();
        migrate!(connection, set, lock(Lock::None).upgrade("head")).unwrap_err();
        drop(connection);
        // As if it had not got to say that it stopped.
        let mut connection = db.connect();
        let owner = connection.value("SELECT applied_by FROM migrate_history WHERE state = 'running'");
        let owner = owner.strip_suffix(" (stopped)").unwrap();
        connection.run(&format!("UPDATE migrate_history SET applied_by = '{owner}' WHERE state = 'running'"));
        connection.run("CREATE TABLE nowhere (id INTEGER)");
        let start = Instant::now();
        migrate!(connection, set, lock(Lock::None).upgrade("head")).unwrap();
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!(connection.count("nowhere"), 1);
    }

    fn the_lease_of_a_dropped_future_is_free_at_once(db) {
        if db.kind == Kind::Sqlite {
            return;
        }
        let set = slow(db.kind, "").build();
        let mut connection = db.connect();
        let Connection { native, runtime } = &mut connection;
        runtime.block_on(async {
            let soon = Duration::from_millis(700);
            let long = Duration::from_secs(3600);
            match native {
                Native::Postgres(client) => {
                    let run = set.postgres(client).lock(Lock::Lease).lease(long).upgrade("head");
                    tokio::time::timeout(soon, run).await.unwrap_err();
                    // The connection's task sends what the run left to be sent.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Native::Mysql(conn) => {
                    let run = set.mysql(conn).lock(Lock::Lease).lease(long).upgrade("head");
                    tokio::time::timeout(soon, run).await.unwrap_err();
                }
                Native::Sqlite(_) => unreachable!(),
            }
        });
        let start = Instant::now();
        migrate!(db.connect(), set, lock(Lock::Lease).upgrade("head")).unwrap();
        // What the server was at it finishes first.
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert_eq!(db.connect().count("once"), 1);
    }
}

mod mysql {
    use super::*;

    /// As after a restart of the server, which gives the numbers of connections again.
    #[test]
    fn a_connection_of_another_user_is_not_taken_for_a_dead_run_by_its_number() {
        let db = Database::new(Kind::Mysql);
        let set = Revisions::tables(1)
            .sections(
                "m",
                "-- migrate:up no-transaction\nCREATE TABLE t2 (id INTEGER);\nINSERT INTO nowhere VALUES (1);",
            )
            .build();
        let mut connection = db.connect();
        migrate!(connection, set, lock(Lock::None).upgrade("head")).unwrap_err();
        let owner = connection.value("SELECT applied_by FROM migrate_history WHERE state = 'running'");
        let owner = owner.strip_suffix(" (stopped)").unwrap();
        let (before, after) = owner.split_once(", connection ").unwrap();
        let (_, after) = after.split_once(" of ").unwrap();

        let mut user = format!("busy_{}", db.name);
        user.truncate(32);
        connection.run(&format!("CREATE USER {user} IDENTIFIED BY 'p'"));
        connection.run(&format!("GRANT ALL ON {}.* TO {user}", db.name));
        let url = db.url_for(&user, "p");
        let (told, number) = std::sync::mpsc::channel();
        let busy = std::thread::spawn(move || {
            let mut busy = Connection::new(Kind::Mysql, &url);
            told.send(busy.value("SELECT CONNECTION_ID()")).unwrap();
            busy.try_run("SELECT SLEEP(60)").is_err()
        });
        let number = number.recv().unwrap();
        std::thread::sleep(SHORT);
        connection.run(&format!(
            "UPDATE migrate_history SET applied_by = '{before}, connection {number} of {after}' WHERE state = 'running'"
        ));
        connection.run("CREATE TABLE nowhere (id INTEGER)");
        let upgraded =
            migrate!(connection, set, lock(Lock::None).lock_timeout(Duration::from_secs(5)).upgrade("head"));
        connection.run(&format!("KILL {number}"));
        assert!(busy.join().unwrap());
        connection.run(&format!("DROP USER {user}"));
        upgraded.unwrap();
        assert_eq!(connection.count("nowhere"), 1);
    }
}
