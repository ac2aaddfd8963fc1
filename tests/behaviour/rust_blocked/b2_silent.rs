//! Say of a lock nothing but that it went wrong
//!
//! revision: b2
//! revises: b0

use embed_migrations::{Db, Error, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("UPDATE t1 SET a = a + 1", &[]).await.map_err(|_| Error::other("it went wrong"))?;
    Ok(())
}
