//! What a revision does to its session stays with it.

use embed_migrations_tests::database::Kind;
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

behaviours! {
    fn session_settings_of_a_revision_reach_neither_the_next_nor_the_caller(db) {
        let (set, show) = match db.kind {
            Kind::Sqlite => (
                Revisions::new().sections("a", "-- migrate:up no-transaction\nPRAGMA foreign_keys = OFF;\nCREATE TABLE t1 (id INTEGER);"),
                "PRAGMA foreign_keys",
            ),
            Kind::Postgres => (
                Revisions::new().sql("a",
                    "CREATE SCHEMA other; SET search_path = other, pg_catalog; SET DateStyle = 'German';\n\
                     SELECT set_config('statement_timeout', '77s', false); SET ROLE pg_monitor; RESET ROLE; CREATE TABLE in_other (id int);\n\
                     SET ROLE pg_monitor", ""),
                "SELECT current_setting('search_path') || current_setting('DateStyle') \
                 || current_setting('statement_timeout') || current_user",
            ),
            Kind::Mysql => (
                Revisions::new().sql("a",
                    "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'; SET foreign_key_checks = 0; SET time_zone = '+03:00';\n\
                     CREATE TABLE t1 (id INTEGER); USE mysql", ""),
                "SELECT CONCAT(@@sql_mode, @@foreign_key_checks, @@time_zone, DATABASE())",
            ),
        };
        let set = set.sql("b", "CREATE TABLE t2 (id INTEGER)", "DROP TABLE t2").build();
        let mut connection = db.connect();
        if db.kind == Kind::Sqlite {
            connection.run("PRAGMA foreign_keys = ON");
        }
        let before = connection.value(show);
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value(show), before);
        assert!(db.tables().contains(&"t2".to_owned()));
        migrate!(connection, set, downgrade("a")).unwrap();
        assert_eq!(connection.value(show), before);
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["a"]);
    }

    fn a_failing_revision_leaves_the_session_as_it_was(db) {
        let (up, show) = match db.kind {
            Kind::Sqlite => ("SELECT nothing", "PRAGMA foreign_keys"),
            Kind::Postgres => ("SET search_path = pg_catalog; SELECT nothing", "SHOW search_path"),
            Kind::Mysql => ("SET sql_mode = ''; SELECT nothing", "SELECT @@sql_mode"),
        };
        let options = if db.kind == Kind::Sqlite { " foreign-keys=off" } else { " lock-timeout=7s statement-timeout=9s" };
        let set = Revisions::new().sections("a", &format!("-- migrate:up{options}\n{up};\n")).build();
        let mut connection = db.connect();
        let before = connection.value(show);
        migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(connection.value(show), before);
        connection.run("CREATE TABLE still_usable (id INTEGER)");
    }

    fn a_statement_timeout_stops_the_statement_and_only_that(db) {
        let slow = match db.kind {
            Kind::Sqlite => "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
            Kind::Postgres => "SELECT pg_sleep(30)",
            Kind::Mysql => "SELECT count(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c",
        };
        let set = Revisions::tables(1).sections("slow", &format!("-- migrate:up statement-timeout=300ms\n{slow};")).build();
        let mut connection = db.connect();
        let start = std::time::Instant::now();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
        assert_eq!(error.failure().unwrap().revision, "slow", "{error}");
        if db.kind == Kind::Postgres {
            assert_eq!(connection.value("SHOW statement_timeout"), "0");
        }
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["r0001"]);
    }

    fn a_lock_timeout_gives_a_statement_up_that_waits_for_the_applications_own_traffic(db) {
        let set = Revisions::tables(1)
            .sections("waits", "-- migrate:up lock-timeout=1s\nALTER TABLE t1 ADD COLUMN a INTEGER;\n").build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("r0001")).unwrap();
        let mut traffic = db.connect();
        traffic.run(if db.kind == Kind::Sqlite { "BEGIN IMMEDIATE" } else { "BEGIN" });
        assert_eq!(traffic.count("t1"), 1);
        let start = std::time::Instant::now();
        let most = std::time::Duration::from_secs(2);
        let error = migrate!(connection, set, lock_timeout(most).upgrade("head")).unwrap_err();
        let waited = start.elapsed();
        assert!(waited.as_millis() >= 900 && waited.as_secs() < 15, "{waited:?}");
        let text = error.to_string().to_lowercase();
        assert!(text.contains("lock") && !text.contains("mend the file"), "{text}");
        traffic.run("COMMIT");
        migrate!(connection, set, upgrade("head")).unwrap();
    }

    fn texts_reach_the_database_as_the_build_read_them_whatever_the_session_was_told(db) {
        let (other, settings, ask): (&str, &[&str], &str) = match db.kind {
            Kind::Sqlite => ("'x'", &["PRAGMA encoding = 'UTF-8'"], "SELECT 1"),
            Kind::Postgres => ("'x'", &["SET client_encoding = 'LATIN1'"], "SHOW client_encoding"),
            Kind::Mysql => (
                r"'\\'",
                &["SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'", "SET NAMES latin1"],
                "SELECT CONCAT_WS(' ', @@sql_mode, @@character_set_client, @@character_set_connection, @@collation_connection)",
            ),
        };
        let set = Revisions::new()
            .sql("a", &format!("CREATE TABLE t (s VARCHAR(20));\nINSERT INTO t VALUES ('é'), ({other});"), "")
            .build();
        let mut connection = db.connect();
        settings.iter().for_each(|set| connection.run(set));
        let before = connection.value(ask);
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value(ask), before);
        let mut found = db.connect().rows("SELECT s FROM t");
        found.sort();
        assert_eq!(found, [[if db.kind == Kind::Mysql { "\\" } else { "x" }], ["é"]]);
    }

    fn texts_reach_the_database_as_they_are_written(db) {
        let text = "line one\n  'quoted' \\ tab\t; -- no comment, /* none */ ünïcödé 🦀 $1 ? {}";
        let literal = match db.kind {
            Kind::Mysql => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
            _ => format!("'{}'", text.replace('\'', "''")),
        };
        let backend = ["sqlite", "postgres", "mysql"][db.kind as usize];
        let collate = if db.kind == Kind::Mysql { " CHARACTER SET utf8mb4" } else { "" };
        let set = Revisions::new().sections("a",
            &format!("-- migrate:up {backend}\nCREATE TABLE t1 (x TEXT{collate});\nINSERT INTO t1 VALUES ({literal});\n")).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value("SELECT x FROM t1"), text);
    }
}

