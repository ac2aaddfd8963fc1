//! A copy of a database before it is changed: SQLite's online backup, and the dump program of the servers.

mod programs;

use std::path::Path;
use std::time::Duration;

use migrate_cli::{Error, Exit, Output};
use migrate_runtime::{Plan, native};

use crate::database::Opened;
use crate::files;

/// Makes the copy that was asked for, if there is something to do.
///
/// # Errors
/// When the file is there already, the dump program is not, or either fails; then nothing of the copy remains.
pub(crate) fn before(
    plan: &Plan,
    file: Option<&Path>,
    opened: &Opened,
    output: &Output,
) -> Result<(), Error> {
    let Some(file) = file.filter(|_| !plan.is_empty()) else { return Ok(()) };
    backup(opened.database().url().to_read(), file)?;
    output.note(format_args!("the database is copied to `{}`", file.display()));
    Ok(())
}

/// Copies the database of a URL into a new file.
///
/// # Errors
/// As [`before`].
pub(crate) fn backup(url: &str, file: &Path) -> Result<(), Error> {
    let (scheme, _) = url.split_once(':').unwrap_or(("", url));
    files::create_by(file, |file| match scheme {
        "sqlite" => sqlite(url, file),
        "postgres" | "postgresql" => programs::postgres(url, file),
        _ => programs::mysql(url, file),
    })
}

/// How long others may hold the database.
const WAIT: Duration = Duration::from_secs(60);

fn sqlite(url: &str, file: &Path) -> Result<(), Error> {
    use rusqlite::Connection;
    use rusqlite::backup::{Backup, StepResult};

    let failed =
        |error: rusqlite::Error| Error::new(Exit::Database, format!("cannot copy the database: {error}"));
    let source = native::sqlite(url)?;
    source.busy_timeout(WAIT).map_err(failed)?;
    protect(&source, file)?;
    let mut copy = Connection::open(file).map_err(failed)?;
    let backup = Backup::new(&source, &mut copy).map_err(failed)?;
    // All in one step: the copy is of one moment.
    match backup.step(-1).map_err(failed)? {
        StepResult::Done => {}
        _ => return Err(Error::new(Exit::Database, "cannot copy the database: it is locked")),
    }
    drop(backup);
    copy.close().map_err(|(_, error)| failed(error))
}

/// Has nobody read the copy who may not read the database.
#[cfg(unix)]
fn protect(source: &rusqlite::Connection, file: &Path) -> Result<(), Error> {
    use std::fs::{OpenOptions, Permissions, metadata};
    use std::os::unix::fs::PermissionsExt as _;

    let Some(path) = source.path().filter(|path| !path.is_empty()) else { return Ok(()) };
    let mode =
        metadata(path).map_err(|error| Error::io("read", Path::new(path), error))?.permissions().mode();
    // Where it cannot be made, SQLite says why.
    let Ok(made) = OpenOptions::new().create(true).append(true).open(file) else { return Ok(()) };
    // Where the database is read only, the copy is written all the same.
    let protected = made.set_permissions(Permissions::from_mode(mode | 0o600));
    protected.map_err(|error| Error::io("write", file, error))
}

#[cfg(not(unix))]
fn protect(_: &rusqlite::Connection, _: &Path) -> Result<(), Error> {
    Ok(())
}
