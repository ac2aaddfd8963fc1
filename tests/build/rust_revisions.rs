//! Revisions written in Rust, and the files that they read.

use embed_migrations_tests::project::TestProject;

use crate::revision;

const MAIN: &str = r#"
embed_migrations::embed_migrations!("migrations");

fn main() -> embed_migrations::Result<()> {
    let mut connection = rusqlite::Connection::open_in_memory()?;
    migrations::MIGRATIONS.sqlite(&mut connection).upgrade(embed_migrations::Target::Head)?;
    let count = |connection: &rusqlite::Connection| {
        connection.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, i64>(0))
    };
    println!("{}", count(&connection)?);
    migrations::MIGRATIONS.sqlite(&mut connection).downgrade(migrations::AddUsers)?;
    println!("{}", count(&connection)?);
    Ok(())
}
"#;

const FILL: &str = r#"//! Fill users
//!
//! revision: b2
//! revises: a1

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    for line in db.file("lists/users.csv")?.lines() {
        db.execute("INSERT INTO users (id) VALUES (?)", &[line.into()]).await?;
    }
    Ok(())
}

pub async fn down(db: &mut Db<'_>) -> Result<()> {
    db.execute("DELETE FROM users", &[]).await?;
    Ok(())
}
"#;

#[test]
fn a_rust_revision_reads_its_data_and_an_error_in_it_is_shown_in_its_own_file() {
    let project = TestProject::new("rust_revisions")
        .features(&["sqlite-bundled"])
        .manifest("rusqlite = { version = \">=0.32, <0.44\", default-features = false }")
        .file("src/main.rs", MAIN)
        .file("migrations/a1_add_users.sql", revision("a1", "none", "users"))
        .file("migrations/b2_fill_users.rs", FILL)
        .file("migrations/data/lists/users.csv", "1\n2\n3\n");
    assert_eq!(project.run().succeeded(), "3\n0\n");

    project.write("migrations/data/lists/users.csv", "1\n2\n3\n4\n");
    assert_eq!(project.run().succeeded(), "4\n0\n", "an edited data file leads to a rebuild");

    project.write("migrations/b2_fill_users.rs", FILL.replace("lines()", "matches('\\r').chain([\"7\"])"));
    project.write("migrations/data/lists/users.csv", "1\r\n2\r\n3\r\n");
    assert_eq!(project.run().succeeded(), "1\n0\n", "a clone on Windows gets the text that others get");

    project.write("migrations/b2_fill_users.rs", FILL.replace("Ok(())\n}\n\npub", "Ok(1)\n}\n\npub"));
    let output = project.cargo(["check"]);
    let error = output.failed();
    assert!(error.contains("error[E0308]: mismatched types"), "{error}");
    assert!(error.contains("--> [PROJECT]/migrations/b2_fill_users.rs:12:8\n"), "{error}");
    assert_eq!(error.matches("error[E").count(), 1, "{error}");
}

#[test]
fn a_rust_revision_with_another_result_is_named_with_its_file() {
    let main = "embed_migrations::embed_migrations!(\"migrations\");\n\nfn main() {\n    \
                println!(\"{}\", migrations::MIGRATIONS.revisions().len());\n}\n";
    let project = TestProject::new("rust_revisions_results")
        .file("src/main.rs", main)
        .file("migrations/a1_add_users.sql", revision("a1", "none", "users"))
        .file("migrations/data/lists/users.csv", "1\n");
    for (result, value) in [
        ("()", "()"),
        ("std::io::Result<()>", "Ok(())"),
        ("Result<u64>", "Ok(1)"),
        ("Result<(), Box<dyn std::error::Error>>", "Ok(())"),
    ] {
        for function in ["up", "down"] {
            let others = FILL
                .replace(&format!("async fn {function}(db: &mut Db<'_>)"), "async fn other(db: &mut Db<'_>)");
            let text = format!(
                "{others}\npub async fn {function}(_: &mut Db<'_>) -> {result} {{\n    {value}\n}}\n"
            );
            project.write("migrations/b2_fill_users.rs", text);
            let output = project.cargo(["check"]);
            let error = output.failed();
            let said = format!("error[E0277]: `{function}` of `migrations/b2_fill_users.rs` gives `");
            assert!(error.contains(&said), "{error}");
            assert!(
                error.contains(&format!("write `pub async fn {function}(db: &mut Db<'_>) -> Result<()>`")),
                "{error}"
            );
            assert_eq!(error.matches("error[E").count(), 1, "{error}");
        }
    }
}

#[test]
fn a_rust_revision_that_waits_on_sqlite_fails_an_application_with_its_name_and_file() {
    let main = r#"
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
            Cli::new(&migrations::MIGRATIONS).database_url("sqlite::memory:").run_sqlite(&command)
        }
    "#;
    let waiting = FILL.replace("for line", "std::future::pending::<()>().await;\n    for line");
    let project = TestProject::new("rust_revisions_waiting")
        .features(&["sqlite-bundled", "cli"])
        .manifest("clap = { version = \"4.5\", features = [\"derive\"] }")
        .file("src/main.rs", main)
        .file("migrations/a1_add_users.sql", revision("a1", "none", "users"))
        .file("migrations/b2_fill_users.rs", waiting)
        .file("migrations/data/lists/users.csv", "1\n");
    let output = project.cargo(["run", "--quiet", "--", "migrate", "upgrade"]);
    let error = output.exited(12);
    let said = "error: upgrade of revision 'b2' failed: it waits for something other than its database";
    assert!(error.contains(said), "{error}");
    assert!(error.contains("\n --> migrations/b2_fill_users.rs\n"), "{error}");
}
