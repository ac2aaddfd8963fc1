//! Database revisions as data: the file format, SQL splitting, the graph, targets, plans, checksums and the
//! lock file of [`embed-migrations`](https://docs.rs/embed-migrations).
//!
//! No database and no async. Reading a directory (feature `source`) is the only I/O.

mod backend;
mod checksum;
mod codec;
mod digests;
pub mod graph;
mod history;
mod id;
mod labels;
mod nearest;
mod order;
mod place;
mod plan;
#[cfg(feature = "source")]
mod problem;
mod resolve;
mod revision;
#[cfg(feature = "source")]
pub mod source;
#[cfg(feature = "source")]
pub mod sql;
mod stamp;
mod statement;
mod target;
#[cfg(test)]
mod testing;

pub use backend::{Backend, UnknownBackend};
pub use checksum::{Checksum, InvalidChecksum, lock_key, progress_digest};
pub use codec::{InvalidEncoding, decode, encode};
pub use id::{InvalidId, RevisionId};
pub use labels::Labels;
pub use nearest::nearest;
pub use place::{NewRevision, PlaceError, Placed};
pub use plan::{Goal, PlanError, Planner, Step, Steps};
#[cfg(feature = "source")]
pub use problem::{Place, Problem, ProblemKind};
pub use resolve::Resolver;
pub use revision::{Body, Direction, Revision, Script, ScriptStatement, SectionOptions, SqlBody};
pub use statement::{Object, ObjectKind, StatementKind};
pub use target::{End, Target, TargetError, TargetRange};
