//! Alembic: the graph out of the heads of its Python files, the SQL out of what Alembic prints with `--sql`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use migrate_cli::Error;
use migrate_revision::source::SourceText;
use migrate_revision::{Backend, Direction, Problem};
use toml::Table;

use super::offline::{Part, Script};
use super::python::Module;
use super::{Applied, Asked, Foreign, Format, Key, Reading, Row, Section, Unfinished};
use super::{cell, entries, file_name, files_below};
use crate::project::shortened;

pub(super) struct Alembic;

impl Format for Alembic {
    fn directories(&self, root: &Path) -> Vec<PathBuf> {
        vec![root.to_owned()]
    }

    fn read(&self, directory: &Path, asked: &Asked, found: &mut Reading) -> Result<(), Error> {
        found.has_graph = true;
        let home = home(directory);
        let mut sources = Vec::new();
        for path in python_files(directory, &home)? {
            let Some(source) = found.text(&path) else { continue };
            if let Some(migration) = migration(&source, &mut found.problems) {
                found.migrations.push(migration);
                sources.push(source.text);
            }
        }
        // What Alembic would say of broken files is said here already.
        if !found.problems.is_empty() {
            found.migrations.clear();
        }
        if found.migrations.is_empty() {
            return Ok(());
        }
        let (up, down) = match (&asked.upgrade_sql, &asked.downgrade_sql) {
            (None, None) => {
                let up = run(&home, &["upgrade", "heads", "--sql"])?;
                (vec![up], downgrades(&home, &found.migrations, &sources)?)
            }
            (up, down) => (up.iter().filter_map(|path| found.text(path)).collect(), {
                down.iter().filter_map(|path| found.text(path)).collect()
            }),
        };
        let table = asked.table.as_deref().unwrap_or(self.table());
        let ids: BTreeSet<String> = found.migrations.iter().map(|migration| migration.id.clone()).collect();
        let mut all: Vec<Part> = Vec::new();
        for source in up.iter().chain(&down) {
            match Script::read(source, table, &asked.backends) {
                Ok(Script { parts, has_preamble }) => {
                    if has_preamble {
                        found
                            .notes
                            .push(format!("what {} does before the first revision is left out", source.path));
                    }
                    all.extend(parts);
                }
                Err([one, other]) => {
                    found.migrations.clear();
                    found.problems.push(Problem::of_path(
                        &source.path,
                        format!("{one} and {other} do not find the same statements in it"),
                        format!("say which database it is for, as with `--backend {other}`"),
                    ));
                }
            }
        }
        // The first part of each is named.
        let unread: BTreeMap<&str, &Part> = all
            .iter()
            .rev()
            .filter(|part| !ids.contains(&part.revision))
            .map(|part| (part.revision.as_str(), part))
            .collect();
        found.problems.extend(unread.into_values().map(|part| no_file(part, directory)));
        for (migration, text) in found.migrations.iter_mut().zip(&sources) {
            for direction in [Direction::Up, Direction::Down] {
                let part = all
                    .iter()
                    .find(|part| part.revision == migration.id && part.section.direction == direction);
                if let Some(part) = part.filter(|part| !part.is_recorded) {
                    found.problems.push(unrecorded(part, table));
                }
                match part {
                    // What it says of itself as a whole is said of the Python file.
                    Some(Part { section, .. }) if section.is_empty() => {
                        migration.sections.push(Section { file: migration.file.clone(), ..section.clone() });
                    }
                    Some(Part { section, .. }) => {
                        let mut section = section.clone();
                        section.no_transaction |= leaves_transaction(text, direction);
                        migration.sections.push(section);
                    }
                    None if direction == Direction::Up => found.problems.push(Problem::of_path(
                        &migration.file,
                        format!("the output of `alembic upgrade --sql` has no revision `{}`", migration.id),
                        "make it anew: `alembic upgrade heads --sql > upgrade.sql`",
                    )),
                    None => found.notes.push(format!(
                        "there is no output of `alembic downgrade --sql` for {}: the revision is irreversible",
                        migration.id
                    )),
                }
            }
        }
        Ok(())
    }

    fn key(&self, version: &str) -> Option<Key> {
        Some(Key::Text(version.to_owned()))
    }

    fn table(&self) -> &'static str {
        "alembic_version"
    }

    fn query(&self, table: &str, _: Option<Backend>) -> String {
        format!("SELECT version_num FROM {table}")
    }

    fn applied(&self, rows: &[Row]) -> Result<Applied, Unfinished> {
        Ok(Applied { with_ancestors: true, ..Applied::of(rows.iter().map(|row| cell(row, 0))) })
    }
}

/// The directory of Alembic's settings: this one, or the nearest above it.
fn home(directory: &Path) -> PathBuf {
    let real = std::fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    let has_settings = |path: &&Path| path.join("alembic.ini").is_file() || in_pyproject(path).is_some();
    match real.ancestors().find(has_settings) {
        Some(found) if found == real => directory.to_owned(),
        Some(found) => found.to_owned(),
        None => directory.to_owned(),
    }
}

