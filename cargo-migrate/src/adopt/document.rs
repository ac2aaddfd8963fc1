//! A migration as a revision file, and the way back from its lines to those that they were.

use migrate_revision::source::{ParsedRevision, SourceText};
use migrate_revision::{Problem, RevisionId};

use super::Foreign;
use crate::revision::slug;

/// A revision file that is to be.
#[derive(Debug)]
pub(crate) struct Document {
    /// The revision's id
    pub(crate) id: String,
    /// Its parents
    pub(crate) revises: Vec<String>,
    /// The file's name
    pub(crate) name: String,
    /// Its text
    pub(crate) text: String,
    /// The file that it was
    file: String,
    /// For each line of the text, the file and the line that it was
    origins: Vec<Option<(String, usize)>>,
}

impl Document {
    /// The file of a migration.
    pub(crate) fn new(migration: &Foreign) -> Self {
        let title = migration.message.split('\n').next().unwrap_or_default();
        let name = format!("{}_{}.sql", migration.id, slug(title));
        let mut document = Self {
            id: migration.id.clone(),
            revises: migration.revises.clone(),
            text: header(migration, &name),
            name,
            file: migration.file.clone(),
            origins: Vec::new(),
        };
        document.origins.resize(document.text.matches('\n').count(), None);
        for section in &migration.sections {
            let mut marker = format!("-- migrate:{}", section.direction);
            for backend in &section.backends {
                marker.push_str(&format!(" {backend}"));
            }
            if section.no_transaction {
                marker.push_str(" no-transaction");
            }
            if section.foreign_keys_off {
                marker.push_str(" foreign-keys=off");
            }
            let first = section.lines.first().map_or(1, |(number, _)| *number);
            document.line("", None);
            document.line(&marker, Some((&section.file, first)));
            for (number, line) in section.body() {
                document.line(line, Some((&section.file, *number)));
            }
        }
        document
    }

    fn line(&mut self, line: &str, origin: Option<(&str, usize)>) {
        self.text.push_str(line);
        self.text.push('\n');
        self.origins.push(origin.map(|(file, number)| (file.to_owned(), number)));
    }

    /// A problem of the document as one of what it was made of.
    pub(crate) fn trace(&self, mut problem: Problem) -> Problem {
        let line = problem.place.as_ref().map_or(0, |place| place.line);
        match line.checked_sub(1).and_then(|line| self.origins.get(line)?.as_ref()) {
            Some((file, number)) => {
                problem.path.clone_from(file);
                if let Some(place) = &mut problem.place {
                    place.line = *number;
                }
            }
            None => {
                problem.path.clone_from(&self.file);
                problem.place = None;
            }
        }
        problem
    }
}

/// The comment at the top.
fn header(migration: &Foreign, name: &str) -> String {
    let mut keys = format!("--\n-- revision: {}\n", migration.id);
    let parents = match migration.revises.as_slice() {
        [] => "none".to_owned(),
        parents => parents.join(", "),
    };
    keys.push_str(&format!("-- revises: {parents}\n"));
    for (key, values) in [("depends-on", &migration.depends_on), ("labels", &migration.labels)] {
        if !values.is_empty() {
            keys.push_str(&format!("-- {key}: {}\n", values.join(", ")));
        }
    }
    if let Some(created) = &migration.created {
        keys.push_str(&format!("-- created: {created}\n"));
    }
    let mut prose = String::new();
    for line in migration.message.split('\n') {
        prose.push_str(format!("-- {line}").trim_end());
        prose.push('\n');
    }
    // A message may read like a key or a marker.
    match is_prose(&prose, &keys, &migration.id, name) {
        true => prose + &keys,
        false => format!("-- The migration {}\n{keys}", migration.message.replace('\n', " ")),
    }
}

/// Whether the prose above the keys is read as that.
fn is_prose(prose: &str, keys: &str, id: &str, name: &str) -> bool {
    if id.parse::<RevisionId>().is_err() {
        return true;
    }
    let with = |header: String| {
        let text = format!("{header}\n-- migrate:up\nSELECT 1;\n");
        SourceText::new(name, name, text.as_bytes()).is_ok_and(|source| ParsedRevision::new(source).is_ok())
    };
    // Where the keys alone are refused, the check has something to say about them.
    // A key twice is refused, and prose is not.
    with(format!("{prose}{prose}{keys}")) || !with(keys.to_owned())
}
