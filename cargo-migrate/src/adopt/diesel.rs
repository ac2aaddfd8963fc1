//! Diesel: `<version>_<name>/up.sql`, `down.sql` and `metadata.toml`.

use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::{Backend, Direction};
use toml::Table;

use super::{Applied, Asked, Foreign, Format, Key, Reading, Row, Section, Unfinished};
use super::{cell, entries, file_name};

pub(super) struct Diesel;

impl Format for Diesel {
    fn directories(&self, root: &Path) -> Vec<PathBuf> {
        let text = std::fs::read_to_string(root.join("diesel.toml")).unwrap_or_default();
        let table = text.parse::<Table>().unwrap_or_default();
        let named = table.get("migrations_directory").and_then(|section| section.get("dir")?.as_str());
        vec![root.join(named.unwrap_or("migrations"))]
    }

    fn read(&self, directory: &Path, _: &Asked, found: &mut Reading) -> Result<(), Error> {
        for path in entries(directory)? {
            let name = file_name(&path);
            if !path.is_dir() {
                found.skip(&path, "not in a directory of its own");
                continue;
            }
            let (version, title) = name.split_once('_').unwrap_or((&name, ""));
            let version = version.replace('-', "");
            let up = path.join("up.sql");
            if !up.is_file() {
                if entries(&path)?.iter().any(|path| path.join("up.sql").is_file()) {
                    found.skip(&path, "a directory of migrations");
                } else {
                    found.problem(&path, "there is no `up.sql` in it", "write one, or remove the directory");
                }
                continue;
            }
            let no_transaction = runs_outside_of_a_transaction(&path.join("metadata.toml"), found);
            for (direction, file) in [(Direction::Up, up), (Direction::Down, path.join("down.sql"))] {
                if !file.is_file() {
                    continue;
                }
                let Some(source) = found.text(&file) else { continue };
                let new = Foreign::new(&*version, Key::Text(version.clone()), title, &source.path);
                let section = Section { no_transaction, ..Section::whole(direction, &source) };
                found.section(new, section);
            }
        }
        Ok(())
    }

    fn key(&self, version: &str) -> Option<Key> {
        Some(Key::Text(version.to_owned()))
    }

    fn table(&self) -> &'static str {
        "__diesel_schema_migrations"
    }

    fn query(&self, table: &str, _: Option<Backend>) -> String {
        format!("SELECT version FROM {table} ORDER BY version")
    }

    fn applied(&self, rows: &[Row]) -> Result<Applied, Unfinished> {
        Ok(Applied::of(rows.iter().map(|row| cell(row, 0))))
    }
}

/// What `metadata.toml` says; Diesel takes a file without the key for `false`.
fn runs_outside_of_a_transaction(path: &Path, found: &mut Reading) -> bool {
    if !path.is_file() {
        return false;
    }
    let Some(source) = found.text(path) else { return false };
    match source.text.parse::<Table>() {
        Ok(table) => !table.get("run_in_transaction").and_then(toml::Value::as_bool).unwrap_or(false),
        Err(error) => {
            found.problem(
                path,
                format!("this is no TOML: {}", error.message()),
                "correct it, or remove the file",
            );
            false
        }
    }
}
