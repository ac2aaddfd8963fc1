//! The lock file: the revisions that may no longer change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::ops::Range;

use super::conflict::listed;
use super::file::{MAX_PROBLEMS, SourceText};
use super::header::{lines, trimmed};
use super::sides::Sides;
use crate::graph::{Graph, Index, find};
use crate::{Backend, Checksum, InvalidChecksum, Problem, ProblemKind, Revision, RevisionId};

/// The name of the lock file, beside the revisions.
pub const LOCK_FILE: &str = "migrations.lock";

const VERSION: &str = "version 1";

const RESTORE: &str =
    "restore the file from version control; or remove it, and `cargo migrate lock` writes it anew";
const UPDATE: &str = "it was written by a later version of embed-migrations; update the dependency";

/// The lock file's content.
///
/// One line per revision, ancestors before descendants, so that two branches that both add a revision change the same
/// place of the file and collide in version control.
#[derive(Debug, Clone)]
pub struct Lock {
    source: SourceText,
    /// The locked revisions, in the order of the file
    pub entries: Vec<LockEntry>,
}

/// One locked revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockEntry {
    /// Its id
    pub id: RevisionId,
    /// Its parents
    pub revises: Vec<RevisionId>,
    /// What it depends on, by id: a label may move
    pub depends_on: Vec<RevisionId>,
    /// Its content checksums, in the order of [`Backend::ALL`]; `None` where none was recorded
    pub checksums: [Option<Checksum>; 4],
    range: Range<usize>,
}

