//! A lock file in which version control left the lines of two branches.

use std::fs;
use std::io;

use migrate_cli::{Error, Output};
use migrate_revision::source::{LOCK_FILE, Lock, Sides};

use crate::files;
use crate::project::Project;

/// Keeps what both sides have locked and takes out the marks, if there are any. Where that cannot be, such as for a revision
/// that the sides locked differently, the file stays as it was, and reading the directory says why.
///
/// # Errors
/// When the file cannot be read or written.
pub(crate) fn resolve(project: &Project, output: &Output) -> Result<(), Error> {
    let path = project.config.directory.join(LOCK_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    let Sides::Joined(joined) = Sides::of(&text) else { return Ok(()) };
    if Lock::parse(LOCK_FILE, joined.as_bytes()).is_ok() {
        files::replace(&path, &joined)?;
        output.note(format_args!("note: kept the lines of both sides in {}", path.display()));
    }
    Ok(())
}
