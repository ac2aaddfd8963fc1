//! The revisions of a directory held against each other: everything a build proves before it embeds them.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::directory::{DataFile, Directory};
use super::file::{Content, ParsedRevision, SourceText};
use super::lock::Lock;
use super::marker::RawSection;
use super::rust::RustItems;
use crate::checksum::Hasher;
use crate::graph::{Digests, Graph, GraphError, Index};
use crate::sql::{self, Statement};
use crate::{
    Backend, Body, Checksum, Direction, Problem, Revision, RevisionId, Script, ScriptStatement, SqlBody,
    StatementKind, nearest,
};

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
    let checker = Checker { checks, data: &directory.data };
    let revisions: Vec<Revision> =
        directory.revisions.iter().map(|parsed| checker.revision(parsed, &mut problems)).collect();
    let backends = checker.backends(&directory.revisions, &revisions, &mut problems);
    let graph = match Graph::new(&revisions) {
        Ok(graph) => {
            if files_are_whole && !checks.branches {
                problems.extend(several_heads(&directory, &graph));
            }
            Some(graph)
        }
        Err(errors) => {
            problems.extend(errors.iter().filter_map(|error| graph_problem(&directory, error)));
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
        let refused: BTreeSet<String> = problems.iter().map(|problem| problem.path.clone()).collect();
        let differences = lock.differences(&found, &checks.backends, |id| directory.may_hold(id));
        problems.extend(differences.into_iter().filter(|problem| !refused.contains(&problem.path)));
    }
    match graph {
        Some(graph) if problems.is_empty() => {
            let drafts = directory.lock.as_ref().map_or_else(Vec::new, |lock| {
                let locked: BTreeSet<_> = lock.entries.iter().map(|entry| &entry.id).collect();
                (0..revisions.len()).filter(|&index| !locked.contains(&revisions[index].id)).collect()
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

struct Checker<'a> {
    checks: &'a Checks,
    data: &'a [DataFile],
}

impl Checker<'_> {
    fn revision(&self, parsed: &ParsedRevision, problems: &mut Vec<Problem>) -> Revision {
        let header = &parsed.header;
        let (body, checksums) = match &parsed.content {
            Content::Sql(sections) => self.sql(parsed, sections, problems),
            Content::Rust(items) => {
                let checksum = self.rust_checksum(parsed, items, problems);
                (Body::Rust { down: items.down }, [Some(checksum); 4])
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
        let before = problems.len();
        for section in sections {
            self.shape(parsed, section, problems);
        }
        for &backend in &self.checks.backends {
            for direction in [Direction::Up, Direction::Down] {
                let script = match parsed.section(backend, direction) {
                    Some(section) if section.irreversible => None,
                    Some(section) => {
                        let served = self.served(parsed, section);
                        script(parsed, section, backend, served, &mut found)
                    }
                    // A merge joins branches and may leave it at that.
                    None if sections.is_empty() => Some((Script::default(), Hasher::new("merge").finish())),
                    None => None,
                };
                if let Some((script, checksum)) = script {
                    if direction == Direction::Up {
                        checksums[backend.index()] = Some(checksum);
                    }
                    let place = body.scripts.iter().position(|other| *other == script).unwrap_or_else(|| {
                        body.scripts.push(script);
                        body.scripts.len() - 1
                    });
                    let scripts = if direction == Direction::Up { &mut body.up } else { &mut body.down };
                    scripts[backend.index()] = Some(place as u8);
                }
            }
        }
        for Found { problem, backends, served } in found {
            problems.push(if backends.len() == served {
                problem
            } else {
                let verb = if backends.len() == 1 { "reads" } else { "read" };
                problem.note(format!("as {} {verb} it", listed(backends.iter().map(|b| b.name()))))
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
        let body = &parsed.source.text[section.body.clone()];
        let is_empty =
            !body.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"));
        if section.irreversible && !is_empty {
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

    fn rust_checksum(
        &self,
        parsed: &ParsedRevision,
        items: &RustItems,
        problems: &mut Vec<Problem>,
    ) -> Checksum {
        if self.checks.require_down && !items.down {
            problems.push(parsed.source.problem(
                &parsed.id_range,
                format!("revision `{}` has no way down", parsed.id),
                "write `pub async fn down(db: &mut Db<'_>) -> Result<()>`; the call asks for it with `require(down)`",
            ));
        }
        let mut hasher = Hasher::new("rust");
        hasher.part(parsed.source.text.as_bytes());
        for file in self.data.iter().filter(|file| items.strings.contains(&file.name)) {
            match fs::read(&file.path) {
                Ok(bytes) => {
                    hasher.part(file.name.as_bytes());
                    hasher.part(&without_carriage_returns(bytes));
                }
                Err(error) => problems.push(Problem::of_path(
                    format!("{}data/{}", parsed.source.path.trim_end_matches(&parsed.source.name), file.name),
                    format!("cannot be read: {error}"),
                    format!("revision `{}` names it; make it readable", parsed.id),
                )),
            }
        }
        hasher.finish()
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

/// A problem that shows only as some backends read a section.
struct Found {
    problem: Problem,
    backends: Vec<Backend>,
    /// How many backends take the section
    served: usize,
}

/// A section as a backend's script, with its content checksum; `None` if it is refused.
fn script(
    parsed: &ParsedRevision,
    section: &RawSection,
    backend: Backend,
    served: usize,
    found: &mut Vec<Found>,
) -> Option<(Script, Checksum)> {
    let text = &parsed.source.text[section.body.clone()];
    let moved = |range: &Range<usize>| range.start + section.body.start..range.end + section.body.start;
    let mut refuse = |range: &Range<usize>, message: String, help: String| {
        let problem = parsed.source.problem(range, message, help);
        let same = |other: &Problem| other.place == problem.place && other.message == problem.message;
        match found.iter_mut().find(|found| same(&found.problem)) {
            Some(found) if found.backends.contains(&backend) => {}
            Some(found) => found.backends.push(backend),
            None => found.push(Found { problem, backends: vec![backend], served }),
        }
    };
    let statements = match sql::split(text, backend) {
        Ok(statements) => statements,
        Err(problems) => {
            for problem in problems {
                refuse(&moved(&problem.range), problem.message, problem.help);
            }
            return None;
        }
    };
    if statements.is_empty() {
        refuse(
            &section.marker,
            "the section has no statement".into(),
            match section.direction {
                Direction::Up => "write the SQL that upgrades, or remove the marker".into(),
                Direction::Down => {
                    "write the SQL that undoes the upgrade, or add `irreversible` to the marker".into()
                }
            },
        );
        return None;
    }
    let mut refused = false;
    for statement in &statements {
        if let Some((message, help)) = misplaced(statement, &text[statement.range.clone()], section) {
            refuse(&moved(&statement.range), message, help);
            refused = true;
        }
    }
    if refused {
        return None;
    }
    let mut script = Script { options: section.options, statements: Vec::with_capacity(statements.len()) };
    let mut content = Hasher::new("sql");
    for statement in &statements {
        let mut hasher = Hasher::new("statement");
        for token in &statement.tokens {
            hasher.part(text[token.clone()].as_bytes());
        }
        let hash = hasher.finish();
        content.part(hash.as_bytes());
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        script.statements.push(ScriptStatement {
            range: moved(&statement.range),
            kind: statement.kind,
            session_effect: statement.session_effect,
            hash: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            objects: statement.objects.clone(),
        });
    }
    if script.is_transactional(backend) {
        // It is taken up again from its beginning or not at all: nothing of it is ever compared.
        for statement in &mut script.statements {
            statement.hash = 0;
            statement.objects.clear();
        }
    }
    content.part(&[u8::from(section.options.no_transaction), u8::from(section.options.foreign_keys_off)]);
    Some((script, content.finish()))
}

/// A statement that does not go with the transaction that its section runs in.
fn misplaced(statement: &Statement, text: &str, section: &RawSection) -> Option<(String, String)> {
    if section.options.no_transaction {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().take(8).collect();
    let concurrently = words.iter().position(|word| word.eq_ignore_ascii_case("concurrently"));
    let shown = words[..concurrently.map_or(words.len().min(3), |at| at + 1)].join(" ");
    if turns_backslashes_on(text) {
        return Some((
            "strings are read before this takes effect: a section in a transaction is parsed as a whole"
                .into(),
            "write strings with backslashes as `E'...'`; or add `no-transaction` to the marker".into(),
        ));
    }
    match statement.kind {
        StatementKind::Transaction => Some((
            format!("`{shown}` in a section that runs in a transaction"),
            "remove it: the runtime begins and commits; or add `no-transaction` to the marker".into(),
        )),
        StatementKind::OutsideTransaction if text.to_ascii_lowercase().contains("foreign_keys") => Some((
            format!("`{shown}` does nothing in a transaction"),
            "remove it, and add `foreign-keys=off` to the marker".into(),
        )),
        StatementKind::OutsideTransaction => Some((
            format!("`{shown}` cannot run in a transaction"),
            "add `no-transaction` to the marker; it is best alone in a revision of its own".into(),
        )),
        _ => None,
    }
}

/// Whether a statement of PostgreSQL makes backslashes escape in plain strings.
fn turns_backslashes_on(text: &str) -> bool {
    const NAME: &str = "standard_conforming_strings";
    let lower = text.to_ascii_lowercase();
    ["set", "select"].iter().any(|word| lower.starts_with(word))
        && lower.split_once(NAME).is_some_and(|(_, value)| {
            let mut words = value.split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|word| ["off", "false", "no", "0"].contains(&word))
        })
}

fn without_carriage_returns(bytes: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.into_iter().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\r' || rest.peek() != Some(&b'\n') {
            out.push(byte);
        }
    }
    out
}

fn several_heads(directory: &Directory, graph: &Graph) -> Option<Problem> {
    let heads = graph.heads();
    if heads.len() < 2 {
        return None;
    }
    let ids: Vec<&str> = heads.iter().map(|&head| directory.revisions[head].id.as_str()).collect();
    let mut problem = Problem::of_path(
        &directory.display,
        format!("the history has {} heads: {}", heads.len(), backticked(&ids)),
        format!("join them: `cargo migrate merge {} -m \"merge\"`", ids.join(" ")),
    );
    for &head in heads {
        problem = problem
            .note(format!("`{}` is {}", directory.revisions[head].id, directory.revisions[head].source.path));
    }
    let is_locked = |head: usize| {
        directory
            .lock
            .as_ref()
            .is_some_and(|lock| lock.entries.iter().any(|e| e.id == directory.revisions[head].id))
    };
    // Only where nothing else of the one's branch would be left behind.
    let fits = |upper: usize, lower: usize| {
        let below = graph.closure([lower]);
        !is_locked(upper) && graph.revises(upper).iter().all(|&parent| below.contains(parent))
    };
    if let [first, second] = *heads {
        let on_top =
            [(second, first), (first, second)].into_iter().find(|&(upper, lower)| fits(upper, lower));
        if let Some((upper, lower)) = on_top {
            let [upper, lower] = [upper, lower].map(|head| &directory.revisions[head].id);
            problem = problem.help(format!("or put `{upper}` on top: `-- revises: {lower}` in its header"));
        }
    }
    Some(problem.help("or allow it: `branches = allow` in the call"))
}

/// What is wrong with the graph, as a problem of a file. A name that leads nowhere may be that of a file which could
/// not be read, and is then no problem of its own.
fn graph_problem(directory: &Directory, error: &GraphError) -> Option<Problem> {
    let parsed = &directory.revisions;
    Some(match error {
        GraphError::Duplicate(first, second) => parsed[*second].source.problem(
            &parsed[*second].id_range,
            format!("revision id `{}` is already that of {}", parsed[*second].id, parsed[*first].source.path),
            "give one of the two another id, in its header and in its file name",
        ),
        GraphError::Missing { name, dependency: false, .. } if directory.may_hold(name) => return None,
        // It may be a label as well.
        GraphError::Missing { dependency: true, .. } if !directory.unread.is_empty() => return None,
        GraphError::Missing { revision, name, dependency } => {
            let this = &parsed[*revision];
            let header = &this.header;
            let range = if *dependency {
                header.depends_on.iter().find(|(other, _)| other == name).map(|(_, range)| range.clone())
            } else {
                header
                    .revises
                    .iter()
                    .find(|(other, _)| other.as_str() == name)
                    .map(|(_, range)| range.clone())
            };
            let others = parsed.iter().map(|parsed| parsed.id.as_str()).filter(|id| *id != this.id.as_str());
            let labels =
                parsed.iter().flat_map(|parsed| &parsed.header.labels).map(|(label, _)| label.as_str());
            let near = match (nearest(name, others), nearest(name, labels).filter(|_| *dependency)) {
                (Some(near), _) => format!("there is a revision with a similar id: `{near}`"),
                (None, Some(near)) => format!("there is a similar label: `{near}`"),
                (None, None) => "restore its file from version control, or correct the name".to_owned(),
            };
            let message = if *dependency {
                format!("revision `{}` depends on `{name}`, which is no revision and no label", this.id)
            } else {
                format!("revision `{}` revises `{name}`, which does not exist", this.id)
            };
            this.source.problem(&range.unwrap_or_default(), message, near)
        }
        GraphError::LabelTaken { revision, label, holder } => {
            let range = parsed[*revision].header.labels.iter().find(|(other, _)| other == label);
            parsed[*revision].source.problem(
                &range.map(|(_, range)| range.clone()).unwrap_or_default(),
                if parsed[*holder].id.as_str() == label {
                    format!("label `{label}` is the id of a revision")
                } else {
                    format!("label `{label}` is already used by revision `{}`", parsed[*holder].id)
                },
                "choose another label",
            )
        }
        GraphError::Cycle(cycle) => {
            let ids: Vec<&str> =
                cycle.iter().chain(cycle.first()).map(|&index| parsed[index].id.as_str()).collect();
            let first = &parsed[cycle[0]];
            let header = &first.header;
            let range = header.revises.iter().map(|(id, range)| (id.as_str(), range));
            let range = range.chain(header.depends_on.iter().map(|(name, range)| (name.as_str(), range)));
            let range =
                range.filter(|(name, _)| ids.get(1) == Some(name)).map(|(_, range)| range.clone()).next();
            first.source.problem(
                &range.unwrap_or_else(|| first.id_range.clone()),
                format!("cycle: revision `{}` stands on itself ({})", ids[0], ids.join(" -> ")),
                "a revision revises one that is older; correct `revises` or `depends-on` of one of these",
            )
        }
    })
}

/// `a, b and c`
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}

fn backticked(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
