//! End the transaction and go on in another
//!
//! revision: e1
//! revises: e0

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("INSERT INTO t VALUES (1)", &[]).await?;
    db.execute("ROLLBACK", &[]).await?;
    db.execute("BEGIN", &[]).await?;
    db.execute("INSERT INTO t VALUES (2)", &[]).await?;
    Ok(())
}
