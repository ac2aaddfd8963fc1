//! Commit by itself, begin again and fail
//!
//! revision: commits

use embed_migrations::{Db, Error, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    for sql in ["CREATE TABLE kept (id INTEGER)", "COMMIT", "BEGIN", "CREATE TABLE gone (id INTEGER)"] {
        db.execute(sql, &[]).await?;
    }
    Err(Error::other("it changed its mind"))
}
