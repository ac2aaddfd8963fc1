//! dbmate: `<version>_<name>.sql` with `-- migrate:up` and `-- migrate:down` inside.

use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::source::SourceText;
use migrate_revision::{Backend, Direction, Problem};

use super::section::numbered_lines;
use super::{Applied, Asked, Foreign, Format, Key, Reading, Row, Section, Unfinished};
use super::{cell, entries, file_name, leading_digits};

pub(super) struct Dbmate;

impl Format for Dbmate {
    fn directories(&self, root: &Path) -> Vec<PathBuf> {
        vec![root.join("db/migrations")]
    }

    fn read(&self, directory: &Path, _: &Asked, found: &mut Reading) -> Result<(), Error> {
        for path in entries(directory)?.into_iter().filter(|path| path.is_file()) {
            let name = file_name(&path);
            let (version, rest) = leading_digits(&name);
            let Some(title) = rest.strip_suffix(".sql").filter(|_| !version.is_empty()) else {
                found.skip(&path, "not named as a migration");
                continue;
            };
            let Some(source) = found.text(&path) else { continue };
            for section in sections(&source, &mut found.problems) {
                // It sorts names as text, and so 10_b.sql before 1_a.sql.
                let new = Foreign {
                    position: Key::Text(name.clone()),
                    ..Foreign::new(version, Key::Text(version.to_owned()), title, &source.path)
                };
                found.section(new, section);
            }
        }
        Ok(())
    }

    fn key(&self, version: &str) -> Option<Key> {
        Some(Key::Text(version.to_owned()))
    }

    fn table(&self) -> &'static str {
        "schema_migrations"
    }

    fn query(&self, table: &str, _: Option<Backend>) -> String {
        format!("SELECT version FROM {table} ORDER BY version")
    }

    fn applied(&self, rows: &[Row]) -> Result<Applied, Unfinished> {
        Ok(Applied::of(rows.iter().map(|row| cell(row, 0))))
    }
}

/// The two directions of a file.
fn sections(source: &SourceText, problems: &mut Vec<Problem>) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut at = 0;
    for (number, line) in numbered_lines(source) {
        let range = at..at + line.len();
        at = range.end + 1;
        if let Some((direction, options)) = marker(line) {
            let mut section = Section::new(direction, &source.path);
            for option in options.split_whitespace() {
                match option {
                    "transaction:false" => section.no_transaction = true,
                    "transaction:true" => {}
                    _ => problems.push(source.problem(
                        &range,
                        format!("unknown option `{option}` of dbmate"),
                        "this version knows `transaction:false`",
                    )),
                }
            }
            sections.push(section);
            continue;
        }
        match sections.last_mut() {
            Some(section) => section.lines.push((number, line.to_owned())),
            None if line.trim().is_empty() || line.trim().starts_with("--") => {}
            None => {
                problems.push(source.problem(
                    &range,
                    "SQL before `-- migrate:up`",
                    "move it below the marker",
                ));
                break;
            }
        }
    }
    if !sections.iter().any(|section| section.direction == Direction::Up) {
        let help = "put `-- migrate:up` above the SQL that upgrades";
        problems.push(Problem::of_path(&source.path, "there is no `-- migrate:up`", help));
        return Vec::new();
    }
    sections
}

/// The direction and the options of a marker, if the line is one.
fn marker(line: &str) -> Option<(Direction, &str)> {
    let text = line.strip_prefix("--")?.trim_start();
    let (direction, options) = match text.strip_prefix("migrate:up") {
        Some(options) => (Direction::Up, options),
        None => (Direction::Down, text.strip_prefix("migrate:down")?),
    };
    (options.is_empty() || options.starts_with(char::is_whitespace)).then_some((direction, options))
}
