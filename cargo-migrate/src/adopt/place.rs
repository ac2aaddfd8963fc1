//! Putting revision files in place: checked as a build does it, and then all of them or none.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::source::{Checks, LOCK_FILE, Resolved, resolve};
use migrate_revision::{Backend, Problem};

use super::Document;
use crate::files;
use crate::project::Project;

/// Refuses a directory of revisions that already holds some, or that the sources are in.
///
/// # Errors
/// When it is one, or cannot be read.
pub(crate) fn refuse_destination(project: &Project, tool: &str, sources: &[PathBuf]) -> Result<(), Error> {
    let directory = &project.config.directory;
    let shown = project.directory_name();
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(source) = sources.iter().find(|source| real(source).starts_with(real(directory))) {
        return Err(Error::usage(format!(
            "`{}` is where the revisions are to be, and the files of {tool} are in it\n\n\
             hint: move these first, such as to `{shown}.{tool}`, and name that directory; or name another one as \
             `directory` in `[package.metadata.migrate]`",
            source.display()
        )));
    }
    if has_revisions(directory)? {
        return Err(Error::usage(format!(
            "there are revisions in `{shown}` already\n\n\
             hint: name another directory as `directory` in `[package.metadata.migrate]`; `--stamp` works with the \
             revisions that were adopted before"
        )));
    }
    Ok(())
}

/// Whether a directory holds revisions.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn has_revisions(directory: &Path) -> Result<bool, Error> {
    if !directory.exists() {
        return Ok(false);
    }
    let is_revision = |path: &PathBuf| {
        path.ends_with(LOCK_FILE)
            || path.extension().is_some_and(|extension| extension == "sql" || extension == "rs")
    };
    Ok(super::entries(directory)?.iter().any(is_revision))
}

/// Checks the documents for these backends as a build does it, and moves them into the project's directory unless the
/// run is a dry one. `problems` are those that are known before.
///
/// # Errors
/// Everything that a build would refuse, by the files that it came from. Then, or if a file cannot be written, nothing
/// has changed.
pub(crate) fn place(
    project: &Project,
    documents: &[Document],
    (backends, cover_all): (Vec<Backend>, bool),
    mut problems: Vec<Problem>,
    dry_run: bool,
) -> Result<Resolved, Error> {
    if documents.is_empty() {
        return Err(crate::error::problems(&problems));
    }
    let directory = &project.config.directory;
    let staging = Staging::new(directory)?;
    for document in documents {
        staging.write(document)?;
    }
    let display = project.directory_name();
    let checks = Checks { backends, cover_all, branches: true, require_down: false };
    let resolved = match resolve(&staging.0, &display, &checks) {
        Ok(resolved) if problems.is_empty() => resolved,
        checked => {
            let found = traced(documents, &display, checked.err().unwrap_or_default());
            // What is known of a file as a whole is not said in other words.
            let is_known = |problem: &Problem| {
                problem.place.is_none() && problems.iter().any(|known| known.path == problem.path)
            };
            let found: Vec<Problem> = found.filter(|problem| !is_known(problem)).collect();
            problems.extend(found);
            problems.sort();
            problems.dedup();
            return Err(crate::error::problems(&problems));
        }
    };
    if !dry_run {
        staging.commit(directory, documents)?;
    }
    Ok(resolved)
}

/// Problems of documents as those of the files that they came from.
fn traced(documents: &[Document], display: &str, problems: Vec<Problem>) -> impl Iterator<Item = Problem> {
    problems.into_iter().map(move |problem| {
        let name = problem.path.strip_prefix(display).map(|rest| rest.trim_start_matches('/'));
        match documents.iter().find(|document| Some(document.name.as_str()) == name) {
            Some(document) => document.trace(problem),
            None => problem,
        }
    })
}

/// A directory beside the one that is to be, gone when dropped.
struct Staging(PathBuf);

impl Staging {
    fn new(directory: &Path) -> Result<Self, Error> {
        let name = format!(".{}.{}.tmp", super::file_name(directory), files::random_hex());
        let staging = Self(directory.with_file_name(name));
        fs::create_dir_all(&staging.0).map_err(|error| Error::io("create", &staging.0, error))?;
        Ok(staging)
    }

    fn write(&self, document: &Document) -> Result<(), Error> {
        let path = self.0.join(&document.name);
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(document.text.as_bytes())?;
            file.sync_all()
        });
        match written {
            // Two revisions with one name: the check is not reached, so it is said here.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(crate::error::problems(&[document.trace(Problem::of_path(
                    &document.name,
                    format!("two migrations have the version `{}`", document.id),
                    "remove one of them, or give it a version of its own",
                ))]))
            }
            written => written.map_err(|error| Error::io("write", &path, error)),
        }
    }

    fn commit(self, directory: &Path, documents: &[Document]) -> Result<(), Error> {
        // One that is not there, or is wholly empty, is replaced in one step.
        let _ = fs::remove_dir(directory);
        if !directory.exists() {
            return fs::rename(&self.0, directory).map_err(|error| Error::io("write", directory, error));
        }
        for (place, document) in documents.iter().enumerate() {
            if let Err(error) = files::create(&directory.join(&document.name), &document.text) {
                for written in &documents[..place] {
                    let _ = fs::remove_file(directory.join(&written.name));
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
