//! Change a row of either table
//!
//! revision: both

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("UPDATE t1 SET a = a + 1", &[]).await?;
    db.execute("UPDATE t2 SET a = a + 1", &[]).await?;
    Ok(())
}
