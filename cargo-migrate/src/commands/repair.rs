//! `cargo migrate repair`

use std::collections::BTreeSet;
use std::fmt::Write as _;

use migrate_cli::commands::downgrade::ask;
use migrate_cli::{Error, Exit, ID, styled};
use migrate_revision::graph::Index;
use migrate_revision::source::{Directory, LOCK_FILE, Lock, ParsedRevision, Resolved, SourceText, checksums};
use migrate_revision::{Backend, Checksum};
use migrate_runtime::{Connected, EditedRevision, Migrator, Report};
use serde::Serialize;
use similar::TextDiff;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::error::problems;
use crate::files::{self, Guard};
use crate::former::{self, Former};
use crate::project::Project;
use crate::set;

/// Accept edits of locked or applied revisions, with what changed shown first
///
/// The lock file and the database take the present text for what was locked and applied. Nothing is run: the database must
/// be as the files now say. Asks on a terminal; elsewhere it needs `--yes`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Those whose edits are accepted; without any, all that were edited
    #[arg(value_name = "REVISION")]
    revisions: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print what would be accepted
    #[arg(long)]
    dry_run: bool,
    /// Accept them in the lock file, and leave every database alone
    #[arg(long, conflicts_with = "database_url")]
    lock_only: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// A revision with an edit to accept.
#[derive(Serialize)]
struct Edit {
    revision: String,
    message: String,
    file: String,
    /// What is on record of it
    records: Vec<Record>,
    /// The commit that has the text on record
    commit: Option<String>,
    /// From that text to the present one
    diff: Option<String>,
    #[serde(skip)]
    index: Index,
}

/// A checksum that is not the present one.
#[derive(Serialize, PartialEq, Eq)]
struct Record {
    place: Place,
    recorded: String,
    now: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    Lock,
    Database,
}

#[derive(Serialize)]
struct Repaired {
    revisions: Vec<Edit>,
    /// Whether the lock file was written
    lock: bool,
    /// What was done to the database
    database: Option<Report>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let directory = &project.config.directory;
    let _guard = Guard::take(directory, &context.output)?;
    let opened = match args.lock_only {
        true => None,
        false => Some(Opened::to_repair(&args.database, &project).map_err(or_lock_only)?),
    };
    let (backends, cover_all) = project.backends();
    let set = set::edited(&project, (backends.clone(), cover_all), false)?;
    let found =
        Directory::read(directory, &project.directory_name()).map_err(|problem| problems(&[problem]))?;
    let in_database = match &opened {
        Some(opened) => block_on(opened.database().read(Migrator::<Connected>::edited))??,
        None => Vec::new(),
    };
    let wanted = wanted(args, &set)?;
    let edits: Vec<Edit> = (wanted.iter())
        .filter_map(|&index| edit(&project, &set, index, found.lock.as_ref(), &backends, &in_database))
        .collect();
    let shown = edits.iter().map(Edit::text).collect::<Vec<_>>().join("\n");
    let mut done = Repaired { revisions: edits, lock: false, database: None };
    if args.dry_run || done.revisions.is_empty() {
        let text = match shown.is_empty() {
            false => shown,
            true if args.revisions.is_empty() => {
                "nothing to accept: no locked or applied revision was edited".into()
            }
            true => format!("nothing to accept: not edited: {}", set::ids(&set, wanted).join(", ")),
        };
        context.output.facts(&done, || text);
        return Ok(Exit::Success);
    }
    context.output.note(&shown);
    if !args.yes {
        ask(
            "nothing is run: what was applied is taken to be what the files now say. Accept?",
            "accepting an edit wants a yes, and there is no terminal to ask on\n\nhint: add `--yes`; `--dry-run` \
             prints what changed",
            &context.output,
        )?;
    }
    // The database may refuse, the lock file hardly does. What is done of the two stays done, and the next run does the rest.
    let to_accept = |place: Place| {
        let has = move |edit: &&Edit| edit.records.iter().any(|record| record.place == place);
        done.revisions.iter().filter(has)
    };
    let applied: Vec<&str> = to_accept(Place::Database).map(|edit| edit.revision.as_str()).collect();
    let locked: Vec<Index> = to_accept(Place::Lock).map(|edit| edit.index).collect();
    if let (Some(opened), false) = (&opened, applied.is_empty()) {
        let repair = opened.database();
        let repair = repair.change(&context.output, |migrator| migrator.repair(applied));
        done.database = Some(block_on(repair)??);
    }
    if let (Some(lock), false) = (&found.lock, locked.is_empty()) {
        files::replace(&directory.join(LOCK_FILE), &lock.accept(&set.revisions, &locked, &backends))?;
        done.lock = true;
    }
    context.output.facts(&done, || done.text());
    Ok(Exit::Success)
}

/// The way that needs no database, where none is named.
fn or_lock_only(error: Error) -> Error {
    match error.exit() {
        Exit::Database => Error::new(
            Exit::Database,
            format!("{error}; `--lock-only` accepts edits in the lock file and leaves databases alone"),
        ),
        _ => error,
    }
}

