//! Make the table of users anew
//!
//! revision: d00d
//! revises: 1f3a9c0d27be

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)", &[]).await?;
    db.execute("DROP TABLE users", &[]).await?;
    db.execute("ALTER TABLE new_users RENAME TO users", &[]).await?;
    Ok(())
}
