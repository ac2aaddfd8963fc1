//! Make the table of parents anew, without those that have no name
//! revision: rebuild
//! revises: tables
//! foreign-keys: off

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT NOT NULL)", &[]).await?;
    db.execute("INSERT INTO new SELECT id, name FROM parents WHERE name IS NOT NULL", &[]).await?;
    db.execute("DROP TABLE parents", &[]).await?;
    db.execute("ALTER TABLE new RENAME TO parents", &[]).await?;
    Ok(())
}
