use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use embed_migrations_tests::command::{CommandProject, Done};
use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, server_behaviours};

/// The databases on the server that a `verify` has made.
fn scratch_databases(db: &Database) -> Vec<String> {
    let sql = match db.kind {
        Kind::Sqlite => return Vec::new(),
        Kind::Postgres => "SELECT datname FROM pg_database",
        Kind::Mysql => "SELECT schema_name FROM information_schema.schemata",
    };
    let names = db.connect().rows(sql).into_iter().map(|mut row| row.remove(0));
    names.filter(|name| name.starts_with("verify_")).collect()
}

/// The outcome of each revision, and the lines that differ.
fn found(done: &Done) -> Vec<(String, Vec<String>)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let data = done.json();
    let revisions = data.as_array().unwrap().iter();
    revisions
        .map(|revision| {
            let differences = revision["differences"].as_array().unwrap().iter();
            let lines = differences.flat_map(|difference| difference["lines"].as_array().unwrap());
            (text(&revision["outcome"]), lines.map(text).collect())
        })
        .collect()
}

/// A revision of a table without rows, and a foot of what comes after.
fn with_table() -> Revisions {
    Revisions::new().sql(
        "a0",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(10) DEFAULT 'x', b INTEGER);",
        "DROP TABLE t;",
    )
}

