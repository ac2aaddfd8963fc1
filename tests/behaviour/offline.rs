//! Scripts, run by the databases' own clients, against runs of the same verbs in a second database.

mod mysql;
mod postgres;
mod sqlite;

use std::time::Duration;

use embed_migrations::{Backend, EmbeddedRevision, ErrorKind, Migrations, Target};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

use crate::sample::migrations as sample;

/// How long a run waits before it goes on with what a script left behind.
const PATIENCE: Duration = Duration::from_millis(100);

fn quoted(db: &Database, name: &str) -> String {
    match db.kind {
        Kind::Mysql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// All that a history holds but for who wrote it and when.
fn history(db: &Database, table: &str) -> Vec<Vec<String>> {
    db.connect().rows(&format!(
        "SELECT namespace, seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, \
         statements_total, progress, down_sql, in_force, format, finished_at IS NULL FROM {table} ORDER BY namespace, seq"
    ))
}

/// All that a database holds, in lines.
fn dump(db: &Database) -> Vec<String> {
    let mut lines: Vec<String> = db.schema().lines().map(str::to_owned).collect();
    let mut connection = db.connect();
    for table in db.tables() {
        let mut rows = connection.rows(&format!("SELECT * FROM {}", quoted(db, &table)));
        rows.sort();
        lines.extend(rows.into_iter().map(|row| format!("{table}: {row:?}")));
    }
    lines.extend(history(db, "migrate_history").into_iter().map(|row| format!("{row:?}")));
    lines
}

#[track_caller]
fn assert_same(db: &Database, online: &Database) {
    let (found, expected) = (dump(db), dump(online));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

/// What a run finds after the scripts: nothing to do.
#[track_caller]
fn assert_current(db: &Database, set: &Migrations) {
    let mut connection = db.connect();
    assert!(migrate!(connection, set, upgrade("heads")).unwrap().is_empty());
    let status = migrate!(connection, set, status()).unwrap();
    assert!(status.is_current(), "{status}");
}

/// Applies a set to one database by a script and to another by a run, and compares.
#[track_caller]
fn assert_equal_ways_up(db: &Database, set: &Migrations) {
    let online = Database::new(db.kind);
    db.run_script(&set.offline(db.backend()).upgrade("heads").unwrap());
    migrate!(online.connect(), set, upgrade("heads")).unwrap();
    assert_same(db, &online);
    assert_current(db, set);
}

/// Rows for the sample history, the same in each database.
fn book(connection: &mut Connection) {
    let at = "'2026-02-01 00:00:00'";
    for sql in [
        format!(
            "INSERT INTO users (id, email, display_name, created_at) VALUES (1, 'ada@example.org', 'Ada', {at})"
        ),
        "INSERT INTO institutions (id, name, country) VALUES (1, 'Bank', 'DE')".into(),
        format!(
            "INSERT INTO accounts (id, user_id, institution_id, name, kind, currency, created_at) \
             VALUES (1, 1, 1, NULL, 'checking', 'eur', {at}), (2, 1, NULL, 'Purse', 'cash', 'JPY', {at})"
        ),
        format!(
            "INSERT INTO transactions (id, account_id, posted_on, amount_minor, currency, description, created_at) VALUES \
             (1, 1, '2026-02-03', -1250, 'EUR', 'netflix.com 866-579', {at}), (2, 2, '2026-02-04', 300, 'JPY', 'it''s', {at})"
        ),
    ] {
        connection.run(&sql);
    }
}

fn row(n: i32) -> (String, String) {
    (format!("INSERT INTO t1 VALUES ({n});"), format!("DELETE FROM t1 WHERE id = {n};"))
}

behaviours! {
    fn the_sample_history_by_scripts_is_the_one_by_runs(db) {
        let set = &sample::MIGRATIONS;
        let online = Database::new(db.kind);
        let script = |range: &str| set.offline(db.backend()).upgrade(range).unwrap();
        let (tags, merchants, fill) =
            (sample::AddTags.id(), sample::AddMerchants.id(), sample::BackfillMerchantNames.id());
        db.run_script(&set.offline(db.backend()).upgrade(sample::AddTags).unwrap());
        migrate!(online.connect(), set, upgrade(sample::AddTags)).unwrap();
        assert_same(db, &online);
        book(&mut db.connect());
        book(&mut online.connect());
        db.run_script(&script(&format!("{tags}:{merchants}")));
        migrate!(db.connect(), set, upgrade(fill)).unwrap();
        db.run_script(&script(&format!("{fill}:head")));
        migrate!(online.connect(), set, upgrade(Target::Head)).unwrap();
        assert_same(db, &online);
        assert_current(db, set);

        let down = |range: &str| set.offline(db.backend()).downgrade(range).unwrap();
        db.run_script(&down(&format!("head:{fill}")));
        migrate!(db.connect(), set, downgrade("-1")).unwrap();
        db.run_script(&down(&format!("{merchants}:{tags}")));
        migrate!(online.connect(), set, downgrade(tags)).unwrap();
        assert_same(db, &online);
        db.run_script(&down(&format!("{tags}:base")));
        migrate!(online.connect(), set, downgrade("base")).unwrap();
        assert_same(db, &online);
        assert_eq!(db.tables(), Vec::<String>::new());
    }

    fn scripts_and_runs_take_turns(db) {
        let set = Revisions::tables(6).build();
        let online = Database::new(db.kind);
        let offline = || set.offline(db.backend());
        db.run_script(&offline().upgrade("r0002").unwrap());
        db.run_script(&offline().upgrade("r0002:+2").unwrap());
        migrate!(db.connect(), set, upgrade("r0005")).unwrap();
        db.run_script(&offline().downgrade("r0005:r0001").unwrap());
        db.run_script(&offline().upgrade("r0001:head").unwrap());
        assert_current(db, &set);
        migrate!(db.connect(), set, downgrade("-1")).unwrap();

        migrate!(online.connect(), set, upgrade("r0005")).unwrap();
        migrate!(online.connect(), set, downgrade("r0001")).unwrap();
        migrate!(online.connect(), set, upgrade("head")).unwrap();
        migrate!(online.connect(), set, downgrade("-1")).unwrap();
        assert_same(db, &online);
    }

    fn what_was_undone_to_base_is_applied_again_by_the_first_script(db) {
        let set = Revisions::tables(2).build();
        let up = set.offline(db.backend()).upgrade("head").unwrap();
        db.run_script(&up);
        db.run_script(&set.offline(db.backend()).downgrade("head:base").unwrap());
        assert_eq!(db.tables(), Vec::<String>::new());
        db.run_script(&up);
        assert_eq!(history(db, "migrate_history").len(), 6);
        assert_current(db, &set);
    }

    fn stamps_are_recorded_as_by_a_run(db) {
        let set = Revisions::tables(3).build();
        let online = Database::new(db.kind);
        let offline = || set.offline(db.backend());
        db.run_script(&offline().stamp("base").unwrap());
        db.run_script(&offline().stamp("r0002").unwrap());
        db.run_script(&offline().stamp("r0002:r0001").unwrap());
        db.run_script(&offline().stamp("r0001:base").unwrap());
        db.run_script(&offline().stamp("base:r0003").unwrap());
        for target in ["base", "r0002", "r0001", "base", "r0003"] {
            migrate!(online.connect(), set, stamp(target)).unwrap();
        }
        assert_same(db, &online);
        assert_eq!(db.tables(), Vec::<String>::new());
        assert_current(db, &set);
        let error = db.fail_script(&offline().stamp("r0002:r0001").unwrap());
        assert!(error.to_lowercase().contains("seq"), "{error}");
        assert_same(db, &online);
    }

    fn a_range_without_steps_is_a_script_that_does_nothing(db) {
        let set = Revisions::tables(2).build();
        let offline = || set.offline(db.backend());
        for script in [
            offline().upgrade("r0001:r0001"), offline().downgrade("r0001:r0001"), offline().stamp("r0001:r0001"),
        ] {
            let script = script.unwrap();
            assert!(script.ends_with("-- nothing to do\n"), "{script}");
            db.run_script(&script);
        }
        assert_eq!(migrate!(db.connect(), set, history()).unwrap(), []);
    }

    fn a_script_for_another_start_fails_and_changes_nothing(db) {
        let set = Revisions::tables(4).build();
        let offline = || set.offline(db.backend());
        db.fail_script(&offline().upgrade("r0002:r0003").unwrap());
        assert_eq!(migrate!(db.connect(), set, history()).unwrap(), []);
        assert_eq!(db.tables(), Vec::<String>::new());
        migrate!(db.connect(), set, upgrade("r0002")).unwrap();
        let before = dump(db);
        for script in [
            offline().upgrade("r0001:head"), offline().upgrade("r0003:head"), offline().upgrade("head"),
            offline().downgrade("r0003:base"), offline().downgrade("r0001:base"), offline().stamp("r0001"),
        ] {
            let error = db.fail_script(&script.unwrap());
            assert!(error.contains("seq"), "{error}");
            assert_eq!(dump(db), before);
        }
        // The same name is another revision.
        let edited = Revisions::new().sql("r0001", "CREATE TABLE other (id INTEGER)", "")
            .sql("r0002", "CREATE TABLE other2 (id INTEGER)", "").sql("r0003", "CREATE TABLE other3 (id INTEGER)", "").build();
        db.fail_script(&edited.offline(db.backend()).upgrade("r0002:head").unwrap());
        assert_eq!(dump(db), before);
    }

    fn a_script_that_is_run_twice_fails_the_second_time_and_changes_nothing(db) {
        let set = Revisions::tables(3).build();
        for script in [
            set.offline(db.backend()).upgrade("r0002"), set.offline(db.backend()).upgrade("r0002:head"),
            set.offline(db.backend()).downgrade("head:r0001"),
        ] {
            let script = script.unwrap();
            db.run_script(&script);
            let before = dump(db);
            db.fail_script(&script);
            assert_eq!(dump(db), before);
        }
    }

    fn a_statement_that_fails_leaves_what_a_run_would_leave(db) {
        let revision = |third: &str| {
            let set = Revisions::tables(1).sql("middle",
                &format!("CREATE TABLE m1 (id INTEGER);\nCREATE TABLE m2 (id INTEGER);\n{third};\nCREATE TABLE m4 (id INTEGER);"),
                "DROP TABLE m4; DROP TABLE m2; DROP TABLE m1;");
            set.sql("after", "CREATE TABLE later (id INTEGER)", "DROP TABLE later").build()
        };
        let broken = revision("INSERT INTO nowhere VALUES (1)");
        let mended = revision("INSERT INTO m2 VALUES (1)");
        let error = db.fail_script(&broken.offline(db.backend()).upgrade("head").unwrap());
        assert!(error.contains("nowhere"), "{error}");
        let mut connection = db.connect();
        assert_eq!(migrate!(connection, broken, current()).unwrap(), ["r0001"]);
        let interrupted = migrate!(connection, broken, status()).unwrap().interrupted;
        if db.kind == Kind::Mysql {
            assert_eq!(db.tables(), ["m1", "m2", "t1"]);
            assert_eq!(interrupted.as_deref(), Some("middle"));
        } else {
            assert_eq!((db.tables(), interrupted), (vec!["t1".to_owned()], None));
        }
        migrate!(connection, mended, lock_timeout(PATIENCE).upgrade("head")).unwrap();
        let online = Database::new(db.kind);
        migrate!(online.connect(), mended, upgrade("head")).unwrap();
        assert_same(db, &online);
    }

    fn rows_that_fail_leave_nothing_of_their_revision(db) {
        let (up, down) = row(2);
        let set = Revisions::tables(1).sql("rows", &format!("{up}\nINSERT INTO t1 VALUES (2);"), &down).build();
        db.fail_script(&set.offline(db.backend()).upgrade("head").unwrap());
        let mut connection = db.connect();
        assert_eq!(connection.count("t1"), 1);
        assert_eq!(history(db, "migrate_history").len(), 1);
    }

    fn sections_without_a_transaction_are_recorded_statement_by_statement(db) {
        let mut set = Revisions::tables(1).sections("alone",
            "-- migrate:up no-transaction lock-timeout=5s\nCREATE TABLE a1 (id INTEGER PRIMARY KEY);\nINSERT INTO a1 VALUES (1);\n\
             BEGIN;\nINSERT INTO a1 VALUES (2);\nCOMMIT;\n-- migrate:down no-transaction\nDROP TABLE a1;");
        if db.kind == Kind::Postgres {
            set = set.sections("index", "-- migrate:up no-transaction statement-timeout=9s\n\
                CREATE INDEX CONCURRENTLY i1 ON a1 (id);\nVACUUM a1;\nDO $$ BEGIN INSERT INTO a1 VALUES (3); COMMIT; END $$;\n\
                -- migrate:down no-transaction\nDROP INDEX CONCURRENTLY i1;");
        }
        let set = set.build();
        assert_equal_ways_up(db, &set);
        let online = Database::new(db.kind);
        migrate!(online.connect(), set, upgrade("head")).unwrap();
        migrate!(online.connect(), set, downgrade("r0001")).unwrap();
        db.run_script(&set.offline(db.backend()).downgrade("head:r0001").unwrap());
        assert_same(db, &online);
    }

    fn a_script_that_is_cut_off_anywhere_is_finished_by_a_run(db) {
        let index = if db.kind == Kind::Postgres { "INDEX CONCURRENTLY" } else { "INDEX" };
        let set = Revisions::tables(1).sections("alone", &format!(
            "-- migrate:up no-transaction\nCREATE TABLE a1 (id INTEGER PRIMARY KEY, n INTEGER);\n\
             INSERT INTO a1 VALUES (1, 0);\nUPDATE a1 SET n = n + 1;\nCREATE {index} i1 ON a1 (n);\nBEGIN;\n\
             UPDATE a1 SET n = n + 1;\nCOMMIT;\nALTER TABLE a1 ADD COLUMN m INTEGER;\n-- migrate:down\nDROP TABLE a1;"
        )).build();
        let online = Database::new(db.kind);
        migrate!(online.connect(), set, upgrade("head")).unwrap();
        let expected = dump(&online);
        let script = set.offline(db.backend()).upgrade("head").unwrap();
        let lines: Vec<&str> = script.lines().collect();
        let ends = |line: &&str| line.ends_with(';') || line.contains("\\gset");
        let begin = lines.iter().position(|line| line.starts_with("-- upgrade alone")).unwrap();
        let cuts: Vec<usize> = (begin + 1..lines.len()).filter(|&cut| ends(&lines[cut - 1])).collect();
        assert!(cuts.len() > 20, "{script}");
        for cut in cuts {
            // In the middle of a text the client says so.
            let _ = db.try_script(&(lines[..cut].join("\n") + "\n"));
            let mut connection = db.connect();
            let report = migrate!(connection, set, lock_timeout(PATIENCE).upgrade("head"));
            report.unwrap_or_else(|error| panic!("{error}\nafter {}", lines[..cut].join("\n")));
            assert_eq!(dump(db), expected, "after {}", lines[..cut].join("\n"));
            migrate!(connection, set, downgrade("base")).unwrap();
            connection.run("DROP TABLE migrate_history");
        }
    }

    fn a_script_whose_row_is_taken_over_stops(db) {
        let set = Revisions::new().sections("alone",
            "-- migrate:up no-transaction\nCREATE TABLE a1 (id INTEGER);\nCREATE TABLE a2 (id INTEGER);\nCREATE TABLE a3 (id INTEGER);").build();
        let script = set.offline(db.backend()).applied_by("the DBA").upgrade("head").unwrap();
        assert!(script.contains("the DBA (unlocked)"), "{script}");
        // Another run has made the row its own while the second statement was under way.
        let taken = script.replacen("CREATE TABLE a2 (id INTEGER);",
            "CREATE TABLE a2 (id INTEGER);\nUPDATE migrate_history SET applied_by = 'another';", 1);
        let error = db.fail_script(&taken);
        assert!(error.contains("seq") || error.contains("zero") || error.contains("out of range"), "{error}");
        assert!(!db.tables().contains(&"a3".to_owned()));
        assert_eq!(history(db, "migrate_history")[0][8], "running");
    }

    fn bodies_of_triggers_and_routines_come_through_whole(db) {
        let (up, down) = match db.kind {
            Kind::Sqlite => (
                "CREATE TABLE t1 (x TEXT); CREATE TABLE t2 (x TEXT);\n\
                 CREATE TRIGGER tr AFTER INSERT ON t1 BEGIN\n  INSERT INTO t2 VALUES (new.x || ';');\n  -- and; once more\n\
                 INSERT INTO t2 VALUES (CASE WHEN new.x = 'a' THEN 'end' ELSE '.quit' END);\nEND;\n\
                 INSERT INTO t1 VALUES ('a\n.quit\n;');", "DROP TABLE t1; DROP TABLE t2;"),
            Kind::Postgres => (
                "CREATE TABLE t1 (x TEXT); CREATE TABLE t2 (x TEXT);\n\
                 CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$\nBEGIN\n  INSERT INTO t2 VALUES (new.x || ';'); -- it's \\q\n\
                 RETURN NULL;\nEND;\n$f$;\nCREATE TRIGGER tr AFTER INSERT ON t1 FOR EACH ROW EXECUTE FUNCTION f();\n\
                 CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;\n\
                 INSERT INTO t1 VALUES (E'a\\n\\\\q :x :''y'' '), (':USER'), ((ARRAY['p', 'q'])[1:1]::text);",
                "DROP TABLE t1; DROP TABLE t2; DROP FUNCTION f(); DROP FUNCTION g();"),
            Kind::Mysql => (
                "CREATE TABLE t1 (x VARCHAR(100)) COMMENT 'ünïcödé; //'; CREATE TABLE t2 (x VARCHAR(100));\nDELIMITER $$\n\
                 CREATE TRIGGER tr AFTER INSERT ON t1 FOR EACH ROW BEGIN\n  -- it's; kept\n  INSERT INTO t2 VALUES (CONCAT(NEW.x, ';'));\n\
                 /* // */ INSERT INTO t2 VALUES ('//');\nEND$$\nCREATE PROCEDURE p() BEGIN DECLARE i INT DEFAULT 0;\n\
                 WHILE i < 2 DO INSERT INTO t1 VALUES (i); SET i = i + 1; END WHILE; END$$\nDELIMITER ;\n\
                 CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DISABLE DO BEGIN DELETE FROM t1 WHERE x = ';'; DELETE FROM t2; END;\n\
                 CALL p(); INSERT INTO t1 VALUES ('a\\\\;\\n//'), (\"it's\");",
                "DROP EVENT e; DROP PROCEDURE p; DROP TABLE t1; DROP TABLE t2;"),
        };
        let backend = ["sqlite", "postgres", "mysql"][db.kind as usize];
        let set = Revisions::new()
            .sections("a", &format!("-- migrate:up {backend}\n{up}\n-- migrate:down {backend}\n{down}\n"));
        let set = set.build();
        assert_equal_ways_up(db, &set);
        assert!(db.connect().count("t2") >= 2);
        db.run_script(&set.offline(db.backend()).downgrade("a:base").unwrap());
        assert_eq!(db.tables(), Vec::<String>::new());
    }

    fn what_a_revision_sets_in_its_session_does_not_reach_the_next(db) {
        let (up, show) = match db.kind {
            Kind::Sqlite => (
                "PRAGMA recursive_triggers = ON; PRAGMA ignore_check_constraints = ON;",
                "SELECT (SELECT recursive_triggers FROM pragma_recursive_triggers) || (SELECT foreign_keys FROM pragma_foreign_keys) \
                 || (SELECT ignore_check_constraints FROM pragma_ignore_check_constraints)",
            ),
            Kind::Postgres => (
                "CREATE SCHEMA other; SET search_path = other, pg_catalog; SET DateStyle = 'German'; SET app.name = 'x';\n\
                 SELECT set_config('statement_timeout', '77s', false); SET ROLE pg_monitor;",
                "SELECT concat_ws('|', current_setting('search_path'), current_setting('DateStyle'), \
                 current_setting('statement_timeout'), current_user, current_setting('lock_timeout'), \
                 coalesce(current_setting('app.name', true), ''))",
            ),
            Kind::Mysql => (
                "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'; SET foreign_key_checks = 0; SET time_zone = '+03:00';\n\
                 SET NAMES latin1; SET group_concat_max_len = 77, timestamp = 1; SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE; \
                 SET sql_select_limit = 1;",
                "SELECT CONCAT_WS('|', @@sql_mode, @@foreign_key_checks, @@time_zone, @@character_set_client, @@collation_connection, \
                 @@group_concat_max_len, @@sql_select_limit, @@max_statement_time, @@lock_wait_timeout, @@innodb_lock_wait_timeout, @@tx_isolation)",
            ),
        };
        // Two settings have other names in MySQL.
        let show = if db.backend() == Backend::Mysql {
            show.replace("@@max_statement_time", "@@max_execution_time").replace("@@tx_isolation", "@@transaction_isolation")
        } else {
            show.to_owned()
        };
        let table = "CREATE TABLE shown (who INTEGER, x VARCHAR(2000))";
        let recorded = match db.kind {
            Kind::Postgres => up.replace("CREATE SCHEMA other; ", ""),
            _ => up.to_owned(),
        };
        let set = Revisions::new()
            .sql("a", table, "DROP TABLE shown")
            .sql("b", &format!("INSERT INTO shown VALUES (1, ({show}));"), "")
            .sections("c", &format!("-- migrate:up lock-timeout=3s statement-timeout=4s\n{up}"))
            .sql("d", &format!("INSERT INTO shown VALUES (2, ({show}));"), "")
            .sections("e", &format!("-- migrate:up no-transaction lock-timeout=3s statement-timeout=4s\n{recorded}"))
            .sql("f", &format!("INSERT INTO shown VALUES (3, ({show}));"), "");
        let set = set.build();
        db.run_script(&set.offline(db.backend()).upgrade("head").unwrap());
        let shown: Vec<String> =
            db.connect().rows("SELECT x FROM shown ORDER BY who").into_iter().map(|mut row| row.remove(0)).collect();
        assert_eq!(shown.len(), 3);
        assert!(shown.iter().all(|x| *x == shown[0]), "{shown:#?}");
        assert_current(db, &set);
    }

    fn branches_and_merges_have_their_heads_on_record(db) {
        let table = |name: &str| format!("-- migrate:up\nCREATE TABLE {name} (id INTEGER);\n-- migrate:down\nDROP TABLE {name};");
        let set = Revisions::new().branches()
            .on("a", "none", "", &table("a")).on("b", "a", "-- labels: left", &table("b")).on("c", "a", "", &table("c"))
            .on("d", "b, c", "", "").on("x", "none", "-- depends-on: b", &table("x")).build();
        assert_equal_ways_up(db, &set);
        let error = set.offline(db.backend()).upgrade("head").unwrap_err();
        assert!(error.to_string().starts_with("multiple head revisions are present"), "{error}");

        let (half, online) = (Database::new(db.kind), Database::new(db.kind));
        half.run_script(&set.offline(db.backend()).upgrade("b").unwrap());
        half.run_script(&set.offline(db.backend()).upgrade("left@b:d").unwrap());
        half.run_script(&set.offline(db.backend()).downgrade("d:a").unwrap());
        migrate!(online.connect(), set, upgrade("b")).unwrap();
        migrate!(online.connect(), set, upgrade("d")).unwrap();
        migrate!(online.connect(), set, downgrade("a")).unwrap();
        assert_same(&half, &online);
        // From and to several heads
        half.run_script(&set.offline(db.backend()).upgrade("a:b").unwrap());
        half.run_script(&set.offline(db.backend()).upgrade("b:c").unwrap());
        half.fail_script(&set.offline(db.backend()).upgrade("b:d").unwrap());
        half.run_script(&set.offline(db.backend()).upgrade("b, c:heads").unwrap());
        half.run_script(&set.offline(db.backend()).downgrade("d,x:d").unwrap());
        let error = set.offline(db.backend()).downgrade("heads:d").unwrap_err();
        assert!(error.to_string().starts_with("a script cannot begin at several heads by one name: 'd', 'x'"), "{error}");
        for target in ["b", "c", "heads"] {
            migrate!(online.connect(), set, upgrade(target)).unwrap();
        }
        migrate!(online.connect(), set, downgrade("d")).unwrap();
        assert_same(&half, &online);
    }

    fn names_of_every_kind_work_and_inject_nothing(db) {
        let set = Revisions::tables(2).namespace("it's \"one\";\n-- \\! `x` :USER")
            .sections("alone", "-- migrate:up no-transaction\nCREATE TABLE alone (id INTEGER);\n-- migrate:down\nDROP TABLE alone;")
            .build();
        for name in ["history2", "a\"b", "a`b", "it's; DROP TABLE t1; --", "naïve 表", ":USER"] {
            let offline = || set.offline(db.backend()).table(name).applied_by("O'Hara; \\ `\"");
            db.run_script(&offline().upgrade("head").unwrap());
            let mut connection = db.connect();
            assert!(migrate!(connection, set, table(name).upgrade("head")).unwrap().is_empty(), "{name}");
            assert!(db.tables().contains(&name.to_owned()), "{name}");
            let online = Database::new(db.kind);
            migrate!(online.connect(), set, table(name).upgrade("head")).unwrap();
            assert_eq!(history(db, &quoted(db, name)), history(&online, &quoted(db, name)));
            db.run_script(&offline().downgrade("head:base").unwrap());
            assert_eq!(migrate!(connection, set, table(name).current()).unwrap(), Vec::<String>::new());
        }
        assert_eq!(db.tables().len(), 6);
    }

    fn the_history_can_live_in_another_schema(db) {
        let set = Revisions::tables(2).build();
        let (schema, before) = match db.kind {
            Kind::Sqlite => {
                let path = db.directory.path().join("other.db");
                ("my\"history".to_owned(), format!("ATTACH DATABASE '{}' AS \"my\"\"history\";\n", path.display()))
            }
            Kind::Postgres => ("my\"history".to_owned(), String::new()),
            Kind::Mysql => {
                let schema = format!("{}_h`x", db.name);
                db.connect().run(&format!("CREATE DATABASE `{}`", schema.replace('`', "``")));
                (schema, String::new())
            }
        };
        let offline = || set.offline(db.backend()).schema(&schema);
        db.run_script(&(before.clone() + &offline().upgrade("r0001").unwrap()));
        db.run_script(&(before.clone() + &offline().upgrade("r0001:head").unwrap()));
        let mut connection = db.connect();
        connection.run(if before.is_empty() { "SELECT 1" } else { &before });
        assert!(migrate!(connection, set, schema(&schema).upgrade("head")).unwrap().is_empty());
        assert_eq!(migrate!(connection, set, schema(&schema).history()).unwrap().len(), 2);
        assert_eq!(db.tables(), ["t1", "t2"]);
        if db.kind == Kind::Mysql {
            connection.run(&format!("DROP DATABASE `{}`", schema.replace('`', "``")));
        }
    }

    fn two_namespaces_do_not_see_each_other(db) {
        let one = Revisions::tables(2).namespace("one").build();
        let other = Revisions::new().namespace("other")
            .sql("r0001", "CREATE TABLE o1 (id INTEGER)", "DROP TABLE o1")
            .sql("o2", "CREATE TABLE o2 (id INTEGER)", "DROP TABLE o2").build();
        db.run_script(&other.offline(db.backend()).upgrade("head").unwrap());
        db.fail_script(&one.offline(db.backend()).upgrade("r0001:head").unwrap());
        db.run_script(&one.offline(db.backend()).upgrade("r0001").unwrap());
        db.run_script(&one.offline(db.backend()).upgrade("r0001:head").unwrap());
        db.run_script(&other.offline(db.backend()).downgrade("head:r0001").unwrap());
        assert_current(db, &one);
        assert_eq!(migrate!(db.connect(), other, current()).unwrap(), ["r0001"]);
        assert_eq!(db.tables(), ["o1", "t1", "t2"]);
    }

    fn a_set_that_another_namespace_has_applied_is_not_applied_again_unless_a_stamp_says_so(db) {
        let set = |namespace: &str| Revisions::tables(3).namespace(namespace).build();
        migrate!(db.connect(), set("it's"), upgrade("r0002")).unwrap();
        let script = set("main").offline(db.backend()).upgrade("head").unwrap();
        db.fail_script(&script);
        assert_eq!(migrate!(db.connect(), set("main"), history()).unwrap(), []);
        // Where the other namespace has nothing in force any more, there is nothing to apply twice.
        migrate!(db.connect(), set("it's"), downgrade("base")).unwrap();
        db.run_script(&script);
        assert_current(db, &set("main"));
        // The tables are there already, so that the second time fails at the first of them, and not before.
        db.run_script(&set("third").offline(db.backend()).stamp("base").unwrap());
        assert_eq!(migrate!(db.connect(), set("third"), history()).unwrap().len(), 1);
        let said = db.fail_script(&set("third").offline(db.backend()).upgrade("head").unwrap());
        assert!(said.contains("t1"), "{said}");
    }

    fn a_message_does_not_get_out_of_its_comment(db) {
        let text = "-- It's \\! a; \"trap\" /* \rCREATE TABLE trap (id INTEGER);\n-- revision: a\n\n\
                    -- migrate:up\nCREATE TABLE t1 (id INTEGER);\n";
        let set = Revisions::new().file("a_slug.sql", text).build();
        let script = set.offline(db.backend()).upgrade("head").unwrap();
        assert!(script.contains("\n-- upgrade a: It's \\! a; \"trap\" /*"), "{script}");
        db.run_script(&script);
        assert_eq!(db.tables(), ["t1"]);
    }

    fn what_cannot_be_a_script_is_refused_beforehand(db) {
        let offline = || sample::MIGRATIONS.offline(db.backend());
        let fill = sample::BackfillMerchantNames.id();
        for error in [
            offline().upgrade("head").unwrap_err(), offline().downgrade("head:base").unwrap_err(),
            offline().upgrade(format!("{}:{fill}", sample::AddMerchants.id())).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            let text = error.to_string();
            assert!(text.contains("_backfill_merchant_names.rs is written in Rust and cannot be part of a script"), "{text}");
        }
        let set = Revisions::tables(1).sql("once", "CREATE TABLE kept (id INTEGER)", "").build();
        let offline = || set.offline(db.backend());
        for (result, expected) in [
            (offline().downgrade("head:base"), "revision 'once' is irreversible"),
            (offline().downgrade("base"), "'base' is not a range"),
            (offline().upgrade("zzz"), "can't locate revision identified by 'zzz'"),
            (offline().upgrade("zzz:head"), "can't locate revision identified by 'zzz'"),
            (offline().stamp("zzz"), "can't locate revision identified by 'zzz'"),
            (offline().stamp("+1"), "can't locate revision identified by '+1'"),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Plan, "{error}");
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        let open = Revisions::new().sections("open", "-- migrate:up no-transaction\nBEGIN;\nSELECT 1;").build();
        let text = open.offline(db.backend()).upgrade("head").unwrap_err().to_string();
        assert!(text.starts_with("revision 'open' leaves a transaction open at its end: "), "{text}");
        assert!(text.contains("open_slug.sql"), "{text}");
    }
}

#[test]
fn a_set_makes_no_script_for_a_backend_that_it_does_not_cover() {
    let set = Revisions::new().sections("a", "-- migrate:up sqlite\nCREATE TABLE t1 (id INTEGER);\n").build();
    assert_eq!(set.offline(Backend::Postgres).upgrade("head").unwrap_err().kind(), ErrorKind::Unsupported);
    let script = set.offline(Backend::Sqlite).upgrade("head").unwrap();
    assert_eq!(
        set.offline(Backend::Sqlite).upgrade("head").unwrap(),
        script,
        "a script is the same each time"
    );
}
