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
    if let Some(source) = sources.iter().find(|source| is_in(source, directory)) {
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

/// Whether a path is a directory or below it, wherever links lead.
pub(crate) fn is_in(path: &Path, directory: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    real(path).starts_with(real(directory))
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

/// Revisions that were checked and are still beside the directory that they are for, gone when dropped.
pub(crate) struct Staged {
    staging: Staging,
    /// Their files
    pub(crate) documents: Vec<Document>,
    /// How they stand on each other
    pub(crate) resolved: Resolved,
}

impl Staged {
    /// Where they are for now.
    pub(crate) fn directory(&self) -> &Path {
        &self.staging.0
    }

    /// Checks them for the backends that one database may be.
    ///
    /// # Errors
    /// Everything that a build would refuse, by the files that it came from.
    pub(crate) fn check(&self, project: &Project, backends: Vec<Backend>) -> Result<(), Error> {
        let display = project.directory_name();
        let checks = Checks { backends, cover_all: false, branches: true, require_down: false };
        let checked = resolve(&self.staging.0, &display, &checks);
        checked.map(|_| ()).map_err(|problems| {
            crate::error::problems(&traced(&self.documents, &display, problems).collect::<Vec<_>>())
        })
    }

    /// Moves them into the project's directory.
    ///
    /// # Errors
    /// When a file cannot be written. Then nothing has changed.
    pub(crate) fn commit(self, project: &Project) -> Result<(), Error> {
        self.staging.commit(&project.config.directory, &self.documents)
    }
}

/// Checks the documents for these backends as a build does it. `problems` are those that are known before.
///
/// # Errors
/// Everything that a build would refuse, by the files that it came from.
pub(crate) fn place(
    project: &Project,
    documents: Vec<Document>,
    (backends, cover_all): (Vec<Backend>, bool),
    mut problems: Vec<Problem>,
) -> Result<Staged, Error> {
    if documents.is_empty() {
        return Err(crate::error::problems(&problems));
    }
    let staging = Staging::new(&project.config.directory)?;
    for document in &documents {
        staging.write(document)?;
    }
    let display = project.directory_name();
    let checks = Checks { backends, cover_all, branches: true, require_down: false };
    match resolve(&staging.0, &display, &checks) {
        Ok(resolved) if problems.is_empty() => Ok(Staged { staging, documents, resolved }),
        checked => {
            let found = traced(&documents, &display, checked.err().unwrap_or_default());
            // What is known of a file as a whole is not said in other words.
            let is_known = |problem: &Problem| {
                problem.place.is_none() && problems.iter().any(|known| known.path == problem.path)
            };
            let found: Vec<Problem> = found.filter(|problem| !is_known(problem)).collect();
            problems.extend(found);
            problems.sort();
            problems.dedup();
            Err(crate::error::problems(&problems))
        }
    }
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
