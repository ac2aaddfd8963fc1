//! Statements that wait for the application's own traffic.

use std::time::{Duration, Instant};

use embed_migrations::{ErrorKind, Event};
use embed_migrations_tests::database::{Connection, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

const TRY: Duration = Duration::from_secs(1);

/// A table with a reader of the application's that does not come to an end, and a revision that wants to change it.
fn read(db: &embed_migrations_tests::database::Database) -> (Revisions, Connection, Connection) {
    let revisions = Revisions::tables(1).sql("wants", "ALTER TABLE t1 ADD COLUMN a INTEGER;", "");
    let mut connection = db.connect();
    if db.kind == Kind::Sqlite {
        // Or else nothing is told of before SQLite's own five seconds are over.
        connection.rows("PRAGMA busy_timeout = 20");
    }
    migrate!(connection, revisions.build(), upgrade("r0001")).unwrap();
    let mut reader = db.connect();
    // On SQLite readers keep nobody waiting, but for one in the middle of writing.
    reader.run(if db.kind == Kind::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" });
    assert_eq!(reader.count("t1"), 1);
    (revisions, connection, reader)
}

behaviours! {
    fn a_long_reader_is_waited_for_in_short_tries_and_the_step_is_taken_when_it_is_done(db) {
        let (revisions, mut connection, reader) = read(db);
        let mut told = Vec::new();
        let mut blocked = 0;
        let mut reader = Some(reader);
        let mut release = || {
            let mut reader = reader.take().unwrap();
            // A runtime of its own, which cannot be used within the run's.
            std::thread::spawn(move || reader.run("COMMIT")).join().unwrap();
        };
        let report = migrate!(connection, revisions.build(), statement_lock_timeout(TRY).on_event(|event| {
            told.push(event.to_string());
            if let Event::Blocked { step, by, waited, .. } = event {
                assert_eq!(step.revision, "wants");
                match db.kind {
                    // It does not know who has its lock.
                    Kind::Sqlite => assert_eq!(*by, None),
                    _ => assert!(by.is_some_and(|by| by.contains("in a transaction since 20")), "{by:?}"),
                }
                assert!(*waited >= Duration::from_millis(100), "{waited:?}");
                blocked += 1;
                release();
            }
        }).upgrade("head")).unwrap();
        assert_eq!(report.steps.len(), 1);
        assert_eq!(blocked, 1, "{told:?}");
        assert_eq!(told.iter().filter(|told| told.ends_with("up wants Revision wants")).count(), 1, "{told:?}");
        assert_eq!(connection.rows("SELECT a FROM t1"), [["NULL"]]);
    }

    fn as_long_as_a_lock_lasts_it_is_told_of_again_and_again(db) {
        let (revisions, mut connection, mut reader) = read(db);
        let mut told = Vec::new();
        migrate!(connection, revisions.build(), statement_lock_timeout(TRY).lock_timeout(Duration::from_secs(4)).on_event(|event| {
            if let Event::Blocked { waited, .. } = event {
                told.push(*waited);
            }
        }).upgrade("head")).unwrap_err();
        assert!(told.len() >= 2 && told.len() < 20 && told.is_sorted(), "{told:?}");
        reader.run("COMMIT");
    }

    fn others_get_on_between_two_tries(db) {
        if db.kind == Kind::Sqlite {
            return;
        }
        let (revisions, mut connection, mut reader) = read(db);
        let (kind, url) = (db.kind, db.url());
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        // Whoever wants to read queues up behind the statement that waits, and would for as long as it does.
        let traffic = std::thread::spawn(move || {
            let mut connection = Connection::new(kind, &url);
            let mut longest = Duration::ZERO;
            while stopped.try_recv().is_err() {
                let start = Instant::now();
                assert_eq!(connection.count("t1"), 1);
                longest = longest.max(start.elapsed());
                std::thread::sleep(Duration::from_millis(10));
            }
            longest
        });
        let timeout = Duration::from_secs(4);
        let error = migrate!(connection, revisions.build(), statement_lock_timeout(TRY).lock_timeout(timeout).upgrade("head")).unwrap_err();
        stop.send(()).unwrap();
        let longest = traffic.join().unwrap();
        assert!(longest < Duration::from_secs(3), "{longest:?}");
        assert_eq!(error.kind(), ErrorKind::Revision);
        reader.run("COMMIT");
        migrate!(connection, revisions.build(), upgrade("head")).unwrap();
    }

    fn when_the_time_is_over_the_error_says_who_blocks(db) {
        let (revisions, mut connection, mut reader) = read(db);
        let start = Instant::now();
        let error = migrate!(connection, revisions.build(),
            statement_lock_timeout(TRY).lock_timeout(Duration::from_secs(2)).upgrade("head")).unwrap_err();
        let waited = start.elapsed();
        assert!(waited >= Duration::from_millis(900) && waited < Duration::from_secs(15), "{waited:?}");
        let text = error.to_string();
        match db.kind {
            Kind::Sqlite => assert!(text.contains("another connection has kept the database locked"), "{text}"),
            Kind::Postgres => {
                let process = reader.value("SELECT pg_backend_pid()");
                for part in [&*format!("it was waiting for process {process}, user `"), "in a transaction since 20", "idle in transaction", "count(*) FROM t1"] {
                    assert!(text.contains(part), "{part}: {text}");
                }
            }
            Kind::Mysql => {
                let number = reader.value("SELECT CONNECTION_ID()");
                assert!(text.contains(&format!("connection {number}, user `")), "{text}");
                assert!(text.contains("in a transaction since 20"), "{text}");
            }
        }
        reader.run("COMMIT");
        // The session is as it was.
        match db.kind {
            Kind::Sqlite => {}
            Kind::Postgres => assert_eq!(connection.value("SHOW lock_timeout"), "0"),
            Kind::Mysql => assert_eq!(
                connection.value("SELECT @@lock_wait_timeout = @@GLOBAL.lock_wait_timeout AND @@innodb_lock_wait_timeout = @@GLOBAL.innodb_lock_wait_timeout"),
                "1"
            ),
        }
        migrate!(connection, revisions.build(), upgrade("head")).unwrap();
    }

    fn a_limit_of_the_sessions_own_that_is_shorter_is_left(db) {
        if db.kind == Kind::Sqlite {
            return;
        }
        let (revisions, mut connection, mut reader) = read(db);
        connection.run(if db.kind == Kind::Postgres { "SET lock_timeout = '200ms'" } else { "SET lock_wait_timeout = 1" });
        let start = Instant::now();
        migrate!(connection, revisions.build(),
            statement_lock_timeout(Duration::from_secs(60)).lock_timeout(Duration::ZERO).upgrade("head")).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        let show = if db.kind == Kind::Postgres { "SHOW lock_timeout" } else { "SELECT @@lock_wait_timeout" };
        assert_eq!(connection.value(show), if db.kind == Kind::Postgres { "200ms" } else { "1" });
        reader.run("COMMIT");
    }
}

/// On MySQL and MariaDB DDL is in force before its record is.
mod a_statement_whose_record_waits_in_vain_is_not_done_twice {
    use super::*;
    use embed_migrations_tests::database::Database;

    #[test]
    fn mysql() {
        let db = Database::new(Kind::Mysql);
        let revisions = Revisions::tables(1);
        let mut connection = db.connect();
        migrate!(connection, revisions.build(), upgrade("head")).unwrap();
        let revisions = revisions.sql(
            "slow",
            "CREATE TABLE s AS SELECT SLEEP(2) AS a;\nALTER TABLE t1 ADD INDEX (id);\nALTER TABLE t1 ADD INDEX (id);",
            "",
        );
        let url = db.url();
        let other = std::thread::spawn(move || {
            let mut reader = Connection::new(Kind::Mysql, &url);
            std::thread::sleep(Duration::from_millis(1000));
            reader.run("BEGIN");
            assert_eq!(
                reader.rows("SELECT state FROM migrate_history ORDER BY seq DESC LIMIT 1 FOR UPDATE"),
                [["running"]]
            );
            std::thread::sleep(Duration::from_millis(3500));
            reader.run("COMMIT");
        });
        let mut blocked = 0;
        let result = migrate!(
            connection,
            revisions.build(),
            statement_lock_timeout(TRY)
                .on_event(|event| blocked += usize::from(matches!(event, Event::Blocked { .. })))
                .upgrade("head")
        );
        other.join().unwrap();
        assert!(blocked > 0);
        assert_eq!(result.unwrap().steps.len(), 1);
        let indexes = "SELECT COUNT(*) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() \
                       AND TABLE_NAME = 't1' AND COLUMN_NAME = 'id' AND INDEX_NAME LIKE 'id%'";
        assert_eq!(connection.value(indexes), "2");
        assert_eq!(connection.count("s"), 1);
    }
}

/// Indexes of PostgreSQL that a run builds concurrently, where an earlier try left one that is not valid.
mod postgres_invalid_index {
    use std::sync::mpsc::{Sender, channel};
    use std::thread::{JoinHandle, spawn};

    use embed_migrations::Migrations;
    use embed_migrations_tests::database::Database;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    fn set(db: &Database) -> (Migrations, Connection) {
        let up = "-- migrate:up no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (id);";
        let set = Revisions::tables(1).sections("m", up).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("r0001")).unwrap();
        (set, connection)
    }

    /// Commits when it is told to, and at the latest before a test is taken for one that hangs.
    fn commits_later(mut connection: Connection) -> (Sender<()>, JoinHandle<()>) {
        let (tell, told) = channel();
        let thread = spawn(move || {
            let _ = told.recv_timeout(Duration::from_secs(20));
            connection.run("COMMIT");
        });
        (tell, thread)
    }

    fn assert_is_built(connection: &mut Connection) {
        let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass";
        assert_eq!(connection.value(valid), "t");
        assert_eq!(connection.value("SHOW lock_timeout"), "0");
    }

    #[test]
    fn it_is_dropped_as_soon_as_whoever_works_on_the_table_lets_it_and_until_then_the_error_names_them() {
        let db = Database::new(Kind::Postgres);
        let (set, mut connection) = set(&db);
        connection.run("CREATE INDEX i ON t1 (id)");
        connection.run("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass");
        let mut other = db.connect();
        other.run("BEGIN");
        other.run("ANALYZE t1");
        let process = other.value("SELECT pg_backend_pid()");
        let (commit, other) = commits_later(other);
        let mut blocked = 0;
        let error = migrate!(
            connection,
            set,
            lock_timeout(LIMIT)
                .statement_lock_timeout(LIMIT / 4)
                .on_event(|event| blocked += u32::from(matches!(event, Event::Blocked { .. })))
                .upgrade("head")
        )
        .unwrap_err();
        assert!(error.to_string().contains(&format!("waiting for process {process}, user `")), "{error}");
        assert!(blocked > 0);
        assert_eq!(connection.value("SHOW lock_timeout"), "0");
        commit.send(()).unwrap();
        other.join().unwrap();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_is_built(&mut connection);
    }

    #[test]
    fn one_that_another_session_builds_is_waited_for_and_not_dropped() {
        let db = Database::new(Kind::Postgres);
        let (set, mut connection) = set(&db);
        let mut writer = db.connect();
        writer.run("BEGIN");
        writer.run("INSERT INTO t1 VALUES (2)");
        let mut builder = db.connect();
        let process = builder.value("SELECT pg_backend_pid()");
        let built = spawn(move || builder.run("CREATE INDEX CONCURRENTLY i ON t1 (id)"));
        while connection.value("SELECT count(*) FROM pg_class WHERE relname = 'i'") == "0" {
            std::thread::sleep(Duration::from_millis(20));
        }
        let (commit, writer) = commits_later(writer);
        let error = migrate!(connection, set, lock_timeout(LIMIT).upgrade("head")).unwrap_err();
        assert!(error.to_string().contains(&format!("waiting for process {process}, user `")), "{error}");
        commit.send(()).unwrap();
        writer.join().unwrap();
        built.join().unwrap();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_is_built(&mut connection);
    }
}
