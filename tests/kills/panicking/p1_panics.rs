//! Panic in the middle
//!
//! revision: p1

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("SELECT 1", &[]).await?;
    panic!("on purpose");
}
