//! Where a database is by its own tool's table, as a stamp.

use std::collections::BTreeSet;

use migrate_cli::{Database, Error, Exit, Output};
use migrate_revision::Backend;
use migrate_revision::graph::Index;
use migrate_revision::source::Resolved;
use migrate_runtime::{Connected, Migrator};

use super::{Applied, Foreign, Row, Tool, Unfinished};

/// A stamp that was written.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Stamped {
    /// The revisions that the database is now said to be at
    pub(crate) heads: Vec<String>,
    /// How many revisions that are
    pub(crate) applied: usize,
    /// The table that said so
    pub(crate) table: String,
}

/// A tool's table, held against revisions that were adopted.
pub(crate) struct Table<'a> {
    /// The tool
    pub(crate) tool: Tool,
    /// The table's name
    pub(crate) name: &'a str,
    /// The revisions
    pub(crate) set: &'a Resolved,
    /// The tool's own files, where they are there
    pub(crate) files: &'a [Foreign],
}

impl Table<'_> {
    /// Reads the table and records what it says.
    ///
    /// # Errors
    /// When the table cannot be read or names what is not there, when the tool left something unfinished, when what is
    /// applied has gaps or was edited, or when the database has a history that says otherwise.
    pub(crate) async fn stamp(
        &self,
        database: &Database<'_>,
        backend: Option<Backend>,
        output: &Output,
    ) -> Result<Stamped, Error> {
        let (tool, table) = (self.tool.name(), self.name);
        let query = self.tool.format().query(table, backend);
        let rows: Result<Vec<Row>, Error> = database.read(|migrator| migrator.query(&query)).await;
        let rows = rows.map_err(|error| {
            Error::new(
                error.exit(),
                format!(
                    "{error}\n\nhint: name the database that {tool} was used on; `--table` names the table where it \
                     is not `{table}`"
                ),
            )
        })?;
        let applied = self.tool.format().applied(&rows).map_err(|Unfinished(version)| {
            Error::new(
                Exit::Interrupted,
                format!(
                    "{tool} began version {version} and did not finish it, as `{table}` says\n\n\
                     hint: bring the database and its table in order with {tool} first"
                ),
            )
        })?;
        self.check_files(&applied)?;
        let heads = self.heads(&self.found(&applied)?, &applied)?;
        let current = database.read(Migrator::<Connected>::current).await?;
        if let Some(other) = current.iter().find(|id| !heads.contains(id)) {
            return Err(Error::target(format!(
                "the database has a history of its own already, which is at {other}, where `{table}` says {}\n\n\
                 hint: `cargo migrate stamp --purge TARGET` overrules it",
                if heads.is_empty() { "nothing".into() } else { heads.join(", ") }
            )));
        }
        for head in heads.iter().filter(|head| !current.contains(head)) {
            database.change(output, |migrator| migrator.stamp(head.as_str())).await?;
        }
        let applied = self.set.graph.closure(heads.iter().filter_map(|head| self.set.graph.named(head)));
        Ok(Stamped { heads, applied: applied.iter().count(), table: table.to_owned() })
    }

    /// The revisions that the table names.
    fn found(&self, applied: &Applied) -> Result<BTreeSet<Index>, Error> {
        let key = |version: &str| self.tool.format().key(version);
        let keys: Vec<_> = self.set.revisions.iter().map(|revision| key(revision.id.as_str())).collect();
        let mut found = BTreeSet::new();
        if let Some(limit) = applied.up_to.as_deref().and_then(key) {
            let within = |index: &Index| keys[*index].as_ref().is_some_and(|key| *key <= limit);
            found.extend((0..keys.len()).filter(within));
        }
        let mut unknown = Vec::new();
        for (version, _) in &applied.versions {
            let wanted = key(version);
            match keys.iter().position(|key| wanted.is_some() && *key == wanted) {
                Some(index) => _ = found.insert(index),
                None => unknown.push(version.as_str()),
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        Err(Error::new(
            Exit::Ahead,
            format!(
                "`{}` names what is no revision: {}\n\nhint: adopt the files that the database was made with",
                self.name,
                unknown.join(", ")
            ),
        ))
    }

    /// The heads of what is applied, which has no gaps.
    fn heads(&self, found: &BTreeSet<Index>, applied: &Applied) -> Result<Vec<String>, Error> {
        let closure = self.set.graph.closure(found.iter().copied());
        let id = |index: Index| self.set.revisions[index].id.to_string();
        let missing: Vec<String> = closure.iter().filter(|index| !found.contains(index)).map(id).collect();
        if missing.is_empty() || applied.with_ancestors {
            return Ok(closure.heads().iter().map(|&head| id(head)).collect());
        }
        let tool = self.tool.name();
        Err(Error::new(
            Exit::Diverged,
            format!(
                "`{}` lacks {}, and has what stands on that\n\nhint: bring the database up to date with {tool} first",
                self.name,
                missing.join(", ")
            ),
        ))
    }

    /// Holds the checksums that the table has against the tool's files.
    fn check_files(&self, applied: &Applied) -> Result<(), Error> {
        let is_edited = |(version, checksum): &(String, Option<String>)| {
            let key = self.tool.format().key(version)?;
            let file = self.files.iter().find(|file| file.key == key)?;
            let (stored, now) = (checksum.as_ref()?, file.checksum.as_ref()?);
            (stored != now).then(|| file.file.clone())
        };
        let edited: Vec<String> = applied.versions.iter().filter_map(is_edited).collect();
        if edited.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            Exit::Edited,
            format!(
                "edited since {} applied it, by the checksum in `{}`: {}\n\nhint: adopt the file as it was applied",
                self.tool.name(),
                self.name,
                edited.join(", ")
            ),
        ))
    }
}
