//! The revisions of a directory held against each other: everything a build proves before it embeds them.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::conflict::{graph_problem, listed, several_heads};
use super::directory::{DataFile, Directory};
use super::file::{Content, MAX_PROBLEMS, ParsedRevision, SourceText};
use super::header::block_comment;
use super::lock::Lock;
use super::marker::RawSection;
use super::script::{Found, Reading, place};
use crate::checksum::Hasher;
use crate::graph::{Digests, Graph, Index, SetDigests};
use crate::{
    Backend, Body, Checksum, Direction, Problem, ProblemKind, Revision, RevisionId, Script, SqlBody,
};

mod rust;

/// What the caller asks of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// The backends that the set is for
    pub backends: Vec<Backend>,
    /// Whether every revision must cover each of them; if not, a backend that some revision leaves out is no longer
    /// among those that the set is for
    pub cover_all: bool,
    /// Whether there may be more than one head
    pub branches: bool,
    /// Whether every revision must be reversible
    pub require_down: bool,
}

/// A directory that passed its checks.
#[derive(Debug)]
pub struct Resolved {
    /// The revisions, sorted by file name
    pub revisions: Vec<Revision>,
    /// Their files, in the same order
    pub sources: Vec<SourceText>,
    /// The files under `data/`
    pub data: Vec<DataFile>,
    /// How they stand on each other
    pub graph: Graph,
    /// The backends that every revision covers
    pub backends: Vec<Backend>,
    /// The revisions that the lock file does not have; none without a lock file
    pub drafts: Vec<Index>,
    /// Whether there is a lock file
    pub locked: bool,
    /// The directory
    pub path: PathBuf,
}

impl Resolved {
    /// The ids of the heads: of the revisions on which no other stands, dependents included.
    #[must_use]
    pub fn heads(&self) -> Vec<&RevisionId> {
        let everything = self.graph.closure(0..self.graph.len());
        everything.heads().iter().map(|&head| &self.revisions[head].id).collect()
    }

    /// The chain digest of the whole set on a backend.
    #[must_use]
    pub fn digest(&self, backend: Backend) -> Option<Checksum> {
        let everything = self.graph.closure(0..self.graph.len());
        Digests::new(&self.graph, &self.revisions, backend).chain(everything.heads())
    }

    /// The chain digests of the set.
    #[must_use]
    pub fn digests(&self) -> SetDigests {
        SetDigests::new(&self.graph, &self.revisions, &self.backends)
    }

    /// The lock file's text for the set as it is.
    #[must_use]
    pub fn lock_text(&self) -> String {
        Lock::write(&self.revisions, &self.graph)
    }
}

/// Reads a directory and checks all that can be known of it without a database. `display` is how messages name it.
///
/// # Errors
/// Every problem of the directory, by file and line.
pub fn resolve(path: &Path, display: &str, checks: &Checks) -> Result<Resolved, Vec<Problem>> {
    resolve_but(path, display, checks, None)
}

/// As [`resolve`], and the upgrades of locked revisions may be others than those that were locked.
///
/// # Errors
/// Every other problem of the directory.
pub fn resolve_edited(path: &Path, display: &str, checks: &Checks) -> Result<Resolved, Vec<Problem>> {
    resolve_but(path, display, checks, Some(ProblemKind::Edited))
}

