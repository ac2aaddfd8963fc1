//! A revision as `heads`, `branches`, `show` and `history` print it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use migrate_revision::graph::{Graph, Index};
use migrate_revision::{Labels, Resolver};
use migrate_runtime::Migrations;
use serde::Serialize;

use crate::error::Error;
use crate::output::{ID, MARK, styled};

/// A revision for programs.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// Its id
    pub revision: String,
    /// The first line of its prose
    pub message: String,
    /// Its parents
    pub revises: Vec<String>,
    /// The ids or labels that it depends on
    pub depends_on: Vec<String>,
    /// Its own labels and those of the branch that it is on
    pub labels: Vec<String>,
    /// When it was written
    pub created: Option<String>,
    /// Its file
    pub file: String,
    /// Whether nothing revises it
    pub head: bool,
    /// Whether several revisions revise it
    pub branchpoint: bool,
    /// Whether it is not in the lock file; nothing without a lock file
    pub draft: Option<bool>,
    /// Whether the database is at it; nothing if that was not asked
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<bool>,
}

/// Makes entries of one set.
#[derive(Debug)]
pub struct Entries<'a> {
    set: &'a Migrations,
    graph: &'a Graph,
    labels: Labels<'a>,
    drafts: Option<BTreeSet<Index>>,
}

impl<'a> Entries<'a> {
    /// For a set whose drafts are these; `None` where that is not known.
    ///
    /// # Errors
    /// When the set is not readable.
    pub fn new(set: &'a Migrations, drafts: Option<BTreeSet<Index>>) -> Result<Self, Error> {
        let graph = set.graph()?;
        Ok(Self { set, graph, labels: Labels::new(set.revisions(), graph), drafts })
    }

    /// The set's graph.
    #[must_use]
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// Finds what targets mean in the set.
    #[must_use]
    pub fn resolver(&self) -> Resolver<'a> {
        Resolver { revisions: self.set.revisions(), graph: self.graph }
    }

    /// The revisions that a target stands for, whatever a database says: several for `heads`, none for `base`.
    ///
    /// # Errors
    /// When it leads nowhere.
    pub fn named(&self, target: &str) -> Result<Vec<Index>, Error> {
        Ok(self.resolver().all(&target.into())?)
    }

    /// The entry of a revision.
    #[must_use]
    pub fn of(&self, index: Index) -> Entry {
        let revision = &self.set.revisions()[index];
        let children = self.graph.children(index).take(2).count();
        Entry {
            revision: revision.id.to_string(),
            message: revision.message.clone(),
            revises: revision.revises.iter().map(ToString::to_string).collect(),
            depends_on: revision.depends_on.clone(),
            labels: self.labels.of(index).iter().map(|label| (*label).to_owned()).collect(),
            created: revision.created.clone(),
            file: self.set.file_of(revision),
            head: children == 0,
            branchpoint: children > 1,
            draft: self.drafts.as_ref().map(|drafts| drafts.contains(&index)),
            current: None,
        }
    }
}

impl Entry {
    /// `id (label) (head), message`
    #[must_use]
    pub fn line(&self) -> String {
        format!("{}{}, {}", styled(ID, &self.revision), self.marks(), self.message)
    }

    /// The labels, and what is special of it, each in brackets.
    #[must_use]
    pub fn marks(&self) -> String {
        let mut marks = String::new();
        if !self.labels.is_empty() {
            marks.push_str(&format!(" ({})", self.labels.join(", ")));
        }
        let flags = [
            (self.head, "head"),
            (self.branchpoint, "branchpoint"),
            (self.revises.len() > 1, "mergepoint"),
            (self.draft == Some(true), "draft"),
            (self.current == Some(true), "current"),
        ];
        for (_, word) in flags.iter().filter(|(on, _)| *on) {
            marks.push_str(&format!(" {}", styled(MARK, format_args!("({word})"))));
        }
        marks
    }

    /// Its parents, `<base>` if it has none.
    #[must_use]
    pub fn parents(&self) -> String {
        if self.revises.is_empty() { "<base>".into() } else { self.revises.join(", ") }
    }

    /// Everything about it, a line each.
    #[must_use]
    pub fn block(&self) -> String {
        let mut text = format!("{}{}\n", styled(ID, &self.revision), self.marks());
        let _ = writeln!(text, "  message:    {}", self.message);
        let _ = writeln!(text, "  revises:    {}", self.parents());
        if !self.depends_on.is_empty() {
            let _ = writeln!(text, "  depends on: {}", self.depends_on.join(", "));
        }
        if let Some(created) = &self.created {
            let _ = writeln!(text, "  created:    {created}");
        }
        let _ = writeln!(text, "  file:       {}", self.file);
        text
    }
}
