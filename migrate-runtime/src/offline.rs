//! Scripts instead of runs: what a verb would do, as SQL for the database's own client.
//!
//! Few programs make scripts. What does is `#[inline]`, here and in `dialect`: compiled by the programs that use it, and not
//! by every other with the runtime.

mod mysql;
mod postgres;
mod sqlite;

use std::borrow::Cow;

use migrate_revision::graph::{Applied, Index};
use migrate_revision::{Backend, Direction, Planner, Script};

use crate::history::{HistoryTable, NewRow, UNLOCKED};
use crate::record::{After, Place, Records};
use crate::set::{Decoded, IntoTarget, Migrations};
use crate::{Error, ErrorKind, Result};

/// A set of migrations as scripts for somebody who runs them with `psql`, `mariadb` or `mysql`, or `sqlite3`. Nothing is
/// connected to.
///
/// Made by [`Migrations::offline`]; each verb gives the script as text. A script leads to the same schema, rows and history
/// as a run of the same verb, and runs may follow it. It stops at the first error, and says at its top how it is to be run.
///
/// A range is a target, which is reached from before the first revision, or `from:to`. The script applies where the last
/// row of the history says that the database is at its start, and fails anywhere else before it has changed anything.
///
/// Where a run would be in no transaction, so is the script; if it dies there, a run goes on with it once
/// [`lock_timeout`](crate::Migrator::lock_timeout) has passed: a script holds no lock.
///
/// Rust revisions cannot be part of a script.
///
/// # Examples
/// ```
/// # use migrate_runtime::{Backend, Migrations, Result};
/// fn script(migrations: &Migrations) -> Result<String> {
///     migrations.offline(Backend::Postgres).schema("app").upgrade("1f3a9c0d27be:head")
/// }
/// # let _ = script;
/// ```
#[derive(Debug)]
#[must_use = "it does nothing until one of its verbs is called"]
pub struct Offline<'a> {
    set: &'a Migrations,
    backend: Backend,
    schema: Option<String>,
    table: String,
    applied_by: String,
}

impl Migrations {
    /// These migrations as scripts for a database of this kind.
    pub fn offline(&self, backend: Backend) -> Offline<'_> {
        Offline {
            set: self,
            backend,
            schema: None,
            table: crate::options::Options::default().table,
            applied_by: "offline script".into(),
        }
    }
}

