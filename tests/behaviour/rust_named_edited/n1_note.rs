//! Read a note
//! revision: n1
//! revises:

use embed_migrations::{Db, Result};

pub async fn up(db: &mut Db<'_>) -> Result<()> {
    db.file("note.txt").map(drop)
}
