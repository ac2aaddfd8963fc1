//! Applies a directory of migrations to an SQLite file with one of the tools that `cargo migrate adopt` reads:
//! `foreign-tools sqlx migrations app.db`.

use std::error::Error;
use std::path::Path;

use diesel::Connection as _;
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use sqlx::Connection as _;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tool, directory, file] = arguments.as_slice() else { return Err("TOOL DIRECTORY FILE".into()) };
    match tool.as_str() {
        "diesel" => {
            let mut connection = diesel::SqliteConnection::establish(file)?;
            connection.run_pending_migrations(FileBasedMigrations::from_path(directory)?)?;
        }
        "refinery" => {
            let migrations = refinery_core::load_sql_migrations(directory)?;
            refinery_core::Runner::new(&migrations).run(&mut rusqlite::Connection::open(file)?)?;
        }
        "sqlx" => tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).create_if_missing(true);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await?;
            sqlx::migrate::Migrator::new(Path::new(directory)).await?.run(&mut connection).await?;
            connection.close().await?;
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        })?,
        other => return Err(format!("unknown tool `{other}`").into()),
    }
    Ok(())
}
