//! The way of `verify` through the revisions.

use std::path::Path;

use migrate_cli::{DatabaseUrl, Error};
use migrate_revision::graph::{Graph, Index};
use migrate_revision::source::Resolved;
use migrate_revision::{Backend, Body, Direction, Planner, Revision, Target};
use migrate_runtime::Migrations;

use super::{Difference, Found, Verified, What};
use crate::database::Opened;
use crate::project::Project;
use crate::schema::Snapshot;
use crate::scratch::{Scratch, place};
use crate::seeds::Seeds;
use crate::set;

/// The revisions in the order in which they are tried, and rows for them.
pub(super) struct Course {
    resolved: Resolved,
    namespace: String,
    seeds: Seeds,
    files: Vec<String>,
}

/// The revisions as one line, so that one step up or down is one revision, whatever branches there are.
struct Line {
    set: Migrations,
    order: Vec<Index>,
    backend: Backend,
}

impl Course {
    /// Reads the revisions, and the rows if there is a directory of them.
    ///
    /// # Errors
    /// When a build would refuse the revisions, or a file of rows is of none of them.
    pub(super) fn new(project: &Project, url: &DatabaseUrl, seeds: Option<&Path>) -> Result<Self, Error> {
        let resolved = Opened::checked(url, project)?;
        let is_revision = |id: &str| resolved.revisions.iter().any(|revision| revision.id.as_str() == id);
        let seeds =
            seeds.map(|directory| Seeds::read(directory, is_revision)).transpose()?.unwrap_or_default();
        let files = resolved.revisions.iter().map(|revision| set::path(project, revision)).collect();
        Ok(Self { resolved, namespace: project.config.namespace.clone(), seeds, files })
    }

    /// Takes each revision up, down and up again, and tells what it left.
    ///
    /// # Errors
    /// When a statement fails or the database refuses.
    pub(super) async fn take(
        &self,
        scratch: &mut Scratch,
        mut tell: impl FnMut(&Verified),
    ) -> Result<Vec<Verified>, Error> {
        let line = self.line(scratch.backend())?;
        self.check_reach(&line, scratch)?;
        let mut all: Vec<Verified> = Vec::new();
        let mut before = scratch.schema().await?;
        for (place, &index) in line.order.iter().enumerate() {
            let revision = &self.resolved.revisions[index];
            let stopped = all.last().is_some_and(|last| last.outcome == Found::Unverified);
            let verified = if stopped || matches!(revision.body, Body::Rust { .. }) {
                self.verified(index, Found::Unverified, Vec::new(), false)
            } else {
                let (verified, after) = self.step(&line, index, scratch, &before).await?;
                before = after;
                if verified.outcome == Found::Differs {
                    // On what it left behind, the next could not be judged.
                    scratch.renew().await?;
                    for &index in &line.order[..=place] {
                        scratch.up(&line.set, self.resolved.revisions[index].id.as_str()).await?;
                        self.seed(index, scratch).await?;
                    }
                    before = scratch.schema().await?;
                } else if self.seed(index, scratch).await? {
                    before = scratch.schema().await?;
                }
                verified
            };
            tell(&verified);
            all.push(verified);
        }
        Ok(all)
    }

