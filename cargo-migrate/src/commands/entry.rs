//! A revision as `heads`, `branches`, `show` and `history` print it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use migrate_revision::Labels;
use migrate_revision::graph::Index;
use migrate_revision::source::Resolved;
use serde::Serialize;

use crate::output::{ID, MARK, styled};
use crate::project::Project;
use crate::set;

/// A revision for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    /// Its id
    pub(crate) revision: String,
    /// The first line of its prose
    pub(crate) message: String,
    /// Its parents
    pub(crate) revises: Vec<String>,
    /// The ids or labels that it depends on
    pub(crate) depends_on: Vec<String>,
    /// Its own labels and those of the branch that it is on
    pub(crate) labels: Vec<String>,
    /// When it was written
    pub(crate) created: Option<String>,
    /// Its file
    pub(crate) file: String,
    /// Whether nothing revises it
    pub(crate) head: bool,
    /// Whether several revisions revise it
    pub(crate) branchpoint: bool,
    /// Whether it is not in the lock file; nothing without a lock file
    pub(crate) draft: Option<bool>,
    /// Whether the database is at it; nothing if that was not asked
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<bool>,
}

/// Makes entries of one set.
pub(crate) struct Entries<'a> {
    project: &'a Project,
    set: &'a Resolved,
    labels: Labels<'a>,
    drafts: BTreeSet<Index>,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(project: &'a Project, set: &'a Resolved) -> Self {
        Self {
            project,
            set,
            labels: Labels::new(&set.revisions, &set.graph),
            drafts: set.drafts.iter().copied().collect(),
        }
    }

    /// The entry of a revision.
    pub(crate) fn of(&self, index: Index) -> Entry {
        let revision = &self.set.revisions[index];
        let children = self.set.graph.children(index).take(2).count();
        Entry {
            revision: revision.id.to_string(),
            message: revision.message.clone(),
            revises: revision.revises.iter().map(ToString::to_string).collect(),
            depends_on: revision.depends_on.clone(),
            labels: self.labels.of(index).iter().map(|label| (*label).to_owned()).collect(),
            created: revision.created.clone(),
            file: set::path(self.project, revision),
            head: children == 0,
            branchpoint: children > 1,
            draft: self.set.locked.then(|| self.drafts.contains(&index)),
            current: None,
        }
    }
}

impl Entry {
    /// `id (label) (head), message`
    pub(crate) fn line(&self) -> String {
        format!("{}{}, {}", styled(ID, &self.revision), self.marks(), self.message)
    }

    /// The labels, and what is special of it, each in brackets.
    pub(crate) fn marks(&self) -> String {
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
    pub(crate) fn parents(&self) -> String {
        if self.revises.is_empty() { "<base>".into() } else { self.revises.join(", ") }
    }

    /// Everything about it, a line each.
    pub(crate) fn block(&self) -> String {
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
