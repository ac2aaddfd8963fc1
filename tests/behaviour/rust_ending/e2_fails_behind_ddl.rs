//! Change a row, make a table, and fail
//!
//! revision: e2
//! revises: e0

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("INSERT INTO t VALUES (3)", &[]).await?;
    db.execute("CREATE TABLE made (n INTEGER)", &[]).await?;
    db.execute("INSERT INTO nowhere VALUES (4)", &[]).await?;
    Ok(())
}
