//! Where a database is by its own tool's table, as a stamp.

use std::collections::BTreeSet;

use migrate_cli::{Database, Error, Exit, Output};
use migrate_revision::graph::Index;
use migrate_revision::source::Resolved;
use migrate_revision::{Backend, Body};
use migrate_runtime::{Connected, Migrator};

use super::{Applied, Foreign, Key, Row, Tool, Unfinished, is_for};

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

/// A revision that is not what its file would become.
#[derive(Debug)]
pub(crate) struct Different {
    /// The revision
    pub(crate) index: Index,
    /// The file
    pub(crate) file: String,
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
    /// Those of the revisions that are not what these files would become
    pub(crate) differing: &'a [Different],
    /// The database's backend, if its URL tells
    pub(crate) backend: Option<Backend>,
}

/// What a tool's table says, as what there is to record.
#[derive(Debug)]
pub(crate) struct Stamp {
    stamped: Stamped,
    missing: Vec<String>,
}

impl Stamp {
    /// Records it.
    ///
    /// # Errors
    /// Those of the runtime.
    pub(crate) async fn record(self, database: &Database<'_>, output: &Output) -> Result<Stamped, Error> {
        for head in &self.missing {
            database.change(output, |migrator| migrator.stamp(head.as_str())).await?;
        }
        Ok(self.stamped)
    }
}

impl Table<'_> {
    /// Reads the table. Nothing is recorded yet.
    ///
    /// # Errors
    /// When the table cannot be read or names what is not there, when the tool left something unfinished, when what is
    /// applied has gaps or was edited, or when the database has a history that says otherwise.
    pub(crate) async fn read(&self, database: &Database<'_>) -> Result<Stamp, Error> {
        let (tool, table) = (self.tool.name(), self.name);
        let query = self.tool.format().query(table, self.backend);
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
        let closure = self.set.graph.closure(heads.iter().filter_map(|head| self.set.graph.named(head)));
        self.check_revisions(&closure.iter().collect())?;
        let current = database.read(Migrator::<Connected>::current).await?;
        let is_same = current.len() == heads.len() && current.iter().all(|id| heads.contains(id));
        if !is_same && !database.read(Migrator::<Connected>::history).await?.is_empty() {
            let at = |heads: &[String], none: &str| match heads {
                [] => none.to_owned(),
                heads => heads.join(", "),
            };
            return Err(Error::target(format!(
                "the database has a history of its own already, which is at {}, where `{table}` says {}\n\n\
                 hint: `cargo migrate stamp --purge TARGET` overrules it",
                at(&current, "base"),
                at(&heads, "nothing")
            )));
        }
        let missing = heads.iter().filter(|head| !current.contains(head)).cloned().collect();
        let stamped = Stamped { heads, applied: closure.iter().count(), table: table.to_owned() };
        Ok(Stamp { stamped, missing })
    }

    /// The version that each revision is, if it is one of the tool's: what was written here since may have such an id as well.
    fn keys(&self, limit: Option<&Key>) -> Vec<Option<Key>> {
        let key = |index: Index| self.tool.format().revision_key(self.set.revisions[index].id.as_str());
        let keys: Vec<_> = (0..self.set.revisions.len()).map(key).collect();
        let is_file = |key: &Key| self.files.iter().any(|file| file.key == *key);
        let at = keys.iter().position(|key| limit.is_some() && key.as_ref() == limit);
        // Without the files, what is below the version tells.
        let below = at.map(|index| self.set.graph.closure([index]));
        let is_adopted = |(index, key): (Index, Option<Key>)| {
            key.filter(|key| match (self.files, &below) {
                ([], Some(below)) => limit < Some(key) || below.contains(index),
                ([], None) => true,
                _ => is_file(key),
            })
        };
        keys.into_iter().enumerate().map(is_adopted).collect()
    }

    /// The revisions that the table names.
    fn found(&self, applied: &Applied) -> Result<BTreeSet<Index>, Error> {
        let key = |version: &str| self.tool.format().key(version);
        let limit = applied.up_to.as_deref().and_then(key);
        let keys = self.keys(limit.as_ref());
        let mut found = BTreeSet::new();
        if let Some(limit) = limit {
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
        let lacks = |index: &Index| !found.contains(index) && !self.is_for_others(*index);
        let missing: Vec<String> = closure.iter().filter(lacks).map(id).collect();
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

    /// Whether the tool has a revision for databases of other backends alone. Without the files, what does nothing here is one.
    fn is_for_others(&self, index: Index) -> bool {
        let key = self.tool.format().revision_key(self.set.revisions[index].id.as_str());
        let file = self.files.iter().find(|file| Some(&file.key) == key.as_ref());
        match file {
            Some(file) => !file.sections.iter().any(|section| is_for(&section.backends, self.backend)),
            None => self.does_nothing(index),
        }
    }

    /// Whether the way up of a revision is what `--allow-empty` writes.
    fn does_nothing(&self, index: Index) -> bool {
        let (revision, source) = (&self.set.revisions[index], &self.set.sources[index]);
        let (Body::Sql(body), Some(backend)) = (&revision.body, self.backend) else { return false };
        let script = body.up[backend.index()].and_then(|place| body.scripts.get(usize::from(place)));
        script.is_some_and(|script| match script.statements.as_slice() {
            [only] => &source.text[only.range.clone()] == "SELECT 1",
            _ => false,
        })
    }

    /// Refuses to record a revision that is not what the tool's file says.
    fn check_revisions(&self, applied: &BTreeSet<Index>) -> Result<(), Error> {
        let differing = self.differing.iter().filter(|it| applied.contains(&it.index));
        let named: Vec<String> =
            differing.map(|it| format!("`{}` (`{}`)", self.set.sources[it.index].path, it.file)).collect();
        if named.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            Exit::Edited,
            format!(
                "not what adopting the files of {} writes now: {}\n\n\
                 hint: adopt with the options that the revisions were adopted with; or remove these, and adopt anew",
                self.tool.name(),
                named.join(", ")
            ),
        ))
    }

    /// Holds the checksums that the table has against the tool's files.
    fn check_files(&self, applied: &Applied) -> Result<(), Error> {
        let is_edited = |(version, checksum): &(String, Option<String>)| {
            let key = self.tool.format().key(version)?;
            let file = self.files.iter().find(|file| file.key == key)?;
            let now = file.checksums.iter().find(|now| is_for(&now.backends, self.backend))?;
            (*checksum.as_ref()? != now.hex).then(|| now.file.clone())
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
