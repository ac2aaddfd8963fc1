//! Commit, and change a row that somebody has locked
//!
//! revision: b4
//! revises: b0

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("INSERT INTO t2 VALUES (4)", &[]).await?;
    db.execute("COMMIT", &[]).await?;
    db.execute("SET lock_timeout = '500ms'", &[]).await?;
    db.execute("UPDATE t1 SET a = a + 1", &[]).await?;
    Ok(())
}
