//! Change rows from Rust
//!
//! revision: h09
//! revises: h08

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    for row in db.query("SELECT id, n FROM counters ORDER BY id", &[]).await? {
        let (id, n): (i64, i64) = (row.get(0)?, row.get(1)?);
        db.execute("UPDATE counters SET n = ? WHERE id = ?", &[(n + 9).into(), id.into()]).await?;
        db.execute("INSERT INTO log (what) VALUES (?)", &["nine".into()]).await?;
    }
    Ok(())
}

pub async fn down(db: &mut Db<'_>) -> Result<()> {
    db.execute("DELETE FROM log WHERE what = ?", &["nine".into()]).await?;
    db.execute("UPDATE counters SET n = n - ?", &[9.into()]).await?;
    Ok(())
}
