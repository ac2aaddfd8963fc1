//! Whether a binary has the files that its directory has now.

use std::collections::BTreeSet;
use std::path::Path;

use include_dir::{Dir, DirEntry};
use migrate_revision::Encoded;

use super::{Migrations, stale};
use crate::{Error, ErrorKind, Result};

impl Migrations {
    /// Says so if the directory that the set came from is there and no longer holds the same files: cargo sees those that
    /// change or go, and not those that come.
    ///
    /// # Errors
    /// When it does not.
    pub(crate) fn check_stale(&self) -> Result<()> {
        let Some(directory) = self.embedded.source_directory else { return Ok(()) };
        let Ok(entries) = std::fs::read_dir(directory) else { return Ok(()) };
        let mut found: BTreeSet<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.') && (name.ends_with(".sql") || name.ends_with(".rs")))
            .collect();
        // One after the other, as a run may need only some of them.
        let encoded = Encoded::open(&self.embedded.revisions).map_err(stale)?;
        let name = |index| Ok(encoded.revision(index).map_err(stale)?.file_name());
        let mut known: BTreeSet<String> = (0..encoded.len()).map(name).collect::<Result<_>>()?;
        read_data(&Path::new(directory).join(DATA), DATA, &mut found);
        if let Some(data) = self.embedded.data {
            embedded_data(data.directory(), &mut known);
        }
        let news = found.difference(&known).next();
        let gone = known.difference(&found).next();
        let what = match (news, gone) {
            (Some(name), _) => format!("has {name}, which this binary does not"),
            (None, Some(name)) => format!("no longer has {name}, which this binary does"),
            (None, None) => return Ok(()),
        };
        Err(Error::new(
            ErrorKind::Stale,
            format!(
                "this binary is older than its migrations: {directory} {what}\n\nhint: cargo sees no \
                 new files by itself: touch the file with `embed_migrations!` and build again, or add a build.rs with \
                 `println!(\"cargo::rerun-if-changed={}\")`",
                self.embedded.directory
            ),
        ))
    }
}

/// The directory of the files for Rust revisions.
const DATA: &str = "data";

/// The files below a directory but for hidden ones, which desktops put there unasked. Where one cannot be read, none of its files count: the build says why.
fn read_data(directory: &Path, shown: &str, found: &mut BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{shown}/{name}");
        if entry.path().is_dir() {
            read_data(&entry.path(), &name, found);
        } else {
            found.insert(name);
        }
    }
}

fn embedded_data(directory: &Dir<'_>, known: &mut BTreeSet<String>) {
    for entry in directory.entries() {
        match entry {
            DirEntry::Dir(below) => embedded_data(below, known),
            DirEntry::File(file) => {
                let path = file.path().to_string_lossy().replace('\\', "/");
                if !path.split('/').any(|part| part.starts_with('.')) {
                    known.insert(format!("{DATA}/{path}"));
                }
            }
        }
    }
}