/// Differences from the lock file of one kind may be left alone.
fn resolve_but(
    path: &Path,
    display: &str,
    checks: &Checks,
    but: Option<ProblemKind>,
) -> Result<Resolved, Vec<Problem>> {
    let mut directory = Directory::read(path, display).map_err(|problem| vec![problem])?;
    let mut problems = std::mem::take(&mut directory.problems);
    if directory.revisions.is_empty() && problems.is_empty() {
        return Err(vec![Problem::of_path(
            display,
            format!("there are no revisions in `{}`", path.display()),
            "add the first one as `<id>_<slug>.sql`, beginning with `-- revision: <id>` and `-- migrate:up`",
        )]);
    }
    let files_are_whole = directory.unread.is_empty();
    let locked: BTreeSet<&str> =
        directory.lock.iter().flat_map(|lock| &lock.entries).map(|entry| entry.id.as_str()).collect();
    let data = format!("{display}/data/");
    let data_is_whole = !problems.iter().any(|problem| problem.path.starts_with(&data));
    let checker = Checker { checks, data: &directory.data, data_is_whole, locked };
    let revisions: Vec<Revision> =
        directory.revisions.iter().map(|parsed| checker.revision(parsed, &mut problems)).collect();
    // All of the data is embedded, whether a revision names it or not.
    for file in &directory.data {
        if let Err(error) = std::fs::metadata(&file.path) {
            let path = format!("{display}/data/{}", file.name);
            let told = problems.iter().any(|problem| problem.path == path);
            if !told {
                let help = "make it readable, or remove it";
                problems.push(Problem::of_path(path, format!("cannot be read: {error}"), help));
            }
        }
    }
    let backends = checker.backends(&directory.revisions, &revisions, &mut problems);
    let graph = match Graph::new(&revisions) {
        Ok(graph) => {
            if files_are_whole && !checks.branches {
                problems.extend(several_heads(&directory, &graph));
            }
            Some(graph)
        }
        Err(errors) => {
            let told = errors.iter().filter_map(|error| graph_problem(&directory, error));
            problems.extend(told.take(MAX_PROBLEMS));
            None
        }
    };
    if let Some(lock) = &directory.lock {
        let found: Vec<(&Revision, &SourceText, Range<usize>)> = revisions
            .iter()
            .zip(&directory.revisions)
            .map(|(revision, parsed)| (revision, &parsed.source, parsed.id_range.clone()))
            .collect();
        // What cannot be read for another reason is no difference.
        let mut refused = BTreeSet::new();
        refused.extend(problems.iter().map(|problem| problem.path.as_str()));
        let mut differences = lock.differences(&found, &checks.backends, &|id| directory.may_hold(id));
        differences.retain(|problem| !refused.contains(problem.path.as_str()) && but != Some(problem.kind));
        for problem in differences.iter_mut().filter(|problem| problem.kind == ProblemKind::Edited) {
            let parsed = directory.revisions.iter().find(|parsed| parsed.source.path == problem.path);
            problem.notes.extend(parsed.into_iter().flat_map(|parsed| checker.data_notes(parsed, lock)));
        }
        problems.extend(differences);
    }
    match graph {
        Some(graph) if problems.is_empty() => {
            let drafts = directory.lock.as_ref().map_or_else(Vec::new, |lock| {
                let mut locked = BTreeSet::new();
                locked.extend(lock.entries.iter().map(|entry| entry.id.as_str()));
                (0..revisions.len()).filter(|&index| !locked.contains(revisions[index].id.as_str())).collect()
            });
            Ok(Resolved {
                sources: directory.revisions.into_iter().map(|parsed| parsed.source).collect(),
                revisions,
                data: directory.data,
                graph,
                backends,
                drafts,
                locked: directory.lock.is_some(),
                path: directory.path,
            })
        }
        _ => {
            problems.sort();
            problems.dedup();
            Err(problems)
        }
    }
}

/// The content checksums of a revision's upgrade by its text alone, in the order of [`Backend::ALL`]; of a Rust revision with
/// the data files as they are. `None` where it has none, or where its text is refused.
#[must_use]
pub fn checksums(parsed: &ParsedRevision, data: &[DataFile]) -> [Option<Checksum>; 4] {
    let checks =
        Checks { backends: Backend::ALL.to_vec(), cover_all: false, branches: true, require_down: false };
    // What may be locked is told of as well.
    let locked = BTreeSet::from([parsed.id.as_str()]);
    Checker { checks: &checks, data, data_is_whole: true, locked }.revision(parsed, &mut Vec::new()).checksums
}

struct Checker<'a> {
    checks: &'a Checks,
    data: &'a [DataFile],
    /// Whether that is all of the data
    data_is_whole: bool,
    /// The revisions that are locked
    locked: BTreeSet<&'a str>,
}