behaviours! {
    fn a_sound_history_is_verified_without_touching_the_named_database(db) {
        let mut connection = db.connect();
        connection.run("CREATE TABLE t (mine INTEGER)");
        let revisions = with_table()
            .sql("a1", "CREATE INDEX i ON t (b);\nCREATE VIEW v AS SELECT id FROM t WHERE b > 1;", if db.kind == Kind::Mysql {
                "DROP VIEW v;\nDROP INDEX i ON t;"
            } else {
                "DROP VIEW v;\nDROP INDEX i;"
            })
            .sql("a2", "INSERT INTO t (id, b) VALUES (1, 2);", "DELETE FROM t WHERE id = 1;")
            .sql("a3", "ALTER TABLE t ADD COLUMN c INTEGER NOT NULL DEFAULT 7;", "ALTER TABLE t DROP COLUMN c;")
            .sql("a4", "CREATE TABLE u (id INTEGER PRIMARY KEY, t INTEGER NOT NULL, FOREIGN KEY (t) REFERENCES t (id));", "DROP TABLE u;")
            .sql("a5", "DROP TABLE u;", "");
        let project = CommandProject::with(db, &revisions);
        let done = project.run("verify");
        assert_eq!(
            done.ok(),
            "ok           a0, Revision a0\nok           a1, Revision a1\nok           a2, Revision a2\n\
             ok           a3, Revision a3\nok           a4, Revision a4\nirreversible a5, Revision a5\n"
        );
        assert_eq!(db.tables(), ["t"]);
        assert_eq!(connection.rows("SELECT * FROM t"), [[""; 0]; 0]);
    }

    fn a_way_down_that_forgets_something_is_told(db) {
        let (trigger, drop_index) = match db.kind {
            Kind::Sqlite => ("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;", "DROP INDEX i;"),
            Kind::Postgres => (
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n\
                 CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();",
                "DROP INDEX i;",
            ),
            Kind::Mysql => ("CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW SET @a = 1;", "DROP INDEX i ON t;"),
        };
        // SQLite changes no column: it is made anew.
        let (default, forgets_default) = match db.kind {
            Kind::Sqlite => (
                "ALTER TABLE t DROP COLUMN a;\nALTER TABLE t ADD COLUMN a VARCHAR(10) DEFAULT 'y';",
                "ALTER TABLE t DROP COLUMN a;\nALTER TABLE t ADD COLUMN a VARCHAR(10);",
            ),
            _ => ("ALTER TABLE t ALTER COLUMN a SET DEFAULT 'y';", "ALTER TABLE t ALTER COLUMN a DROP DEFAULT;"),
        };
        let revisions = with_table()
            .sql("index", "CREATE INDEX i ON t (b);\nCREATE INDEX j ON t (b, id);", drop_index)
            .sql("trigger", trigger, "INSERT INTO t (id) VALUES (1);")
            .sql("default", default, forgets_default)
            .sql("table", "CREATE TABLE forgotten (a INTEGER);", "DELETE FROM t;")
            .sql("sound", "CREATE TABLE u (a INTEGER);", "DROP TABLE u;");
        let project = CommandProject::with(db, &revisions);
        let done = project.run("verify --format json");
        let error = done.failed(18);
        assert!(error.contains("does not undo the way up: index, trigger, default, table\n"), "{error}");
        let found = found(&done);
        let outcomes: Vec<&str> = found.iter().map(|(outcome, _)| outcome.as_str()).collect();
        assert_eq!(outcomes, ["ok", "differs", "differs", "differs", "differs", "ok"]);
        let expected = match db.kind {
            Kind::Sqlite => [
                "+ index j on t: create index j on t ( b , id )",
                "+ trigger g on t: create trigger g after insert on t begin select 1 ; end",
                "- table t: a varchar ( 10 ) default 'x'",
                "+ table forgotten: a integer",
            ],
            Kind::Postgres => [
                "+ index CREATE INDEX j ON public.t USING btree (b, id)",
                "+ trigger CREATE TRIGGER g AFTER INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()",
                "- column public.t.a character varying(10) default 'x'::character varying",
                "+ column public.forgotten.a integer",
            ],
            Kind::Mysql => [
                "+ table t: KEY `j` (`b`,`id`)",
                "+ trigger g: ",
                "- table t: `a` varchar(10) DEFAULT 'x'",
                "+ table forgotten: `a` int(11) DEFAULT NULL",
            ],
        };
        for (expected, (_, lines)) in expected.iter().zip(&found[1..]) {
            assert!(lines.iter().any(|line| line.starts_with(expected)), "{expected}: {lines:#?}");
        }
    }

    fn rows_that_are_lost_where_the_way_down_keeps_data_are_told(db) {
        let section = |option: &str| format!("-- migrate:up\nALTER TABLE t ADD COLUMN c INTEGER;\n\n-- migrate:down {option}\nALTER TABLE t DROP COLUMN c;\nUPDATE t SET a = 'lost' WHERE id = 2;\n");
        let project = CommandProject::with(db, &with_table().sections("a1", &section("keeps-data")));
        project.write("seeds/a0.sql", "INSERT INTO t (id, a, b) VALUES (1, 'one''s', NULL);\nINSERT INTO t (id, a) VALUES (2, NULL);\n");
        project.run("verify").ok();
        let done = project.run("verify --seed seeds --format json");
        done.failed(18);
        let (outcome, lines) = found(&done).remove(1);
        assert_eq!(outcome, "differs");
        let lost = if db.kind == Kind::Sqlite { "'lost'" } else { "\"lost\"" };
        assert_eq!(
            lines.iter().map(|line| line.replace(" = \"2\"", " = 2")).collect::<Vec<_>>(),
            [format!("+ row of {}t: a = {lost}, b is null, id = 2", if db.kind == Kind::Postgres { "public." } else { "" }),
             format!("- row of {}t: a is null, b is null, id = 2", if db.kind == Kind::Postgres { "public." } else { "" })]
        );
        let silent = CommandProject::with(db, &with_table().sections("a1", &section("")));
        silent.write("seeds/a0.sql", "INSERT INTO t (id, a) VALUES (2, NULL);\n");
        silent.run("verify --seed seeds").ok();
    }

    fn branches_and_what_joins_them_are_verified(db) {
        let table = |name: &str| format!("-- migrate:up\nCREATE TABLE {name} (a INTEGER);\n\n-- migrate:down\nDROP TABLE {name};\n");
        let revisions = with_table()
            .on("left", "a0", "", &table("l"))
            .on("right", "a0", "-- depends-on: left", &table("r"))
            .on("other", "none", "", &table("o"))
            .on("joined", "left, right", "", "")
            .on("top", "joined", "", "-- migrate:up\nDROP TABLE l;\n\n-- migrate:down\nCREATE TABLE l (a INTEGER);\n");
        let done = CommandProject::with(db, &revisions).run("verify --format json");
        done.ok();
        let found = found(&done);
        assert_eq!(found.len(), 6);
        assert!(found.iter().all(|(outcome, lines)| outcome == "ok" && lines.is_empty()), "{found:?}");
    }

    fn the_history_is_no_part_of_the_schema_whatever_its_name(db) {
        let project = CommandProject::with(db, &with_table());
        project.write(
            "Cargo.toml",
            "[package]\nname = \"app\"\n[package.metadata.migrate]\ntable = \"it's\"\nschema = \"ops\"\n",
        );
        let done = project.run("verify --format json");
        done.ok();
        assert_eq!(found(&done), [("ok".to_owned(), Vec::new())]);
    }
}

/// The tests that follow look at all the databases of a server, and so are not to run beside one another.
fn left_over(db: &Database, project: &CommandProject, line: &str, code: i32) {
    let before = scratch_databases(db);
    project.run(line).failed(code);
    // Those of other tests come and go; what stays is left over.
    let since = Instant::now();
    loop {
        let left: Vec<String> =
            scratch_databases(db).into_iter().filter(|name| !before.contains(name)).collect();
        if left.is_empty() {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "{left:?}");
        sleep(Duration::from_millis(200));
    }
}