/// What SQLite alone has.
mod sqlite {
    use embed_migrations::Transaction;
    use embed_migrations_tests::database::{Connection, Database, Kind};
    use embed_migrations_tests::migrate;
    use embed_migrations_tests::revisions::Revisions;

    fn parents_and_children(rebuild: &str) -> (Database, Connection, embed_migrations::Migrations) {
        let db = Database::new(Kind::Sqlite);
        let set = Revisions::new()
            .sql(
                "a",
                "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);\n\
                 CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent ON DELETE CASCADE);\n\
                 INSERT INTO parent VALUES (1, 'one'), (2, 'two'); INSERT INTO child VALUES (1, 1), (2, 2), (3, 2);",
                "",
            )
            .sections("b", &format!("-- migrate:up foreign-keys=off\n{rebuild}"))
            .build();
        let mut connection = db.connect();
        connection.run("PRAGMA foreign_keys = ON");
        (db, connection, set)
    }

    #[test]
    fn a_rebuild_with_foreign_keys_off_keeps_the_rows_that_refer_to_it() {
        let (_db, mut connection, set) = parents_and_children(
            "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
             INSERT INTO parent_new SELECT * FROM parent; DROP TABLE parent; ALTER TABLE parent_new RENAME TO parent;",
        );
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!((connection.count("parent"), connection.count("child")), (2, 3));
        assert_eq!(connection.value("PRAGMA foreign_keys"), "1");
    }

