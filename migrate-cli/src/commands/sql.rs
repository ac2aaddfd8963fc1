//! Scripts instead of runs: `--sql` of `upgrade`, `downgrade` and `stamp`

use migrate_revision::Backend;
use migrate_runtime::Offline;
use serde::Serialize;

use crate::Outcome;
use crate::exit::Exit;
use crate::output::Output;

/// What the script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Applies
    Upgrade,
    /// Undoes
    Downgrade,
    /// Records
    Stamp,
}

#[derive(Serialize)]
struct Scripted<'a> {
    backend: &'a str,
    sql: &'a str,
}

/// Prints the script of a verb along a range.
///
/// # Errors
/// When an end of the range leads nowhere, or a revision on the way cannot be in a script.
pub fn print(verb: Verb, range: &str, backend: Backend, offline: Offline<'_>, output: &Output) -> Outcome {
    let sql = match verb {
        Verb::Upgrade => offline.upgrade(range)?,
        Verb::Downgrade => offline.downgrade(range)?,
        Verb::Stamp => offline.stamp(range)?,
    };
    output.facts(Scripted { backend: backend.name(), sql: &sql }, || sql.clone());
    Ok(Exit::Success)
}
