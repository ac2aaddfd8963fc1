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

    project.write("migrations/b2_fill_users.rs", FILL.replace("Ok(())\n}\n\npub", "Ok(1)\n}\n\npub"));
    let output = project.cargo(["check"]);
    let error = output.failed();
    assert!(error.contains("error[E0308]: mismatched types"), "{error}");
    assert!(error.contains("--> [PROJECT]/migrations/b2_fill_users.rs:12:8\n"), "{error}");
    assert_eq!(error.matches("error[E").count(), 1, "{error}");
}
