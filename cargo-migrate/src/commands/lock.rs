//! `cargo migrate lock`

use std::fs;

use migrate_cli::Exit;
use migrate_revision::source::{Directory, LOCK_FILE, Lock};
use serde::Serialize;

use super::{Context, Outcome};
use crate::conflict;
use crate::error::problems;
use crate::files::{self, Guard};
use crate::set;

/// Put the drafts into the lock file
///
/// A revision in the lock file may no longer change. The first call makes the file. Where version control
/// left a conflict in it, what both sides have locked is kept.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

#[derive(Serialize)]
struct Locked {
    file: String,
    locked: Vec<String>,
    written: bool,
}

pub(crate) fn run(_: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let directory = &project.config.directory;
    let _guard = Guard::take(directory, &context.output)?;
    conflict::resolve(&project, &context.output)?;
    let mut set = set::checked(&project, project.backends(), false)?;
    let locked = match set.locked {
        true => set::ids(&set, set.drafts.iter().copied()),
        false => set::ids(&set, 0..set.revisions.len()),
    };
    // What was locked for a backend that is not looked at now stays locked.
    let old =
        Directory::read(directory, &project.directory_name()).map_err(|problem| problems(&[problem]))?;
    for entry in old.lock.iter().flat_map(|lock| &lock.entries) {
        if let Some(revision) = set.revisions.iter_mut().find(|revision| revision.id == entry.id) {
            for (checksum, locked) in revision.checksums.iter_mut().zip(&entry.checksums) {
                *checksum = checksum.or(*locked);
            }
        }
    }
    let path = directory.join(LOCK_FILE);
    let text = Lock::write(&set.revisions, &set.graph);
    let written = fs::read_to_string(&path).ok().as_deref() != Some(text.as_str());
    if written {
        files::replace(&path, &text)?;
        set::touch(&project, &set, &context.output);
    }
    let done = Locked { file: path.display().to_string(), locked, written };
    context.output.facts(&done, || match done.locked.len() {
        // What was locked already is so now for a database that had not been among the backends.
        0 if done.written => format!("locked for all backends in {}", done.file),
        0 => format!("nothing to lock: {}", done.file),
        1 => format!("locked {} in {}", done.locked[0], done.file),
        count => format!("locked {count} revisions in {}", done.file),
    });
    Ok(Exit::Success)
}