    /// One revision, from the schema before it to that after it.
    async fn step(
        &self,
        line: &Line,
        index: Index,
        scratch: &mut Scratch,
        before: &Snapshot,
    ) -> Result<(Verified, Snapshot), Error> {
        let revision = &self.resolved.revisions[index];
        let down = revision.script(line.backend, Direction::Down);
        let keeps_data = down.is_some_and(|script| script.options.keeps_data);
        let rows = if keeps_data { Some(scratch.rows().await?) } else { None };
        scratch.up(&line.set, revision.id.as_str()).await?;
        let up = scratch.schema().await?;
        if down.is_none() {
            return Ok((self.verified(index, Found::Irreversible, Vec::new(), false), up));
        }
        scratch.down(&line.set).await?;
        let mut differences = compared("down", before, &scratch.schema().await?);
        if let Some(rows) = rows {
            let lines = rows.changes(&scratch.rows().await?);
            if !lines.is_empty() {
                differences.push(Difference { section: "down", of: What::Rows, lines });
            }
        }
        let is_wrong = |all: &[Difference]| all.iter().any(|difference| difference.of != What::Order);
        if is_wrong(&differences) {
            return Ok((self.verified(index, Found::Differs, differences, keeps_data), up));
        }
        scratch.up(&line.set, revision.id.as_str()).await?;
        let again = scratch.schema().await?;
        differences.extend(compared("up", &up, &again));
        let found = if is_wrong(&differences) { Found::Differs } else { Found::Ok };
        Ok((self.verified(index, found, differences, keeps_data), again))
    }

    /// Runs the rows of a revision, if there are any.
    async fn seed(&self, index: Index, scratch: &mut Scratch) -> Result<bool, Error> {
        match self.seeds.of(self.resolved.revisions[index].id.as_str()) {
            Some((path, text)) => scratch.run(path, text).await.map(|()| true),
            None => Ok(false),
        }
    }

    fn line(&self, backend: Backend) -> Result<Line, Error> {
        let Resolved { revisions, graph, .. } = &self.resolved;
        let planner = Planner { revisions, graph, backend };
        let nothing = graph.closure([]);
        let steps = planner
            .upgrade(&Target::Heads, &nothing)
            .and_then(|goal| planner.steps(&goal, &nothing))
            .map_err(migrate_runtime::Error::from)?;
        let order: Vec<Index> = steps.as_slice().iter().map(|step| step.index).collect();
        let mut line: Vec<Revision> = revisions.clone();
        for (place, &index) in order.iter().enumerate() {
            let below = place.checked_sub(1).map(|below| revisions[order[below]].id.clone());
            line[index].revises = below.into_iter().collect();
            line[index].depends_on.clear();
            line[index].labels.clear();
        }
        let graph = Graph::new(&line).map_err(|_| Error::project("the revisions make no line"))?;
        let resolved = Resolved {
            revisions: line,
            graph,
            sources: self.resolved.sources.clone(),
            data: Vec::new(),
            backends: self.resolved.backends.clone(),
            drafts: Vec::new(),
            locked: false,
            path: self.resolved.path.clone(),
        };
        Ok(Line { set: Migrations::from_resolved(resolved, &self.namespace), order, backend })
    }

    /// Refuses, before anything runs, what would reach another database or a file.
    fn check_reach(&self, line: &Line, scratch: &Scratch) -> Result<(), Error> {
        for (index, revision) in self.resolved.revisions.iter().enumerate() {
            let text = &self.resolved.sources[index].text;
            for direction in [Direction::Up, Direction::Down] {
                let statements = revision.script(line.backend, direction).map_or(&[][..], |s| &s.statements);
                for statement in statements {
                    let place = place(&self.files[index], text, statement.range.start);
                    scratch.keeps_to_itself(&text[statement.range.clone()], &place)?;
                }
            }
        }
        Ok(())
    }

    fn verified(
        &self,
        index: Index,
        outcome: Found,
        differences: Vec<Difference>,
        keeps_data: bool,
    ) -> Verified {
        let revision = &self.resolved.revisions[index];
        Verified {
            revision: revision.id.to_string(),
            message: revision.message.clone(),
            file: self.files[index].clone(),
            outcome,
            keeps_data,
            differences,
        }
    }
}

/// What a section leaves other than it should be. The order of columns counts only where nothing else differs.
fn compared(section: &'static str, before: &Snapshot, after: &Snapshot) -> Vec<Difference> {
    let changes = before.changes(after);
    let (of, lines) =
        if changes.is_empty() { (What::Order, before.moves(after)) } else { (What::Schema, changes) };
    if lines.is_empty() { Vec::new() } else { vec![Difference { section, of, lines }] }
}
