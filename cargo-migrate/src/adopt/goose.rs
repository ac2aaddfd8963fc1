//! goose: `<version>_<name>.sql` with `-- +goose Up` and `-- +goose Down` inside.

use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::source::SourceText;
use migrate_revision::{Backend, Direction};

use super::placeholder::{Style, replaced};
use super::section::numbered_lines;
use super::{Applied, Asked, Foreign, Format, Key, Reading, Row, Section, Unfinished};
use super::{cell, entries, file_name, is_true, leading_digits, number};

pub(super) struct Goose;

impl Format for Goose {
    fn directories(&self, root: &Path) -> Vec<PathBuf> {
        vec![root.join("migrations"), root.join("db/migrations")]
    }

    fn read(&self, directory: &Path, asked: &Asked, found: &mut Reading) -> Result<(), Error> {
        for path in entries(directory)?.into_iter().filter(|path| path.is_file()) {
            let name = file_name(&path);
            let (stem, extension) = name.rsplit_once('.').unwrap_or((&name, ""));
            let (version, rest) = leading_digits(stem);
            let Some((key, title)) = number(version).zip(rest.strip_prefix('_')) else {
                found.skip(&path, "not named as a migration");
                continue;
            };
            match extension {
                "sql" => {}
                "go" if stem.ends_with("_test") => continue,
                "go" => {
                    found.problem(
                        &path,
                        "a migration in Go cannot be converted",
                        format!("write what it does as SQL into `{stem}.sql`, and put the file elsewhere"),
                    );
                    continue;
                }
                _ => {
                    found.skip(&path, "not named as a migration");
                    continue;
                }
            }
            let Some(source) = found.text(&path) else { continue };
            for section in sections(&source, asked, found) {
                let new = Foreign::new(version, key.clone(), title, &source.path);
                found.section(new, section);
            }
        }
        Ok(())
    }

    fn key(&self, version: &str) -> Option<Key> {
        number(version)
    }

    fn table(&self) -> &'static str {
        "goose_db_version"
    }

    fn query(&self, table: &str, _: Option<Backend>) -> String {
        format!("SELECT version_id, is_applied FROM {table} ORDER BY id")
    }

    fn applied(&self, rows: &[Row]) -> Result<Applied, Unfinished> {
        let mut versions: Vec<String> = Vec::new();
        for row in rows {
            let version = cell(row, 0);
            versions.retain(|other| *other != version);
            // Version 0 is the table itself.
            if is_true(row, 1) && version != "0" {
                versions.push(version);
            }
        }
        Ok(Applied::of(versions))
    }
}

/// The two directions of a file.
fn sections(source: &SourceText, asked: &Asked, found: &mut Reading) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let (mut no_transaction, mut substitutes, mut statement) = (false, false, None);
    let mut at = 0;
    for (number, line) in numbered_lines(source) {
        let range = at..at + line.len();
        at = range.end + 1;
        let comment = line.trim().strip_prefix("--").map(str::trim_start);
        if let Some(rest) = comment.and_then(|comment| comment.strip_prefix("+goose")) {
            let words: Vec<String> = rest.split_whitespace().map(str::to_ascii_lowercase).collect();
            match words.join(" ").as_str() {
                "up" => sections.push(Section::new(Direction::Up, &source.path)),
                "down" => sections.push(Section::new(Direction::Down, &source.path)),
                "no transaction" => no_transaction = true,
                "envsub on" => substitutes = true,
                "envsub off" => substitutes = false,
                "statementbegin" => statement = sections.last().map(|section| section.lines.len()),
                "statementend" => {
                    if let (Some(start), Some(section)) = (statement.take(), sections.last_mut()) {
                        end_statement(&mut section.lines, start);
                    }
                }
                _ => found.problems.push(source.problem(
                    &range,
                    "unknown annotation of goose",
                    "this version knows Up, Down, StatementBegin, StatementEnd, NO TRANSACTION, ENVSUB ON and ENVSUB OFF",
                )),
            }
            continue;
        }
        match sections.last_mut() {
            None if line.trim().is_empty() || comment.is_some() => {}
            None => {
                found.problems.push(source.problem(
                    &range,
                    "SQL before `-- +goose Up`",
                    "move it below the annotation",
                ));
                break;
            }
            Some(section) if substitutes => {
                let line = replaced(line, Style::Shell, &asked.placeholders, |name, _| {
                    found.problems.push(source.problem(
                        &range,
                        format!("variable `{name}` has no value"),
                        format!("give it one with `--placeholder {name}=VALUE`"),
                    ));
                });
                section.lines.push((number, line));
            }
            Some(section) => section.lines.push((number, line.to_owned())),
        }
    }
    if !sections.iter().any(|section| section.direction == Direction::Up) {
        let help = "put `-- +goose Up` above the SQL that upgrades";
        found.problems.push(migrate_revision::Problem::of_path(
            &source.path,
            "there is no `-- +goose Up`",
            help,
        ));
        return Vec::new();
    }
    for section in &mut sections {
        section.no_transaction = no_transaction;
    }
    sections
}

/// A statement between StatementBegin and StatementEnd may do without a semicolon.
fn end_statement(lines: &mut Vec<(usize, String)>, start: usize) {
    let is_text = |(_, line): &(usize, String)| !line.trim().is_empty() && !line.trim().starts_with("--");
    // A `;` that may be inside of a comment is none. One too many ends nothing.
    let has_comment = |line: &str| ["--", "#", "*/"].iter().any(|mark| line.contains(mark));
    let is_ended = |line: &str| line.trim_end().ends_with(';') && !has_comment(line);
    if let Some(last) = lines[start..].iter().rposition(is_text).map(|last| start + last)
        && !is_ended(&lines[last].1)
    {
        // On a line of its own: the last one may end with a comment.
        lines.insert(last + 1, (lines[last].0, ";".to_owned()));
    }
}