impl Checker<'_> {
    fn revision(&self, parsed: &ParsedRevision, problems: &mut Vec<Problem>) -> Revision {
        let header = &parsed.header;
        let (body, checksums) = match &parsed.content {
            Content::Sql(sections) => self.sql(parsed, sections, problems),
            Content::Rust(items) => {
                let checksum = self.rust_checksum(parsed, items, problems);
                self.rust_data(parsed, items, problems);
                self.rust_foreign_keys(parsed, items, problems);
                let foreign_keys_off = header.foreign_keys == Some(false);
                (Body::Rust { down: items.down, foreign_keys_off }, [Some(checksum); 4])
            }
        };
        Revision {
            message: header.message.clone().unwrap_or_else(|| parsed.slug.replace(['_', '-'], " ")),
            slug: parsed.slug.clone(),
            created: header.created.clone(),
            revises: header.revises.iter().map(|(id, _)| id.clone()).collect(),
            depends_on: header.depends_on.iter().map(|(name, _)| name.clone()).collect(),
            labels: header.labels.iter().map(|(label, _)| label.clone()).collect(),
            compatible: header.compatible,
            body,
            checksums,
            id: parsed.id.clone(),
        }
    }

    fn sql(
        &self,
        parsed: &ParsedRevision,
        sections: &[RawSection],
        problems: &mut Vec<Problem>,
    ) -> (Body, [Option<Checksum>; 4]) {
        let mut body = SqlBody { needs_normalising: parsed.source.needs_normalising, ..SqlBody::default() };
        let mut checksums = [None; 4];
        let mut found: Vec<Found> = Vec::new();
        let mut readings: Vec<Reading<'_>> = Vec::new();
        let before = problems.len();
        for section in sections {
            self.shape(parsed, section, problems);
        }
        for &backend in &self.checks.backends {
            for direction in [Direction::Up, Direction::Down] {
                let placed = match parsed.section(backend, direction) {
                    Some(section) if section.irreversible => None,
                    Some(section) => {
                        let known = readings.iter().position(|other| std::ptr::eq(other.section, section));
                        let known = known.unwrap_or_else(|| {
                            let locked = self.locked.contains(parsed.id.as_str());
                            readings.push(Reading::new(parsed, section, locked));
                            readings.len() - 1
                        });
                        let served = || self.served(parsed, section);
                        readings[known].place(backend, &mut body.scripts, &served, &mut found)
                    }
                    // A merge joins branches and may leave it at that.
                    None if sections.is_empty() => Some((
                        place(Script::default(), &mut body.scripts),
                        Some(Hasher::new("merge").finish()),
                    )),
                    None => None,
                };
                if let Some((place, checksum)) = placed {
                    let scripts = match direction {
                        Direction::Up => {
                            checksums[backend.index()] = checksum;
                            &mut body.up
                        }
                        Direction::Down => &mut body.down,
                    };
                    scripts[backend.index()] = Some(place);
                }
            }
        }
        // Nobody reads what is of other backends alone, and so nobody knows what is inside of a string there.
        for section in sections.iter().filter(|section| !section.suspects.is_empty()) {
            if !readings.iter().any(|reading| std::ptr::eq(reading.section, section)) {
                problems.extend(section.suspects.iter().map(|range| {
                    let (message, help) = parsed.source.suspicion(range);
                    parsed.source.problem(range, message, help)
                }));
            }
        }
        for Found { problem, backends, served } in found {
            problems.push(if backends.len() == served {
                problem
            } else {
                let verb = if backends.len() == 1 { "reads" } else { "read" };
                let names = listed(backends.iter().map(|b| b.name()));
                let problem = problem.note(format!("as {names} {verb} it"));
                // Which features are on is decided by all that is built together.
                if self.checks.cover_all {
                    problem
                } else {
                    problem.help(format!(
                        "if the set is not for {names}, name those that it is for with `backends`"
                    ))
                }
            });
        }
        if self.checks.require_down && problems.len() == before {
            self.require_down(parsed, sections, problems);
        }
        (Body::Sql(body), checksums)
    }

    /// How many of the backends in question take a section.
    fn served(&self, parsed: &ParsedRevision, section: &RawSection) -> usize {
        let takes = |backend: &&Backend| {
            parsed.section(**backend, section.direction).is_some_and(|other| other.marker == section.marker)
        };
        self.checks.backends.iter().filter(takes).count()
    }

    /// What is wrong with a section whatever the backend.
    fn shape(&self, parsed: &ParsedRevision, section: &RawSection, problems: &mut Vec<Problem>) {
        if !section.irreversible {
            return;
        }
        if !is_blank(&parsed.source.text[section.body.clone()]) {
            problems.push(parsed.source.problem(
                &section.marker,
                "the section is `irreversible` and has a body",
                "remove the body, or the option",
            ));
        }
    }

    fn require_down(&self, parsed: &ParsedRevision, sections: &[RawSection], problems: &mut Vec<Problem>) {
        let upgraded: Vec<Backend> = (self.checks.backends.iter().copied())
            .filter(|&backend| !sections.is_empty() && parsed.section(backend, Direction::Up).is_some())
            .collect();
        let lacking: Vec<&str> = (upgraded.iter())
            .filter(|&&backend| parsed.section(backend, Direction::Down).is_none_or(|s| s.irreversible))
            .map(|backend| backend.name())
            .collect();
        if !lacking.is_empty() {
            let whom = if lacking.len() == upgraded.len() {
                String::new()
            } else {
                format!(" for {}", listed(lacking))
            };
            problems.push(parsed.source.problem(
                &parsed.id_range,
                format!("revision `{}` has no way down{whom}", parsed.id),
                "write a `-- migrate:down` section; the call asks for it with `require(down)`",
            ));
        }
    }

    /// The backends that every revision covers; those that were asked for by name must be among them.
    fn backends(
        &self,
        parsed: &[ParsedRevision],
        revisions: &[Revision],
        problems: &mut Vec<Problem>,
    ) -> Vec<Backend> {
        let lacks = |revision: usize, backend: Backend| match &parsed[revision].content {
            Content::Rust(_) => false,
            Content::Sql(sections) => {
                !sections.is_empty() && parsed[revision].section(backend, Direction::Up).is_none()
            }
        };
        let covered: Vec<Backend> = (self.checks.backends.iter().copied())
            .filter(|&backend| (0..revisions.len()).all(|revision| !lacks(revision, backend)))
            .collect();
        if self.checks.cover_all || covered.is_empty() {
            for revision in 0..revisions.len() {
                let lacking: Vec<&str> = (self.checks.backends.iter().copied())
                    .filter(|&backend| lacks(revision, backend))
                    // What MySQL lacks, MariaDB lacks with it: once is enough.
                    .filter(|&backend| backend != Backend::Mariadb || !lacks(revision, Backend::Mysql))
                    .map(Backend::name)
                    .collect();
                if lacking.is_empty() {
                    continue;
                }
                let backends = lacking.join(" ");
                let problem = parsed[revision].source.problem(
                    &parsed[revision].id_range,
                    format!("revision `{}` has no section for {}", revisions[revision].id, listed(lacking)),
                    format!("add `-- migrate:up {backends}`, or a `-- migrate:up` for every backend"),
                );
                problems.push(if self.checks.cover_all {
                    problem
                } else {
                    problem.note("there is no backend for which every revision has a section")
                });
            }
        }
        covered
    }
}

/// Whether a text has nothing but comments.
fn is_blank(text: &str) -> bool {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let begin = at + (rest.len() - rest.trim_start().len());
        at = match block_comment(text, begin) {
            Some(end) => end,
            None if text[begin..].starts_with("--") => {
                text[begin..].find('\n').map_or(text.len(), |end| begin + end)
            }
            None => return begin == text.len(),
        };
    }
}
