//! The blocks of Rust and TOML that are no files of a project that is tried as a whole.

use std::fmt::Write as _;

use embed_migrations_tests::project::TestProject;

use crate::page::{Page, pages};

const REVISION: &str = "-- Add users\n--\n-- revision: 1f3a9c0d27be\n\n-- migrate:up\n\
                        CREATE TABLE users (id INTEGER PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE users;\n";

/// Where a block of Rust can stand: a whole module, a call at the level of a module, or statements.
fn module(text: &str) -> String {
    if text.contains("pub async fn") {
        text.to_owned()
    } else if text.contains("embed_migrations!(") {
        format!("use embed_migrations::embed_migrations;\n\n{text}")
    } else {
        format!(
            "use embed_migrations::{{Backend, Lock, Result, Target}};\n\nuse crate::migrations;\n\npub async fn statements(\n\
             mut connection: rusqlite::Connection, mut client: tokio_postgres::Client, mut conn: mysql_async::Conn,\n\
             ) -> Result<()> {{\n{text}\nOk(())\n}}\n"
        )
    }
}

#[test]
fn every_block_of_rust_compiles() {
    let project = TestProject::new("docs_snippets")
        .features(&["sqlite-bundled", "postgres", "mysql"])
        .manifest(
            "rusqlite = { version = \"0.40\", default-features = false }\ntokio-postgres = \"0.7\"\n\
             mysql_async = { version = \"0.37\", default-features = false, features = [\"minimal-rust\"] }\n",
        )
        .file("migrations/1f3a9c0d27be_add_users.sql", REVISION);
    let mut main = "#![allow(unused)]\n\nembed_migrations::embed_migrations!(\"migrations\");\n\n".to_owned();
    let mut count = 0;
    for page in &pages() {
        for block in page.blocks.iter().filter(|block| block.language == "rust" && block.file.is_none()) {
            count += 1;
            project.write(&format!("src/block{count}.rs"), module(&block.text));
            let _ = writeln!(main, "// {}\nmod block{count};", page.place(block.line));
        }
    }
    project.write("src/main.rs", main + "\nfn main() {}\n");
    println!("{count} blocks");
    project.cargo(["check", "--quiet"]).succeeded();
}

#[test]
fn every_key_of_the_configuration_that_the_page_shows_is_understood() {
    let page = Page::read("docs/command.md");
    let shown = page.blocks.iter().find(|block| block.language == "toml").expect("the page shows one");
    let project = TestProject::new("docs_configuration").manifest(&shown.text);
    let heads = || {
        let mut command = std::process::Command::new(embed_migrations_tests::command::program());
        project.run_command(command.args(["migrate", "heads"]).current_dir(project.path("")))
    };
    project.write("migrations/1f3a9c0d27be_add_users.sql", REVISION);
    assert_eq!(heads().succeeded(), "1f3a9c0d27be (head), Add users\n");
    project.write("Cargo.toml", project.read("Cargo.toml").replace("time-zone", "time-zon"));
    assert!(heads().exited(3).contains("unknown field `time-zon`"));
}
