//! Statements that fail, databases that go away, files that cannot be written.

use std::error::Error as _;

use embed_migrations::{ErrorKind, Event};
use embed_migrations_tests::database::{Connection, Kind, Native};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

/// A revision whose third statement fails; `rest` is what it has from there on.
fn failing_in_the_middle(rest: &str) -> Revisions {
    Revisions::tables(1).sql(
        "middle",
        &format!("CREATE TABLE m1 (id INTEGER);\n\n  CREATE TABLE m2 (id INTEGER);\n{rest}\nCREATE TABLE m4 (id INTEGER);"),
        "DROP TABLE m4; DROP TABLE m2; DROP TABLE m1;",
    )
}

behaviours! {
    fn a_statement_that_fails_is_named_and_what_was_kept_with_it(db) {
        let set = failing_in_the_middle("/* é */ INSERT INTO nowhere VALUES ('it');").build();
        let mut connection = db.connect();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Revision);
        let failure = error.failure().unwrap();
        assert_eq!((failure.revision.as_str(), failure.line), ("middle", Some(9)));
        assert!(failure.file.ends_with("middle_slug.sql"));
        assert_eq!(failure.statement.as_deref(), Some("INSERT INTO nowhere VALUES ('it')"));
        // PostgreSQL names the place in the statement, the others its beginning.
        let column = if db.kind == Kind::Postgres { 21 } else { 9 };
        assert_eq!(failure.column, Some(column));
        let text = error.to_string();
        assert!(text.contains(&format!("middle_slug.sql:9:{column}")), "{text}");
        assert!(text.contains("statement 3 of 4: INSERT INTO nowhere VALUES ('it')"), "{text}");

        let source = error.source().unwrap();
        match db.kind {
            Kind::Sqlite => assert!(source.downcast_ref::<rusqlite::Error>().is_some()),
            Kind::Postgres => {
                let source = source.downcast_ref::<tokio_postgres::error::DbError>().unwrap();
                assert_eq!(source.code().code(), "42P01");
            }
            Kind::Mysql => {
                assert_eq!(source.downcast_ref::<mysql_async::ServerError>().unwrap().code, 1146);
            }
        }
        if db.kind == Kind::Mysql {
            assert!(text.contains("statements 1 to 2 of 4 are in force; the next run goes on with statement 3"), "{text}");
            assert_eq!((failure.kept, db.tables()), (2, vec!["m1".into(), "m2".into(), "t1".into()]));
        } else {
            assert!(text.contains("nothing of this revision was kept; those before it are in force"), "{text}");
            assert_eq!((failure.kept, db.tables()), (0, vec!["t1".to_owned()]));
        }
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["r0001"]);
    }

    fn a_mended_revision_goes_on_where_it_stopped_or_begins_anew(db) {
        let broken = failing_in_the_middle("INSERT INTO nowhere VALUES (1);").build();
        let mended = failing_in_the_middle("INSERT INTO m2 VALUES (1);").build();
        let mut connection = db.connect();
        migrate!(connection, broken, upgrade("head")).unwrap_err();
        migrate!(connection, broken, upgrade("head")).unwrap_err();
        migrate!(connection, mended, upgrade("head")).unwrap();
        assert_eq!(db.tables(), ["m1", "m2", "m4", "t1"]);
        assert_eq!(connection.count("m2"), 1);
        assert_eq!(migrate!(connection, mended, history()).unwrap().len(), 2);
        migrate!(connection, mended, downgrade("base")).unwrap();
        assert_eq!(db.tables(), Vec::<String>::new());
    }

    fn a_recorded_section_may_be_edited_from_the_failed_statement_on_and_not_before(db) {
        let section = |first: &str, second: &str| Revisions::new().sections("alone",
            &format!("-- migrate:up no-transaction\n{first};\n{second};\n-- migrate:down no-transaction\nDROP TABLE t1;")).build();
        let broken = section("CREATE TABLE t1 (id INTEGER)", "INSERT INTO nowhere VALUES (1)");
        let mut connection = db.connect();
        let short = std::time::Duration::from_millis(200);
        let error = migrate!(connection, broken, upgrade("head")).unwrap_err();
        assert_eq!(error.failure().unwrap().kept, 1);
        let status = migrate!(connection, broken, status()).unwrap();
        assert_eq!((status.interrupted.as_deref(), status.is_current()), (Some("alone"), false));

        let edited_before = section("CREATE TABLE t1 (id BIGINT)", "INSERT INTO t1 VALUES (1)");
        let error = migrate!(connection, edited_before, lock_timeout(short).upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert!(error.to_string().contains("interrupted after 1 of 2 statements, and those were edited since"), "{error}");

        let mended = section("CREATE TABLE  t1 (id INTEGER) -- a comment\n", "INSERT INTO t1 VALUES (1)");
        migrate!(connection, mended, lock_timeout(short).upgrade("head")).unwrap();
        assert_eq!(connection.count("t1"), 1);
        assert!(migrate!(connection, mended, upgrade("head")).unwrap().is_empty());
    }

    fn the_first_step_of_all_that_meets_what_it_makes_names_the_stamp(db) {
        let mut connection = db.connect();
        let set = Revisions::tables(2).build();
        connection.run("CREATE TABLE t1 (id INTEGER PRIMARY KEY)");
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("`cargo migrate stamp REVISION`"), "{error}");
        migrate!(connection, set, stamp("r0001")).unwrap();
        connection.run("CREATE TABLE t2 (id INTEGER PRIMARY KEY)");
        // What comes later meets it for another reason.
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().ends_with("hint: mend the file and run again"), "{error}");
    }

    fn a_stamp_gives_an_interrupted_revision_up_and_runs_nothing(db) {
        let set = Revisions::tables(1).sections("alone",
            "-- migrate:up no-transaction\nCREATE TABLE t2 (id INTEGER);\nINSERT INTO nowhere VALUES (1);\nINSERT INTO t2 VALUES (1);").build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(migrate!(connection, set, plan("head")).unwrap().interrupted.as_deref(), Some("alone"));
        assert_eq!(migrate!(connection, set, stamp("alone")).unwrap().to, ["alone"]);
        assert_eq!(connection.count("t2"), 0);
        assert!(migrate!(connection, set, status()).unwrap().is_current());
        assert!(migrate!(connection, set, upgrade("head")).unwrap().is_empty());
        let history = migrate!(connection, set, history()).unwrap();
        let states: Vec<_> = history.iter().map(|row| (row.action.as_str(), row.state)).collect();
        use embed_migrations::RowState::{Abandoned, Done};
        assert_eq!(states, [("up", Done), ("up", Abandoned), ("stamp", Done)]);
    }

    fn a_downgrade_first_finishes_what_was_interrupted_and_then_counts_from_there(db) {
        let section = |second: &str| Revisions::tables(1).sections("alone",
            &format!("-- migrate:up no-transaction\nCREATE TABLE t2 (id INTEGER);\n{second};\n-- migrate:down\nDROP TABLE t2;")).build();
        let mut connection = db.connect();
        migrate!(connection, section("INSERT INTO nowhere VALUES (1)"), upgrade("head")).unwrap_err();
        let mended = section("INSERT INTO t2 VALUES (1)");
        let plan = migrate!(connection, mended, plan_downgrade("-1")).unwrap();
        assert_eq!((plan.interrupted.as_deref(), plan.steps[0].revision.as_str()), (Some("alone"), "alone"));
        let report = migrate!(connection, mended, downgrade("-1")).unwrap();
        assert_eq!((report.steps.len(), report.to.as_slice()), (2, &["r0001".to_owned()][..]));
        assert_eq!(db.tables(), ["t1"]);
    }

    fn inside_a_sections_own_transaction_nothing_is_said_to_be_kept_before_its_end(db) {
        let section = |fourth: &str| Revisions::new().sections("own",
            &format!("-- migrate:up no-transaction\nCREATE TABLE t1 (id INTEGER PRIMARY KEY);\nBEGIN;\nINSERT INTO t1 VALUES (1);\n{fourth};\nCOMMIT;")).build();
        let mut connection = db.connect();
        let error = migrate!(connection, section("INSERT INTO nowhere VALUES (1)"), upgrade("head")).unwrap_err();
        assert_eq!(error.failure().unwrap().kept, 1, "{error}");
        assert_eq!(connection.count("t1"), 0);
        migrate!(connection, section("INSERT INTO t1 VALUES (2)"), upgrade("head")).unwrap();
        assert_eq!(connection.count("t1"), 2);
    }

    fn a_section_that_leaves_a_transaction_open_is_an_error(db) {
        let set = Revisions::new().sections("open",
            "-- migrate:up no-transaction\nCREATE TABLE t1 (id INTEGER);\nBEGIN;\nINSERT INTO t1 VALUES (1);").build();
        let mut connection = db.connect();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("leaves a transaction open"), "{error}");
        assert_eq!(connection.count("t1"), 0);
        // The connection is usable and in no transaction.
        connection.run("CREATE TABLE other (id INTEGER)");
        assert_eq!(db.tables(), ["other", "t1"]);
    }

    fn a_connection_inside_the_callers_transaction_is_refused(db) {
        let set = Revisions::tables(1).build();
        let mut connection = db.connect();
        connection.run("BEGIN");
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection);
        assert!(error.to_string().contains("inside a transaction"), "{error}");
        // There, the look for a history that is not there fails the transaction.
        assert_eq!(error.to_string().contains("hint: roll it back"), db.kind == Kind::Postgres, "{error}");
        connection.run("ROLLBACK");
        migrate!(connection, set, upgrade("head")).unwrap();
    }

    fn a_connection_that_is_lost_in_the_middle_is_an_error_and_the_next_run_goes_on(db) {
        if db.kind == Kind::Sqlite {
            // There is no connection to lose: the file itself goes away under the open handle.
            let set = Revisions::tables(2).build();
            let mut connection = db.connect();
            migrate!(connection, set, upgrade("+1")).unwrap();
            std::fs::remove_file(db.sqlite_path()).unwrap();
            let error = migrate!(connection, set, upgrade("head")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Database);
            return;
        }
        // Steps are sent ahead on PostgreSQL: without the pause the third would be done by then.
        let pause = if db.kind == Kind::Postgres { "SELECT pg_sleep(2);" } else { "DO SLEEP(2);" };
        let third = format!("CREATE TABLE t3 (id INTEGER PRIMARY KEY);\n{pause}");
        let set = Revisions::tables(2).sql("r0003", &third, "DROP TABLE t3;").build();
        let mut connection = db.connect();
        let id = connection.value(if db.kind == Kind::Postgres { "SELECT pg_backend_pid()" } else { "SELECT CONNECTION_ID()" });
        let url = db.url();
        let kind = db.kind;
        let error = migrate!(connection, set, on_event(move |event| {
            if matches!(event, Event::Finished { step, .. } if step.number == 2) {
                let (id, url) = (id.clone(), url.clone());
                std::thread::spawn(move || {
                    let kill = if kind == Kind::Postgres { format!("SELECT pg_terminate_backend({id})") } else { format!("KILL {id}") };
                    Connection::new(kind, &url).run(&kill);
                }).join().unwrap();
            }
        }).upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Database, "{error}");
        assert!(error.source().is_some());
        let mut connection = db.connect();
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["r0002"]);
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(db.tables(), ["t1", "t2", "t3"]);
    }

    fn a_server_that_cannot_be_reached_or_refuses_the_password_is_a_clear_error(db) {
        let set = Revisions::tables(1).build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let fail = |url: &str| {
            let error = runtime.block_on(async { set.connect(url).await?.upgrade("head").await }).unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(!told.contains("s3cr%21t") && !told.contains("s3cr!t"), "{told}");
            assert_eq!(error.kind(), ErrorKind::Database, "{error}");
            error.to_string()
        };
        match db.kind {
            Kind::Sqlite => {
                let told = fail(&format!("sqlite:{}/missing/app.db", db.directory.path().display()));
                assert!(told.contains("missing/app.db"), "{told}");
            }
            Kind::Postgres | Kind::Mysql => {
                let told = fail(&db.url_for("tester", "s3cr%21t"));
                assert!(told.contains("tester"), "{told}");
                let scheme = db.url().split_once(':').unwrap().0.to_owned();
                let told = fail(&format!("{scheme}://tester:s3cr%21t@127.0.0.1:1/x"));
                assert!(told.contains("127.0.0.1") && told.to_lowercase().contains("refused"), "{told}");
            }
        }
    }
}

