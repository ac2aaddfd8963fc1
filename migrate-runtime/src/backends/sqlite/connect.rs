//! The connection that a `sqlite:` URL leads to.

use rusqlite::{Connection, OpenFlags};

use super::faults::fault;
use super::lock::USUAL_WAIT;
#[cfg(test)]
use super::watched;
use crate::{Error, ErrorKind, Result};

/// Opens the file of a URL, of which this is what follows the scheme. It is made if it is not there.
pub(crate) fn connect(rest: &str) -> Result<Connection> {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    if path.is_empty() {
        return Err(Error::new(
            ErrorKind::Url,
            "the URL names no file\n\nhint: write `sqlite:app.db`, or `sqlite::memory:`",
        ));
    }
    // SQLite reads parameters only out of its own kind of URL.
    let plain = path.split_once('?').filter(|_| !path.starts_with("file:"));
    if plain.is_some_and(|(plain, _)| plain.contains('#')) {
        return Err(Error::new(
            ErrorKind::Url,
            "the URL has parameters, before which SQLite takes a `#` for the end of the path\n\nhint: write it `%23`",
        ));
    }
    let path = if plain.is_some() { format!("file:{path}") } else { path.to_owned() };
    open(&path)
}

fn open(path: &str) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        #[cfg(test)]
        watched::watch(&connection);
        connection.busy_timeout(USUAL_WAIT)?;
        Ok(connection)
    };
    open().map_err(|error| fault(error).while_doing(&format!("open `{path}`")))
}
