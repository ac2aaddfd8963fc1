//! Fill the table of users
//!
//! revision: d00d
//! revises: 1f3a9c0d27be

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("PRAGMA foreign_keys = OFF", &[]).await?;
    Ok(())
}
