//! Database revisions as data: the file format, SQL splitting, the graph, targets, plans, checksums and the
//! lock file of [`embed-migrations`](https://docs.rs/embed-migrations).
//!
//! No database and no async. Reading a directory is the only I/O. What a build needs of it is the feature `source`, and
//! what a binary needs is `plan`, so that neither compiles what only the other uses.

mod backend;
mod checksum;
#[cfg(any(feature = "plan", feature = "source"))]
mod codec;
mod digests;
#[cfg(feature = "plan")]
mod downgrade;
pub mod graph;
#[cfg(feature = "plan")]
mod history;
mod id;
#[cfg(feature = "plan")]
mod labels;
mod nearest;
#[cfg(feature = "plan")]
mod order;
#[cfg(feature = "plan")]
mod origin;
#[cfg(feature = "plan")]
mod place;
#[cfg(feature = "plan")]
mod plan;
#[cfg(feature = "source")]
mod problem;
#[cfg(feature = "plan")]
mod resolve;
mod revision;
#[cfg(feature = "source")]
pub mod source;
#[cfg(feature = "source")]
pub mod sql;
#[cfg(feature = "plan")]
mod stamp;
mod statement;
#[cfg(feature = "plan")]
mod target;
#[cfg(test)]
mod testing;
#[cfg(feature = "plan")]
mod window;

pub use backend::{Backend, UnknownBackend};
pub use checksum::{Checksum, InvalidChecksum, lock_key, progress_digest};
#[cfg(feature = "plan")]
pub use codec::{Encoded, InvalidEncoding, Links, decode};
#[cfg(feature = "source")]
pub use codec::{encode, encode_links};
pub use id::{InvalidId, RevisionId};
#[cfg(feature = "plan")]
pub use labels::Labels;
pub use nearest::nearest;
#[cfg(feature = "plan")]
#[doc(hidden)]
pub use origin::Origin;
#[cfg(feature = "plan")]
pub use place::{NewRevision, PlaceError, Placed};
#[cfg(feature = "plan")]
pub use plan::{Goal, PlanError, Planner, Step, Steps};
#[cfg(feature = "source")]
pub use problem::{Place, Problem, ProblemKind};
#[cfg(feature = "plan")]
pub use resolve::Resolver;
pub use revision::{Body, Direction, Revision, Script, ScriptStatement, SectionOptions, SqlBody};
pub use statement::{Object, ObjectKind, StatementKind};
#[cfg(feature = "plan")]
pub use target::{End, Target, TargetError, TargetRange};
#[cfg(feature = "plan")]
pub use window::Window;
