//! Sets that are in the binary, for programs that need the functions of Rust revisions.

use embed_migrations::{Migrations, embed_migrations};

embed_migrations!("../migrations", module = sample, backends = [sqlite, postgres, mysql], require(down));
embed_migrations!("kills/hard", module = hard, backends = [sqlite, postgres, mysql], require(down));

/// The set of a name: `sample` is the repository's history, `hard` what is hard to take up in the middle.
pub fn by_name(name: &str) -> Option<&'static Migrations> {
    match name {
        "sample" => Some(&sample::MIGRATIONS),
        "hard" => Some(&hard::MIGRATIONS),
        _ => None,
    }
}

/// What a process has written is there after it is killed, whether or not it has reached the disk.
pub const NO_WAITING: &str = "PRAGMA synchronous = OFF";
