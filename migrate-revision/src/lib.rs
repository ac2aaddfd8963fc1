//! Database revisions as data: the file format, SQL splitting, the graph, targets, plans, checksums and the
//! lock file of [`embed-migrations`](https://docs.rs/embed-migrations).
//!
//! No database and no async. Reading a directory (feature `source`) is the only I/O.

mod backend;
#[cfg(feature = "source")]
pub mod sql;

pub use backend::Backend;