impl Lock {
    /// Reads a lock file's bytes. `path` is how messages name it.
    ///
    /// # Errors
    /// Every line that is not as [`Lock::write`] writes it.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self, Vec<Problem>> {
        let source = SourceText::new(path, LOCK_FILE, bytes).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        let mut entries: Vec<LockEntry> = Vec::new();
        let mut ids = BTreeSet::new();
        let mut version = false;
        for line in lines(&source.text, 0) {
            let range = trimmed(&source.text, line);
            let text = &source.text[range.clone()];
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            if problems.len() >= MAX_PROBLEMS {
                break;
            }
            if ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| text.starts_with(mark)) {
                problems.push(conflict(&source, &range));
                return Err(problems);
            }
            if !version {
                version = true;
                if text == VERSION {
                    continue;
                }
                problems.push(if text.starts_with("version ") {
                    source.problem(&range, format!("this is no lock file of {VERSION}"), UPDATE)
                } else {
                    source.problem(&range, format!("the lock file does not begin with `{VERSION}`"), RESTORE)
                });
                return Err(problems);
            }
            match LockEntry::parse(text, range.clone()) {
                Ok(entry) if !ids.insert(&text[..entry.id.as_str().len()]) => {
                    problems.push(source.problem(
                        &range,
                        format!("revision `{}` is locked twice", entry.id),
                        "remove one of the two lines",
                    ));
                }
                Ok(entry) => entries.push(entry),
                Err((reason, help)) => problems.push(source.problem(
                    &range,
                    format!("unreadable line in the lock file: {reason}"),
                    help,
                )),
            }
        }
        if !version {
            problems.push(Problem::of_path(
                path,
                format!("the lock file does not begin with `{VERSION}`"),
                RESTORE,
            ));
        }
        if problems.is_empty() { Ok(Self { source, entries }) } else { Err(problems) }
    }

    /// The text that locks these revisions, as they are.
    #[must_use]
    pub fn write(revisions: &[Revision], graph: &Graph) -> String {
        let mut text =
            format!("# Revisions that may no longer change. Written by `cargo migrate`.\n{VERSION}\n");
        let labels = labels(revisions.iter());
        for &index in graph.order() {
            let revision = &revisions[index];
            let _ = writeln!(text, "{}", LockEntry::of(revision, &labels, revision.checksums));
        }
        text
    }

    /// The text that locks these of the revisions as they are now, and everything else as it did. On other backends than
    /// those that matter they stay locked as they were.
    #[must_use]
    pub fn accept(&self, revisions: &[Revision], accepted: &[Index], backends: &[Backend]) -> String {
        let labels = labels(revisions.iter());
        let mut text = self.source.text.clone();
        for entry in self.entries.iter().rev() {
            let Some(&index) = accepted.iter().find(|&&index| revisions[index].id == entry.id) else {
                continue;
            };
            let mut checksums = entry.checksums;
            for backend in backends {
                checksums[backend.index()] = revisions[index].checksum(*backend);
            }
            let line = LockEntry::of(&revisions[index], &labels, checksums).to_string();
            text.replace_range(entry.range.clone(), &line);
        }
        text
    }

    /// What of the lock file the revisions contradict, on the backends that matter. A revision that `may_hold` may be in
    /// a file that could not be read.
    pub(super) fn differences(
        &self,
        found: &[(&Revision, &SourceText, Range<usize>)],
        backends: &[Backend],
        may_hold: &dyn Fn(&str) -> bool,
    ) -> Vec<Problem> {
        let mut by_id: Vec<(&str, usize)> = Vec::with_capacity(found.len());
        for (place, (revision, ..)) in found.iter().enumerate() {
            by_id.push((revision.id.as_str(), place));
        }
        by_id.sort_unstable();
        let labels = labels(found.iter().map(|(revision, ..)| *revision));
        let mut problems = Vec::new();
        for entry in &self.entries {
            let Some(place) = find(&by_id, entry.id.as_str()) else {
                if may_hold(entry.id.as_str()) {
                    continue;
                }
                problems.push(
                    self.source
                        .problem(
                            &entry.range,
                            format!("revision `{}` is locked and its file is gone", entry.id),
                            "restore the file from version control",
                        )
                        .help("if it was never applied anywhere, remove this line")
                        .kind(ProblemKind::Moved),
                );
                continue;
            };
            let (revision, source, id_range) = &found[place];
            if revision.revises != entry.revises {
                problems.push(
                    source
                        .problem(
                            id_range,
                            format!("revision `{}` is locked and its parents have changed", entry.id),
                            "restore `revises` to what the lock file has",
                        )
                        .note(format!("locked: {}", names(&entry.revises)))
                        .note(format!("now:    {}", names(&revision.revises)))
                        .kind(ProblemKind::Moved),
                );
            }
            let dependencies = dependencies(revision, &labels);
            if dependencies != entry.depends_on {
                problems.push(
                    source
                        .problem(
                            id_range,
                            format!("revision `{}` is locked and what it depends on has changed", entry.id),
                            "restore `depends-on`, or the label that it names, to what the lock file has",
                        )
                        .note(format!("locked: {}", names(&entry.depends_on)))
                        .note(format!("now:    {}", names(&dependencies)))
                        .kind(ProblemKind::Moved),
                );
            }
            let changed = entry.changed(revision, backends);
            if let Some(&backend) = changed.first() {
                let shown =
                    |checksum: Option<Checksum>| checksum.map_or("nothing".to_owned(), |c| c.to_string());
                let on = if changed.len() == backends.len() {
                    String::new()
                } else {
                    format!(" for {}", listed(changed.iter().map(|backend| backend.name())))
                };
                problems.push(
                    source
                        .problem(
                            id_range,
                            format!("revision `{}` is locked and its upgrade has changed{on}", entry.id),
                            "undo the edit, and put the change into a new revision",
                        )
                        .note(format!("locked: {}", shown(entry.checksums[backend.index()])))
                        .note(format!("now:    {}", shown(revision.checksum(backend))))
                        .help(format!(
                            "or accept it, here and in the database: `cargo migrate repair {}` shows it first",
                            entry.id
                        ))
                        .help(format!(
                            "if it was never applied anywhere, accept it here: `cargo migrate repair --lock-only {}`",
                            entry.id
                        ))
                        .kind(ProblemKind::Edited),
                );
            }
        }
        problems
    }
}

impl LockEntry {
    /// The backends, of those that matter, on which the revision's upgrade is not the one that was locked.
    #[must_use]
    pub fn changed(&self, revision: &Revision, backends: &[Backend]) -> Vec<Backend> {
        let locked = |backend: &Backend| self.checksums[backend.index()];
        let differs =
            |backend: &Backend| locked(backend).is_some_and(|c| revision.checksum(*backend) != Some(c));
        backends.iter().copied().filter(differs).collect()
    }

    /// The backends, of those that matter, for which the revision has an upgrade and the lock file has no checksum: it was
    /// locked before they mattered.
    #[must_use]
    pub fn lacks(&self, revision: &Revision, backends: &[Backend]) -> Vec<Backend> {
        let lacks = |backend: &Backend| {
            self.checksums[backend.index()].is_none() && revision.checksum(*backend).is_some()
        };
        backends.iter().copied().filter(lacks).collect()
    }

    fn of(revision: &Revision, labels: &BTreeMap<&str, &str>, checksums: [Option<Checksum>; 4]) -> Self {
        Self {
            id: revision.id.clone(),
            revises: revision.revises.clone(),
            depends_on: dependencies(revision, labels),
            checksums,
            range: 0..0,
        }
    }

