//! Brings a SQLite file to the newest schema of the sample application, and shows what is in it.
//!
//! ```console
//! $ cargo run --example quickstart
//! ```
//!
//! The file is `quickstart.db` in the current directory, or the one that is named as the first argument.

use embed_migrations::{Event, Result, Target, embed_migrations};

embed_migrations!("migrations");

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "quickstart.db".into());
    let mut connection = rusqlite::Connection::open(&path)?;

    let report = migrations::MIGRATIONS
        .sqlite(&mut connection)
        .on_event(|event| {
            if matches!(event, Event::Planned { .. } | Event::Finished { .. }) {
                println!("{event}");
            }
        })
        .upgrade(Target::Head)?;
    println!("{path}: {report}");

    let status = migrations::MIGRATIONS.sqlite(&mut connection).status()?;
    println!("{status}");

    println!("tables:");
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let mut rows = tables.query([])?;
    while let Some(row) = rows.next()? {
        println!("  {}", row.get::<_, String>(0)?);
    }
    Ok(())
}