    #[test]
    fn a_rebuild_that_loses_referenced_rows_is_rolled_back() {
        let (_db, mut connection, set) = parents_and_children(
            "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
             INSERT INTO parent_new SELECT * FROM parent WHERE id = 1; DROP TABLE parent;\n\
             ALTER TABLE parent_new RENAME TO parent;",
        );
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(
            error.to_string().contains("2 rows would refer to rows that are not there")
                && error.to_string().contains(
                    "\n  row 2 of table `child`, which refers to `parent`\n  row 3 of table `child`"
                ),
            "{error}"
        );
        assert_eq!((connection.count("parent"), connection.count("child")), (2, 3));
        assert_eq!(connection.value("PRAGMA foreign_keys"), "1");
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["a"]);
    }

    const PARENT_AND_CHILD: &str = "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1); \
        CREATE TABLE c (p INTEGER REFERENCES p ON DELETE CASCADE); INSERT INTO c VALUES (1);";

    #[test]
    fn an_interrupted_rebuild_goes_on_with_foreign_keys_off_as_it_began() {
        let db = Database::new(Kind::Sqlite);
        let rebuild = |third: &str| {
            Revisions::new()
                .sql("a", PARENT_AND_CHILD, "")
                .sections(
                    "b",
                    &format!(
                        "-- migrate:up no-transaction\nPRAGMA foreign_keys = OFF;\nPRAGMA synchronous = OFF;\n\
                         CREATE TABLE p2 (id INTEGER PRIMARY KEY);\n{third};\nDROP TABLE p;\nALTER TABLE p2 RENAME TO p;"
                    ),
                )
                .build()
        };
        let mut connection = db.connect();
        connection.run("PRAGMA foreign_keys = ON");
        migrate!(connection, rebuild("INSERT INTO p2 SELECT * FROM nowhere"), upgrade("head")).unwrap_err();
        assert_eq!(connection.value("PRAGMA foreign_keys"), "1");
        migrate!(connection, rebuild("INSERT INTO p2 SELECT * FROM p"), upgrade("head")).unwrap();
        assert_eq!((connection.count("p"), connection.count("c")), (1, 1));
        assert_eq!(connection.value("PRAGMA foreign_keys"), "1");
        assert_eq!(connection.value("PRAGMA synchronous"), "2");
    }

    /// What goes on where another run was interrupted sets again what that had set, and puts it back before the next revision.
    #[test]
    fn an_interrupted_section_leaves_its_settings_to_no_other_revision() {
        let db = Database::new(Kind::Sqlite);
        let set = |second: &str| {
            Revisions::new()
                .sql("a", PARENT_AND_CHILD, "")
                .sections(
                    "b",
                    &format!("-- migrate:up no-transaction\nPRAGMA foreign_keys = OFF;\n{second};"),
                )
                .sql("c", "DELETE FROM p;", "")
                .build()
        };
        let mut connection = db.connect();
        connection.run("PRAGMA foreign_keys = ON");
        migrate!(connection, set("INSERT INTO nowhere VALUES (1)"), upgrade("head")).unwrap_err();
        migrate!(connection, set("CREATE TABLE t (x INTEGER)"), upgrade("head")).unwrap();
        assert_eq!(
            (connection.count("p"), connection.count("c")),
            (0, 0),
            "the rows of the children go with their parent"
        );
    }

    #[test]
    fn an_interrupted_section_does_not_go_on_with_the_number_of_another_sessions_row() {
        let db = Database::new(Kind::Sqlite);
        let set = |rest: &str| {
            let up = format!(
                "-- migrate:up no-transaction\nCREATE TABLE a (id INTEGER PRIMARY KEY);\nINSERT INTO a VALUES (78);\n{rest}"
            );
            Revisions::new().sql("t", "CREATE TABLE b (a INTEGER)", "").sections("a", &up).build()
        };
        let uses = "INSERT INTO b VALUES (last_insert_rowid());";
        migrate!(db.connect(), set(&format!("INSERT INTO nowhere VALUES (1);\n{uses}")), upgrade("head"))
            .unwrap_err();
        let error = migrate!(db.connect(), set(&format!("SELECT 1;\n{uses}")), upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), embed_migrations::ErrorKind::Interrupted);
        assert!(error.to_string().contains("what statement 2 left in its session is gone"), "{error}");
        migrate!(db.connect(), set("SELECT 1;\nINSERT INTO b VALUES (78);"), upgrade("head")).unwrap();
        assert_eq!(db.connect().value("SELECT a FROM b"), "78");
    }

    #[test]
    fn a_database_that_a_revision_attaches_is_attached_for_no_other() {
        let db = Database::new(Kind::Sqlite);
        let set = Revisions::new()
            .sections(
                "a",
                "-- migrate:up no-transaction\nATTACH DATABASE ':memory:' AS \"o'ther\";\nCREATE TABLE \"o'ther\".t (id INTEGER);",
            )
            .sql("b", "CREATE TABLE t (id INTEGER);", "")
            .build();
        let mut connection = db.connect();
        connection.run("ATTACH DATABASE ':memory:' AS mine");
        migrate!(connection, set, upgrade("head")).unwrap();
        let names = connection.rows("SELECT name FROM pragma_database_list WHERE name <> 'temp'");
        assert_eq!(names, [["main"], ["mine"]]);
        assert_eq!(connection.value("SELECT COUNT(*) FROM main.sqlite_schema WHERE name = 't'"), "1");
    }

    #[test]
    fn without_a_journal_nothing_is_begun() {
        let db = Database::new(Kind::Sqlite);
        let mut connection = db.connect();
        connection.rows("PRAGMA journal_mode = OFF");
        let set = Revisions::tables(1).build();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), embed_migrations::ErrorKind::Connection);
        assert!(error.to_string().contains("SQLite cannot undo a revision that fails"), "{error}");
        connection.rows("PRAGMA journal_mode = DELETE");
        migrate!(connection, set, upgrade("head")).unwrap();
    }

    #[test]
    fn pragmas_of_a_revision_reach_no_other_of_its_transaction() {
        let set = |second: &str| {
            Revisions::new()
                .sql("a", "CREATE TABLE t1 (id INTEGER CHECK (id > 0)); PRAGMA ignore_check_constraints = ON; INSERT INTO t1 VALUES (-1);", "")
                .sql("b", second, "")
                .build()
        };
        for transaction in [Transaction::PerRun, Transaction::PerRevision] {
            let db = Database::new(Kind::Sqlite);
            let mut connection = db.connect();
            let run = set("INSERT INTO t1 VALUES (-2)");
            let error = migrate!(connection, run, transaction(transaction).upgrade("head")).unwrap_err();
            assert!(error.to_string().contains("CHECK constraint failed"), "{error}");
            assert_eq!(connection.value("PRAGMA ignore_check_constraints"), "0");
            migrate!(connection, set("INSERT INTO t1 VALUES (2)"), transaction(transaction).upgrade("head"))
                .unwrap();
            assert_eq!(connection.rows("SELECT id FROM t1"), [["-1"], ["2"]]);
        }
    }

    /// SQLite forgets the keys that are broken when this setting is switched off, and switches it off at the end of the transaction.
    #[test]
    fn foreign_keys_that_a_revision_defers_are_checked_at_the_end_of_its_transaction() {
        for transaction in [Transaction::PerRun, Transaction::PerRevision] {
            let db = Database::new(Kind::Sqlite);
            let mut connection = db.connect();
            connection.run("PRAGMA foreign_keys = ON");
            let set = |first: &str| {
                Revisions::new()
                    .sql("a", &format!("CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p); \
                     PRAGMA defer_foreign_keys = ON; {first}"), "")
                    .sql("b", "CREATE TABLE t2 (id INTEGER);", "")
                    .build()
            };
            let broken = set("INSERT INTO c VALUES (1);");
            let error = migrate!(connection, broken, transaction(transaction).upgrade("head")).unwrap_err();
            assert!(error.to_string().contains("FOREIGN KEY constraint failed"), "{error}");
            assert_eq!(db.tables(), [""; 0]);
            let whole = set("INSERT INTO c VALUES (1); INSERT INTO p VALUES (1);");
            migrate!(connection, whole, transaction(transaction).upgrade("head")).unwrap();
            assert_eq!(connection.value("PRAGMA defer_foreign_keys"), "0");
        }
    }

    #[test]
    fn pragmas_of_a_revision_do_not_stay() {
        let db = Database::new(Kind::Sqlite);
        let set = Revisions::new()
            .sql("a", "PRAGMA ignore_check_constraints = ON; PRAGMA recursive_triggers = ON; CREATE TABLE t1 (id INTEGER)", "")
            .build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value("PRAGMA ignore_check_constraints"), "0");
        assert_eq!(connection.value("PRAGMA recursive_triggers"), "0");
    }

    #[test]
    fn a_statement_that_gives_rows_runs_to_its_end() {
        let db = Database::new(Kind::Sqlite);
        let mut connection = db.connect();
        connection.run("PRAGMA auto_vacuum = INCREMENTAL; CREATE TABLE t0 (x); INSERT INTO t0 VALUES (zeroblob(400000)); DELETE FROM t0");
        assert_ne!(connection.value("PRAGMA freelist_count"), "0");
        let set = Revisions::new()
            .sections("a", "-- migrate:up no-transaction\nPRAGMA incremental_vacuum;")
            .build();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value("PRAGMA freelist_count"), "0");
    }

    #[test]
    fn rows_that_referred_to_nothing_before_are_not_the_revisions_fault() {
        let (_db, mut connection, set) = parents_and_children(
            "CREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
             INSERT INTO parent_new SELECT * FROM parent; DROP TABLE parent; ALTER TABLE parent_new RENAME TO parent;",
        );
        migrate!(connection, set, upgrade("a")).unwrap();
        connection
            .run("PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (9, 99); PRAGMA foreign_keys = ON");
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.count("child"), 4);
    }
}

