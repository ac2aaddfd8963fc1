//! Statements that a crash may have overtaken: settled by what the database shows, or by hand.

use embed_migrations::{ErrorKind, Migrations, Resolution};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

use crate::rust_revisions::failing;

behaviours! {
    fn an_interrupted_statement_that_counts_as_done_is_left_out_by_the_next_run(db) {
        let set = section("INSERT INTO nowhere VALUES (1)").build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap_err();
        let resolved = migrate!(connection, set, resolve(Resolution::Applied)).unwrap();
        assert_eq!((resolved.revision.as_str(), resolved.statement, resolved.of), ("alone", 2, 3));
        assert_eq!(
            resolved.to_string(),
            "statement 2 of 3 of revision 'alone' counts as done; the next run goes on with statement 3"
        );
        assert_eq!(migrate!(connection, set, status()).unwrap().interrupted.as_deref(), Some("alone"));
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.rows("SELECT id FROM t2"), [["3"]]);
        assert!(migrate!(connection, set, status()).unwrap().is_current());
    }

    fn an_interrupted_statement_that_counts_as_not_done_is_run_by_the_next_run(db) {
        let set = section("INSERT INTO nowhere VALUES (2)").build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap_err();
        let resolved = migrate!(connection, set, resolve(Resolution::NotApplied)).unwrap();
        assert!(resolved.to_string().ends_with("counts as not done; the next run goes on with it"), "{resolved}");
        connection.run("CREATE TABLE nowhere (id INTEGER)");
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!((connection.count("nowhere"), connection.count("t2")), (1, 1));
    }

    fn when_the_last_statement_counts_as_done_so_does_the_revision(db) {
        let set = Revisions::tables(1).sections("last",
            "-- migrate:up no-transaction\nCREATE TABLE t2 (id INTEGER);\nINSERT INTO nowhere VALUES (1);").build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap_err();
        let resolved = migrate!(connection, set, resolve(Resolution::Applied)).unwrap();
        assert!(resolved.to_string().ends_with("counts as done, and with it the revision"), "{resolved}");
        assert!(migrate!(connection, set, upgrade("head")).unwrap().is_empty());
        let row = migrate!(connection, set, history()).unwrap().pop().unwrap();
        assert_eq!((row.is_done(), row.statements_done, row.progress), (true, 2, None));
    }

    fn the_beginning_of_a_transaction_that_was_rolled_back_does_not_count_as_done(db) {
        let section = "-- migrate:up no-transaction\nCREATE TABLE a (n INTEGER);\nBEGIN;\nINSERT INTO a VALUES (1);\n\
                       INSERT INTO nowhere VALUES (1);\nCOMMIT;";
        let set = Revisions::new().sections("own", section).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap_err();
        let error = migrate!(connection, set, resolve(Resolution::Applied)).unwrap_err();
        assert!(error.to_string().contains("statement 2 of revision 'own' begins or ends a transaction"), "{error}");
        connection.run("CREATE TABLE nowhere (n INTEGER)");
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!((connection.count("a"), connection.count("nowhere")), (1, 1));
    }

    fn there_is_nothing_to_resolve_where_nothing_was_interrupted(db) {
        let set = Revisions::tables(1).build();
        let mut connection = db.connect();
        for _ in 0..2 {
            let error = migrate!(connection, set, resolve(Resolution::Applied)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            assert!(error.to_string().contains("nothing is in doubt"), "{error}");
            migrate!(connection, set, upgrade("head")).unwrap();
        }
    }

    fn a_statement_that_fails_where_a_run_was_cut_off_may_have_been_done_then(db) {
        let set = section("INSERT INTO nowhere VALUES (1)").build();
        let mut connection = db.connect();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(!error.to_string().contains("cut off"), "{error}");
        connection.run("UPDATE migrate_history SET applied_by = 'somebody' WHERE state = 'running'");
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("cut off at this statement"), "{error}");
        assert!(error.to_string().contains("cargo migrate resolve --applied"), "{error}");
    }
}

