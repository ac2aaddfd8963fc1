//! Fill in phones
//!
//! revision: d00d
//! revises: c0ffee123456

use embed_migrations::{Db, Result};

pub async fn up(_: &mut Db<'_>) -> Result<()> {
    Ok(())
}
