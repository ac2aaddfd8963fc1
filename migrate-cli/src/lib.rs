//! The commands that need a set of revisions and a database, and no files: `cargo migrate` has them from here, and so have
//! applications, through the feature `cli` of [`embed-migrations`](https://docs.rs/embed-migrations).

pub mod commands;
mod database;
mod embedded;
mod entry;
mod environment;
mod error;
mod exit;
mod handover;
mod interrupt;
mod lanes;
mod output;
mod progress;
pub mod signals;
mod sqlite_file;

pub use database::{Database, DatabaseUrl, LockArgs, offline};
pub use embedded::{Cli, Command, With};
pub use entry::{Entries, Entry};
pub use environment::variable;
pub use error::{Detail, Error};
pub use exit::Exit;
pub use handover::History;
pub use lanes::Lanes;
pub use output::{Color, ID, MARK, Output, emphasised, styled};
pub use progress::Progress;
pub use sqlite_file::SqliteFile;

/// How a command ends: a code that says what it found, or an error.
pub type Outcome = Result<Exit, Error>;