/// A section of three statements without a transaction.
fn section(second: &str) -> Revisions {
    Revisions::tables(1).sections(
        "alone",
        &format!("-- migrate:up no-transaction\nCREATE TABLE t2 (id INTEGER);\n{second};\nINSERT INTO t2 VALUES (3);"),
    )
}

/// A revision `m` whose one statement is in doubt, and what the history said just before it was run.
struct Case {
    db: Database,
    connection: Connection,
    set: Migrations,
    progress: String,
    /// The schema once all is done
    schema: String,
}

impl Case {
    /// Runs the revision undisturbed, keeping what is recorded before its first statement.
    fn new(kind: Kind, setup: &str, statement: &str) -> Self {
        let db = Database::new(kind);
        let set = Revisions::tables(1)
            .sections(
                "m",
                &format!(
                    "-- migrate:up {} no-transaction\n{statement}\nCREATE TABLE after_m (id INTEGER);\n",
                    ["sqlite", "postgres", "mysql"][kind as usize]
                ),
            )
            .build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("r0001")).unwrap();
        setup.split(";;").filter(|sql| !sql.trim().is_empty()).for_each(|sql| connection.run(sql));
        connection.run("CREATE TABLE told (id INTEGER, progress VARCHAR(2000))");
        connection.run(match kind {
            Kind::Postgres => {
                "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO public.told VALUES (NEW.statements_done, NEW.progress); RETURN NEW; END $$; \
                 CREATE TRIGGER tell BEFORE UPDATE ON migrate_history FOR EACH ROW EXECUTE FUNCTION tell()"
            }
            _ => {
                "CREATE TRIGGER tell BEFORE UPDATE ON migrate_history FOR EACH ROW \
                 INSERT INTO told VALUES (NEW.statements_done, NEW.progress)"
            }
        });
        migrate!(connection, set, upgrade("head")).unwrap_or_else(|error| panic!("{error}"));
        let told = connection.rows("SELECT progress FROM told WHERE id = 0 AND progress IS NOT NULL");
        let progress = told.first().map_or("NULL".to_owned(), |row| format!("'{}'", row[0]));
        let schema = db.schema();
        Self { db, connection, set, progress, schema }
    }

    /// As if the process had died at the statement.
    fn interrupt(&mut self) {
        self.connection.run("DROP TABLE IF EXISTS after_m");
        self.connection.run(&format!(
            "UPDATE migrate_history SET state = 'running', statements_done = 0, progress = {}, \
             applied_by = 'dead', finished_at = NULL WHERE revision = 'm'",
            self.progress
        ));
    }

    /// The next run comes to the same as an undisturbed one, whether the statement was done or not.
    fn converges(kind: Kind, setup: &str, statement: &str, undo: &str) {
        let mut case = Self::new(kind, setup, statement);
        case.interrupt();
        migrate!(case.connection, case.set, upgrade("head"))
            .unwrap_or_else(|e| panic!("{statement} was done: {e}"));
        assert_eq!(case.db.schema(), case.schema, "{statement} was done");
        if undo.is_empty() {
            return;
        }
        undo.split(";;").for_each(|sql| case.connection.run(sql));
        case.interrupt();
        migrate!(case.connection, case.set, upgrade("head"))
            .unwrap_or_else(|e| panic!("{statement} was not: {e}"));
        assert_eq!(case.db.schema(), case.schema, "{statement} was not done");
    }

    /// The next run stops and asks.
    fn asks(kind: Kind, setup: &str, statement: &str) -> Self {
        let mut case = Self::new(kind, setup, statement);
        case.interrupt();
        let error = migrate!(case.connection, case.set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{statement}: {error}");
        for part in ["interrupted at statement 1 of 2", "resolve --applied", "resolve --not-applied"] {
            assert!(error.to_string().contains(part), "{statement}: {error}");
        }
        case
    }
}

/// What MySQL and MariaDB record of definitions.
mod mysql {
    use super::*;

