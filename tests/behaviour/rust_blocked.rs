//! Revisions written in Rust that wait for the application's own traffic.

use std::time::Duration;

use embed_migrations::{ErrorKind, Event, Transaction, embed_migrations};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

embed_migrations!("behaviour/rust_blocked", module = blocked, branches = allow);

use blocked::MIGRATIONS;

const TRY: Duration = Duration::from_secs(1);

/// The tables, and a writer of the application's that has the row and does not come to an end.
fn written(db: &Database) -> (Connection, Connection) {
    let mut connection = db.connect();
    migrate!(connection, MIGRATIONS, upgrade("b0")).unwrap();
    (connection, writer(db))
}

fn writer(db: &Database) -> Connection {
    let mut writer = db.connect();
    writer.run("BEGIN");
    writer.run("UPDATE t1 SET id = id");
    writer
}

/// Commits on a runtime of its own: that of a run cannot be used within its events.
fn commit(mut writer: Connection) {
    std::thread::spawn(move || writer.run("COMMIT")).join().unwrap();
}

/// A verb, during which the writer commits when the step says that it is blocked.
macro_rules! until_blocked {
    ($db:expr, $connection:expr, $writer:expr, $($verb:tt)*) => {{
        if $db.kind == Kind::Sqlite {
            $connection.rows("PRAGMA busy_timeout = 20");
        }
        let (mut writer, mut blocked) = (Some($writer), 0);
        let result = migrate!($connection, MIGRATIONS, statement_lock_timeout(TRY).on_event(|event| {
            if let Event::Blocked { step, by, .. } = event {
                assert!(step.revision.starts_with('b'), "{step}");
                assert!($db.kind == Kind::Sqlite || by.is_some_and(|by| by.contains("in a transaction since 20")), "{by:?}");
                blocked += 1;
                writer.take().into_iter().for_each(commit);
            }
        }).$($verb)*);
        (result, blocked, writer)
    }};
}

behaviours! {
    fn a_rust_revision_that_waited_for_a_lock_in_vain_is_undone_and_called_again(db) {
        let (mut connection, traffic) = written(db);
        let (report, blocked, _) = until_blocked!(db, connection, traffic, upgrade("b1"));
        assert_eq!(report.unwrap().steps.len(), 1);
        assert_eq!(blocked, 1);
        // Of the first call nothing is left.
        assert_eq!(connection.rows("SELECT n FROM t2"), [["1"]]);
        assert_eq!(connection.rows("SELECT a FROM t1"), [["1"]]);

        // The same of a function that hands on an error of its own, with the driver's as its source.
        let (report, blocked, _) = until_blocked!(db, connection, writer(db), downgrade("b0"));
        assert_eq!(report.unwrap().steps.len(), 1);
        assert_eq!(blocked, 1);
        assert_eq!(connection.count("t2"), 0);
        assert_eq!(connection.rows("SELECT a FROM t1"), [["0"]]);
        let rows = "SELECT revision, direction, state FROM migrate_history ORDER BY seq";
        assert_eq!(connection.rows(rows), [["b0", "up", "done"], ["b1", "up", "done"], ["b1", "down", "done"]]);
        if db.kind == Kind::Postgres {
            assert_eq!(connection.value("SHOW lock_timeout"), "0");
        }
    }

    fn a_rust_revision_that_waits_too_long_for_a_lock_fails_with_who_has_it(db) {
        let (mut connection, mut traffic) = written(db);
        let most = Duration::from_secs(2);
        let error = migrate!(connection, MIGRATIONS, statement_lock_timeout(TRY).lock_timeout(most).upgrade("b1")).unwrap_err();
        let text = error.to_string();
        match db.kind {
            Kind::Sqlite => assert_eq!(error.kind(), ErrorKind::Locked, "{text}"),
            _ => {
                assert_eq!(error.kind(), ErrorKind::Revision, "{text}");
                assert!(text.lines().next().unwrap().contains("; it was waiting for"), "{text}");
                assert!(text.contains("in a transaction since 20") && text.contains("b1_plain.rs"), "{text}");
            }
        }
        assert_eq!(connection.count("t2"), 0);
        traffic.run("COMMIT");
        migrate!(connection, MIGRATIONS, upgrade("b1")).unwrap();
        assert_eq!(connection.rows("SELECT n FROM t2"), [["1"]]);
    }

    fn a_rust_revision_that_does_not_say_that_it_waited_for_a_lock_is_not_called_again(db) {
        let (mut connection, traffic) = written(db);
        let (report, blocked, _traffic) = until_blocked!(db, connection, traffic, upgrade("b2"));
        // SQLite has waited before it called the function.
        assert_eq!(report.is_ok(), db.kind == Kind::Sqlite);
        assert_eq!(blocked, usize::from(db.kind == Kind::Sqlite));
    }

    fn a_rust_revision_of_which_a_part_is_in_force_is_not_called_again(db) {
        let (mut connection, traffic) = written(db);
        let (report, blocked, _traffic) = until_blocked!(db, connection, traffic, upgrade("b3"));
        // MySQL and MariaDB have committed the table.
        let undone = db.kind != Kind::Mysql;
        assert_eq!(report.is_ok(), undone);
        assert_eq!(blocked, usize::from(undone));
        assert_eq!(connection.count("t3"), 0);
        if let Err(error) = report {
            assert!(error.to_string().contains("DDL in it, if there was any, is in force"), "{error}");
        }
    }

    fn a_run_in_one_transaction_may_have_rust_revisions_in_it(db) {
        let mut connection = db.connect();
        let result = migrate!(connection, MIGRATIONS, transaction(Transaction::PerRun).upgrade("b1"));
        match db.kind {
            Kind::Mysql => assert!(result.unwrap_err().to_string().contains("the run cannot be one transaction")),
            _ => {
                assert_eq!(result.unwrap().steps.len(), 2);
                assert_eq!(connection.rows("SELECT n FROM t2"), [["1"]]);
            }
        }
    }
}

