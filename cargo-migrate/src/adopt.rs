//! The migrations of other tools as revisions. What a tool's files say is read into one model, which is settled, checked
//! as a build does it, and put in place whole.

use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::source::SourceText;
use migrate_revision::{Backend, Direction, Problem};

mod alembic;
mod combine;
mod compare;
mod dbmate;
mod diesel;
mod document;
mod flyway;
mod golang_migrate;
mod goose;
mod offline;
mod place;
mod placeholder;
mod python;
mod refinery;
mod section;
mod settle;
mod sqlx;
mod stamp;

pub(crate) use combine::combine;
pub(crate) use compare::differing;
pub(crate) use document::Document;
pub(crate) use place::{Staged, has_revisions, is_in, place, refuse_destination};
pub(crate) use section::Section;
pub(crate) use settle::settle;
pub(crate) use stamp::{Different, Stamped, Table};

/// A tool whose migrations can be adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tool {
    /// Python revisions of Alembic
    Alembic,
    /// `migrations/20240101120000_name.sql` or `.up.sql` and `.down.sql`
    Sqlx,
    /// `migrations/2024-01-01-120000_name/up.sql`
    Diesel,
    /// `migrations/V1__name.sql`
    Refinery,
    /// `sql/V1.2__name.sql`
    Flyway,
    /// `migrations/00001_name.sql` with `-- +goose Up`
    Goose,
    /// `migrations/000001_name.up.sql`
    GolangMigrate,
    /// `db/migrations/20240101120000_name.sql` with `-- migrate:up`
    Dbmate,
}

impl Tool {
    /// What is known of it.
    pub(crate) fn format(self) -> &'static dyn Format {
        match self {
            Self::Alembic => &alembic::Alembic,
            Self::Sqlx => &sqlx::Sqlx,
            Self::Diesel => &diesel::Diesel,
            Self::Refinery => &refinery::Refinery,
            Self::Flyway => &flyway::Flyway,
            Self::Goose => &goose::Goose,
            Self::GolangMigrate => &golang_migrate::GolangMigrate,
            Self::Dbmate => &dbmate::Dbmate,
        }
    }

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alembic => "alembic",
            Self::Sqlx => "sqlx",
            Self::Diesel => "diesel",
            Self::Refinery => "refinery",
            Self::Flyway => "flyway",
            Self::Goose => "goose",
            Self::GolangMigrate => "golang-migrate",
            Self::Dbmate => "dbmate",
        }
    }
}

/// How a tool names and writes its files, and what its table says.
pub(crate) trait Format: Sync {
    /// Where the tool's files usually are, the likeliest first.
    fn directories(&self, root: &Path) -> Vec<PathBuf>;

    /// Reads a directory.
    ///
    /// # Errors
    /// When the directory cannot be read, or a program is missing. What is wrong with single files becomes a problem.
    fn read(&self, directory: &Path, asked: &Asked, found: &mut Reading) -> Result<(), Error>;

    /// A version as it compares with others, whether it comes from a file's name, the tool's table or a revision's id;
    /// `None` if it is none of this tool's.
    fn key(&self, version: &str) -> Option<Key>;

    /// As [`key`](Self::key), for the id of a revision: `None` where no file of the tool becomes one of this id.
    fn revision_key(&self, id: &str) -> Option<Key> {
        self.key(id)
    }

    /// The name of the tool's table.
    fn table(&self) -> &'static str;

    /// The query that [`applied`](Self::applied) wants the rows of.
    fn query(&self, table: &str, backend: Option<Backend>) -> String;

    /// What the rows say.
    ///
    /// # Errors
    /// The version that the tool left unfinished.
    fn applied(&self, rows: &[Row]) -> Result<Applied, Unfinished>;
}

/// What the caller asks beside the directory.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Values for placeholders
    pub(crate) placeholders: Vec<(String, String)>,
    /// What `alembic upgrade --sql` printed
    pub(crate) upgrade_sql: Option<PathBuf>,
    /// What `alembic downgrade --sql` printed
    pub(crate) downgrade_sql: Option<PathBuf>,
    /// The name of the tool's table, where it is not the usual one
    pub(crate) table: Option<String>,
    /// The databases that the files may be for
    pub(crate) backends: Vec<Backend>,
}

