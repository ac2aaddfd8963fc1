//! Rows for a scratch database: a directory with a file of SQL for each of some revisions.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use migrate_cli::Error;

/// The texts by revision, each with its path.
#[derive(Debug, Default)]
pub(crate) struct Seeds(BTreeMap<String, (String, String)>);

impl Seeds {
    /// Reads `<id>.sql` of a directory; files whose names begin with a dot are left out.
    ///
    /// # Errors
    /// When a file cannot be read, or has another name.
    pub(crate) fn read(directory: &Path, is_revision: impl Fn(&str) -> bool) -> Result<Self, Error> {
        let failed = |error| Error::io("read", directory, error);
        let mut seeds = BTreeMap::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            let Some(id) = name.strip_suffix(".sql").filter(|id| is_revision(id)) else {
                return Err(Error::usage(format!(
                    "`{}` is of no revision\n\nhint: name it `<id>.sql` after the whole id of the revision after which it is run",
                    path.display()
                )));
            };
            let text = fs::read_to_string(&path).map_err(|error| Error::io("read", &path, error))?;
            seeds.insert(id.to_owned(), (path.display().to_string(), text));
        }
        Ok(Self(seeds))
    }

    /// The path and the text of a revision's file.
    pub(crate) fn of(&self, revision: &str) -> Option<(&str, &str)> {
        self.0.get(revision).map(|(path, text)| (path.as_str(), text.as_str()))
    }
}
