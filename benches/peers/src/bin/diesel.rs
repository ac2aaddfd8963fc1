//! Diesel.

use diesel::Connection as _;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

const MIGRATIONS: EmbeddedMigrations = diesel_migrations::embed_migrations!("migrations/diesel");

fn main() -> peers::Outcome {
    peers::time(|file| {
        let mut connection = diesel::SqliteConnection::establish(&file.to_string_lossy())?;
        connection.run_pending_migrations(MIGRATIONS)?;
        Ok(())
    })
}
