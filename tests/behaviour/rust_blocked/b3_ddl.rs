//! Make a table, and change a row that somebody has locked
//!
//! revision: b3
//! revises: b0

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("CREATE TABLE t3 (n INTEGER)", &[]).await?;
    db.execute("UPDATE t1 SET a = a + 1", &[]).await?;
    Ok(())
}
