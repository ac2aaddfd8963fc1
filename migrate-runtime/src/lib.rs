//! The runtime of [`embed-migrations`](https://docs.rs/embed-migrations): applies the set of revisions that a binary
//! carries to SQLite, PostgreSQL, MySQL and MariaDB. Use it through that crate.

#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
    allow(dead_code, reason = "without a backend there is nothing to run, and sets still compile")
)]

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod backends;
mod data;
mod db;
mod dialect;
mod down_sql;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod engine;
mod error;
mod event;
mod fleet;
mod handed_on;
mod history;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod lease;
mod migrator;
#[cfg(all(feature = "_source", any(feature = "postgres", feature = "mysql")))]
#[doc(hidden)]
pub mod native;
mod offline;
mod options;
#[cfg(test)]
mod properties;
mod record;
mod report;
mod set;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod tls;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod url;

pub use db::{Db, FromValue, Row, Value};
pub use error::{Error, ErrorKind, Failure, Result};
pub use event::{Event, StepInfo};
#[doc(hidden)]
pub use fleet::{Answer, FleetCanceller, printable};
pub use fleet::{Fleet, FleetEvent, FleetReport, FleetTarget, OnFailure, TargetOutcome, TargetReport};
pub use history::{Action, HistoryRow, RowState};
pub use migrate_revision::{Backend, Checksum, Direction, Revision, RevisionId, Target};
#[doc(hidden)]
pub use migrator::Canceller;
#[cfg(feature = "mysql")]
pub use migrator::MysqlConnection;
#[cfg(feature = "postgres")]
pub use migrator::PostgresConnection;
#[cfg(feature = "sqlite")]
pub use migrator::SqliteConnection;
pub use migrator::{Connected, Migrator};
pub use offline::Offline;
pub use options::{Ahead, Lock, Resolution, Transaction};
pub use report::{DoneStep, EditedRevision, Plan, PlannedStep, Report, Resolved, RevisionInfo, Status};
pub use set::{EmbeddedRevision, IntoTarget, Migrations};
#[cfg(all(feature = "_source", any(feature = "postgres", feature = "mysql")))]
pub use url::escaped_url;

/// For the code that `embed_migrations!` writes. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use std::borrow::Cow;

    pub use include_dir;

    pub use crate::data::Data;
    pub use crate::db::{RustFn, RustRevision};
    pub use crate::set::{Embedded, Position, Texts};
}
