//! Revisions as files: what a build reads, checks and embeds.

mod check;
mod conflict;
mod data;
mod directory;
mod file;
mod handle;
mod header;
mod lock;
mod marker;
mod rebuild;
mod rust;
mod script;
mod sides;

pub use check::{Checks, Resolved, checksums, resolve, resolve_edited};
pub use directory::{DataFile, Directory, MAX_FILE_SIZE};
pub use file::{ParsedRevision, SourceText};
pub use lock::{LOCK_FILE, Lock, LockEntry};
pub use rebuild::makes_a_table_anew;
pub use sides::Sides;