impl Offline<'_> {
    /// The schema (PostgreSQL) or database (MySQL) of the history table, and on SQLite the name under which whoever runs
    /// the script has attached a database. Without it, the script goes by the search path, the selected database, or `main`.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The name of the history table; `migrate_history` without it.
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.table = table.into();
        self
    }

    /// What the history calls whoever runs the script; `offline script` without it.
    pub fn applied_by(mut self, name: impl Into<String>) -> Self {
        self.applied_by = name.into();
        self
    }

    /// The script of an upgrade along a range: `head`, a revision, `from:to`, `from:+1`. Where a database is at several heads,
    /// `from` names each, with commas between them.
    ///
    /// # Errors
    /// When an end leads nowhere, a revision on the way is written in Rust or has nothing for the database, or a section
    /// does to the session what a script cannot put back.
    pub fn upgrade(self, range: impl IntoTarget) -> Result<String> {
        let range = self.range(range)?;
        self.walk(Direction::Up, |planner| {
            let (from, goal) = planner.offline_upgrade(&range)?;
            Ok((planner.steps(&goal, &from)?, from))
        })
    }

    /// The script of a downgrade along a range, which is `from:to`.
    ///
    /// # Errors
    /// As [`upgrade`](Self::upgrade), when the range has no start, and when a revision on the way is irreversible.
    pub fn downgrade(self, range: impl IntoTarget) -> Result<String> {
        let range = self.range(range)?;
        self.walk(Direction::Down, |planner| {
            let (from, goal) = planner.offline_downgrade(&range)?;
            Ok((planner.steps(&goal, &from)?, from))
        })
    }

    /// The script that records that the database is at the end of a range, and runs nothing else.
    ///
    /// # Errors
    /// When an end leads nowhere.
    pub fn stamp(self, range: impl IntoTarget) -> Result<String> {
        let range = self.range(range)?;
        let decoded = self.decoded()?;
        let (from, to) = self.planner(decoded).offline_stamp(&range)?;
        let mut entries = Vec::new();
        // A stamp to base on a database without history says that a set is meant to be applied a second time.
        if from != to || to.heads().is_empty() {
            let owner = self.owner();
            let records = self.records(decoded, &owner);
            let row = records.of_stamp(&to, After::State(records.place(from.heads())?))?;
            let heading = format!("stamp {}", heads(decoded, to.heads()));
            entries.push(Entry { heading, file: String::new(), row, body: None });
        }
        self.write("stamp", decoded, &from, to.heads(), &entries)
    }

    fn walk(
        self,
        direction: Direction,
        plan: impl FnOnce(&Planner<'_>) -> Result<(migrate_revision::Steps, Applied)>,
    ) -> Result<String> {
        let (set, backend, decoded) = (self.set, self.backend, self.decoded()?);
        let (steps, from) = plan(&self.planner(decoded))?;
        let owner = self.owner();
        let records = self.records(decoded, &owner);
        let verb = if direction == Direction::Up { "upgrade" } else { "downgrade" };
        let mut place = records.place(from.heads())?;
        let mut entries = Vec::with_capacity(steps.len());
        for step in steps.as_slice() {
            let revision = &decoded.revisions[step.index];
            let file = set.path(revision);
            let Some(script) = revision.script(backend, direction) else {
                return Err(in_rust(&file, revision.id.as_str()));
            };
            let text = set.text(step.index, revision);
            let row = records.of_step(step, &text, After::State(place))?;
            place = Place { digest: row.digest.clone(), is_base: false, reached: Vec::new() };
            let heading = format!("{verb} {}: {}", revision.id, revision.message);
            let body = (!script.statements.is_empty()).then_some((text, script));
            entries.push(Entry { heading, file, row, body });
        }
        // As a run refuses to apply a set a second time under another namespace.
        let reached: Vec<String> = entries.iter().map(|entry| entry.row.digest.clone()).collect();
        if let Some(Entry { row: NewRow { after: After::State(start), .. }, .. }) = entries.first_mut()
            && start.is_base
        {
            start.reached = reached;
        }
        match steps.as_slice().last() {
            Some(last) => self.write(verb, decoded, &from, &last.heads, &entries),
            None => self.write(verb, decoded, &from, from.heads(), &entries),
        }
    }

    #[inline]
    fn write(
        &self,
        verb: &str,
        decoded: &Decoded,
        from: &Applied,
        to: &[Index],
        entries: &[Entry<'_>],
    ) -> Result<String> {
        let (from_heads, to) = (heads(decoded, from.heads()), heads(decoded, to));
        let namespace = self.set.namespace();
        let (name, version) = (self.backend, env!("CARGO_PKG_VERSION"));
        let mut text = Text { sql: String::new(), backend: self.backend };
        text.comment(&format!("{verb} from {from_heads} to {to} on {name}, namespace {namespace}"));
        text.comment(&format!("made by embed-migrations {version}"));
        let table = HistoryTable {
            schema: self.schema.clone(),
            table: self.table.clone(),
            namespace: namespace.to_owned(),
            variable: None,
        };
        table.check_names(self.backend)?;
        let create = from.heads().is_empty();
        match self.backend {
            Backend::Sqlite => sqlite::write(&mut text, &table, create, entries)?,
            Backend::Postgres => postgres::write(&mut text, table, create, entries)?,
            Backend::Mysql | Backend::Mariadb => mysql::write(&mut text, &table, create, entries)?,
        }
        if entries.is_empty() {
            text.comment("nothing to do");
        }
        Ok(text.sql)
    }

    #[inline]
    fn range(&self, range: impl IntoTarget) -> Result<String> {
        let target = range.into_target();
        self.set.admit(&target)?;
        Ok(target.to_string())
    }

    #[inline]
    fn decoded(&self) -> Result<&Decoded> {
        self.set.check_stale()?;
        self.set.digest(self.backend)?;
        self.set.decoded()
    }

    #[inline]
    fn planner<'d>(&self, decoded: &'d Decoded) -> Planner<'d> {
        Planner { revisions: &decoded.revisions, graph: &decoded.graph, backend: self.backend }
    }

    #[inline]
    fn records<'r>(&'r self, decoded: &'r Decoded, owner: &'r str) -> Records<'r> {
        Records { set: self.set, decoded, backend: self.backend, applied_by: owner }
    }

    /// A run that finds a row of the script's under way must not take its lock for a sign that the script is gone.
    #[inline]
    fn owner(&self) -> String {
        format!("{}{UNLOCKED})", self.applied_by)
    }
}