behaviours! {
    fn no_database_is_left_whatever_the_end(db) {
        let sound = CommandProject::with(db, &with_table());
        left_over(db, &sound, "verify", 0);
        let failing = CommandProject::with(db, &with_table().sql("a1", "CREATE TABLE u (a INTEGER);", "DROP TABLE absent;"));
        left_over(db, &failing, "verify", 12);
        let differing = CommandProject::with(db, &with_table().sql("a1", "CREATE TABLE u (a INTEGER);", "SELECT 1;"));
        left_over(db, &differing, "verify", 18);
    }
}

/// On the servers alone: in memory nothing is left anyway.
fn an_interruption_leaves_no_database(db: &Database, wait: &str, signal: &str) {
    let project = CommandProject::with(db, &with_table().sql("a1", wait, "SELECT 1;"));
    // The scratch databases in which a statement waits; another run of this test may have one.
    let at_work = || -> Vec<String> {
        let sql = match db.kind {
            Kind::Postgres => {
                "SELECT datname FROM pg_stat_activity WHERE datname LIKE 'verify%' AND wait_event = 'PgSleep'"
            }
            _ => {
                "SELECT db FROM information_schema.processlist WHERE db LIKE 'verify%' AND info LIKE '%SLEEP(59)%'"
            }
        };
        db.connect().rows(sql).into_iter().map(|mut row| row.remove(0)).collect()
    };
    let others = at_work();
    let mut child =
        project.command().arg("verify").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    let ours = loop {
        if let Some(name) = at_work().into_iter().find(|name| !others.contains(name)) {
            break name;
        }
        assert!(child.try_wait().unwrap().is_none() && since.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(50));
    };
    assert!(scratch_databases(db).contains(&ours));
    let interrupt = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let done = Done::new(child.wait_with_output().unwrap());
    assert_eq!(done.failed(1), "error: interrupted\n");
    assert!(since.elapsed() < Duration::from_secs(50), "the statement was waited for");
    assert!(!at_work().contains(&ours), "the statement goes on");
    assert!(!scratch_databases(db).contains(&ours), "{ours} is left");
}

mod interruption {
    use super::*;

    #[test]
    fn postgres() {
        an_interruption_leaves_no_database(&Database::new(Kind::Postgres), "SELECT pg_sleep(59);", "-INT");
    }

    #[test]
    fn mysql() {
        an_interruption_leaves_no_database(&Database::new(Kind::Mysql), "DO SLEEP(59);", "-TERM");
    }
}

mod without_the_right_to_make_a_database {
    use super::*;

    fn it_says_so(db: &Database, statements: &[String], user: &str, hint: &str) {
        let mut connection = db.connect();
        for statement in statements {
            connection.run(statement);
        }
        let project = CommandProject::with(db, &with_table()).url(&db.url_for(user, "p%40ss"));
        let done = project.run("verify");
        connection.run(&format!("DROP USER {user}"));
        assert!(done.failed(13).contains(hint), "{done:?}");
        assert!(!done.stderr.contains("p@ss") && !done.stderr.contains("p%40ss"), "{done:?}");
    }

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let user = format!("u_{}", db.name);
        let role = format!("CREATE ROLE {user} LOGIN PASSWORD 'p@ss'");
        it_says_so(
            &db,
            &[role],
            &user,
            "hint: `verify` works on a database of its own beside yours: give the role `CREATEDB`",
        );
    }

    #[test]
    fn mysql() {
        let db = Database::new(Kind::Mysql);
        let user = format!("u_{}", db.name);
        let account = format!("CREATE USER {user} IDENTIFIED BY 'p@ss'");
        let grant = format!("GRANT ALL ON {}.* TO {user}", db.name);
        it_says_so(
            &db,
            &[account, grant],
            &user,
            "hint: `verify` works on a database of its own beside yours: grant the account",
        );
    }
}

