//! Fill in users
//!
//! revision: d00d
//! revises: 1f3a9c0d27be

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    for line in db.file("users.csv")?.lines() {
        db.execute("INSERT INTO users (id) VALUES (?)", &[line.into()]).await?;
    }
    Ok(())
}
