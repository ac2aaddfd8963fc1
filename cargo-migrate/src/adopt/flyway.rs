//! Flyway: `V<version>__<description>.sql`, `U` to undo it, `R` for what is repeated and `B` for what stands for all before,
//! with `.sql.conf` files beside them and placeholders in them.

use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::{Backend, Direction};

use super::placeholder::{Style, replace};
use super::{Applied, Asked, Foreign, Format, Key, Reading, Row, Section, Unfinished};
use super::{cell, file_name, files_below, is_true};
use crate::revision::slug;

pub(super) struct Flyway;

impl Format for Flyway {
    fn directories(&self, root: &Path) -> Vec<PathBuf> {
        vec![root.join("sql"), root.join("src/main/resources/db/migration"), root.join("db/migration")]
    }

    fn read(&self, directory: &Path, asked: &Asked, found: &mut Reading) -> Result<(), Error> {
        let mut baselines = Vec::new();
        for path in files_below(directory)? {
            let name = file_name(&path);
            let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
            if extension == "conf" {
                continue;
            }
            let Some((kind, version, title)) = parts(stem) else {
                found.skip(&path, "not named as a migration; callbacks are not converted");
                continue;
            };
            if extension != "sql" {
                found.problem(
                    &path,
                    format!("a migration in `.{extension}` cannot be converted"),
                    format!("write what it does as SQL into `{stem}.sql`, and put the file elsewhere"),
                );
                continue;
            }
            let Some(source) = found.text(&path) else { continue };
            let direction = if kind == 'U' { Direction::Down } else { Direction::Up };
            let mut section = Section::whole(direction, &source);
            let configuration = Configuration::read(&path);
            if let Some(value) = configuration.should_execute {
                found.problem(
                    &path,
                    format!("whether Flyway runs it depends on `shouldExecute={value}` in its `.conf`"),
                    "move the file elsewhere if it is not to run; or remove the line",
                );
            }
            section.no_transaction = !configuration.execute_in_transaction;
            if configuration.replace_placeholders {
                replace(&mut section, Style::Braces, &asked.placeholders, &mut found.problems);
            }
            if kind == 'R' {
                let id = format!("R_{}", slug(title));
                found.notes.push(format!(
                    "{} is repeated by Flyway whenever it changes: it becomes revision {id}, and a change to it needs a \
                     new revision",
                    source.path
                ));
                let new = Foreign {
                    position: Key::Last(title.replace('_', " ")),
                    ..Foreign::new(&*id, Key::Last(slug(title)), title, &source.path)
                };
                found.section(new, section);
                continue;
            }
            let Some(key) = self.key(version) else {
                found.problem(
                    &path,
                    format!("`{version}` is no version of Flyway"),
                    "a version is made of numbers with `.` or `_` between them; rename the file",
                );
                continue;
            };
            if kind == 'B' {
                let new = Foreign::new(format!("B{}", version.replace('.', "_")), key, title, &source.path);
                baselines.push((new, section, path));
            } else {
                let new = Foreign::new(format!("V{}", version.replace('.', "_")), key, title, &source.path);
                found.section(new, section);
            }
        }
        baselines.sort_by(|(a, ..), (b, ..)| b.key.cmp(&a.key));
        for (new, section, path) in baselines {
            if found.migrations.iter().any(|migration| migration.key <= new.key) {
                found.skip(&path, "a baseline, and the migrations that it stands for are here");
            } else {
                found.section(new, section);
            }
        }
        Ok(())
    }

    fn key(&self, version: &str) -> Option<Key> {
        if let Some(name) = version.strip_prefix("R_") {
            return Some(Key::Last(name.to_owned()));
        }
        let numbers = version.strip_prefix(['V', 'B']).unwrap_or(version).split(['.', '_']);
        let numbers: Result<Vec<u64>, _> = numbers.map(str::parse).collect();
        let mut numbers = numbers.ok()?;
        // 1.0 is 1.
        while numbers.len() > 1 && numbers.last() == Some(&0) {
            numbers.pop();
        }
        Some(Key::Numbers(numbers))
    }

    fn revision_key(&self, id: &str) -> Option<Key> {
        self.key(id).filter(|_| id.starts_with(['V', 'B', 'R']))
    }

    fn table(&self) -> &'static str {
        "flyway_schema_history"
    }

    fn query(&self, table: &str, _: Option<Backend>) -> String {
        format!("SELECT version, type, success, description FROM {table} ORDER BY installed_rank")
    }

    fn applied(&self, rows: &[Row]) -> Result<Applied, Unfinished> {
        let mut applied = Applied::default();
        for row in rows {
            let (version, kind, description) = (cell(row, 0), cell(row, 1), cell(row, 3));
            if !is_true(row, 2) {
                return Err(Unfinished(if version.is_empty() { description } else { version }));
            }
            let version = match version.is_empty() {
                true if kind == "SCHEMA" => continue,
                true => format!("R_{}", slug(&description)),
                false => version,
            };
            let key = self.key(&version);
            applied.versions.retain(|(other, _)| self.key(other) != key);
            match kind.as_str() {
                "BASELINE" | "SQL_BASELINE" => applied.up_to = Some(version),
                // What was undone, and what `repair` has taken for deleted
                _ if kind.starts_with("UNDO") || kind == "DELETE" => {}
                _ => applied.versions.push((version, None)),
            }
        }
        Ok(applied)
    }
}

/// The kind, the version and the description.
fn parts(stem: &str) -> Option<(char, &str, &str)> {
    let (version, title) = stem.split_once("__").filter(|(_, title)| !title.is_empty())?;
    let kind = version.chars().next().filter(|kind| "VURB".contains(*kind))?;
    let version = &version[1..];
    let fits =
        if kind == 'R' { version.is_empty() } else { version.starts_with(|c: char| c.is_ascii_digit()) };
    fits.then_some((kind, version, title))
}

/// What `<script>.sql.conf` says.
struct Configuration {
    /// The condition, where it is not always true
    should_execute: Option<String>,
    execute_in_transaction: bool,
    replace_placeholders: bool,
}

impl Configuration {
    fn read(script: &Path) -> Self {
        let path = script.with_file_name(format!("{}.conf", file_name(script)));
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
        };
        let is_off = |key: &str| value(key).is_some_and(|value| value.eq_ignore_ascii_case("false"));
        let condition = value("shouldExecute").filter(|value| !value.eq_ignore_ascii_case("true"));
        Self {
            should_execute: condition.map(str::to_owned),
            execute_in_transaction: !is_off("executeInTransaction"),
            replace_placeholders: !is_off("placeholderReplacement"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_their_numbers() {
        let key = |version| Flyway.key(version);
        assert_eq!(key("V1_2"), key("1.2"));
        assert_eq!(key("V1.0"), key("1"));
        assert!(key("V1.10") > key("V1.9"));
        assert!(key("R_views") > key("V99"));
        assert_eq!(key("x"), None);
    }
}