    /// # Errors
    /// Why the line is none, and what to do about it.
    pub(super) fn parse(text: &str, range: Range<usize>) -> Result<Self, (String, &'static str)> {
        let restore = |reason: &str| (reason.to_owned(), RESTORE);
        let id = |text: &str| text.parse::<RevisionId>().map_err(|error| restore(&error.to_string()));
        let mut words = text.split_whitespace();
        let revision = id(words.next().unwrap_or_default())?;
        if words.next() != Some("revises") {
            return Err(restore("after the id comes `revises`"));
        }
        let revises = match words.next() {
            None => return Err(restore("after `revises` come ids or `none`")),
            Some("none") => Vec::new(),
            Some(ids) => ids.split(',').map(id).collect::<Result<_, _>>()?,
        };
        let mut words = words.peekable();
        let mut depends_on = Vec::new();
        if words.next_if_eq(&"depends-on").is_some() {
            let ids = words.next().ok_or_else(|| restore("after `depends-on` come ids"))?;
            depends_on = ids.split(',').map(id).collect::<Result<_, _>>()?;
        }
        let mut checksums = [None; 4];
        for word in words {
            let (name, checksum) =
                word.split_once('=').ok_or_else(|| restore("a checksum is written `backend=1:…`"))?;
            let checksum = checksum.parse::<Checksum>().map_err(|error| {
                let later = matches!(error, InvalidChecksum::UnknownScheme(_));
                (error.to_string(), if later { UPDATE } else { RESTORE })
            })?;
            if name == "all" {
                checksums = [Some(checksum); 4];
            } else {
                let backend =
                    name.parse::<Backend>().map_err(|_| restore(&format!("`{name}` is no backend")))?;
                checksums[backend.index()] = Some(checksum);
            }
        }
        if checksums.iter().all(Option::is_none) {
            return Err(restore("there is no checksum"));
        }
        Ok(Self { id: revision, revises, depends_on, checksums, range })
    }
}

/// The line of the revision, without its end.
impl fmt::Display for LockEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |ids: &[RevisionId]| ids.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(",");
        let parents = if self.revises.is_empty() { "none".to_owned() } else { joined(&self.revises) };
        write!(f, "{} revises {parents}", self.id)?;
        if !self.depends_on.is_empty() {
            write!(f, " depends-on {}", joined(&self.depends_on))?;
        }
        if let [Some(first), others @ ..] = &self.checksums
            && others.iter().all(|checksum| checksum.as_ref() == Some(first))
        {
            return write!(f, " all={first}");
        }
        for (backend, checksum) in Backend::ALL.iter().zip(&self.checksums) {
            if let Some(checksum) = checksum {
                write!(f, " {backend}={checksum}")?;
            }
        }
        Ok(())
    }
}

/// What version control left in the file, and the way out of it.
fn conflict(source: &SourceText, range: &Range<usize>) -> Problem {
    let (differing, help) = match Sides::of(&source.text) {
        Sides::Differ(differing) => (
            differing,
            "remove the line of the side whose revision is not kept, and leave the rest to `cargo migrate lock`",
        ),
        Sides::Joined(text) if Lock::parse(&source.path, text.as_bytes()).is_ok() => (
            Vec::new(),
            "`cargo migrate lock` keeps what both sides have locked; where there are two heads, so do `cargo migrate merge` and \
             `cargo migrate rebase`",
        ),
        Sides::None | Sides::Unreadable | Sides::Joined(_) => {
            (Vec::new(), "keep the lines of both sides, remove the marks, and run `cargo migrate lock`")
        }
    };
    let problem = source.problem(range, "the lock file has an unresolved merge conflict", help);
    differing.into_iter().fold(problem, Problem::note)
}

/// The revisions that carry labels.
fn labels<'a>(revisions: impl Iterator<Item = &'a Revision>) -> BTreeMap<&'a str, &'a str> {
    let mut labels = BTreeMap::new();
    for revision in revisions {
        for label in &revision.labels {
            labels.insert(label.as_str(), revision.id.as_str());
        }
    }
    labels
}

/// What a revision depends on, by id; a name that leads nowhere is a problem of its own.
fn dependencies(revision: &Revision, labels: &BTreeMap<&str, &str>) -> Vec<RevisionId> {
    let mut ids = BTreeSet::new();
    for name in &revision.depends_on {
        ids.insert(labels.get(name.as_str()).copied().unwrap_or(name));
    }
    ids.into_iter().filter_map(|id| id.parse().ok()).collect()
}

fn names(ids: &[RevisionId]) -> String {
    if ids.is_empty() {
        return "none".into();
    }
    ids.iter().map(RevisionId::as_str).collect::<Vec<_>>().join(", ")
}
