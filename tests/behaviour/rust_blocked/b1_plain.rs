//! Change a row that somebody has locked
//!
//! revision: b1
//! revises: b0

use embed_migrations::{Db, Error, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("INSERT INTO t2 VALUES (1)", &[]).await?;
    db.execute("UPDATE t1 SET a = a + 1", &[]).await?;
    Ok(())
}

/// An error of the application's own, which names its cause.
#[derive(Debug)]
struct Undoing(Error);

impl std::fmt::Display for Undoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("undoing it went wrong")
    }
}

impl std::error::Error for Undoing {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

pub async fn down(db: &mut Db<'_>) -> Result<()> {
    db.execute("DELETE FROM t2 WHERE n = 1", &[]).await?;
    let undone = db.execute("UPDATE t1 SET a = a - 1", &[]).await;
    undone.map_err(|error| Error::other(Undoing(error)))?;
    Ok(())
}
