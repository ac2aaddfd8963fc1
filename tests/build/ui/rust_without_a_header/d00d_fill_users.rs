use embed_migrations::{Db, Result};

pub async fn up(_: &mut Db<'_>) -> Result<()> {
    Ok(())
}
