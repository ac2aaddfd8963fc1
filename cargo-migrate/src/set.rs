//! The revisions of the project, as its commands need them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use migrate_cli::{Entries, Error, Output};
use migrate_revision::graph::{Graph, Index};
use migrate_revision::source::{Checks, Directory, LOCK_FILE, LockEntry, Resolved, resolve, resolve_edited};
use migrate_revision::{Backend, Problem, Resolver, Revision};
use migrate_runtime::Migrations;

use crate::config::Branches;
use crate::error::problems;
use crate::files;
use crate::project::Project;

/// The revisions and their graph, without what their sections say: a draft whose sections are still empty is no
/// hindrance. There may be several heads, and none.
pub(crate) fn outline(project: &Project) -> Result<Resolved, Error> {
    let checks = Checks { backends: Vec::new(), cover_all: false, branches: true, require_down: false };
    Ok(read(project, &checks, resolve)?)
}

/// Why there is no set.
pub(crate) enum Refusal {
    /// What a build would refuse
    Problems(Vec<Problem>),
    /// There is nothing to read
    Error(Error),
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Problems(found) => problems(&found),
            Refusal::Error(error) => error,
        }
    }
}

/// The revisions with everything that a build checks, for these backends.
pub(crate) fn checked(
    project: &Project,
    (backends, cover_all): (Vec<Backend>, bool),
    branches: bool,
) -> Result<Resolved, Refusal> {
    let branches = branches || project.config.branches == Branches::Allow;
    read(project, &Checks { backends, cover_all, branches, require_down: false }, resolve)
}

/// As [`checked`], and the upgrades of locked revisions may have been edited.
pub(crate) fn edited(
    project: &Project,
    (backends, cover_all): (Vec<Backend>, bool),
    branches: bool,
) -> Result<Resolved, Refusal> {
    let branches = branches || project.config.branches == Branches::Allow;
    read(project, &Checks { backends, cover_all, branches, require_down: false }, resolve_edited)
}

fn read(
    project: &Project,
    checks: &Checks,
    resolve: impl Fn(&Path, &str, &Checks) -> Result<Resolved, Vec<Problem>>,
) -> Result<Resolved, Refusal> {
    let (path, display) = (&project.config.directory, project.directory_name());
    if !path.is_dir() {
        return Err(Refusal::Error(Error::project(format!(
            "there is no directory `{display}`\n\nhint: `cargo migrate init` makes it; `directory` in \
             `[package.metadata.migrate]` names another one"
        ))));
    }
    // A build refuses a directory without revisions; a command is there to write the first.
    let empty = Directory::read(path, &display).map_err(|problem| Refusal::Problems(vec![problem]))?;
    if empty.revisions.is_empty()
        && empty.problems.is_empty()
        && empty.lock.as_ref().is_none_or(|lock| lock.entries.is_empty())
        && let Ok(graph) = Graph::new(&[])
    {
        return Ok(Resolved {
            revisions: Vec::new(),
            sources: Vec::new(),
            data: empty.data,
            graph,
            backends: checks.backends.clone(),
            drafts: Vec::new(),
            locked: empty.lock.is_some(),
            path: path.clone(),
        });
    }
    resolve(path, &display, checks).map_err(Refusal::Problems)
}

/// The revisions that were locked before some of the set's backends were among them, and those backends: an edit for them
/// is not noticed.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn partly_locked(project: &Project, set: &Resolved) -> Result<Vec<(Index, Vec<Backend>)>, Error> {
    let directory = Directory::read(&project.config.directory, &project.directory_name())
        .map_err(|problem| problems(&[problem]))?;
    let entries = directory.lock.iter().flat_map(|lock| &lock.entries);
    let entries: BTreeMap<&str, &LockEntry> = entries.map(|entry| (entry.id.as_str(), entry)).collect();
    let lacks = |revision: &Revision| {
        entries.get(revision.id.as_str()).map_or_else(Vec::new, |entry| entry.lacks(revision, &set.backends))
    };
    let all = set.revisions.iter().map(lacks).enumerate();
    Ok(all.filter(|(_, lacks)| !lacks.is_empty()).collect())
}

/// The names of backends, for a message.
pub(crate) fn names(backends: &[Backend]) -> String {
    backends.iter().map(|backend| backend.name()).collect::<Vec<_>>().join(", ")
}

/// Finds what targets mean in the set.
pub(crate) fn resolver(set: &Resolved) -> Resolver<'_> {
    Resolver { revisions: &set.revisions, graph: &set.graph }
}

/// The revisions that a target stands for, whatever a database says: several for `heads`, none for `base`.
///
/// # Errors
/// When it leads nowhere.
pub(crate) fn named(set: &Resolved, target: &str) -> Result<Vec<Index>, Error> {
    Ok(resolver(set).all(&target.into())?)
}

/// The outline as the commands take it that only print.
pub(crate) struct Outline {
    set: Migrations,
    drafts: Option<BTreeSet<Index>>,
}

impl Outline {
    /// Reads the revisions of the project.
    ///
    /// # Errors
    /// When a build would refuse them for more than their number of heads.
    pub(crate) fn read(project: &Project) -> Result<Self, Error> {
        let resolved = outline(project)?;
        let drafts = resolved.locked.then(|| resolved.drafts.iter().copied().collect());
        Ok(Self { set: Migrations::from_resolved(resolved, &project.config.namespace), drafts })
    }

    /// The set.
    pub(crate) fn set(&self) -> &Migrations {
        &self.set
    }

    /// Its revisions, ready to be printed.
    pub(crate) fn entries(&self) -> Result<Entries<'_>, Error> {
        Entries::new(&self.set, self.drafts.clone())
    }
}

/// The ids of these revisions, sorted as the set is.
pub(crate) fn ids(set: &Resolved, indices: impl IntoIterator<Item = Index>) -> Vec<String> {
    indices.into_iter().map(|index| set.revisions[index].id.to_string()).collect()
}

/// Gives files that builds watch a new time, so that cargo builds again and finds what is new: the lock file, or where
/// there was none the revisions. Where that is refused there is a note: what is new is written, and is no less for that.
pub(crate) fn touch(project: &Project, set: &Resolved, output: &Output) {
    let names: Vec<String> = match set.locked {
        true => vec![LOCK_FILE.to_owned()],
        // Which of them the last build has seen is not known.
        false => set.revisions.iter().map(Revision::file_name).collect(),
    };
    let touch = |name| files::touch(&project.config.directory.join(name)).err();
    let refused: Vec<Error> = names.iter().filter_map(touch).collect();
    if let Some(error) = refused.first() {
        output.note(format_args!("note: cargo may not notice what is new: {error}; touch it by hand"));
    }
}

/// The path of a revision's file, as messages name it.
pub(crate) fn path(project: &Project, revision: &Revision) -> String {
    project.config.directory.join(revision.file_name()).display().to_string()
}
