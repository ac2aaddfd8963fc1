//! sqlx: `<version>_<description>.sql`, or `.up.sql` and `.down.sql`.

use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::{Backend, Direction};
use sha2::{Digest, Sha384};

use super::{Applied, Asked, Checksum, Foreign, Format, Key, Reading, Row, Section, Unfinished};
use super::{cell, entries, file_name, is_true, number};

/// The first line of a file that sqlx runs outside of a transaction.
const NO_TRANSACTION: &str = "-- no-transaction";

pub(super) struct Sqlx;

impl Format for Sqlx {
    fn directories(&self, root: &Path) -> Vec<PathBuf> {
        vec![root.join("migrations")]
    }

    fn read(&self, directory: &Path, _: &Asked, found: &mut Reading) -> Result<(), Error> {
        for path in entries(directory)?.into_iter().filter(|path| path.is_file()) {
            let name = file_name(&path);
            let Some((version, rest)) = name.split_once('_').filter(|(_, rest)| rest.ends_with(".sql"))
            else {
                found.skip(&path, "not named as a migration");
                continue;
            };
            let Some(key) = number(version) else {
                found.problem(
                    &path,
                    format!("`{version}` is no version of sqlx"),
                    "a version is a number; rename the file, or move it elsewhere",
                );
                continue;
            };
            let (direction, suffix) = match rest {
                rest if rest.ends_with(".down.sql") => (Direction::Down, ".down.sql"),
                rest if rest.ends_with(".up.sql") => (Direction::Up, ".up.sql"),
                _ => (Direction::Up, ".sql"),
            };
            let Some(source) = found.text(&path) else { continue };
            let mut section = Section::whole(direction, &source);
            section.no_transaction = source.text.starts_with(NO_TRANSACTION);
            section.lines.retain(|(number, line)| *number > 1 || line.trim() != NO_TRANSACTION);
            let mut new = Foreign::new(version, key, rest.trim_end_matches(suffix), &source.path);
            if direction == Direction::Up {
                let bytes = std::fs::read(&path);
                new.checksums.extend(bytes.ok().map(|bytes| Checksum {
                    backends: Vec::new(),
                    file: source.path.clone(),
                    hex: hex(&Sha384::digest(bytes)),
                }));
            }
            found.section(new, section);
        }
        Ok(())
    }

    fn key(&self, version: &str) -> Option<Key> {
        number(version)
    }

    fn table(&self) -> &'static str {
        "_sqlx_migrations"
    }

    fn query(&self, table: &str, backend: Option<Backend>) -> String {
        let checksum = match backend {
            Some(Backend::Postgres) => "encode(checksum, 'hex')",
            _ => "lower(hex(checksum))",
        };
        format!("SELECT version, success, {checksum} FROM {table} ORDER BY version")
    }

    fn applied(&self, rows: &[Row]) -> Result<Applied, Unfinished> {
        let mut applied = Applied::default();
        for row in rows {
            if !is_true(row, 1) {
                return Err(Unfinished(cell(row, 0)));
            }
            applied.versions.push((cell(row, 0), Some(cell(row, 2))));
        }
        Ok(applied)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
