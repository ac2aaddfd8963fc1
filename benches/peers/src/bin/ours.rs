//! embed-migrations: a transaction for each revision, or, with a second argument, one for all.

use embed_migrations::{Target, Transaction};

embed_migrations::embed_migrations!("migrations/ours");

fn main() -> peers::Outcome {
    let transaction = match std::env::args_os().nth(2) {
        None => Transaction::PerRevision,
        Some(_) => Transaction::PerRun,
    };
    peers::time(|file| {
        let mut connection = rusqlite::Connection::open(file)?;
        migrations::MIGRATIONS.sqlite(&mut connection).transaction(transaction).upgrade(Target::Head)?;
        Ok(())
    })
}