mod a_rust_revision_that_commits_by_itself_is_told_of_also_when_it_fails_afterwards {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let (mut connection, traffic) = written(&db);
        let (report, blocked, mut traffic) = until_blocked!(db, connection, traffic, upgrade("b4"));
        let text = report.unwrap_err().to_string();
        assert!(text.contains("ended the transaction that it runs in"), "{text}");
        assert!(text.contains("its row in the history"), "{text}");
        assert_eq!(blocked, 0);
        assert_eq!(connection.rows("SELECT n FROM t2"), [["4"]]);
        traffic.take().into_iter().for_each(commit);
        assert_eq!(connection.value("SHOW lock_timeout"), "0");
    }
}

/// The rows of such a table stay when the rest is rolled back, and would be there twice.
mod what_has_changed_a_table_without_transactions_is_not_tried_again {
    use super::*;

    #[test]
    fn mysql() {
        is_not_tried_again("-- migrate:up\nINSERT INTO log VALUES (1);\nUPDATE t1 SET a = 2;");
    }

    #[test]
    fn mysql_behind_ddl() {
        is_not_tried_again(
            "-- migrate:up no-transaction\nCREATE TABLE before_it (id INTEGER);\n\
             START TRANSACTION;\nINSERT INTO log VALUES (1);\nUPDATE t1 SET a = 2;\nCOMMIT;",
        );
    }

    fn is_not_tried_again(section: &str) {
        let db = Database::new(Kind::Mysql);
        let (mut connection, mut traffic) = written(&db);
        connection.run("CREATE TABLE log (n INTEGER) ENGINE = MyISAM");
        let set = Revisions::new().namespace("other").sections("notes", section).build();
        let mut blocked = 0;
        let result = migrate!(
            connection,
            set,
            statement_lock_timeout(TRY)
                .on_event(|event| blocked += usize::from(matches!(event, Event::Blocked { .. })))
                .upgrade("head")
        );
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Revision);
        assert!(error.to_string().contains("\n  not everything could be rolled back: tables"), "{error}");
        assert_eq!(blocked, 0);
        assert_eq!(connection.count("log"), 1);
        traffic.run("COMMIT");
    }
}
