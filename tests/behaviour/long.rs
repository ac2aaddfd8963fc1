//! Revisions that take longer than the server allows this role.

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
        db.connect().run(&match db.kind {
            Kind::Postgres => format!(
                "CREATE ROLE {name} LOGIN SUPERUSER PASSWORD 'p'; ALTER ROLE {name} SET statement_timeout = '500ms'"
            ),
            _ => format!(
                "CREATE USER {name} IDENTIFIED BY 'p' WITH MAX_STATEMENT_TIME 0.5; GRANT ALL ON *.* TO {name}"
            ),
        });
        Self { db, name }
    }

    fn connect(&self) -> Connection {
        Connection::new(self.db.kind, &self.db.url_for(&self.name, "p"))
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

/// A table, and a revision that takes two seconds.
fn slow(kind: Kind, options: &str) -> Revisions {
    let (backend, sleep) = match kind {
        Kind::Postgres => ("postgres", "CREATE TABLE slept AS SELECT pg_sleep(2)::text AS a"),
        _ => ("mysql", "CREATE TABLE slept AS SELECT SLEEP(2) AS a"),
    };
    Revisions::tables(1).sections(
        "slow",
        &format!("-- migrate:up {backend}{options}\n{sleep};\nCREATE TABLE t_after (id INTEGER);"),
    )
}

server_behaviours! {
    fn a_statement_that_the_roles_limit_ends_names_the_limit_and_what_overrides_it(db) {
        let role = Hurried::new(db);
        let setting = if db.kind == Kind::Postgres { "statement_timeout" } else { "max_statement_time" };
        for options in ["", " no-transaction"] {
            let set = slow(db.kind, options).build();
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
        let short = slow(db.kind, " statement-timeout=100ms").build();
        let told = migrate!(connection, short, upgrade("head")).unwrap_err().to_string();
        assert!(told.contains("the section's own `statement-timeout=` ended it"), "{told}");
        let limit = match db.kind {
            Kind::Postgres => "SHOW statement_timeout",
            _ => "SELECT @@max_statement_time",
        };
        let before = connection.value(limit);
        let set = slow(db.kind, " statement-timeout=1m").build();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value(limit), before, "the role's own is back");
        assert_eq!(db.tables(), ["slept", "t1", "t_after"]);
    }

    fn waiting_for_another_run_outlasts_the_roles_limit(db) {
        let role = Hurried::new(db);
        let set = slow(db.kind, " statement-timeout=1m").build();
        let (kind, url) = (db.kind, db.url());
        let (started, wait) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            let set = slow(kind, " statement-timeout=1m").build();
            let mut connection = Connection::new(kind, &url);
            migrate!(connection, set, on_event(move |_| {
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
