//! Accepting edits of applied revisions: a row of history for each, all in one transaction.

use std::time::Instant;

use migrate_revision::graph::Index;
use migrate_revision::{PlanError, Target};

use super::state::{Edited, ONLY_THEIRS, State, ahead_error};
use super::{Outcome, Run};
use crate::backends::{Database, Last, StepFault, Work, WorkBody};
use crate::event::Event;
use crate::history::{Action, HistoryRow, join_heads};
use crate::record::InForce;
use crate::report::{DoneStep, EditedRevision, Report};
use crate::set::{Decoded, not_covered};
use crate::{Error, ErrorKind, Result};

impl<D: Database> Run<'_, D> {
    /// The revisions in force that are not what was applied.
    pub(crate) async fn edited(mut self) -> Result<Vec<EditedRevision>> {
        let last = self.read_last().await?;
        let state = self.state_with_edits(last).await?;
        let decoded = self.set.decoded()?;
        let listed = state.edited.into_iter().map(|edited| {
            let revision = &decoded.revisions[edited.index];
            EditedRevision {
                revision: revision.id.to_string(),
                message: revision.message.clone(),
                file: self.set.path(revision),
                applied: edited.applied,
                now: edited.now,
            }
        });
        Ok(listed.collect())
    }

    /// Accepts the edits of these revisions.
    pub(crate) async fn repair(mut self, targets: Vec<Target>) -> Result<Report> {
        self.set.check_stale()?;
        targets.iter().try_for_each(|target| self.set.admit(target))?;
        let last = self.read_last().await?;
        let result = self.repair_prepared(&targets, last).await;
        let released = self.release().await;
        let report = result?;
        released?;
        Ok(report)
    }

    async fn repair_prepared(&mut self, targets: &[Target], mut last: Last) -> Result<Report> {
        // Only now is it known whether this is MySQL or MariaDB.
        self.db.prepare(&mut self.table, &last).await?;
        self.choose_lock().await?;
        self.set.digest(self.db.backend())?;
        let decoded = self.set.decoded()?;
        let start = Instant::now();
        let mut wanted: Option<Vec<Index>> = None;
        let mut refused = 0;
        loop {
            let read = last.clone();
            let state = self.state_with_edits(last).await?;
            if !state.ahead.is_empty() {
                return Err(ahead_error(&state, ONLY_THEIRS));
            }
            let wanted = match &wanted {
                Some(wanted) => wanted,
                None => wanted.insert(self.wanted(decoded, targets, &state).await?),
            };
            // Another process may have accepted some of them meanwhile.
            let open: Vec<&Edited> =
                state.edited.iter().filter(|edited| wanted.contains(&edited.index)).collect();
            let report = |steps: Vec<DoneStep>| Report {
                from: state.heads.clone(),
                to: state.heads.clone(),
                steps,
                ahead: Vec::new(),
                took: start.elapsed(),
            };
            if open.is_empty() {
                return Ok(report(Vec::new()));
            }
            if !self.locked {
                last = self.lock(false).await?;
                continue;
            }
            let outcome = match &state.running {
                Some(running) if self.is_abandoned(running).await? => return Err(interrupted(running)),
                Some(_) => Outcome::Overtaken,
                None => self.write_repair(decoded, &state, &open).await?,
            };
            if let Outcome::Done = outcome {
                let steps = open.iter().map(|edited| DoneStep::repair(&decoded.revisions[edited.index]));
                return Ok(report(steps.collect()));
            }
            last = self.read_last().await?;
            self.events.emit(&Event::Overtaken);
            refused = if last == read { refused + 1 } else { 0 };
            self.wait_a_little(refused).await?;
        }
    }

    /// The revisions that the targets name and whose edits are yet to be accepted.
    async fn wanted(&mut self, decoded: &Decoded, targets: &[Target], state: &State) -> Result<Vec<Index>> {
        let planner = self.planner(decoded);
        let mut wanted = Vec::new();
        for target in targets {
            let named = planner.resolver().all(target).map_err(PlanError::from)?;
            if named.is_empty() {
                return Err(Error::new(ErrorKind::Plan, format!("'{target}' names no revision")));
            }
            wanted.extend(named);
        }
        let is_edited = |&index: &Index| state.edited.iter().any(|edited| edited.index == index);
        let (wanted, others): (Vec<Index>, Vec<Index>) = wanted.into_iter().partition(is_edited);
        for index in others {
            let revision = &decoded.revisions[index];
            let why = if !state.applied.contains(index) {
                "is not applied"
            } else if is_accepted(&self.read_all().await?, revision.id.as_str()) {
                continue;
            } else {
                "is what was applied"
            };
            let path = self.set.path(revision);
            let message = format!("revision '{}' {why}, so there is no edit to accept: {path}", revision.id);
            return Err(Error::new(ErrorKind::Plan, message));
        }
        Ok(wanted)
    }

    /// Writes a row for each. The digest of a row is that of what is on record by then: only once every edit is accepted is
    /// it the digest of this set.
    async fn write_repair(&mut self, decoded: &Decoded, state: &State, open: &[&Edited]) -> Result<Outcome> {
        let backend = self.db.backend();
        let mut recorded = state.recorded.clone();
        let mut last = state.last.clone();
        let heads = join_heads(state.heads.iter().map(String::as_str));
        let mut work = Vec::with_capacity(open.len());
        for edited in open {
            let revision = &decoded.revisions[edited.index];
            let id = revision.id.to_string();
            let in_force = InForce {
                revision: id.clone(),
                checksum: Some(edited.now.clone().ok_or_else(|| not_covered(backend))?),
                compatible: revision.compatible,
            };
            recorded.insert(id, in_force);
            let digest = self.recorded_chain(decoded, state.applied.heads(), &recorded);
            let digest = digest.ok_or_else(|| not_covered(backend))?;
            let text = self.set.text(edited.index, revision);
            let row = self.records(decoded).of_repair(revision, &text, heads.clone(), digest, last.into());
            last = row.seq().map(|seq| (seq, row.digest.clone()));
            work.push(Work { row, body: WorkBody::Nothing });
        }
        match self.db.transact(&self.table, false, &work, &mut |_, _| {}).await {
            Ok(()) => Ok(Outcome::Done),
            Err(StepFault::Overtaken | StepFault::Blocked { .. }) => Ok(Outcome::Overtaken),
            Err(StepFault::Error(error) | StepFault::Rust { error, .. }) => Err(error),
            Err(StepFault::Fault(fault) | StepFault::Statement { fault, .. }) => {
                Err(fault.while_doing("write the history"))
            }
        }
    }
}

/// Whether the last that happened to a revision is that an edit of it was accepted.
fn is_accepted(rows: &[HistoryRow], id: &str) -> bool {
    let last = rows.iter().rev().find(|row| row.is_done() && row.revision == id);
    last.is_some_and(|row| row.action == Action::Repair)
}

fn interrupted(row: &HistoryRow) -> Error {
    Error::new(
        ErrorKind::Interrupted,
        format!(
            "revision '{}' was interrupted after {} of {} statements, and no edit can be accepted before that is \
             settled\n\nhint: undo the edits and run again what was interrupted; or give it up by a stamp, which also \
             accepts every edit",
            row.revision, row.statements_done, row.statements_total
        ),
    )
}