/// A version among others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Compared number by number
    Numbers(Vec<u64>),
    /// Compared as text
    Text(String),
    /// After all others
    Last(String),
}

/// A migration of another tool.
#[derive(Debug, Clone)]
pub(crate) struct Foreign {
    /// The id of the revision that it becomes
    pub(crate) id: String,
    /// Its version
    pub(crate) key: Key,
    /// Where it stands among the others
    pub(crate) position: Key,
    /// What it does, for people
    pub(crate) message: String,
    /// When it was written, as a header wants it
    pub(crate) created: Option<String>,
    /// The file to which belongs what is wrong with the whole
    pub(crate) file: String,
    /// What it stands on. Tools without a graph leave that to the order
    pub(crate) revises: Vec<String>,
    /// What else must be there before it
    pub(crate) depends_on: Vec<String>,
    /// The names of the branch that begins with it
    pub(crate) labels: Vec<String>,
    /// Its SQL
    pub(crate) sections: Vec<Section>,
    /// What the tool's table has as the checksums of its files, if that is looked at
    pub(crate) checksums: Vec<Checksum>,
}

/// The checksum of a tool's file.
#[derive(Debug, Clone)]
pub(crate) struct Checksum {
    /// The backends that the file is for; none means every one
    pub(crate) backends: Vec<Backend>,
    /// The file, as messages name it
    pub(crate) file: String,
    /// As text
    pub(crate) hex: String,
}

/// Whether what is for these backends, or for every one, is for this one too. A URL tells no MariaDB from MySQL.
pub(crate) fn is_for(backends: &[Backend], backend: Option<Backend>) -> bool {
    let is_meant = |wanted: Backend| {
        backends.contains(&wanted) || (wanted == Backend::Mysql && backends.contains(&Backend::Mariadb))
    };
    backends.is_empty() || backend.is_none_or(is_meant)
}

impl Foreign {
    /// One without sections.
    pub(crate) fn new(id: impl Into<String>, key: Key, message: &str, file: &str) -> Self {
        let id = id.into();
        let message = message.replace(['_', '-'], " ");
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            created: timestamp(&id),
            message: if message.is_empty() { format!("Migration {id}") } else { message },
            file: file.to_owned(),
            revises: Vec::new(),
            depends_on: Vec::new(),
            labels: Vec::new(),
            sections: Vec::new(),
            checksums: Vec::new(),
            position: key.clone(),
            key,
            id,
        }
    }
}

/// What a directory of another tool holds.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Its migrations
    pub(crate) migrations: Vec<Foreign>,
    /// Whether they say themselves what they stand on
    pub(crate) has_graph: bool,
    /// What cannot be converted
    pub(crate) problems: Vec<Problem>,
    /// The files that become nothing, and why
    pub(crate) skipped: Vec<String>,
    /// What else the caller should know
    pub(crate) notes: Vec<String>,
}

impl Reading {
    /// A file as text; what keeps it from being that is a problem.
    fn text(&mut self, path: &Path) -> Option<SourceText> {
        let shown = path.display().to_string();
        let name = file_name(path);
        let bytes = std::fs::read(path).map_err(|error| {
            Problem::of_path(&shown, format!("cannot be read: {error}"), "make it readable")
        });
        match bytes.and_then(|bytes| SourceText::new(&shown, &name, &bytes)) {
            Ok(text) => Some(text),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }

    fn problem(&mut self, path: &Path, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::of_path(path.display().to_string(), message, help));
    }

    fn skip(&mut self, path: &Path, why: &str) {
        self.skipped.push(format!("{} ({why})", path.display()));
    }

    /// The migration of a version, a new one if it is the first that is heard of it.
    fn migration(&mut self, new: Foreign) -> &mut Foreign {
        let place = self.migrations.iter().position(|other| other.key == new.key).unwrap_or_else(|| {
            self.migrations.push(new);
            self.migrations.len() - 1
        });
        &mut self.migrations[place]
    }

