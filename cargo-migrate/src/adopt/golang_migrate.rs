//! golang-migrate: `<version>_<title>.up.sql` and `.down.sql`.

use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::{Backend, Direction, StatementKind, sql};

use super::{Applied, Asked, Foreign, Format, Key, Reading, Row, Section, Unfinished};
use super::{cell, entries, file_name, is_true, leading_digits, number};

pub(super) struct GolangMigrate;

impl Format for GolangMigrate {
    fn directories(&self, root: &Path) -> Vec<PathBuf> {
        vec![root.join("migrations"), root.join("db/migrations")]
    }

    fn read(&self, directory: &Path, asked: &Asked, found: &mut Reading) -> Result<(), Error> {
        for path in entries(directory)?.into_iter().filter(|path| path.is_file()) {
            let name = file_name(&path);
            let (version, rest) = leading_digits(&name);
            let title = rest.strip_prefix('_');
            let up =
                title.and_then(|title| title.strip_suffix(".up.sql")).map(|title| (Direction::Up, title));
            let down = title.and_then(|title| title.strip_suffix(".down.sql"));
            let Some((direction, title)) = up.or(down.map(|title| (Direction::Down, title))) else {
                found.skip(&path, "not named as a migration");
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
            let Some(source) = found.text(&path) else { continue };
            let new = Foreign::new(version, key, title, &source.path);
            // It opens no transaction, so that what must be outside of one has no marker.
            let no_transaction = asked.backends.iter().any(|backend| must_be_outside(&source.text, *backend));
            found.section(new, Section { no_transaction, ..Section::whole(direction, &source) });
        }
        Ok(())
    }

    fn key(&self, version: &str) -> Option<Key> {
        number(version)
    }

    fn table(&self) -> &'static str {
        "schema_migrations"
    }

    fn query(&self, table: &str, _: Option<Backend>) -> String {
        format!("SELECT version, dirty FROM {table}")
    }

    fn applied(&self, rows: &[Row]) -> Result<Applied, Unfinished> {
        match rows.first() {
            Some(row) if is_true(row, 1) => Err(Unfinished(cell(row, 0))),
            // -1 is what it writes when everything was undone.
            Some(row) if cell(row, 0) != "-1" => {
                Ok(Applied { up_to: Some(cell(row, 0)), ..Applied::of([cell(row, 0)]) })
            }
            _ => Ok(Applied::default()),
        }
    }
}

/// Whether a statement of the text cannot run inside of a transaction.
fn must_be_outside(text: &str, backend: Backend) -> bool {
    let statements = sql::split(text, backend).unwrap_or_default();
    statements.iter().any(|statement| statement.kind == StatementKind::OutsideTransaction)
}
