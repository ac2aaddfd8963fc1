//! Steps that the server gives up in a deadlock with the application's own traffic. SQLite has one writer at a time, and so none.

use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use embed_migrations::{Error, Event, Report, Transaction, embed_migrations};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;

embed_migrations!("behaviour/rust_deadlock", module = in_rust);

/// What the step waits for.
const IN_TURN: &str = "another transaction, which waited for it in turn";

/// The same behaviour on the servers.
macro_rules! on_servers {
    ($($(#[$attribute:meta])* fn $name:ident($db:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            fn behaviour($db: &Database) $body

            #[test]
            fn postgres() {
                behaviour(&Database::new(Kind::Postgres));
            }

            #[test]
            fn mysql() {
                behaviour(&Database::new(Kind::Mysql));
            }
        }
    )*};
}

/// Two tables with a row each, and traffic that has the second table's row and wants the first's once somebody has it.
/// `also` is what it does besides.
fn rivals(db: &Database, also: &str) -> (Connection, JoinHandle<()>) {
    let mut connection = db.connect();
    for table in ["t1", "t2"] {
        connection.run(&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, a INTEGER)"));
        connection.run(&format!("INSERT INTO {table} VALUES (1, 0)"));
    }
    connection.run("CREATE TABLE weight (n INTEGER)");
    let mut traffic = db.connect();
    if db.kind == Kind::Postgres {
        // Whoever looks first is given up.
        connection.run("SET deadlock_timeout = '2s'");
        traffic.run("SET deadlock_timeout = '1min'");
    }
    traffic.run("BEGIN");
    // MySQL and MariaDB give up the one that has changed less.
    let many: Vec<String> = (0..1000).map(|n| format!("({n})")).collect();
    traffic.run(&format!("INSERT INTO weight VALUES {}", many.join(", ")));
    traffic.run(also);
    traffic.run("UPDATE t2 SET a = a + 10");
    let mut watch = db.connect();
    let traffic = spawn(move || {
        let start = Instant::now();
        while watch.try_run("SELECT a FROM t1 FOR UPDATE NOWAIT").is_ok() {
            assert!(start.elapsed() < Duration::from_secs(60), "nobody has the row");
            sleep(Duration::from_millis(10));
        }
        traffic.run("UPDATE t1 SET a = a + 10");
        traffic.run("COMMIT");
    });
    (connection, traffic)
}

/// Upgrades to the head during the traffic, and tells for what the step was said to wait.
macro_rules! upgraded {
    ($connection:expr, $traffic:expr, $set:expr, $($option:tt)*) => {{
        let mut waited: Vec<Option<String>> = Vec::new();
        let result: Result<Report, Error> = migrate!(
            $connection,
            $set,
            $($option)*.on_event(|event| {
                if let Event::Blocked { by, .. } = event {
                    waited.push(by.map(str::to_owned));
                }
            })
            .upgrade("head")
        );
        $traffic.join().unwrap();
        (result, waited)
    }};
}

/// Both did all of their work once.
fn check_both(connection: &mut Connection) {
    for table in ["t1", "t2"] {
        assert_eq!(connection.rows(&format!("SELECT a FROM {table}")), [["11"]], "{table}");
    }
    assert_eq!(connection.rows("SELECT revision, state FROM migrate_history"), [["both", "done"]]);
}

const BOTH: &str = "UPDATE t1 SET a = a + 1;\nUPDATE t2 SET a = a + 1;\n";

on_servers! {
    fn a_section_in_a_transaction_is_taken_again(db) {
        for transaction in [Transaction::PerRevision, Transaction::PerRun] {
            let db = Database::new(db.kind);
            let (mut connection, traffic) = rivals(&db, "SELECT 1");
            let set = Revisions::new().sql("both", BOTH, "").build();
            let (result, waited) = upgraded!(connection, traffic, set, transaction(transaction));
            assert_eq!(result.unwrap().steps.len(), 1);
            // PostgreSQL's is sent again at once.
            let expected = if db.kind == Kind::Postgres { vec![] } else { vec![Some(IN_TURN.to_owned())] };
            assert_eq!(waited, expected);
            check_both(&mut connection);
        }
    }

    fn a_section_without_a_transaction_goes_on_where_its_own_transaction_began(db) {
        let (mut connection, traffic) = rivals(db, "SELECT 1");
        let section = format!("-- migrate:up no-transaction\nCREATE TABLE made (id INTEGER);\nBEGIN;\n{BOTH}COMMIT;");
        let set = Revisions::new().sections("both", &section).build();
        let (result, waited) = upgraded!(connection, traffic, set, transaction(Transaction::PerRevision));
        assert_eq!(result.unwrap().steps.len(), 1);
        assert_eq!(waited, [Some(IN_TURN.to_owned())]);
        check_both(&mut connection);
    }

    fn a_rust_revision_is_called_again(db) {
        let (mut connection, traffic) = rivals(db, "SELECT 1");
        let (result, waited) = upgraded!(connection, traffic, in_rust::MIGRATIONS, transaction(Transaction::PerRevision));
        assert_eq!(result.unwrap().steps.len(), 1);
        assert_eq!(waited, [Some(IN_TURN.to_owned())]);
        check_both(&mut connection);
    }
}

/// What such a table has been given would be there twice.
mod what_has_changed_a_table_without_transactions_is_not_taken_again {
    use super::*;

    #[test]
    fn mysql() {
        is_not_taken_again(&format!("-- migrate:up\nINSERT INTO log VALUES (1);\n{BOTH}"));
    }

    #[test]
    fn mysql_behind_ddl() {
        is_not_taken_again(&format!(
            "-- migrate:up no-transaction\nCREATE TABLE made (id INTEGER);\nBEGIN;\nINSERT INTO log VALUES (1);\n{BOTH}COMMIT;"
        ));
    }

    fn is_not_taken_again(section: &str) {
        let db = Database::new(Kind::Mysql);
        // Both change it: one that did not would be given up for the one that did.
        db.connect().run("CREATE TABLE log (n INTEGER) ENGINE = MyISAM");
        let (mut connection, traffic) = rivals(&db, "INSERT INTO log VALUES (2)");
        let set = Revisions::new().sections("both", section).build();
        let (result, waited) = upgraded!(connection, traffic, set, transaction(Transaction::PerRevision));
        let error = result.unwrap_err();
        assert!(error.to_string().contains("not everything could be rolled back"), "{error}");
        assert_eq!(
            error.failure().and_then(|failure| failure.statement.as_deref()),
            Some("UPDATE t2 SET a = a + 1")
        );
        assert_eq!(waited, []);
        assert_eq!(connection.rows("SELECT n FROM log ORDER BY n"), [["1"], ["2"]]);
        assert_eq!(connection.rows("SELECT a FROM t2"), [["10"]]);
    }
}
