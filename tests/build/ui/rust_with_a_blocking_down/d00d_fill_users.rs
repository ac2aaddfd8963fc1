//! Fill in users
//!
//! revision: d00d
//! revises: 1f3a9c0d27be

use embed_migrations::{Db, Result};

pub async fn up(_: &mut Db<'_>) -> Result<()> {
    Ok(())
}

pub fn down(_: &mut Db<'_>) -> Result<()> {
    Ok(())
}
