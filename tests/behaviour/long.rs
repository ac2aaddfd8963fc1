//! Revisions that take longer than the server allows this role, or on MySQL, which has no limits of roles and none but for
//! SELECT, this session.

use std::time::{Duration, Instant};

use embed_migrations::ErrorKind;
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{migrate, server_behaviours};

/// A role whose statements may take half a second, gone when this is dropped.
struct Hurried<'d> {
    db: &'d Database,
    name: String,
}

impl<'d> Hurried<'d> {
    fn new(db: &'d Database) -> Self {
        let name = format!("hurried_{}", db.name);
        db.connect().run(&match setting(db) {
            "statement_timeout" => format!(
                "CREATE ROLE {name} LOGIN SUPERUSER PASSWORD 'p'; ALTER ROLE {name} SET statement_timeout = '500ms'"
            ),
            "max_statement_time" => format!(
                "CREATE USER {name} IDENTIFIED BY 'p' WITH MAX_STATEMENT_TIME 0.5; GRANT ALL ON *.* TO {name}"
            ),
            _ => format!("CREATE USER {name} IDENTIFIED BY 'p'; GRANT ALL ON *.* TO {name}"),
        });
        Self { db, name }
    }

    fn connect(&self) -> Connection {
        let mut connection = Connection::new(self.db.kind, &self.db.url_for(&self.name, "p"));
        if setting(self.db) == "max_execution_time" {
            connection.run("SET SESSION max_execution_time = 500");
        }
        connection
    }
}

impl Drop for Hurried<'_> {
    fn drop(&mut self) {
        let drop = match self.db.kind {
            Kind::Postgres => format!("DROP OWNED BY {0}; DROP ROLE {0}", self.name),
            _ => format!("DROP USER {}", self.name),
        };
        let _ = self.db.connect().try_run(&drop);
    }
}

/// The setting that limits statements.
fn setting(db: &Database) -> &'static str {
    match db.kind {
        Kind::Postgres => "statement_timeout",
        _ if db.is_mariadb() => "max_statement_time",
        _ => "max_execution_time",
    }
}

/// A table, and a revision that takes two seconds.
fn slow(db: &Database, options: &str) -> Revisions {
    let (backend, sleep) = match setting(db) {
        "statement_timeout" => ("postgres", "CREATE TABLE slept AS SELECT pg_sleep(2)::text AS a"),
        "max_statement_time" => ("mysql", "CREATE TABLE slept AS SELECT SLEEP(2) AS a"),
        _ => (
            "mysql",
            "SELECT 1 FROM (SELECT 1 UNION ALL SELECT 2) twice WHERE SLEEP(1);\nCREATE TABLE slept (a INTEGER)",
        ),
    };
    Revisions::tables(1).sections(
        "slow",
        &format!("-- migrate:up {backend}{options}\n{sleep};\nCREATE TABLE t_after (id INTEGER);"),
    )
}

server_behaviours! {
    fn a_statement_that_the_roles_limit_ends_names_the_limit_and_what_overrides_it(db) {
        let role = Hurried::new(db);
        let setting = setting(db);
        for options in ["", " no-transaction"] {
            let set = slow(db, options).build();
            let error = migrate!(role.connect(), set, upgrade("head")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Revision, "{error}");
            let told = error.to_string();
            assert!(told.contains("upgrade of revision 'slow' failed: "), "{told}");
            assert!(told.contains(&format!("`{setting}` of this role")), "{told}");
            assert!(told.contains("`statement-timeout=1h` behind the section's marker"), "{told}");
            assert_eq!(db.tables(), ["t1"]);
        }
    }

    fn a_sections_own_limit_takes_the_place_of_the_roles(db) {
        let role = Hurried::new(db);
        let mut connection = role.connect();
        let short = slow(db, " statement-timeout=100ms").build();
        let told = migrate!(connection, short, upgrade("head")).unwrap_err().to_string();
        assert!(told.contains("the section's own `statement-timeout=` ended it"), "{told}");
        let limit = match db.kind {
            Kind::Postgres => "SHOW statement_timeout".to_owned(),
            _ => format!("SELECT @@{}", setting(db)),
        };
        let before = connection.value(&limit);
        let set = slow(db, " statement-timeout=1m").build();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value(&limit), before, "the role's own is back");
        assert_eq!(db.tables(), ["slept", "t1", "t_after"]);
    }

    fn waiting_for_another_run_outlasts_the_roles_limit(db) {
        let role = Hurried::new(db);
        let set = slow(db, " statement-timeout=1m").build();
        let (kind, url) = (db.kind, db.url());
        let (started, wait) = std::sync::mpsc::channel();
        let same = slow(db, " statement-timeout=1m").build();
        let other = std::thread::spawn(move || {
            let mut connection = Connection::new(kind, &url);
            migrate!(connection, same, on_event(move |_| {
                let _ = started.send(());
            }).upgrade("head")).map(drop)
        });
        wait.recv().unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        let report = migrate!(role.connect(), set, upgrade("head")).unwrap();
        assert!(start.elapsed() > Duration::from_millis(600), "{:?}", start.elapsed());
        assert!(report.is_empty(), "{report}");
        other.join().unwrap().unwrap();
    }
}