    #[test]
    fn every_kind_of_ddl_statement_is_settled_whether_it_was_done_or_not() {
        let two = "CREATE TABLE p (id INTEGER PRIMARY KEY, a INTEGER);; CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER)";
        let event = "ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM t1";
        let mariadb = Database::new(Kind::Mysql).is_mariadb();
        let check = if mariadb { "CONSTRAINT_1" } else { "c_chk_1" };
        for (setup, statement, undo) in [
            ("", "CREATE TABLE x (id INTEGER);", "DROP TABLE x"),
            ("", "CREATE TABLE x LIKE t1;", "DROP TABLE x"),
            ("", "CREATE TABLE x AS SELECT * FROM t1;", "DROP TABLE x"),
            (two, "DROP TABLE c;", "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER)"),
            (two, "RENAME TABLE c TO d;", "RENAME TABLE d TO c"),
            (two, "ALTER TABLE c RENAME TO d;", "RENAME TABLE d TO c"),
            (two, "ALTER TABLE c ADD COLUMN b INTEGER;", "ALTER TABLE c DROP COLUMN b"),
            (two, "ALTER TABLE c DROP COLUMN p;", "ALTER TABLE c ADD COLUMN p INTEGER"),
            (two, "ALTER TABLE c MODIFY p BIGINT NOT NULL;", "ALTER TABLE c MODIFY p INTEGER"),
            (two, "ALTER TABLE c CHANGE p q INTEGER;", "ALTER TABLE c CHANGE q p INTEGER"),
            (
                two,
                "ALTER TABLE c ALTER p SET DEFAULT 5;",
                "ALTER TABLE c ALTER p DROP DEFAULT;; ALTER TABLE c MODIFY p INTEGER",
            ),
            (two, "CREATE INDEX i ON c (p);", "DROP INDEX i ON c"),
            (two, "ALTER TABLE c ADD INDEX (p);", "DROP INDEX p ON c"),
            (two, "ALTER TABLE c ADD UNIQUE (p);", "DROP INDEX p ON c"),
            (two, "ALTER TABLE c ADD CHECK (p > 0);", &format!("ALTER TABLE c DROP CONSTRAINT {check}")),
            (
                two,
                "ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p (id);",
                "ALTER TABLE c DROP FOREIGN KEY c_ibfk_1, DROP INDEX p",
            ),
            ("CREATE TABLE c (id INTEGER, KEY k (id))", "DROP INDEX k ON c;", "CREATE INDEX k ON c (id)"),
            (
                "CREATE TABLE c (id INTEGER)",
                "ALTER TABLE c ADD PRIMARY KEY (id);",
                "ALTER TABLE c DROP PRIMARY KEY;; ALTER TABLE c MODIFY id INTEGER",
            ),
            (
                "CREATE TABLE c (id INTEGER) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (9))",
                "ALTER TABLE c ADD PARTITION (PARTITION b VALUES LESS THAN (99));",
                "ALTER TABLE c DROP PARTITION b",
            ),
            (
                "",
                "CREATE TRIGGER g BEFORE INSERT ON t1 FOR EACH ROW SET NEW.id = NEW.id + 1;",
                "DROP TRIGGER g",
            ),
            (
                "CREATE TRIGGER g BEFORE INSERT ON t1 FOR EACH ROW SET NEW.id = 1",
                "DROP TRIGGER g;",
                "CREATE TRIGGER g BEFORE INSERT ON t1 FOR EACH ROW SET NEW.id = 1",
            ),
            ("", "CREATE PROCEDURE q(a INTEGER) SELECT a;", "DROP PROCEDURE q"),
            ("", "CREATE FUNCTION f() RETURNS INTEGER DETERMINISTIC RETURN 1;", "DROP FUNCTION f"),
            ("CREATE PROCEDURE q() SELECT 1", "DROP PROCEDURE q;", "CREATE PROCEDURE q() SELECT 1"),
            ("", "CREATE VIEW v AS SELECT id FROM t1;", "DROP VIEW v"),
            (
                "CREATE VIEW v AS SELECT id FROM t1",
                "CREATE OR REPLACE VIEW v AS SELECT id + 1 AS id FROM t1;",
                "CREATE OR REPLACE VIEW v AS SELECT id FROM t1",
            ),
            ("CREATE VIEW v AS SELECT id FROM t1", "DROP VIEW v;", "CREATE VIEW v AS SELECT id FROM t1"),
            ("", &format!("CREATE EVENT e {event};"), "DROP EVENT e"),
            (
                "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM t1",
                "ALTER EVENT e DISABLE;",
                "ALTER EVENT e ENABLE",
            ),
            (
                "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01 00:00:00' DO DELETE FROM t1",
                "DROP EVENT e;",
                &format!("CREATE EVENT e {event}"),
            ),
            ("", "OPTIMIZE TABLE t1;", ""),
            ("DELETE FROM t1", "TRUNCATE TABLE t1;", ""),
        ] {
            Case::converges(Kind::Mysql, setup, statement, undo);
        }
        if mariadb {
            Case::converges(Kind::Mysql, "", "CREATE SEQUENCE s;", "DROP SEQUENCE s");
        }
    }

