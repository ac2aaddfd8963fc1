//! Stamps on servers: the tables as PostgreSQL and MariaDB keep them.

use embed_migrations_tests::database::{Database, Kind};

use crate::adopted::project;
use crate::project::{Done, Project};
use crate::tools::{alembic_project, run_alembic};

fn run_on(project: &Project, database: &Database, arguments: &[&str]) -> Done {
    let mut command = project.command(arguments);
    Done::new(command.env("DATABASE_URL", database.url()).output().unwrap())
}

/// A manifest of a package for one kind of server.
fn for_server(project: &Project, feature: &str) {
    project.write(
        "Cargo.toml",
        &format!(
            "[package]\nname = \"app\"\nversion = \"0.0.0\"\n\n[dependencies]\n\
             embed-migrations = {{ version = \"0.1\", features = [\"{feature}\"] }}\n"
        ),
    );
}

/// Alembic's own SQL makes the database, up to the merge; the rest is ours.
fn alembic_goes_on(kind: Kind, scheme: &str, feature: &str) {
    let database = Database::new(kind);
    let project = alembic_project(&format!("{scheme}://localhost/x"));
    for_server(&project, feature);
    database.connect().run(&run_alembic(&project, "upgrade ddd --sql"));
    project.write("up.sql", &run_alembic(&project, "upgrade heads --sql"));
    project.write("down.sql", &run_alembic(&project, "downgrade eee:base --sql"));
    let adopt =
        ["adopt", "--from", "alembic", "--upgrade-sql", "up.sql", "--downgrade-sql", "down.sql", "--stamp"];
    let done = run_on(&project, &database, &adopt);
    assert!(done.ok().ends_with("stamped ddd: 4 applied, by `alembic_version`\n"), "{done:?}");
    run_on(&project, &database, &["upgrade"]).ok();
    assert_eq!(database.tables(), ["alembic_version", "posts", "users"]);
    run_on(&project, &database, &["downgrade", "base", "--yes"]).ok();
    assert_eq!(database.tables(), ["alembic_version"]);
    run_on(&project, &database, &["upgrade"]).ok();
    assert_eq!(database.connect().value("SELECT name FROM users"), "a;b -- c");
}

mod alembic_goes_on_as_ours {
    use super::*;

    #[test]
    fn postgres() {
        alembic_goes_on(Kind::Postgres, "postgresql", "postgres");
    }

    #[test]
    fn mysql() {
        alembic_goes_on(Kind::Mysql, "mysql", "mysql");
    }
}

/// The tables as each tool makes them, with the versions 1 and 2 of three.
fn tables_are_read(kind: Kind, feature: &str, blob: &str, bytes: &dyn Fn(&str) -> String) {
    for (tool, sql, expected) in [
        (
            "sqlx",
            format!(
                "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN NOT NULL, checksum {blob} NOT \
                 NULL); INSERT INTO _sqlx_migrations VALUES (1, TRUE, {}), (2, TRUE, {})",
                bytes("7a8e2ea8a5cbf5b7e9b8ca9c6d09d9ad"),
                bytes("00")
            ),
            None,
        ),
        (
            "golang-migrate",
            "CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, dirty BOOLEAN NOT NULL); \
             INSERT INTO schema_migrations VALUES (2, FALSE)"
                .to_owned(),
            Some("2"),
        ),
        (
            "goose",
            "CREATE TABLE goose_db_version (id INT PRIMARY KEY, version_id BIGINT NOT NULL, is_applied BOOLEAN NOT NULL); \
             INSERT INTO goose_db_version VALUES (1, 0, TRUE), (2, 1, TRUE), (3, 2, TRUE)"
                .to_owned(),
            Some("2"),
        ),
        (
            "flyway",
            "CREATE TABLE flyway_schema_history (installed_rank INT PRIMARY KEY, version VARCHAR(50), description \
             VARCHAR(200), type VARCHAR(20), success BOOLEAN NOT NULL); \
             INSERT INTO flyway_schema_history VALUES (1, '1', 'a', 'SQL', TRUE), (2, '2', 'b', 'SQL', TRUE)"
                .to_owned(),
            Some("V2"),
        ),
    ] {
        let (database, project) = (Database::new(kind), project(&[]));
        for_server(&project, feature);
        for version in ["1", "2", "3"] {
            let (name, marker) = match tool {
                "golang-migrate" => (format!("{version}_t.up.sql"), ""),
                "goose" => (format!("{version}_t.sql"), "-- +goose Up\n"),
                "flyway" => (format!("V{version}__t.sql"), ""),
                _ => (format!("{version}_t.sql"), ""),
            };
            project.write(&format!("old/{name}"), &format!("{marker}CREATE TABLE t{version} (x INT);\n"));
        }
        database.connect().run(&sql);
        let done = run_on(&project, &database, &["adopt", "--from", tool, "old", "--stamp"]);
        match expected {
            Some(head) => {
                done.ok();
                let current = run_on(&project, &database, &["current"]);
                assert_eq!(current.ok(), format!("{head}, t\n"));
            }
            // Checksums are bytes there, and these are not those of the files.
            None => assert!(done.failed(10).contains("old/1_t.sql, old/2_t.sql"), "{tool}: {done:?}"),
        }
    }
}

mod the_tables_of_each_tool_are_read {
    use super::*;

    #[test]
    fn postgres() {
        tables_are_read(Kind::Postgres, "postgres", "BYTEA", &|hex| format!("'\\x{hex}'"));
    }

    #[test]
    fn mysql() {
        tables_are_read(Kind::Mysql, "mysql", "BLOB", &|hex| format!("X'{hex}'"));
    }
}

mod the_checksums_of_sqlx_are_read_on_servers {
    mod postgres {
        use super::super::*;

        #[test]
        fn mysql() {
            // SHA-384 of `CREATE TABLE t (x INT);\n`, by another program.
            const SUM: &str = "64c2d56b080f73a5280c7d832e5d9a4e682233fc017f5089709d2f3b773267cba21f788183d642f79efb964f0a9a7d32";
            for (kind, feature, blob, value) in [
                (Kind::Postgres, "postgres", "BYTEA", format!("'\\x{SUM}'")),
                (Kind::Mysql, "mysql", "BLOB", format!("X'{SUM}'")),
            ] {
                let (database, project) =
                    (Database::new(kind), project(&[("old/1_t.sql", "CREATE TABLE t (x INT);\n")]));
                for_server(&project, feature);
                database.connect().run(&format!(
                    "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN NOT NULL, checksum {blob} NOT \
                     NULL); INSERT INTO _sqlx_migrations VALUES (1, TRUE, {value})"
                ));
                run_on(&project, &database, &["adopt", "--from", "sqlx", "old", "--stamp"]).ok();
                assert_eq!(run_on(&project, &database, &["current"]).ok(), "1 (head), t\n");
            }
        }
    }
}
