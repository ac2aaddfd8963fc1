//! Wait for something that is no database
//!
//! revision: w1

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("CREATE TABLE t1 (id INTEGER)", &[]).await?;
    tokio::task::yield_now().await;
    Ok(())
}
