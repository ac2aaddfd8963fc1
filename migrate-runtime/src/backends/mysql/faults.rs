//! What the errors of MySQL and MariaDB mean.

use migrate_revision::{Backend, ScriptStatement};

use super::packet::Failed;
use crate::backends::StepFault;
use crate::history::quote_name;
use crate::{Error, ErrorKind};

impl From<mysql_async::Error> for Error {
    fn from(error: mysql_async::Error) -> Self {
        match error {
            mysql_async::Error::Server(error) => {
                Self::new(ErrorKind::Database, error.to_string()).with_source(error)
            }
            error => Self::new(ErrorKind::Database, error.to_string()).with_source(error),
        }
    }
}

pub(super) fn failed_statement(
    step: usize,
    place: usize,
    statement: &ScriptStatement,
    text: &str,
    kept: usize,
    mut failed: Failed,
) -> StepFault {
    let within = failed.place_in(&text[statement.range.clone()]);
    let offset = Some(statement.range.start + within);
    StepFault::Statement { step, statement: place, offset, kept, fault: failed.fault }
}

pub(super) fn no_database(schema: &str) -> Error {
    Error::new(
        ErrorKind::Connection,
        format!(
            "the database {} does not exist, or this user may not see it\n\nhint: create it, or grant access to it",
            quote_name(schema, Backend::Mysql)
        ),
    )
}

pub(super) fn none_selected() -> Error {
    Error::new(
        ErrorKind::Connection,
        "the connection has no database selected\n\n\
         hint: put the database into the URL (`mysql://host/database`), or name one with `schema`",
    )
}
