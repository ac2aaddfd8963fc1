//! The runtime's own statements in each database's dialect, as texts: what a backend sends and what a script has.

use migrate_revision::{Script, progress_digest};

#[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "a script does not need all of it"))]
pub(crate) mod mysql;
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a script does not need all of it"))]
pub(crate) mod postgres;

/// The digest of the first statements of a script, as the history records it.
pub(crate) fn progress(script: &Script, done: usize) -> String {
    progress_digest(script.statements.iter().take(done).map(|statement| statement.hash)).to_string()
}
