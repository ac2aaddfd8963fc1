//! Runs that `cargo migrate` hands over to a real application.

use embed_migrations_tests::command::{HEEDED, path, words};
use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::project::{Output, TestProject, offline_cargo};

const MAIN: &str = r#"
use std::process::ExitCode;

use clap::Parser;
use embed_migrations::cli::{Cli, Command};

embed_migrations::embed_migrations!("migrations");

#[derive(Parser)]
enum App {
    #[command(subcommand)]
    Migrate(Command),
}

fn main() -> ExitCode {
    let App::Migrate(command) = App::parse();
    Cli::new(&migrations::MIGRATIONS).database_url("sqlite:own.db").run_sqlite(&command)
}
"#;

const MANIFEST: &str = "clap = { version = \"4.5\", features = [\"derive\"] }\n\n[package.metadata.migrate]\n\
                        runner = [\"cargo\", \"run\", \"--quiet\", \"--\", \"migrate\"]\ntable = \"h1\"";

#[test]
fn an_application_with_another_history_refuses_and_one_with_the_same_goes_on() {
    let database = Database::new(Kind::Sqlite);
    let project = TestProject::new("runner_history")
        .features(&["sqlite-bundled", "cli"])
        .manifest(MANIFEST)
        .file("src/main.rs", MAIN)
        .file(
            "migrations/a1_users.sql",
            "-- Users\n--\n-- revision: a1\n\n-- migrate:up\nCREATE TABLE users (id INTEGER);\n\n-- migrate:down\nDROP TABLE users;\n",
        )
        .file(
            "migrations/b2_fill.rs",
            "//! Fill\n//!\n//! revision: b2\n//! revises: a1\n\nuse embed_migrations::{Db, Result};\n\n\
             pub async fn up(db: &mut Db<'_>) -> Result<()> {\n    \
             db.execute(\"INSERT INTO users VALUES (1)\", &[]).await?;\n    Ok(())\n}\n",
        );
    let root = project.path("");
    let migrate = |line: &str| {
        let mut command = offline_cargo(&root);
        command.arg("migrate").args(words(line)).env("PATH", path());
        for variable in HEEDED {
            command.env_remove(variable);
        }
        Output::of(command.env("DATABASE_URL", database.url()), &root)
    };
    migrate("upgrade a1").succeeded();
    let output = migrate("upgrade");
    let error = output.exited(3);
    let said = "its table is `h1`, that of this program is `migrate_history`; nothing was done";
    assert!(error.contains(said), "{error}");
    let others = "SELECT name FROM sqlite_schema WHERE name LIKE 'migrate_history%'";
    assert!(database.connect().rows(others).is_empty(), "the application has touched nothing");
    project.write("src/main.rs", MAIN.replace(").database", ").table(\"h1\").database"));
    assert!(migrate("upgrade").succeeded().starts_with("1 step, now at b2"));
    assert_eq!(database.connect().rows("SELECT id FROM users"), [["1"]]);
    assert!(!project.path("own.db").exists(), "the database is that of the command");
}
