//! What happens while an application builds, on throw-away cargo projects: refusals and their texts, rebuilds, drafts,
//! places and names, packaging, and what an application has to compile.

mod dependencies;
mod drafts;
mod embedding;
mod packaging;
mod quickstart;
mod rebuild;
mod rust_revisions;
mod size;
mod texts;
mod ui;

/// A revision without anything special; it creates a table named after its slug.
fn revision(id: &str, revises: &str, table: &str) -> String {
    format!(
        "-- Add {table}\n--\n-- revision: {id}\n-- revises: {revises}\n\n\
         -- migrate:up\nCREATE TABLE {table} (id INTEGER PRIMARY KEY);\n\n\
         -- migrate:down\nDROP TABLE {table};\n"
    )
}

/// A program that prints the id and the message of every revision that it carries.
const LISTING: &str = r#"
embed_migrations::embed_migrations!("migrations");

fn main() {
    for revision in migrations::MIGRATIONS.revisions() {
        println!("{} {}", revision.id, revision.message);
    }
}
"#;