/// What MySQL and MariaDB alone have.
mod mysql {
    use embed_migrations::ErrorKind;
    use embed_migrations_tests::database::{Database, Kind};
    use embed_migrations_tests::migrate;
    use embed_migrations_tests::revisions::Revisions;

    /// A section that hands values on by a variable, up to what comes behind the place at which it fails.
    fn section(handed_on: &str, rest: &str) -> embed_migrations::Migrations {
        let up = format!(
            "-- migrate:up\nCREATE TABLE a (id INTEGER AUTO_INCREMENT PRIMARY KEY);\nINSERT INTO a VALUES (78);\n\
             {handed_on}\nCREATE TABLE b (a INTEGER);\n{rest}"
        );
        Revisions::new().sections("a", &up).build()
    }

    #[test]
    fn a_section_that_was_interrupted_goes_on_without_what_was_read_only_where_nothing_needs_it() {
        let uses = "INSERT INTO b VALUES (@id);";
        for read in [
            "SET @id = LAST_INSERT_ID();",
            "SELECT MAX(id) INTO @id FROM a;",
            "SET @id = (SELECT COUNT(*) + 77 FROM a);",
        ] {
            let db = Database::new(Kind::Mysql);
            migrate!(
                db.connect(),
                section(read, &format!("INSERT INTO nowhere VALUES (1);\n{uses}")),
                upgrade("head")
            )
            .unwrap_err();
            let error = migrate!(db.connect(), section(read, &format!("DO 1;\n{uses}")), upgrade("head"))
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
            assert!(error.to_string().contains("what statement 3 left in its session is gone"), "{error}");
            assert!(error.to_string().contains(read.trim_end_matches(';')), "{error}");
            assert_eq!(db.connect().count("b"), 0);
            migrate!(db.connect(), section(read, "INSERT INTO b VALUES (78);"), upgrade("head")).unwrap();
            assert_eq!(db.connect().value("SELECT a FROM b"), "78");
        }
    }