/// What Alembic's settings say of where its files are; those of `alembic.ini` come before those of `pyproject.toml`.
struct Settings {
    script: Option<String>,
    locations: Vec<String>,
    recursive: bool,
}

impl Settings {
    fn read(home: &Path) -> Self {
        let ini = std::fs::read_to_string(home.join("alembic.ini")).unwrap_or_default();
        let toml = in_pyproject(home).unwrap_or_default();
        let text = |key: &str| toml.get(key)?.as_str().map(str::to_owned);
        let value = |key: &str| in_ini(&ini, key).filter(|value| !value.is_empty());
        let separators = [' ', '\n', ',', ';', if cfg!(windows) { ';' } else { ':' }];
        let split = |value: String| {
            value.split(separators).filter(|path| !path.is_empty()).map(str::to_owned).collect()
        };
        let list = || {
            let paths = toml.get("version_locations")?.as_array()?;
            Some(paths.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect())
        };
        let switched = |key: &str| toml.get(key).and_then(toml::Value::as_bool);
        Self {
            script: value("script_location").or_else(|| text("script_location")),
            locations: value("version_locations").map(split).or_else(list).unwrap_or_default(),
            recursive: value("recursive_version_locations").map_or_else(
                || switched("recursive_version_locations").unwrap_or_default(),
                |value| {
                    matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "on" | "y" | "t" | "1")
                },
            ),
        }
    }
}

/// A setting of `alembic.ini`, whose value goes on in the lines below that are indented.
fn in_ini(ini: &str, key: &str) -> Option<String> {
    let mut lines = ini.lines();
    let mut named = lines.by_ref().filter_map(|line| line.split_once('='));
    let (_, value) = named.find(|(name, _)| name.trim() == key)?;
    let mut value = value.trim().to_owned();
    for line in lines.take_while(|line| line.starts_with([' ', '\t']) && !line.trim().is_empty()) {
        value.push('\n');
        value.push_str(line.trim());
    }
    Some(value)
}

fn in_pyproject(directory: &Path) -> Option<Table> {
    let text = std::fs::read_to_string(directory.join("pyproject.toml")).ok()?;
    text.parse::<Table>().ok()?.get("tool")?.get("alembic")?.as_table().cloned()
}

/// The Python files: of the directory that was named, of its `versions`, or of what the settings in it say.
fn python_files(directory: &Path, home: &Path) -> Result<Vec<PathBuf>, Error> {
    let settings = Settings::read(home);
    let mut files = Vec::new();
    for directory in version_directories(directory, home, &settings)? {
        files.extend(if settings.recursive { files_below(&directory)? } else { entries(&directory)? });
    }
    files.retain(|path| is_python(path));
    // One location may be inside of another.
    let mut seen = BTreeSet::new();
    files.retain(|path| seen.insert(path.clone()));
    Ok(files)
}

fn version_directories(directory: &Path, home: &Path, settings: &Settings) -> Result<Vec<PathBuf>, Error> {
    let below = |path: &String| shortened(&home.join(path.replace("%(here)s", ".")));
    let script = settings.script.as_ref().map(below);
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let is_script =
        script.as_ref().is_some_and(|script| real(script).is_some_and(|it| Some(it) == real(directory)));
    if directory == home || is_script {
        if !settings.locations.is_empty() {
            return Ok(settings.locations.iter().map(below).collect());
        }
        if let Some(script) = script {
            return Ok(vec![script.join("versions")]);
        }
    }
    if directory.join("versions").is_dir() {
        return Ok(vec![directory.join("versions")]);
    }
    if directory == home && !entries(directory)?.iter().any(|path| is_python(path)) {
        return Err(Error::usage(format!(
            "there is neither `alembic.ini` nor a `pyproject.toml` with Alembic's settings in `{}` or above it\n\n\
             hint: name the directory of Alembic's settings, or that of its `versions`",
            directory.display()
        )));
    }
    Ok(vec![directory.to_owned()])
}

fn is_python(path: &Path) -> bool {
    path.is_file()
        && path.extension().is_some_and(|extension| extension == "py")
        && file_name(path) != "__init__.py"
}