    #[test]
    fn databases_and_accounts_are_settled_as_well() {
        let name = format!("doubt_{}", std::process::id());
        Case::converges(
            Kind::Mysql,
            "",
            &format!("CREATE DATABASE {name};"),
            &format!("DROP DATABASE {name}"),
        );
        Case::converges(
            Kind::Mysql,
            "",
            &format!("DROP DATABASE {name};"),
            &format!("CREATE DATABASE {name}"),
        );
        Case::converges(
            Kind::Mysql,
            "",
            &format!("CREATE USER {name}@localhost;"),
            &format!("DROP USER {name}@localhost"),
        );
        Case::converges(
            Kind::Mysql,
            "",
            &format!("DROP USER {name}@localhost;"),
            &format!("CREATE USER {name}@localhost"),
        );
        let account = format!("CREATE USER {name}@localhost");
        Case::converges(Kind::Mysql, &account, &format!("GRANT SELECT ON *.* TO {name}@localhost;"), "");
        Database::new(Kind::Mysql).connect().run(&format!("DROP USER {name}@localhost"));
    }

    #[test]
    fn what_does_not_show_stops_the_run_and_asks() {
        let swap = "CREATE TABLE a (id INTEGER);; CREATE TABLE b (id INTEGER)";
        let partitions =
            "CREATE TABLE c (id INTEGER) PARTITION BY RANGE (id) (PARTITION a VALUES LESS THAN (9))";
        for (setup, statement) in [
            (swap, "RENAME TABLE a TO x, b TO a, x TO b;"),
            (partitions, "ALTER TABLE c TRUNCATE PARTITION a;"),
        ] {
            Case::asks(Kind::Mysql, setup, statement);
        }
        if Database::new(Kind::Mysql).is_mariadb() {
            Case::asks(Kind::Mysql, "CREATE SEQUENCE s", "ALTER SEQUENCE s RESTART 100;");
        }
    }

