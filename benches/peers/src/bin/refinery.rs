//! refinery.

mod embedded {
    refinery::embed_migrations!("migrations/refinery");
}

fn main() -> peers::Outcome {
    peers::time(|file| {
        embedded::migrations::runner().run(&mut rusqlite::Connection::open(file)?)?;
        Ok(())
    })
}
