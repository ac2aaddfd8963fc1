//! Revisions that were adopted before, held against what adopting would write now.

use migrate_cli::Error;
use migrate_revision::source::Resolved;
use migrate_revision::{Backend, Direction};

use super::{Different, Document, Foreign, Reading, Tool, is_for, place, settle};
use crate::project::Project;

/// The revisions whose way up is not that of the tool's files, for the backends that one database may be. `named`
/// and `sqlite` are what [`settle()`] wants.
///
/// # Errors
/// When the files cannot become revisions as they are.
pub(crate) fn differing(
    (tool, mut files): (Tool, Reading),
    project: &Project,
    set: &Resolved,
    backends: &[Backend],
    (named, sqlite): (&[Backend], bool),
) -> Result<Vec<Different>, Error> {
    // What does nothing there may have been filled in here.
    let does_something = |migration: &Foreign| {
        let wanted = backends.first().copied();
        let is_up = |it: &&super::Section| it.direction == Direction::Up && is_for(&it.backends, wanted);
        migration.sections.iter().filter(is_up).any(|section| !section.is_empty())
    };
    let compared: Vec<Foreign> = files.migrations.iter().filter(|it| does_something(it)).cloned().collect();
    settle(&mut files, named, sqlite, true);
    let documents = files.migrations.iter().map(Document::new).collect();
    let problems = std::mem::take(&mut files.problems);
    let staged = place(project, documents, (backends.to_vec(), false), problems)?;
    let key = |id: &str| tool.format().key(id);
    let differing = staged.resolved.revisions.iter().filter_map(|now| {
        let file = compared.iter().find(|file| file.id == now.id.as_str())?;
        let index = set.revisions.iter().position(|it| key(it.id.as_str()).as_ref() == Some(&file.key))?;
        let of = |backend: &Backend| {
            let at = backend.index();
            now.checksums[at] != set.revisions[index].checksums[at]
        };
        backends.iter().any(of).then(|| Different { index, file: file.file.clone() })
    });
    Ok(differing.collect())
}
