//! embed-migrations.

use embed_migrations::Target;

embed_migrations::embed_migrations!("migrations/ours");

fn main() -> peers::Outcome {
    peers::time(|file| {
        let mut connection = rusqlite::Connection::open(file)?;
        migrations::MIGRATIONS.sqlite(&mut connection).upgrade(Target::Head)?;
        Ok(())
    })
}