#[test]
fn a_url_of_sqlite_names_a_file_and_may_have_parameters() {
    let set = Revisions::tables(1).build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let upgrade = |url: &str| runtime.block_on(async { set.connect(url).await?.upgrade("head").await });
    assert_eq!(upgrade("sqlite:").unwrap_err().kind(), ErrorKind::Url);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("app.db");
    upgrade(&format!("sqlite:{}?mode=rwc", file.display())).unwrap();
    assert!(file.exists());
    let refused = upgrade(&format!("sqlite:{}/a#1.db?mode=rwc", directory.path().display())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Url);
    assert!(refused.to_string().contains("write it `%23`"), "{refused}");
    upgrade(&format!("sqlite:{}/a%231.db?mode=rwc", directory.path().display())).unwrap();
    assert!(directory.path().join("a#1.db").exists());
    let missing = format!("sqlite://{}?mode=rw", directory.path().join("missing.db").display());
    assert_eq!(upgrade(&missing).unwrap_err().kind(), ErrorKind::Database);
}

#[test]
fn a_url_of_no_database_is_refused_without_repeating_it() {
    let set = Revisions::tables(1).build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(set.connect("oracle://scott:tiger@host/db")).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Url);
    assert!(!format!("{error}{error:?}").contains("tiger"));
}