    #[test]
    fn a_table_that_has_rows_is_not_emptied_a_second_time() {
        let mut case = Case::new(Kind::Mysql, "", "TRUNCATE TABLE t1;");
        case.connection.run("INSERT INTO t1 VALUES (7)");
        case.interrupt();
        let error = migrate!(case.connection, case.set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        migrate!(case.connection, case.set, resolve(Resolution::Applied)).unwrap();
        migrate!(case.connection, case.set, upgrade("head")).unwrap();
        assert_eq!(case.connection.count("t1"), 1);
    }

    #[test]
    fn a_function_that_was_cut_off_after_it_had_committed_is_asked_about() {
        let db = Database::new(Kind::Mysql);
        let mut connection = db.connect();
        migrate!(connection, failing::MIGRATIONS, upgrade("head")).unwrap_err();
        connection.run(
            "UPDATE migrate_history SET progress = '- begun', applied_by = 'dead' WHERE state = 'running'",
        );
        let error = migrate!(connection, failing::MIGRATIONS, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        assert!(error.to_string().contains("its Rust function"), "{error}");
        migrate!(connection, failing::MIGRATIONS, resolve(Resolution::Applied)).unwrap();
        assert!(migrate!(connection, failing::MIGRATIONS, status()).unwrap().is_current());
    }

    #[test]
    fn a_procedure_that_committed_in_its_middle_is_asked_about_and_one_that_did_not_runs_again() {
        for (body, commits) in
            [("CREATE TABLE IF NOT EXISTS made (id INTEGER)", true), ("SET @nothing = 1", false)]
        {
            let db = Database::new(Kind::Mysql);
            let set = Revisions::tables(1)
                .sections(
                    "m",
                    "-- migrate:up mysql no-transaction\nCALL work();\nCREATE TABLE after_m (id INTEGER);",
                )
                .build();
            let mut connection = db.connect();
            migrate!(connection, set, upgrade("r0001")).unwrap();
            connection.run(&format!(
                "CREATE PROCEDURE work() BEGIN INSERT INTO t1 VALUES (50); {body}; SIGNAL SQLSTATE '45000'; END"
            ));
            migrate!(connection, set, upgrade("head")).unwrap_err();
            let rows = if commits { 2 } else { 1 };
            assert_eq!(connection.count("t1"), rows);
            connection.run(&format!(
                "DROP PROCEDURE work; CREATE PROCEDURE work() BEGIN INSERT INTO t1 VALUES (51); {body}; END"
            ));
            let again = migrate!(connection, set, upgrade("head"));
            if commits {
                let error = again.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
                assert!(error.to_string().contains("CALL work()"), "{error}");
                migrate!(connection, set, resolve(Resolution::NotApplied)).unwrap();
                migrate!(connection, set, upgrade("head")).unwrap();
            } else {
                again.unwrap();
            }
            assert_eq!(connection.count("t1"), rows + 1);
        }
    }
}

/// What PostgreSQL runs outside of transactions.
mod postgres {
    use super::*;

    #[test]
    fn statements_that_must_be_alone_are_settled_whether_they_were_done_or_not() {
        let name = format!("doubt_{}", std::process::id());
        let partition = "CREATE TABLE p (id int) PARTITION BY RANGE (id);; \
                         CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9)";
        for (setup, statement, undo) in [
            ("", &*format!("CREATE DATABASE {name};"), &*format!("DROP DATABASE {name}")),
            ("", &format!("DROP DATABASE {name};"), &format!("CREATE DATABASE {name}")),
            ("", &format!("DROP DATABASE IF EXISTS {name};"), ""),
            ("CREATE INDEX i ON t1 (id)", "DROP INDEX CONCURRENTLY i;", "CREATE INDEX i ON t1 (id)"),
            ("", "CREATE INDEX CONCURRENTLY i ON t1 (id);", "DROP INDEX i"),
            ("", "CREATE INDEX CONCURRENTLY ON t1 (id);", "DROP INDEX t1_id_idx"),
            (
                partition,
                "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;",
                "ALTER TABLE p1 DROP CONSTRAINT p1_id_check;; ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (1) TO (9)",
            ),
            ("", "VACUUM t1;", ""),
            ("", "REINDEX TABLE CONCURRENTLY t1;", ""),
        ] {
            Case::converges(Kind::Postgres, setup, statement, undo);
        }
    }

    #[test]
    fn a_value_is_added_to_a_type_together_with_its_record() {
        let mut case = Case::new(
            Kind::Postgres,
            "CREATE TYPE mood AS ENUM ('good')",
            "ALTER TYPE mood ADD VALUE 'bad';",
        );
        assert_eq!(case.progress, "NULL", "nothing is in doubt, so nothing is recorded before it");
        assert_eq!(case.connection.value("SELECT count(*) FROM pg_enum"), "2");
    }

    #[test]
    fn a_procedure_that_commits_is_asked_about() {
        let procedure = "CREATE PROCEDURE work() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t1 SELECT max(id) + 1 FROM t1; COMMIT; END $$";
        for (resolution, rows) in [(Resolution::Applied, 2), (Resolution::NotApplied, 3)] {
            let mut case = Case::asks(Kind::Postgres, procedure, "CALL work();");
            migrate!(case.connection, case.set, resolve(resolution)).unwrap();
            migrate!(case.connection, case.set, upgrade("head")).unwrap();
            assert_eq!(case.connection.count("t1"), rows);
            assert_eq!(case.db.schema(), case.schema);
        }
    }
}