/// The revisions that are looked at.
fn wanted(args: &Args, set: &Resolved) -> Result<BTreeSet<Index>, Error> {
    if args.revisions.is_empty() {
        return Ok((0..set.revisions.len()).collect());
    }
    let mut wanted = BTreeSet::new();
    for name in &args.revisions {
        let named = set::named(set, name)?;
        if named.is_empty() {
            return Err(Error::target(format!("`{name}` names no revision")));
        }
        wanted.extend(named);
    }
    Ok(wanted)
}

/// The edit of a revision, if the lock file or the database has it otherwise.
fn edit(
    project: &Project,
    set: &Resolved,
    index: Index,
    lock: Option<&Lock>,
    backends: &[Backend],
    in_database: &[EditedRevision],
) -> Option<Edit> {
    let revision = &set.revisions[index];
    let entry = lock.and_then(|lock| lock.entries.iter().find(|entry| entry.id == revision.id));
    let locked: Vec<(Backend, Checksum)> = entry.map_or_else(Vec::new, |entry| {
        let changed = entry.changed(revision, backends).into_iter();
        changed.filter_map(|backend| Some((backend, entry.checksums[backend.index()]?))).collect()
    });
    let applied = in_database.iter().find(|edited| edited.revision == revision.id.as_str());
    let mut records: Vec<Record> = Vec::new();
    for (backend, checksum) in &locked {
        let now = revision.checksum(*backend).map(|checksum| checksum.to_string());
        let record = Record { place: Place::Lock, recorded: checksum.to_string(), now };
        if !records.contains(&record) {
            records.push(record);
        }
    }
    records.extend(applied.map(|edited| Record {
        place: Place::Database,
        recorded: edited.applied.clone(),
        now: edited.now.clone(),
    }));
    if records.is_empty() {
        return None;
    }
    let file = set::path(project, revision);
    // What was applied matters more than what was locked.
    let of_text = |text: &[u8]| content(set, index, text);
    let by_database = applied.and_then(|edited| {
        let is_it = |text: &[u8]| {
            of_text(text).iter().flatten().any(|checksum| checksum.to_string() == edited.applied)
        };
        former::find(file.as_ref(), is_it)
    });
    let by_lock = || {
        let is_it = |text: &[u8]| {
            let checksums = of_text(text);
            locked.iter().all(|(backend, checksum)| checksums[backend.index()] == Some(*checksum))
        };
        if locked.is_empty() { None } else { former::find(file.as_ref(), is_it) }
    };
    let former = by_database.or_else(by_lock);
    Some(Edit {
        revision: revision.id.to_string(),
        message: revision.message.clone(),
        diff: former.as_ref().and_then(|former| diff(set, index, &file, former)),
        commit: former.map(|former| former.commit),
        file,
        records,
        index,
    })
}

/// The content checksums of another text of a revision's file, per backend.
fn content(set: &Resolved, index: Index, text: &[u8]) -> [Option<Checksum>; 4] {
    let parsed = source(set, index, text).and_then(|source| ParsedRevision::new(source).ok());
    parsed.map_or([None; 4], |parsed| checksums(&parsed, &set.data))
}

fn source(set: &Resolved, index: Index, text: &[u8]) -> Option<SourceText> {
    let name = &set.sources[index].name;
    SourceText::new(name, name, text).ok()
}

/// From a former text to the present one.
fn diff(set: &Resolved, index: Index, file: &str, former: &Former) -> Option<String> {
    let before = source(set, index, &former.text)?.text;
    let diff = TextDiff::from_lines(&before, &set.sources[index].text);
    Some(diff.unified_diff().header(&format!("{file} ({})", former.commit), file).to_string())
}

impl Edit {
    fn text(&self) -> String {
        let mut text = format!("{} {}: {}\n", styled(ID, &self.revision), self.message, self.file);
        for (place, record) in self.records.iter().enumerate() {
            let label = match record.place {
                Place::Lock => "locked: ",
                Place::Database => "applied:",
            };
            let _ = writeln!(text, "  {label} {}", record.recorded);
            if self.records.get(place + 1).is_none_or(|next| next.now != record.now) {
                let _ = writeln!(text, "  now:     {}", record.now.as_deref().unwrap_or("nothing"));
            }
        }
        match &self.diff {
            Some(diff) => text.push_str(diff),
            None => text.push_str("  what it said before is not on record in git\n"),
        }
        text
    }
}

impl Repaired {
    fn text(&self) -> String {
        let what = match self.revisions.as_slice() {
            [edit] => edit.revision.clone(),
            edits => format!("{} edits", edits.len()),
        };
        let places = match (self.lock, self.database.is_some()) {
            (true, true) => "in the lock file and in the database",
            (true, false) => "in the lock file",
            (false, _) => "in the database",
        };
        format!("accepted {what} {places}")
    }
}