    /// Adds a section to a migration, which has at most one for each direction. It is the way up that names it.
    fn section(&mut self, new: Foreign, section: Section) {
        let message = format!("a second migration of version `{}`", new.id);
        let file = section.file.clone();
        let migration = self.migration(new.clone());
        if let Some(other) = migration.sections.iter().find(|other| other.direction == section.direction) {
            let note = format!("the other one is `{}`", other.file);
            let help = "remove one of them, or give it a version of its own";
            self.problems.push(Problem::of_path(file, message, help).note(note));
            return;
        }
        if section.direction == Direction::Up {
            *migration = Foreign { sections: std::mem::take(&mut migration.sections), file, ..new };
        }
        migration.sections.push(section);
    }
}

/// A row of the tool's table, as text.
pub(crate) type Row = Vec<Option<String>>;

/// What a tool's table says is applied.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// These, with what the table has as their files' checksums
    pub(crate) versions: Vec<(String, Option<String>)>,
    /// And all up to this one
    pub(crate) up_to: Option<String>,
    /// And all on which these stand
    pub(crate) with_ancestors: bool,
}

impl Applied {
    /// Just these.
    fn of(versions: impl IntoIterator<Item = String>) -> Self {
        let versions = versions.into_iter().map(|version| (version, None)).collect();
        Self { versions, ..Self::default() }
    }
}

/// A version that the tool began and did not finish.
#[derive(Debug)]
pub(crate) struct Unfinished(pub(crate) String);

/// A value of a row; nothing is as good as an empty one.
fn cell(row: &Row, column: usize) -> String {
    row.get(column).cloned().flatten().unwrap_or_default()
}

/// Whether a value of a row is true, as any of the databases writes it.
fn is_true(row: &Row, column: usize) -> bool {
    ["1", "t", "true", "\u{1}"].contains(&cell(row, column).as_str())
}

/// The entries of a directory by name, without hidden ones.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let fail = |error| Error::io("read the directory", directory, error);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(fail)? {
        paths.push(entry.map_err(fail)?.path());
    }
    paths.retain(|path| !file_name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

/// As [`entries`], with those of all directories below, and files only.
fn files_below(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for path in entries(directory)? {
        // A link may lead back to where it is.
        match path.is_dir() && !path.is_symlink() {
            true => found.extend(files_below(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The digits at the beginning of a name, and the rest.
fn leading_digits(name: &str) -> (&str, &str) {
    name.split_at(name.bytes().take_while(u8::is_ascii_digit).count())
}

/// The number that a version is.
fn number(version: &str) -> Option<Key> {
    let digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    version.parse().ok().filter(|_| digits).map(|number| Key::Numbers(vec![number]))
}

/// A version such as `20240131120000` as the time that it is.
fn timestamp(version: &str) -> Option<String> {
    let digits = version.trim_start_matches(['V', 'U', 'B']);
    if digits.len() != 14 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| &digits[from..to];
    let within = |text: &str, least: u32, most: u32| {
        text.parse::<u32>().is_ok_and(|number| (least..=most).contains(&number))
    };
    let is_time = within(part(0, 4), 1970, 9999)
        && within(part(4, 6), 1, 12)
        && within(part(6, 8), 1, 31)
        && within(part(8, 10), 0, 23)
        && within(part(10, 12), 0, 59)
        && within(part(12, 14), 0, 60);
    is_time.then(|| {
        format!(
            "{}-{}-{}T{}:{}:{}Z",
            part(0, 4),
            part(4, 6),
            part(6, 8),
            part(8, 10),
            part(10, 12),
            part(12, 14)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_a_time_says_when_it_was_written() {
        assert_eq!(timestamp("20240131120159").as_deref(), Some("2024-01-31T12:01:59Z"));
        for other in ["20241331120159", "00000000000000", "0001", "2024013112015x", ""] {
            assert_eq!(timestamp(other), None, "{other}");
        }
    }
}