/// A Python file as a revision without its SQL.
fn migration(source: &SourceText, problems: &mut Vec<Problem>) -> Option<Foreign> {
    let module = Module::read(&source.text);
    let mut value = |name: &str| match module.value(name).map(|value| (value.strings.clone(), &value.range)) {
        Some((Some(strings), _)) => strings,
        Some((None, range)) => {
            problems.push(source.problem(
                range,
                format!("`{name}` is not a plain value"),
                "write what it comes to: a string, a tuple of strings or `None`",
            ));
            Vec::new()
        }
        None => Vec::new(),
    };
    let (id, revises) = (value("revision"), value("down_revision"));
    let (depends_on, labels) = (value("depends_on"), value("branch_labels"));
    let Some(id) = id.into_iter().next() else {
        if module.value("revision").is_none_or(|value| value.strings.is_some()) {
            problems.push(Problem::of_path(
                &source.path,
                "the file has no `revision`",
                "write `revision = \"...\"` into it, or move it elsewhere",
            ));
        }
        return None;
    };
    let docstring = module.docstring.unwrap_or_default();
    let (prose, facts) = match docstring.find("Revision ID:") {
        Some(at) => docstring.split_at(at),
        None => (docstring.as_str(), ""),
    };
    let mut migration = Foreign::new(&*id, Key::Text(id.clone()), "", &source.path);
    if !prose.trim().is_empty() {
        migration.message = prose.trim().to_owned();
    }
    migration.created = facts
        .lines()
        .find_map(|line| line.trim().strip_prefix("Create Date:"))
        .map(|date| date.trim().to_owned())
        .filter(|date| date.is_ascii() && date.len() >= 10);
    migration.revises = revises;
    migration.depends_on = depends_on;
    migration.labels = labels;
    Some(migration)
}

/// What is wrong with a part of a revision that no file is of.
fn no_file(part: &Part, directory: &Path) -> Problem {
    Problem::of_path(
        &part.section.file,
        format!(
            "revision `{}` is in the output, and none of the Python files that were read is its",
            part.revision
        ),
        format!(
            "`{}` is where they were looked for: name the directory of `alembic.ini`, and see that `version_locations` in \
             it names every directory that has files; or put all files into one directory, and name that",
            directory.display()
        ),
    )
}

/// What is wrong with a part without the record of its revision.
fn unrecorded(part: &Part, table: &str) -> Problem {
    let (verb, else_) = match part.section.direction {
        Direction::Up => ("upgrade", ""),
        Direction::Down => (
            "downgrade",
            "; what cannot be undone is left out, and the next begins below it: `REVISION:base`",
        ),
    };
    Problem::of_path(
        &part.section.file,
        format!(
            "the output of `alembic {verb} --sql` for revision `{}` ends without its record in `{table}`",
            part.revision
        ),
        format!(
            "make it anew, and see that Alembic gets to its end{else_}; where the version table has another name, give \
             it as `--table`"
        ),
    )
}

/// Whether a function of the file has an `autocommit_block`. Databases whose DDL Alembic takes for non-transactional
/// show nothing of it in the output.
fn leaves_transaction(text: &str, direction: Direction) -> bool {
    function(text, direction).contains("autocommit_block(")
}

/// Whether the way down may say that there is none.
fn raises(text: &str) -> bool {
    let mut lines = function(text, Direction::Down).lines();
    lines.any(|line| line.split_whitespace().next() == Some("raise"))
}

/// The function for a direction, and what is above the first.
fn function(text: &str, direction: Direction) -> &str {
    let (up, down) = text.split_once("\ndef downgrade").unwrap_or((text, ""));
    if direction == Direction::Up { up } else { down }
}

/// The ways down from each head. Alembic takes one head at a time, and gets no further where a function raises an error: then
/// each revision is asked for by itself, and one that raises has no way down.
fn downgrades(home: &Path, migrations: &[Foreign], sources: &[String]) -> Result<Vec<SourceText>, Error> {
    let down = |from: &str, to: &str| run(home, &["downgrade", &format!("{from}:{to}"), "--sql"]);
    let is_head =
        |migration: &&Foreign| !migrations.iter().any(|other| other.revises.contains(&migration.id));
    let whole: Result<Vec<_>, Error> =
        migrations.iter().filter(is_head).map(|head| down(&head.id, "base")).collect();
    if whole.is_ok() || !sources.iter().any(|text| raises(text)) {
        return whole;
    }
    let mut each = Vec::new();
    for (migration, text) in migrations.iter().zip(sources) {
        match down(&migration.id, migration.revises.first().map_or("base", String::as_str)) {
            Ok(output) => each.push(output),
            Err(_) if raises(text) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(each)
}

/// What Alembic prints.
fn run(home: &Path, arguments: &[&str]) -> Result<SourceText, Error> {
    const BY_HAND: &str = "run `alembic upgrade heads --sql > upgrade.sql` and `alembic downgrade HEAD:base --sql > \
                           downgrade.sql` where Alembic works, and give `--upgrade-sql` and `--downgrade-sql`";
    let name = format!("alembic {}", arguments.join(" "));
    let done = Command::new("alembic").args(arguments).current_dir(home).output().map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "it is not on the PATH".to_owned(),
            _ => error.to_string(),
        };
        Error::program(format!("cannot run `{name}`: {reason}\n\nhint: {BY_HAND}"))
    })?;
    if !done.status.success() {
        return Err(Error::program(format!(
            "`{name}` failed ({}):\n{}\n\n\
             hint: a revision that reads from the database gives no SQL; mend it, or else {BY_HAND}",
            done.status,
            [&done.stdout, &done.stderr]
                .map(|text| String::from_utf8_lossy(text).trim().to_owned())
                .join("\n")
                .trim()
        )));
    }
    SourceText::new(&name, &name, &done.stdout).map_err(|problem| crate::error::problems(&[problem]))
}
