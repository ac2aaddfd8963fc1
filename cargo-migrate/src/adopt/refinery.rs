//! refinery: `V<version>__<name>.sql` and `U<version>__<name>.sql`, in subdirectories as well.

use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::{Backend, Direction};

use super::{Applied, Asked, Foreign, Format, Key, Reading, Row, Section, Unfinished};
use super::{cell, file_name, files_below, leading_digits, number};

pub(super) struct Refinery;

impl Format for Refinery {
    fn directories(&self, root: &Path) -> Vec<PathBuf> {
        vec![root.join("migrations"), root.join("src/migrations")]
    }

    fn read(&self, directory: &Path, _: &Asked, found: &mut Reading) -> Result<(), Error> {
        for path in files_below(directory)? {
            let name = file_name(&path);
            let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
            let Some((prefix, version, title)) = parts(stem).filter(|_| ["sql", "rs"].contains(&extension))
            else {
                if name != "mod.rs" {
                    found.skip(&path, "not named as a migration");
                }
                continue;
            };
            let Some(key) = number(version) else {
                found.problem(
                    &path,
                    format!("`{version}` is no version"),
                    "a version is a number; rename the file",
                );
                continue;
            };
            if extension == "rs" {
                found.problem(
                    &path,
                    "a migration in Rust cannot be converted",
                    format!(
                        "put the SQL that its function returns into `{stem}.sql`, and the file elsewhere"
                    ),
                );
                continue;
            }
            let Some(source) = found.text(&path) else { continue };
            let new = Foreign::new(format!("{prefix}{version}"), key, title, &source.path);
            found.section(new, Section::whole(Direction::Up, &source));
        }
        Ok(())
    }

    fn key(&self, version: &str) -> Option<Key> {
        number(version.strip_prefix(['V', 'U']).unwrap_or(version))
    }

    fn revision_key(&self, id: &str) -> Option<Key> {
        self.key(id).filter(|_| id.starts_with(['V', 'U']))
    }

    fn table(&self) -> &'static str {
        "refinery_schema_history"
    }

    fn query(&self, table: &str, _: Option<Backend>) -> String {
        format!("SELECT version FROM {table} ORDER BY version")
    }

    fn applied(&self, rows: &[Row]) -> Result<Applied, Unfinished> {
        Ok(Applied::of(rows.iter().map(|row| cell(row, 0))))
    }
}

/// The prefix, the version and the name.
fn parts(stem: &str) -> Option<(&str, &str, &str)> {
    let (prefix, rest) = stem.split_at_checked(1).filter(|(prefix, _)| ["V", "U"].contains(prefix))?;
    let (version, title) = leading_digits(rest);
    title.strip_prefix("__").filter(|title| !title.is_empty()).map(|title| (prefix, version, title))
}
