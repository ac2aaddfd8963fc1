//! What SQLite's errors mean.

use std::time::Duration;

use migrate_revision::ScriptStatement;
use rusqlite::ErrorCode;

use crate::backends::StepFault;
use crate::error::Fault;
use crate::{Error, ErrorKind};

pub(super) fn failed(
    step: usize,
    place: usize,
    statement: &ScriptStatement,
    kept: usize,
    mut fault: Fault,
) -> StepFault {
    let mut offset = statement.range.start;
    // rusqlite repeats the statement, which may be long and is shown anyway, and ends with where SQLite saw the fault.
    let text = fault.source.to_string();
    if let Some((message, at)) = text.rsplit_once(" at offset ")
        && let Some((message, _)) = message.split_once(" in ")
    {
        offset += at.parse::<usize>().ok().filter(|at| *at < statement.range.len()).unwrap_or(0);
        fault.text = Some(message.to_owned());
    }
    StepFault::Statement { step, statement: place, offset: Some(offset), kept, fault }
}

/// A row that could not be written because another has its number, or because the one before it is not there.
pub(super) fn row_fault(error: rusqlite::Error) -> StepFault {
    if is_constraint(&error) { StepFault::Overtaken } else { fault(error).into() }
}

pub(super) fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// The error of a transaction that a constraint does not let end.
pub(super) fn commit_refused(error: rusqlite::Error) -> Error {
    let message = format!(
        "it failed when it was committed: {error}\n  all of its statements had succeeded; nothing of it was kept\n\n\
         hint: deferred foreign keys are checked at the commit; `PRAGMA foreign_key_check` as its last statement shows nothing in a \
         run, but does in a shell"
    );
    Error::new(ErrorKind::Revision, message).with_source(error)
}

pub(super) fn fault(error: rusqlite::Error) -> Fault {
    Fault::new(error)
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// SQLite has no code of its own for a table that is not there.
pub(super) fn is_no_table(error: &rusqlite::Error) -> bool {
    error.to_string().contains("no such table")
}

pub(super) fn still_locked(waited: Duration, error: rusqlite::Error) -> Error {
    Error::new(
        ErrorKind::Locked,
        format!(
            "another connection has kept the database locked for {} s; nothing of this step was done\n\n\
             hint: wait for it, or allow more time with `lock_timeout`",
            waited.as_secs()
        ),
    )
    .with_source(error)
}

pub(super) fn ended_transaction(revision: &str) -> Error {
    Error::new(
        ErrorKind::Revision,
        format!(
            "revision '{revision}' ended the transaction that it runs in: if it committed, what it had done by then is in \
             force, and so is its row in the history\n\n\
             hint: leave the transaction to the run; undo by hand what is half done"
        ),
    )
}
