//! An application that serves, and that brings the commands for its own schema with it: no file stands beside it, and no
//! other program is needed where it runs.
//!
//! ```console
//! $ cargo run --example app --features cli -- migrate upgrade head --database-url sqlite:app.db
//! $ cargo run --example app --features cli -- migrate history
//! $ cargo run --example app --features cli -- serve --database-url sqlite:app.db
//! ```

use std::process::ExitCode;

use clap::Parser;
use embed_migrations::cli::{Cli, Command};
use embed_migrations::embed_migrations;

embed_migrations!("migrations");

/// A sample application
#[derive(Parser)]
#[command(name = "app")]
enum App {
    /// Say how many users there are
    Serve {
        /// `sqlite:` and a file
        #[arg(long, value_name = "URL", default_value = "sqlite:app.db")]
        database_url: String,
    },
    /// Work on the database's schema
    #[command(subcommand)]
    Migrate(Command),
}

fn main() -> ExitCode {
    match App::parse() {
        App::Migrate(command) => {
            Cli::new(&migrations::MIGRATIONS).program("app migrate").run_sqlite(&command)
        }
        App::Serve { database_url } => match serve(database_url.trim_start_matches("sqlite:")) {
            Ok(users) => {
                println!("{users} users");
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

/// Refuses to work on a schema that is not the one that this program was built with.
fn serve(path: &str) -> Result<i64, Box<dyn std::error::Error>> {
    let mut connection = rusqlite::Connection::open(path)?;
    let status = migrations::MIGRATIONS.sqlite(&mut connection).status()?;
    if !status.is_current() {
        return Err(format!("{status}\n\nhint: run `app migrate upgrade head` first").into());
    }
    Ok(connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?)
}