/// What only files can do.
mod files {
    use super::*;
    use embed_migrations_tests::database::Database;

    fn sqlite(connection: &mut Connection) -> &mut rusqlite::Connection {
        match &mut connection.native {
            Native::Sqlite(connection) => connection,
            _ => unreachable!("these tests are SQLite's"),
        }
    }

    #[test]
    fn a_full_disk_is_an_error_that_leaves_the_revision_undone() {
        let db = Database::new(Kind::Sqlite);
        let set = Revisions::tables(1)
            .sql(
                "big",
                "CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(1000000));",
                "DROP TABLE big;",
            )
            .build();
        let mut connection = db.connect();
        sqlite(&mut connection).pragma_update(None, "max_page_count", 40).unwrap();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("full"), "{error}");
        assert_eq!(error.failure().unwrap().revision, "big");
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["r0001"]);
        sqlite(&mut connection).pragma_update(None, "max_page_count", 100_000).unwrap();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value("PRAGMA integrity_check"), "ok");
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_and_not_touched() {
        let db = Database::new(Kind::Sqlite);
        let text = "this is not a database, it is a letter to the editor".repeat(100);
        std::fs::write(db.sqlite_path(), &text).unwrap();
        let set = Revisions::tables(1).build();
        let error = migrate!(db.connect(), set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("not a database"), "{error}");
        assert_eq!(std::fs::read_to_string(db.sqlite_path()).unwrap(), text);
    }

    #[test]
    fn a_read_only_file_with_something_to_do_is_a_clear_error() {
        let db = Database::new(Kind::Sqlite);
        let set = Revisions::tables(2).build();
        migrate!(db.connect(), set, upgrade("+1")).unwrap();
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let mut connection = rusqlite::Connection::open_with_flags(db.sqlite_path(), flags).unwrap();
        let error = set.sqlite(&mut connection).upgrade("head").unwrap_err();
        assert!(error.to_string().contains("readonly"), "{error}");
        assert_eq!(set.sqlite(&mut connection).current().unwrap(), ["r0001"]);
    }
}

mod postgres {
    use embed_migrations_tests::database::Database;

    use super::*;

    #[test]
    fn a_statement_that_must_be_alone_may_be_edited_once_the_server_has_refused_it() {
        let drop = |mended: &str| format!("DROP INDEX CONCURRENTLY {mended} nowhere");
        let create = |name: &str, owner: &str| format!("CREATE DATABASE {name}_more {owner}");
        for case in ["index", "database"] {
            let db = Database::new(Kind::Postgres);
            let [refused, mended] = match case {
                "index" => [drop(""), drop("IF EXISTS")],
                _ => [create(&db.name, "OWNER nobody_at_all"), create(&db.name, "")],
            };
            let set = |sql: &str| {
                Revisions::new()
                    .sections("alone", &format!("-- migrate:up postgres no-transaction\nSELECT 1;\n{sql};"))
                    .build()
            };
            let mut connection = db.connect();
            migrate!(connection, set(&refused), upgrade("head")).unwrap_err();
            let upgraded = migrate!(connection, set(&mended), upgrade("head"));
            let _ = connection.try_run(&format!("DROP DATABASE IF EXISTS {}_more", db.name));
            assert_eq!(upgraded.unwrap().to, ["alone"]);
        }
    }
}
