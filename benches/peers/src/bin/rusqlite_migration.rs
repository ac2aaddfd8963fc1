//! rusqlite_migration, with a constant list.

use rusqlite_migration::{M, Migrations};

fn main() -> peers::Outcome {
    peers::time(|file| {
        MIGRATIONS.to_latest(&mut rusqlite::Connection::open(file)?)?;
        Ok(())
    })
}

const MIGRATIONS: Migrations<'_> = Migrations::from_slice(LIST);

include!("../../migrations/rusqlite_migration.rs");
