//! Fail after some work
//!
//! revision: fails
//! revises: numbers

use embed_migrations::{Db, Error, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.execute("INSERT INTO numbers VALUES (?)", &[1.into()]).await?;
    Err(Error::other("on purpose"))
}