    #[test]
    fn what_is_written_down_is_set_again_and_prepared_again_in_a_section_that_was_interrupted() {
        let db = Database::new(Kind::Mysql);
        let written = "SET @id = 78 + 1, @sql = 'INSERT INTO a VALUES (?)';\nPREPARE s FROM @sql;";
        let uses = "EXECUTE s USING @id;\nDEALLOCATE PREPARE s;";
        migrate!(
            db.connect(),
            section(written, &format!("INSERT INTO nowhere VALUES (1);\n{uses}")),
            upgrade("head")
        )
        .unwrap_err();
        migrate!(db.connect(), section(written, uses), upgrade("head")).unwrap();
        assert_eq!(db.connect().value("SELECT MAX(id) FROM a"), "79");
    }

    #[test]
    fn what_was_prepared_and_ended_is_not_prepared_again_in_a_section_that_was_interrupted() {
        let db = Database::new(Kind::Mysql);
        let ended = "CREATE TABLE gone (id INTEGER);\nSET @sql = 'INSERT INTO gone VALUES (1)';\nPREPARE s FROM @sql;\n\
                     EXECUTE s;\nDEALLOCATE PREPARE s;\nDROP TABLE gone;";
        migrate!(db.connect(), section(ended, "INSERT INTO nowhere VALUES (1);"), upgrade("head"))
            .unwrap_err();
        migrate!(db.connect(), section(ended, "INSERT INTO b VALUES (78);"), upgrade("head")).unwrap();
        assert_eq!(db.connect().value("SELECT a FROM b"), "78");
    }

