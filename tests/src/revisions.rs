//! Sets of revisions from text, read and checked as the macro does it.

use std::fmt::Write as _;
use std::fs;

use embed_migrations::{Backend, Migrations};
use migrate_revision::source::{Checks, Resolved, resolve};
use tempfile::TempDir;

/// Revision files in the making.
#[derive(Default)]
pub struct Revisions {
    files: Vec<(String, String)>,
    last: Option<String>,
    namespace: Option<String>,
    branches: bool,
}

impl Revisions {
    pub fn new() -> Self {
        Self::default()
    }

    /// A history of so many revisions, each of which makes a table `t<n>` with a row, and undoes that.
    pub fn tables(count: usize) -> Self {
        (1..=count).fold(Self::new(), |revisions, n| {
            revisions.sql(
                &format!("r{n:04}"),
                &format!("CREATE TABLE t{n} (id INTEGER PRIMARY KEY);\nINSERT INTO t{n} VALUES ({n});"),
                &format!("DROP TABLE t{n};"),
            )
        })
    }

    /// Adds a revision on top of the one before. An empty `down` makes it irreversible.
    pub fn sql(self, id: &str, up: &str, down: &str) -> Self {
        let mut sections = format!("-- migrate:up\n{up}\n");
        if !down.is_empty() {
            let _ = write!(sections, "\n-- migrate:down\n{down}\n");
        }
        self.sections(id, &sections)
    }

    /// Adds a revision on top of the one before, with its markers.
    pub fn sections(self, id: &str, sections: &str) -> Self {
        self.keys(id, "", sections)
    }

    /// Adds a revision on top of the one before, with more keys in its header.
    pub fn keys(self, id: &str, keys: &str, sections: &str) -> Self {
        let revises = self.last.clone().unwrap_or_else(|| "none".into());
        self.on(id, &revises, keys, sections)
    }

    /// Adds a revision on top of others.
    pub fn on(mut self, id: &str, revises: &str, keys: &str, sections: &str) -> Self {
        let text = format!("-- Revision {id}\n-- revision: {id}\n-- revises: {revises}\n{keys}\n{sections}");
        self.files.push((format!("{id}_slug.sql"), text));
        self.last = Some(id.to_owned());
        self
    }

    /// Adds a file as it is.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    pub fn namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    pub fn branches(mut self) -> Self {
        self.branches = true;
        self
    }

    /// Changes every file's text.
    pub fn map(mut self, change: impl Fn(&str) -> String) -> Self {
        for (_, text) in &mut self.files {
            *text = change(text);
        }
        self
    }

    /// The files' names and texts.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Writes the files into a directory.
    pub fn write(&self) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in &self.files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        directory
    }

    pub fn resolve(&self) -> Resolved {
        let directory = self.write();
        resolve_all(directory.path(), self.branches)
    }

    /// The set.
    pub fn build(&self) -> Migrations {
        Migrations::from_resolved(self.resolve(), self.namespace.as_deref().unwrap_or("main"))
    }
}

/// A directory for whichever backends it covers.
pub fn resolve_all(directory: &std::path::Path, branches: bool) -> Resolved {
    let checks = Checks { backends: Backend::ALL.to_vec(), cover_all: false, branches, require_down: false };
    resolve(directory, "migrations", &checks).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(|problem| format!("{problem}\n")).collect::<String>())
    })
}
