//! Indexes of PostgreSQL that a run builds anew concurrently, and what its tries leave beside them.

use std::time::Duration;

use embed_migrations::{Event, Migrations};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;

const TRY: Duration = Duration::from_millis(300);

const INVALID: &str =
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid";

const TABLE: &str = "CREATE TABLE t1 (id INTEGER PRIMARY KEY);\nINSERT INTO t1 VALUES (1);";

/// A table, a revision that builds its index anew, and a writer of the application's that does not come to an end.
fn written(db: &Database, table: &str, statement: &str) -> (Migrations, Connection, Connection) {
    let section = format!("-- migrate:up no-transaction lock-timeout={}ms\n{statement};", TRY.as_millis());
    let set = Revisions::new().sql("made", table, "").sections("anew", &section).build();
    let mut connection = db.connect();
    migrate!(connection, set, upgrade("made")).unwrap();
    let mut writer = db.connect();
    writer.run("BEGIN");
    writer.run("UPDATE t1 SET id = id");
    (set, connection, writer)
}

mod what_tries_have_left_is_gone_once_one_has_succeeded {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let (set, mut connection, writer) = written(&db, TABLE, "REINDEX TABLE CONCURRENTLY t1");
        let (mut writer, mut blocked, mut left) = (Some(writer), 0, Vec::new());
        let report = migrate!(
            connection,
            set,
            on_event(|event| {
                if matches!(event, Event::Blocked { .. }) {
                    blocked += 1;
                    let at = db.url();
                    let done = writer.take_if(|_| blocked == 3);
                    // On a runtime of its own: that of a run cannot be used within its events.
                    let look = std::thread::spawn(move || {
                        done.into_iter().for_each(|mut writer| writer.run("COMMIT"));
                        Connection::new(Kind::Postgres, &at).rows(INVALID).len()
                    });
                    left.push(look.join().unwrap());
                }
            })
            .upgrade("head")
        );
        assert_eq!(report.unwrap().steps.len(), 1);
        assert!(blocked >= 3, "{blocked}");
        assert!(left.iter().all(|count| *count > 0), "the tries leave something: {left:?}");
        assert_eq!(connection.rows(INVALID), Vec::<Vec<String>>::new());
        assert_eq!(connection.value("SHOW lock_timeout"), "0");
    }
}

mod what_a_run_left_that_was_cut_off_is_gone_after_the_next_and_nothing_else {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let (set, mut connection, mut writer) = written(&db, TABLE, "REINDEX INDEX CONCURRENTLY t1_pkey");
        migrate!(connection, set, lock_timeout(TRY * 5).upgrade("head")).unwrap_err();
        assert!(connection.rows(INVALID).iter().any(|row| row[0].starts_with("t1_pkey_ccnew")));
        writer.run("COMMIT");
        invalid(&db, "other_ccnew", "t1");
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.rows(INVALID), [["other_ccnew"]]);
    }

    #[test]
    fn postgres_partition() {
        let table = "CREATE TABLE t1 (id INTEGER PRIMARY KEY) PARTITION BY LIST (id);\n\
                     CREATE TABLE t1_one PARTITION OF t1 FOR VALUES IN (1);\nINSERT INTO t1 VALUES (1);";
        let db = Database::new(Kind::Postgres);
        let (set, mut connection, mut writer) = written(&db, table, "REINDEX TABLE CONCURRENTLY t1");
        migrate!(connection, set, lock_timeout(TRY * 5).upgrade("head")).unwrap_err();
        writer.run("COMMIT");
        // As a crash leaves it: a lock is waited for before anything is built.
        invalid(&db, "t1_one_pkey_ccnew", "t1_one");
        invalid(&db, "half", "t1_one");
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.rows(INVALID), [["half"]]);
    }

    fn invalid(db: &Database, name: &str, table: &str) {
        let mut connection = db.connect();
        connection.run(&format!("CREATE INDEX {name} ON {table} (id)"));
        connection
            .run(&format!("UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass"));
    }
}