    #[test]
    fn a_temporary_table_is_missed_before_anything_is_run() {
        let db = Database::new(Kind::Mysql);
        let make = "CREATE TEMPORARY TABLE tmp AS SELECT id FROM a;";
        let uses = "INSERT INTO b SELECT id FROM tmp;";
        migrate!(
            db.connect(),
            section(make, &format!("INSERT INTO nowhere VALUES (1);\n{uses}")),
            upgrade("head")
        )
        .unwrap_err();
        let error = migrate!(db.connect(), section(make, uses), upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("what statement 3 left in its session is gone"), "{error}");
        let anew = make.replace("tmp", "again") + "\n" + &uses.replace("tmp", "again");
        migrate!(db.connect(), section(make, &anew), upgrade("head")).unwrap();
        assert_eq!(db.connect().value("SELECT a FROM b"), "78");
    }
}

/// What PostgreSQL alone has.
mod postgres {
    use std::time::Duration;

    use embed_migrations::{Lock, Transaction};
    use embed_migrations_tests::database::{Database, Kind};
    use embed_migrations_tests::migrate;
    use embed_migrations_tests::revisions::Revisions;

    const SHOW: &str = "SELECT current_setting('search_path') || current_setting('role') \
                        || current_setting('lock_timeout') || current_setting('statement_timeout')";

    #[test]
    fn what_a_function_sets_reaches_neither_the_next_revision_nor_the_caller() {
        for lock in [Lock::Session, Lock::None] {
            for (transaction, behind) in
                [Transaction::PerRevision, Transaction::PerRun].into_iter().flat_map(|t| [(t, 0), (t, 9)])
            {
                let db = Database::new(Kind::Postgres);
                let set = Revisions::new()
                    .sections(
                        "a",
                        "-- migrate:up postgres\nCREATE SCHEMA other;\n\
                         CREATE FUNCTION leak() RETURNS int LANGUAGE plpgsql AS $$ BEGIN\n\
                         SET search_path = other; SET ROLE pg_monitor; RETURN 1; END $$;",
                    )
                    .sql("b", "SELECT public.leak();", "")
                    .sql("c", "CREATE TABLE after_it (id int);", "")
                    .sql("d", "SELECT public.leak();", "");
                let set = (0..behind)
                    .fold(set, |set, n| {
                        set.sql(&format!("e{n}"), &format!("CREATE TABLE e{n} (id int);"), "")
                    })
                    .build();
                let mut connection = db.connect();
                connection.run("SET search_path = public, \"It's\", pg_catalog; SET lock_timeout = '3s'");
                let before = connection.value(SHOW);
                migrate!(connection, set, lock(lock).transaction(transaction).upgrade("head")).unwrap();
                assert_eq!(connection.value(SHOW), before, "{lock:?}, {transaction:?}");
                let place = "SELECT schemaname || '.' || tableowner || count(*) FROM pg_tables \
                     WHERE tablename = 'after_it' OR tablename LIKE 'e_' GROUP BY schemaname, tableowner";
                let user = connection.value("SELECT 'public.' || session_user");
                let expected = format!("{user}{}", behind + 1);
                assert_eq!(connection.value(place), expected, "{lock:?}, {transaction:?}, {behind}");
            }
        }
    }

    #[test]
    fn in_one_transaction_each_section_has_its_own_timeouts_and_no_others() {
        let db = Database::new(Kind::Postgres);
        let note = |n: usize| {
            format!(
                "INSERT INTO seen VALUES ({n}, current_setting('lock_timeout') || ' ' || current_setting('statement_timeout'));"
            )
        };
        let set = Revisions::new()
            .sql("a", "CREATE TABLE seen (n int, timeouts text);", "")
            .sections("b", &format!("-- migrate:up lock-timeout=7s statement-timeout=9s\n{}", note(1)))
            .sql("c", &note(2), "")
            .build();
        for transaction in [Transaction::PerRun, Transaction::PerRevision] {
            let mut connection = db.connect();
            let patience = Duration::from_secs(2);
            migrate!(
                connection,
                set,
                transaction(transaction).statement_lock_timeout(patience).upgrade("head")
            )
            .unwrap();
            let seen = connection.rows("SELECT timeouts FROM seen ORDER BY n").concat();
            assert_eq!(seen, ["7s 9s", "2s 0"], "{transaction:?}");
            assert_eq!(connection.value(SHOW), "\"$user\", publicnone00");
            connection.run("DROP TABLE seen, migrate_history");
        }
    }
}