/// What a script does at a time: a row, and the statements that it is for.
struct Entry<'s> {
    /// What it is, in a line
    heading: String,
    /// Where the statements are from
    file: String,
    row: NewRow,
    body: Option<(Cow<'s, str>, &'s Script)>,
}

impl Entry<'_> {
    /// Whether the row and the statements are one transaction.
    #[inline]
    fn is_transactional(&self, backend: Backend) -> bool {
        self.body.as_ref().is_none_or(|(_, script)| script.is_transactional(backend))
    }
}

/// A script in the making.
struct Text {
    sql: String,
    backend: Backend,
}

impl Text {
    /// A line as it is, such as a command of the client.
    #[inline]
    fn line(&mut self, line: &str) {
        self.sql.push_str(line);
        self.sql.push('\n');
    }

    /// A line of comment, whatever is in the text.
    #[inline]
    fn comment(&mut self, text: &str) {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.line(format!("-- {text}").trim_end());
    }

    #[inline]
    fn heading(&mut self, entry: &Entry<'_>) {
        self.line("");
        self.comment(&entry.heading);
    }

    /// A statement, which never ends in a comment.
    #[inline]
    fn statement(&mut self, sql: &str) {
        // The client of MySQL would end it at the first semicolon.
        if self.backend.is_mysql_like() && sql.contains(';') {
            let delimiter = delimiter(sql);
            self.line(&format!("DELIMITER {delimiter}\n{sql}\n{delimiter}\nDELIMITER ;"));
        } else {
            self.line(&format!("{sql};"));
        }
    }

    fn statements(&mut self, statements: impl IntoIterator<Item = impl AsRef<str>>) {
        statements.into_iter().for_each(|sql| self.statement(sql.as_ref()));
    }
}

/// What does not occur in a statement.
#[inline]
fn delimiter(sql: &str) -> String {
    let numbered = (1..).map(|number| format!("//{number}//"));
    let mut all = ["//", "$$"].map(str::to_owned).into_iter().chain(numbered);
    all.find(|delimiter| !sql.contains(delimiter.as_str())).unwrap_or_default()
}

#[inline]
fn heads(decoded: &Decoded, indices: &[Index]) -> String {
    let names = decoded.names(indices);
    if names.is_empty() { "base".into() } else { names.join(", ") }
}

#[inline]
fn in_rust(file: &str, id: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "{file} is written in Rust and cannot be part of a script\n\n\
             hint: make one script up to it and one from it on, and let the application apply '{id}' in between"
        ),
    )
}

#[inline]
fn leaves_transaction_open(entry: &Entry<'_>) -> Error {
    Error::new(
        ErrorKind::Revision,
        format!(
            "revision '{}' leaves a transaction open at its end: {}\n\nhint: add the missing COMMIT",
            entry.row.revision, entry.file
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_is_not_in_the_statement() {
        assert_eq!(delimiter("SELECT 1; SELECT 2"), "//");
        assert_eq!(delimiter("'http://'; $"), "$$");
        assert_eq!(delimiter("// $$ //1//"), "//2//");
    }

    #[test]
    fn nothing_gets_out_of_a_comment() {
        let mut text = Text { sql: String::new(), backend: Backend::Postgres };
        text.comment("one\r\\! two\nthree\u{85}");
        assert_eq!(text.sql, "-- one \\! two three\n");
    }
}
