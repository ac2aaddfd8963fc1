//! The course of a verb that changes the database: read, plan, lock, read again, take the steps, and once more from the
//! beginning whenever another process was faster.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use migrate_revision::graph::Applied;
use migrate_revision::{Backend, Direction, Goal, Steps, Target, lock_key};

use super::state::State;
use super::{Aim, Outcome, Run, moved};
use crate::backends::{Attempt, Database, End, Last, LockKey, StepFault, Work, WorkBody, told_to_stop};
use crate::event::Event;
use crate::history::{Action, HistoryRow, RowState, Running, TakeOver};
use crate::options::{Ahead, Lock, Transaction};
use crate::report::{DoneStep, Report};
use crate::set::Decoded;
use crate::{Error, ErrorKind, Result};

/// Why a session's lock would be lost.
const UNSTEADY: &str =
    "two statements were answered by two sessions, as behind a pooler that hands out one per transaction";

/// How often a run may be refused its row although nobody else has written one.
const MAX_REFUSED: usize = 100;

impl<D: Database> Run<'_, D> {
    /// Reads the state, and if there is something to do, gets hold of the database and does it.
    pub(super) async fn change(mut self, aim: Aim) -> Result<Report> {
        let end = if self.leads_to_head(&aim) { self.read_end().await? } else { End::Other };
        let last = match end {
            End::Done(digest) if self.is_head(&digest) => {
                let heads = self.set.heads().split(',').filter(|head| !head.is_empty());
                return Ok(Report::nothing_to_do(heads.map(str::to_owned).collect()));
            }
            End::NoTable => Last::NoTable,
            End::NoRow => Last::NoRow,
            End::Done(_) | End::Other => self.read_last().await?,
        };
        let result = self.change_prepared(&aim, last).await;
        let released = self.release().await;
        let report = result?;
        released?;
        Ok(report)
    }

    /// Whether nothing is left to do once the database is at the heads.
    pub(super) fn leads_to_head(&self, aim: &Aim) -> bool {
        matches!(aim, Aim::Upgrade(target)
            if *target == Target::Heads || *target == Target::Head && self.set.has_one_head())
    }

    /// Whether a digest is that of where this set leads: it is of the heads' ids as well.
    fn is_head(&self, digest: &str) -> bool {
        self.set.digest(self.db.backend()).is_ok_and(|head| digest.parse() == Ok(head))
    }

    async fn change_prepared(&mut self, aim: &Aim, mut last: Last) -> Result<Report> {
        // Only now is it known whether this is MySQL or MariaDB.
        self.db.prepare(&mut self.table, &last).await?;
        self.set.digest(self.db.backend())?;
        self.choose_lock().await?;
        let set = self.set;
        let mut narrowed = self.narrowed(aim, &last)?;
        let start = Instant::now();
        let mut done: Vec<DoneStep> = Vec::new();
        let mut from = None;
        let mut goal: Option<Goal> = None;
        let mut refused = 0;
        loop {
            self.go_on()?;
            let read = last.clone();
            if narrowed.as_ref().is_some_and(|narrowed| !self.is_told_by(narrowed, &last)) {
                // Places in the whole set are others.
                (narrowed, goal) = (None, None);
            }
            let decoded = match &narrowed {
                Some(narrowed) => &narrowed.decoded,
                None => set.decoded()?,
            };
            let state = self.state_for(decoded, aim, last).await?;
            let from = from.get_or_insert_with(|| decoded.names(state.applied.heads())).clone();
            let report = |to: Vec<String>, done: Vec<DoneStep>, state: &State| Report {
                from: from.clone(),
                to,
                steps: done,
                ahead: state.ahead.iter().map(|ahead| ahead.revision.clone()).collect(),
                took: start.elapsed(),
            };
            if let Some(running) =
                state.running.as_ref().filter(|row| self.lets_be(row, aim, decoded, &state))
            {
                let report = report(state.heads.clone(), done, &state);
                let ahead = report.ahead.into_iter().chain([running.revision.clone()]).collect();
                return Ok(Report { ahead, ..report });
            }
            if let (Some(running), false) = (&state.running, state.ahead.is_empty()) {
                // A newer binary may be in the middle of its own steps: only what stands still was interrupted.
                if !self.locked {
                    last = self.lock(self.leads_to_head(aim)).await?;
                    continue;
                }
                if !self.is_abandoned(running).await? {
                    last = self.read_last().await?;
                    continue;
                }
            }
            self.judge_ahead(aim, &state)?;
            if !state.ahead.is_empty() {
                let heads = state.heads.clone();
                return Ok(report(heads, done, &state));
            }
            // What was interrupted is finished first: only then is it clear what the target means.
            let steps = if state.running.is_some() {
                Steps::default()
            } else {
                let planner = self.planner(decoded);
                let goal = match &goal {
                    Some(goal) => goal,
                    // What is in force may look like a head where what stands on it was not read: that there is one was
                    // asked of the whole.
                    None if narrowed.is_some() => {
                        goal.insert(planner.upgrade(&Target::Heads, &state.applied)?)
                    }
                    None => {
                        goal.insert(aim.goal(&planner, &state.applied).map_err(|error| aim.barred(error))?)
                    }
                };
                planner.steps(goal, &state.applied).map_err(|error| aim.barred(error))?
            };
            let stamps = matches!(aim, Aim::Stamp { .. });
            if steps.is_empty() && state.running.is_none() && !stamps {
                return Ok(report(decoded.names(state.applied.heads()), done, &state));
            }
            self.check_one_transaction(decoded, &steps)?;
            if !self.locked {
                if !stamps {
                    self.events
                        .emit(&Event::Planned { steps: steps.len() + usize::from(state.running.is_some()) });
                }
                last = self.lock(self.leads_to_head(aim)).await?;
                continue;
            }
            self.check_planned(aim, decoded, &steps, &state)?;
            let outcome = match (aim, &state.running) {
                (Aim::Stamp { target, purge }, running) => {
                    let stamped = self.stamped(decoded, target, *purge, &state)?;
                    match running {
                        Some(running) => self.abandon(running).await?,
                        None => match self.write_stamp(decoded, &stamped, &state).await? {
                            Some((to, written)) => {
                                done.extend(written.then(|| DoneStep::stamp(&to)));
                                return Ok(report(to, done, &state));
                            }
                            None => Outcome::Overtaken,
                        },
                    }
                }
                (_, Some(running)) => self.resume(decoded, running, &state, &mut done).await?,
                (_, None) => {
                    if read == Last::NoRow && matches!(aim, Aim::Upgrade(_)) {
                        self.check_namespace(decoded).await?;
                    }
                    self.take_steps(decoded, &steps, &state, &mut done).await?
                }
            };
            last = self.read_last().await?;
            if let Outcome::Overtaken = outcome {
                self.events.emit(&Event::Overtaken);
                refused = if last == read { refused + 1 } else { 0 };
                self.wait_a_little(refused).await?;
            }
        }
    }

    /// Refuses, before it is taken, a step that is none of those that were planned.
    fn check_planned(&self, aim: &Aim, decoded: &Decoded, steps: &Steps, state: &State) -> Result<()> {
        let Aim::Downgrade { planned: Some(planned), .. } = aim else { return Ok(()) };
        let is_planned = match &state.running {
            Some(row) if row.action == Action::Down => {
                planned.undoes(&row.revision) || planned.goes_on_with(&row.revision, Direction::Down)
            }
            Some(row) => planned.goes_on_with(&row.revision, Direction::Up),
            None => {
                let mut undone = steps.as_slice().iter().map(|step| &decoded.revisions[step.index].id);
                undone.all(|id| planned.undoes(id.as_str()))
            }
        };
        if is_planned { Ok(()) } else { Err(moved()) }
    }

    /// Lets a process that was faster get on, and gives up where there is none.
    pub(super) async fn wait_a_little(&mut self, refused: usize) -> Result<()> {
        if refused > MAX_REFUSED {
            return Err(Error::new(
                ErrorKind::History,
                format!(
                    "{} refused this run's row {MAX_REFUSED} times although nobody else wrote one\n\n\
                     hint: look at the table's constraints and triggers",
                    self.table.name(self.db.backend())
                ),
            ));
        }
        if refused > 0 {
            self.db.sleep(Duration::from_millis((refused as u64).min(50))).await;
        }
        Ok(())
    }

    /// Whether a newer binary's step that is under way, or was interrupted, is no matter of this start: everything of this set is in
    /// force, and all that is beyond it says that this binary runs on it.
    fn lets_be(&self, running: &HistoryRow, aim: &Aim, decoded: &Decoded, state: &State) -> bool {
        self.leads_to_head(aim)
            && self.options.ahead != Ahead::Refuse
            && running.action == Action::Up
            && running.compatible == Some(true)
            && decoded.index_of(&running.revision).is_none()
            && state.ahead.iter().all(|ahead| ahead.compatible == Some(true))
            && decoded.graph.order().iter().all(|&index| state.applied.contains(index))
    }

    /// Refuses a run in one transaction that some step cannot be part of.
    fn check_one_transaction(&self, decoded: &Decoded, steps: &Steps) -> Result<()> {
        if self.options.transaction != Transaction::PerRun {
            return Ok(());
        }
        let backend = self.db.backend();
        let alone = |step: &&migrate_revision::Step| {
            let revision = &decoded.revisions[step.index];
            let transactional = match revision.script(backend, step.direction) {
                Some(script) => script.is_transactional(backend),
                None => !backend.is_mysql_like(),
            };
            // Enforcement is off for a whole transaction, and the other revisions may rely on it.
            let unenforced = backend == Backend::Sqlite && revision.foreign_keys_off(backend, step.direction);
            !transactional || unenforced && steps.len() > 1
        };
        steps.as_slice().iter().find(alone).map_or(Ok(()), |step| {
            let revision = &decoded.revisions[step.index];
            Err(Error::new(
                ErrorKind::Plan,
                format!(
                    "the run cannot be one transaction: {} cannot be in one with others on {backend}; nothing was \
                     changed\n\nhint: let each revision have its own, which is the default",
                    self.set.path(revision)
                ),
            ))
        })
    }

    /// Takes the lock that keeps runs apart, and reads the state under it.
    ///
    /// Who only has to get `to_head` does not need the lock if others get there in the meantime: not to wait for the one
    /// who takes it next, nor for a lock that a pooler has kept.
    pub(super) async fn lock(&mut self, to_head: bool) -> Result<Last> {
        let result = self.wait_for_lock(to_head).await;
        // Whatever the server was at when it was told to give up.
        let is_stopped = self.options.cancelled.load(Ordering::Relaxed);
        result.map_err(|error| match error.kind() {
            ErrorKind::Cancelled => error,
            _ if is_stopped && error.is_of_stop() => told_to_stop().with_source(error),
            _ => error,
        })
    }

    async fn wait_for_lock(&mut self, to_head: bool) -> Result<Last> {
        if self.options.lock == Lock::None {
            self.locked = true;
            return self.read_last().await;
        }
        let key = self.lock_key();
        let start = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            self.go_on()?;
            let left = self.options.lock_timeout.saturating_sub(start.elapsed());
            let attempt = if self.options.lock == Lock::Lease {
                self.try_lease().await?
            } else {
                let attempt = self.db.try_lock(&key, left.min(Duration::from_secs(1))).await;
                attempt.map_err(|fault| fault.while_doing("take the lock"))?
            };
            let holder = match attempt {
                Attempt::Unsteady => {
                    self.lease_instead(UNSTEADY).await?;
                    continue;
                }
                Attempt::Held => {
                    self.locked = true;
                    return self.read_last().await;
                }
                Attempt::Busy(holder) => holder,
            };
            if start.elapsed() >= self.options.lock_timeout {
                let who = holder
                    .map_or_else(|| "another run".to_owned(), |holder| format!("another run ({holder})"));
                return Err(self.still_locked(&who));
            }
            self.events.emit(&Event::Waiting { waited: start.elapsed(), holder: holder.as_deref() });
            self.db.sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
            if to_head
                && let End::Done(digest) = self.read_end().await?
                && self.is_head(&digest)
            {
                return self.read_last().await;
            }
        }
    }

    /// The error of a run that has waited for another as long as it may.
    pub(super) fn still_locked(&self, who: &str) -> Error {
        Error::new(
            ErrorKind::Locked,
            format!(
                "{who} has held the lock for {} s; nothing was changed\n\n\
                 hint: wait for it, or allow more time with `lock_timeout`",
                self.options.lock_timeout.as_secs()
            ),
        )
    }

    pub(super) fn lock_key(&self) -> LockKey {
        let schema = self.table.schema.as_deref().unwrap_or_default();
        let key = lock_key(&[schema, &self.table.table, &self.table.namespace]);
        let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
        LockKey {
            number: i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            name: format!("embed-migrations:{}", &key.to_string()[2..42]),
        }
    }

    /// Gives the session back as it was.
    pub(super) async fn release(&mut self) -> Result<()> {
        let restored = self.db.restore().await;
        match (std::mem::take(&mut self.locked), self.options.lock) {
            (true, Lock::Session) => {
                let key = self.lock_key();
                self.db.unlock(&key).await.map_err(|fault| fault.while_doing("release the lock"))?;
            }
            (true, Lock::Lease) => self.release_lease().await?,
            _ => {}
        }
        restored.map_err(|fault| fault.while_doing("restore the session's settings"))
    }

    /// Gives up the row of an interrupted step, so that a stamp can say what the state is.
    async fn abandon(&mut self, row: &HistoryRow) -> Result<Outcome> {
        if !self.is_abandoned(row).await? {
            return Ok(Outcome::Overtaken);
        }
        let running = Running { seq: Some(row.seq), applied_by: row.applied_by.clone() };
        let done = usize::try_from(row.statements_done).unwrap_or(usize::MAX);
        let to =
            TakeOver { done, applied_by: &self.owner, row: None, settled: None, state: RowState::Abandoned };
        let taken = self.db.take_over(&self.table, &running, &to).await;
        let taken = taken.map_err(|fault| fault.while_doing("give up the interrupted revision"))?;
        Ok(if taken { Outcome::Done } else { Outcome::Overtaken })
    }

    /// What a stamp leaves in force.
    fn stamped(&self, decoded: &Decoded, target: &Target, purge: bool, state: &State) -> Result<Applied> {
        let nothing = decoded.graph.closure([]);
        let before = if purge { &nothing } else { &state.applied };
        Ok(self.planner(decoded).stamp(target, before)?)
    }

    /// Writes the row of a stamp, unless the state is that already. `None` if another process was faster.
    async fn write_stamp(
        &mut self,
        decoded: &Decoded,
        stamped: &Applied,
        state: &State,
    ) -> Result<Option<(Vec<String>, bool)>> {
        let heads = decoded.names(stamped.heads());
        let row = self.records(decoded).of_stamp(stamped, state.last.clone().into())?;
        let is_last = state.last.as_ref().is_some_and(|(_, last)| *last == row.digest);
        if is_last && *stamped == state.applied && heads == state.heads {
            return Ok(Some((heads, false)));
        }
        let work = [Work { row, body: WorkBody::Nothing }];
        match self.db.transact(&self.table, state.create, &work, &mut |_, _| {}).await {
            Ok(()) => Ok(Some((heads, true))),
            Err(StepFault::Overtaken) => Ok(None),
            Err(StepFault::Error(error) | StepFault::Rust { error, .. }) => Err(error),
            Err(StepFault::Fault(fault) | StepFault::Statement { fault, .. }) => {
                Err(fault.while_doing("write the history"))
            }
            Err(StepFault::Blocked { .. }) => Ok(None),
        }
    }
}
