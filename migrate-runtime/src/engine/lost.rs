//! Why an interrupted section cannot go on.

use super::explain::shortened;
use crate::backends::{Work, WorkBody};
use crate::{Error, ErrorKind, handed_on};

/// The statement before `from` that left in the session what the rest needs.
pub(super) fn handed_on(body: &WorkBody<'_>, from: usize) -> Option<usize> {
    let WorkBody::Sql { text, script } = body else { return None };
    handed_on::lost(text, script, from)
}

/// Why an interrupted step cannot go on: what one of its statements left in the session is gone.
pub(super) fn lost(work: &Work<'_>, from: usize, path: &str) -> Option<Error> {
    let place = handed_on(&work.body, from)?;
    let revision = &work.row.revision;
    let sql = work.body.statement(place).map(shortened).unwrap_or_default();
    Some(Error::new(
        ErrorKind::Interrupted,
        format!(
            "revision '{revision}' was interrupted after {from} of {} statements, and what statement {} left in its session is \
             gone, which the rest needs: {sql}\n  file: {path}\n\n\
             hint: in the statements that are not done yet write the values themselves, or make the temporary table anew, and run \
             again; or do them by hand and say so with `stamp` (`cargo migrate stamp {revision}`)",
            work.row.statements,
            place + 1
        ),
    ))
}