/// What no revision may do while it is verified, with a word of the reason.
fn reaching(db: &Database) -> Vec<(String, &'static str)> {
    let name = &db.name;
    let databases = "is about another database of the server";
    let named = "which `verify` does not touch";
    match db.kind {
        Kind::Sqlite => vec![
            (format!("ATTACH '{name}' AS shop;"), "opens a file"),
            (format!("VACUUM INTO '{name}.copy';"), "opens a file"),
        ],
        Kind::Postgres => vec![
            (format!("DROP DATABASE IF EXISTS {name};"), databases),
            (format!("ALTER DATABASE {name} CONNECTION LIMIT 0;"), databases),
            (format!("CREATE DATABASE {name}_other;"), databases),
            (format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC;"), databases),
            (format!("DO $$ BEGIN EXECUTE 'ALTER DATABASE {name} CONNECTION LIMIT 0'; END $$;"), databases),
        ],
        Kind::Mysql => vec![
            (format!("DROP DATABASE IF EXISTS `{}`;", name.to_uppercase()), databases),
            (format!("DROP SCHEMA {name};"), databases),
            (format!("ALTER DATABASE {name} CHARACTER SET latin1;"), databases),
            (format!("CREATE DATABASE {name}_other;"), databases),
            (format!("DROP TABLE `{name}`.t;"), named),
            (format!("PREPARE s FROM 'DROP TABLE {name}.t';\nEXECUTE s;"), named),
            (format!("DROP TABLE {name}_other.t;"), named),
        ],
    }
}

behaviours! {
    fn what_reaches_out_of_the_scratch_database_is_refused_before_anything_runs(db) {
        db.connect().run("CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(10), b INTEGER)");
        for (statement, reason) in reaching(db) {
            let down = format!(
                "-- migrate:up\nCREATE TABLE u (a INTEGER);\n\n-- migrate:down no-transaction\nDROP TABLE u;\n{statement}\n"
            );
            let project = CommandProject::with(db, &Revisions::new().sections("a0", &down));
            let done = project.run("verify");
            let error = done.failed(16);
            assert!(error.contains(reason), "{statement}: {error}");
            assert!(error.contains("\n --> migrations/a0_slug.sql:"), "{statement}: {error}");
            assert_eq!((done.stdout.as_str(), db.tables()), ("", vec!["t".to_owned()]), "{statement}");
            let seeds = CommandProject::with(db, &with_table());
            seeds.write("seeds/a0.sql", &format!("INSERT INTO t (id) VALUES (1);\n{statement}\n"));
            let done = seeds.run("verify --seed seeds");
            assert!(done.failed(16).contains("\n --> seeds/a0.sql:2\n"), "{statement}: {done:?}");
            assert_eq!(db.tables(), ["t"], "{statement}");
        }
    }
}

mod where_the_named_database_goes_meanwhile {
    use super::*;

    #[test]
    fn postgres_is_left_without_the_scratch_database() {
        let db = Database::new(Kind::Postgres);
        let admin = Database::new(Kind::Postgres);
        let wait = format!("SELECT pg_sleep(4), '{}';", db.name);
        let project = CommandProject::with(&db, &with_table().sql("a1", &wait, "SELECT 1;"));
        let at_work = || {
            let sql = format!(
                "SELECT datname FROM pg_stat_activity WHERE datname LIKE 'verify%' AND wait_event = 'PgSleep' \
                 AND query LIKE '%{}%'",
                db.name
            );
            admin.connect().rows(&sql).pop().map(|mut row| row.remove(0))
        };
        let mut child =
            project.command().arg("verify").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let since = Instant::now();
        let scratch = loop {
            if let Some(name) = at_work() {
                break name;
            }
            assert!(child.try_wait().unwrap().is_none() && since.elapsed() < Duration::from_secs(30));
            sleep(Duration::from_millis(50));
        };
        admin.connect().run(&format!("DROP DATABASE {} WITH (FORCE)", db.name));
        Done::new(child.wait_with_output().unwrap()).ok();
        assert!(!scratch_databases(&admin).contains(&scratch), "{scratch} is left");
    }
}

server_behaviours! {
    fn the_scratch_database_is_reached_with_the_encryption_that_the_url_asks_for(db) {
        let revisions = Revisions::new().sections(
            "a0",
            "-- migrate:up postgres\n\
             CREATE TABLE cipher (name TEXT NOT NULL);\n\
             INSERT INTO cipher SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid();\n\n\
             -- migrate:up mysql\n\
             CREATE TABLE cipher (name TEXT NOT NULL);\n\
             INSERT INTO cipher SELECT NULLIF(VARIABLE_VALUE, '') FROM information_schema.SESSION_STATUS \
             WHERE VARIABLE_NAME = 'Ssl_cipher';\n\n\
             -- migrate:down\nDROP TABLE cipher;",
        );
        let project = CommandProject::with(db, &revisions);
        let ca = db.kind.server_file("ca.pem").display().to_string();
        let verify = |parameters: &str| {
            let url = format!("{}?{parameters}", db.url());
            project.run(&format!("verify --database-url '{url}'"))
        };
        verify(&format!("sslmode=verify-ca&sslrootcert={ca}")).ok();
        verify("sslmode=require").ok();
        let done = verify("sslmode=disable");
        assert!(done.failed(12).contains("INSERT INTO cipher"), "{done:?}");
        // Those of tests that run at the same time go as well.
        let mut left = scratch_databases(db);
        let since = Instant::now();
        while !left.is_empty() {
            assert!(since.elapsed() < Duration::from_secs(60), "{left:?} stay");
            sleep(Duration::from_millis(100));
            let there = scratch_databases(db);
            left.retain(|name| there.contains(name));
        }
    }
}
