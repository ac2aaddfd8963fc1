//! The engine: when to lock, what to run next, what to record. Written once, for every backend.

mod state;
mod steps;

use std::time::{Duration, Instant};

use migrate_revision::graph::{Applied, Digests, Index};
use migrate_revision::{Backend, Direction, Goal, Planner, Steps, Target, lock_key};

use crate::backends::{Attempt, Database, Last, LockKey, StepFault};
use crate::error::root_message;
use crate::event::{Event, Events};
use crate::history::{Action, HistoryRow, HistoryTable, NewRow, join_heads};
use crate::options::{Lock, Options, Transaction};
use crate::report::{DoneStep, Plan, PlannedStep, Report, RevisionInfo, Status};
use crate::set::{Decoded, Migrations};
use crate::{Error, ErrorKind, Result};
use state::State;

/// How often a run may find itself overtaken without any step of its own before it gives up.
const MAX_OVERTAKEN: usize = 1_000;

/// One verb on one database.
pub(crate) struct Run<'a, D> {
    set: &'a Migrations,
    db: D,
    options: Options,
    events: Events<'a>,
    table: HistoryTable,
    /// Whether the session's lock is ours
    locked: bool,
    digests: Option<Digests>,
    /// What this run calls itself in the rows that it writes
    owner: String,
}

/// What a verb that changes the database is after.
enum Aim {
    Upgrade(Target),
    Downgrade(Target),
    Stamp(Target),
}

impl<'a, D: Database> Run<'a, D> {
    pub(crate) fn new(set: &'a Migrations, db: D, options: Options, events: Events<'a>) -> Self {
        let table = HistoryTable {
            schema: options.schema.clone(),
            table: options.table.clone(),
            namespace: set.namespace().to_owned(),
        };
        let owner = options.applied_by.clone().unwrap_or_else(program);
        Self {
            set,
            db,
            events,
            table,
            locked: false,
            digests: None,
            owner: format!("{owner} {}", nonce()),
            options,
        }
    }

    pub(crate) async fn upgrade(self, target: Target) -> Result<Report> {
        self.set.check_stale()?;
        self.change(Aim::Upgrade(target)).await
    }

    pub(crate) async fn downgrade(self, target: Target) -> Result<Report> {
        self.set.check_stale()?;
        self.change(Aim::Downgrade(target)).await
    }

    pub(crate) async fn stamp(self, target: Target) -> Result<Report> {
        self.set.check_stale()?;
        self.change(Aim::Stamp(target)).await
    }

    pub(crate) async fn plan(mut self, target: Target, direction: Direction) -> Result<Plan> {
        let last = self.read_last().await?;
        let state = self.state(last).await?;
        let decoded = self.set.decoded()?;
        let planner = self.planner(decoded);
        let goal = match direction {
            Direction::Up => planner.upgrade(&target, &state.applied)?,
            Direction::Down => planner.downgrade(&target, &state.applied)?,
        };
        let steps = planner.steps(&goal, &state.applied)?;
        let planned = steps.as_slice().iter().map(|step| {
            let revision = &decoded.revisions[step.index];
            let script = revision.script(self.db.backend(), step.direction);
            PlannedStep {
                revision: revision.id.to_string(),
                message: revision.message.clone(),
                file: self.set.path(revision),
                direction: step.direction,
                statements: script.map_or(0, |script| script.statements.len()),
                transactional: script.is_none_or(|script| script.is_transactional(self.db.backend())),
            }
        });
        Ok(Plan {
            from: self.names(decoded, state.applied.heads()),
            to: steps.as_slice().last().map_or_else(
                || self.names(decoded, state.applied.heads()),
                |step| self.names(decoded, &step.heads),
            ),
            steps: planned.collect(),
            interrupted: state.running.map(|row| row.revision),
        })
    }

    pub(crate) async fn current(mut self) -> Result<Vec<String>> {
        match self.read_last().await? {
            Last::Row(row) if row.done => Ok(row.heads),
            Last::Row(row) => {
                let rows = self.read_all().await?;
                Ok(rows
                    .into_iter()
                    .rev()
                    .find(|before| before.seq < row.seq)
                    .map_or_else(Vec::new, |row| row.heads))
            }
            _ => Ok(Vec::new()),
        }
    }

    pub(crate) async fn history(mut self) -> Result<Vec<HistoryRow>> {
        match self.read_last().await? {
            Last::NoTable => Ok(Vec::new()),
            _ => self.read_all().await,
        }
    }

    pub(crate) async fn status(mut self) -> Result<Status> {
        let last = self.read_last().await?;
        let current = match &last {
            Last::Row(row) if row.done => Some(row.heads.clone()),
            _ => None,
        };
        let state = self.state(last).await?;
        let decoded = self.set.decoded()?;
        let info = |index: Index| RevisionInfo::new(self.set, &decoded.revisions[index]);
        let pending = decoded.graph.order().iter().copied().filter(|&index| !state.applied.contains(index));
        Ok(Status {
            heads: current.unwrap_or_else(|| self.names(decoded, state.applied.heads())),
            applied: state.applied.iter().count(),
            pending: pending.map(info).collect(),
            ahead: state.ahead.iter().map(|ahead| ahead.revision.clone()).collect(),
            interrupted: state.running.map(|row| row.revision),
        })
    }

    /// Reads the state, and if there is something to do, gets hold of the database and does it.
    async fn change(mut self, aim: Aim) -> Result<Report> {
        let last = self.read_last().await?;
        if let (Aim::Upgrade(Target::Head | Target::Heads), Last::Row(row)) = (&aim, &last)
            && self.is_at_head(row)?
        {
            return Ok(Report::nothing_to_do(row.heads.clone()));
        }
        let result = self.change_prepared(&aim, last).await;
        let released = self.release().await;
        let report = result?;
        released?;
        Ok(report)
    }

    /// Whether a row says that the database is where this set leads. It is all that a start with nothing to do looks at.
    fn is_at_head(&self, row: &HistoryRow) -> Result<bool> {
        let digest = self.set.digest(self.db.backend())?;
        Ok(row.done && row.joined_heads() == self.set.heads() && row.digest == digest.to_string())
    }

    async fn change_prepared(&mut self, aim: &Aim, mut last: Last) -> Result<Report> {
        // Only now is it known whether this is MySQL or MariaDB.
        self.db.prepare(&mut self.table, &last).await?;
        self.set.digest(self.db.backend())?;
        let set = self.set;
        let decoded = set.decoded()?;
        let start = Instant::now();
        let mut done: Vec<DoneStep> = Vec::new();
        let mut from = None;
        let mut goal: Option<Goal> = None;
        let mut overtaken = 0;
        loop {
            let state = self.state(last).await?;
            let from = from.get_or_insert_with(|| self.names(decoded, state.applied.heads())).clone();
            let report = |to: Vec<String>, done: Vec<DoneStep>, state: &State| Report {
                from: from.clone(),
                to,
                steps: done,
                ahead: state.ahead.iter().map(|ahead| ahead.revision.clone()).collect(),
                took: start.elapsed(),
            };
            if !state.ahead.is_empty() {
                self.judge_ahead(aim, &state)?;
                let heads = state.heads.clone();
                return Ok(report(heads, done, &state));
            }
            if let Aim::Stamp(target) = aim {
                if !self.locked {
                    last = self.lock().await?;
                    continue;
                }
                if state.running.is_none() {
                    match self.write_stamp(decoded, target, &state).await? {
                        Some((to, true)) => {
                            done.push(DoneStep::stamp(&to));
                            return Ok(report(to, done, &state));
                        }
                        Some((to, false)) => return Ok(report(to, done, &state)),
                        None => {
                            last = self.read_again(&mut overtaken).await?;
                            continue;
                        }
                    }
                }
            }
            let planner = self.planner(decoded);
            let steps =
                match (&goal, aim) {
                    (Some(goal), _) => planner.steps(goal, &state.applied)?,
                    (None, Aim::Upgrade(target)) => planner
                        .steps(goal.insert(planner.upgrade(target, &state.applied)?), &state.applied)?,
                    (None, Aim::Downgrade(target)) => planner
                        .steps(goal.insert(planner.downgrade(target, &state.applied)?), &state.applied)?,
                    (None, Aim::Stamp(_)) => Steps::default(),
                };
            if steps.is_empty() && state.running.is_none() {
                return Ok(report(self.names(decoded, state.applied.heads()), done, &state));
            }
            self.check_one_transaction(decoded, &steps)?;
            if !self.locked {
                self.events.emit(&Event::Planned { steps: steps.len() });
                last = self.lock().await?;
                continue;
            }
            let before = done.len();
            let outcome = if let Some(running) = &state.running {
                self.resume(decoded, running, &state, &mut done).await?
            } else {
                self.take_steps(decoded, &steps, &state, &mut done).await?
            };
            if done.len() > before {
                overtaken = 0;
            }
            last = match outcome {
                Outcome::Done => self.read_last().await?,
                Outcome::Overtaken => self.read_again(&mut overtaken).await?,
            };
        }
    }

    /// Reads the state after another process was faster.
    async fn read_again(&mut self, overtaken: &mut usize) -> Result<Last> {
        *overtaken += 1;
        self.events.emit(&Event::Overtaken);
        if *overtaken > MAX_OVERTAKEN {
            return Err(Error::new(
                ErrorKind::History,
                format!(
                    "{} refused this run's row {MAX_OVERTAKEN} times although nobody else wrote one\n\n\
                     hint: look at the table's constraints and triggers",
                    self.table.name(self.db.backend())
                ),
            ));
        }
        if *overtaken > 1 {
            let pause = Duration::from_millis((*overtaken as u64).min(50));
            self.db.sleep(pause).await;
        }
        self.read_last().await
    }

    fn planner<'d>(&self, decoded: &'d Decoded) -> Planner<'d> {
        Planner { revisions: &decoded.revisions, graph: &decoded.graph, backend: self.db.backend() }
    }

    fn names<'b>(&self, decoded: &Decoded, indices: impl IntoIterator<Item = &'b Index>) -> Vec<String> {
        let mut names: Vec<String> =
            indices.into_iter().map(|&index| decoded.revisions[index].id.to_string()).collect();
        names.sort_unstable();
        names
    }

    async fn read_last(&mut self) -> Result<Last> {
        let last =
            self.db.read_last(&self.table).await.map_err(|fault| fault.while_doing("read the history"))?;
        if last == Last::Unreadable {
            return Err(crate::backends::unreadable().while_doing("read the history"));
        }
        Ok(last)
    }

    async fn read_all(&mut self) -> Result<Vec<HistoryRow>> {
        self.db.read_all(&self.table).await.map_err(|fault| fault.while_doing("read the history"))
    }

    /// Refuses a run in one transaction that some step cannot be part of.
    fn check_one_transaction(&self, decoded: &Decoded, steps: &Steps) -> Result<()> {
        if self.options.transaction != Transaction::PerRun {
            return Ok(());
        }
        let backend = self.db.backend();
        let outside = steps.as_slice().iter().find(|step| {
            let revision = &decoded.revisions[step.index];
            match revision.script(backend, step.direction) {
                Some(script) => !script.is_transactional(backend),
                None => backend.is_mysql_like(),
            }
        });
        outside.map_or(Ok(()), |step| {
            let revision = &decoded.revisions[step.index];
            Err(Error::new(
                ErrorKind::Plan,
                format!(
                    "the run cannot be one transaction: {} cannot be in one on {backend}; nothing was changed\n\n\
                     hint: let each revision have its own, which is the default",
                    self.set.path(revision)
                ),
            ))
        })
    }

    /// Takes the lock that keeps runs apart, and reads the state under it.
    async fn lock(&mut self) -> Result<Last> {
        if self.options.lock == Lock::None {
            self.locked = true;
            return self.read_last().await;
        }
        let key = self.lock_key();
        let start = Instant::now();
        let mut pause = Duration::from_millis(10);
        loop {
            let left = self.options.lock_timeout.saturating_sub(start.elapsed());
            let attempt = self.db.try_lock(&key, left.min(Duration::from_secs(1))).await;
            let holder = match attempt.map_err(|fault| fault.while_doing("take the lock"))? {
                Attempt::Held => {
                    self.locked = true;
                    return self.read_last().await;
                }
                Attempt::Busy(holder) => holder,
            };
            if start.elapsed() >= self.options.lock_timeout {
                let who = holder
                    .map_or_else(|| "another run".to_owned(), |holder| format!("another run ({holder})"));
                return Err(Error::new(
                    ErrorKind::Locked,
                    format!(
                        "{who} has held the lock for {} s; nothing was changed\n\n\
                         hint: wait for it, or allow more time with `lock_timeout`",
                        self.options.lock_timeout.as_secs()
                    ),
                ));
            }
            self.events.emit(&Event::Waiting { waited: start.elapsed() });
            self.db.sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }

    fn lock_key(&self) -> LockKey {
        let schema = self.table.schema.as_deref().unwrap_or_default();
        let key = lock_key(&[schema, &self.table.table, &self.table.namespace]);
        let [a, b, c, d, e, f, g, h, ..] = *key.as_bytes();
        LockKey {
            number: i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            name: format!("embed-migrations:{}", &key.to_string()[2..42]),
        }
    }

    /// Gives the session back as it was.
    async fn release(&mut self) -> Result<()> {
        let restored = self.db.restore().await;
        if std::mem::take(&mut self.locked) && self.options.lock == Lock::Session {
            let key = self.lock_key();
            self.db.unlock(&key).await.map_err(|fault| fault.while_doing("release the lock"))?;
        }
        restored.map_err(|fault| fault.while_doing("restore the session's settings"))
    }

    /// Writes the row of a stamp, unless the state is that already. `None` if another process was faster.
    async fn write_stamp(
        &mut self,
        decoded: &Decoded,
        target: &Target,
        state: &State,
    ) -> Result<Option<(Vec<String>, bool)>> {
        let stamped = self.planner(decoded).stamp(target, &state.applied)?;
        let heads = self.names(decoded, stamped.heads());
        if stamped == state.applied && state.last.is_some() {
            return Ok(Some((heads, false)));
        }
        let joined = join_heads(heads.iter().map(String::as_str));
        let row = NewRow {
            after: state.last.clone(),
            revision: joined.clone(),
            action: Action::Stamp,
            digest: self.chain(decoded, &stamped)?,
            heads: joined,
            checksum: None,
            compatible: None,
            statements: 0,
            down_sql: None,
            applied_by: self.owner.clone(),
        };
        let work = [crate::backends::Work { row, body: crate::backends::WorkBody::Nothing }];
        match self.db.transact(&self.table, state.last.is_none(), &work, &mut |_, _| {}).await {
            Ok(()) => Ok(Some((heads, true))),
            Err(StepFault::Overtaken) => Ok(None),
            Err(StepFault::Error(error) | StepFault::Rust { error, .. }) => Err(error),
            Err(StepFault::Fault(fault) | StepFault::Statement { fault, .. }) => {
                Err(fault.while_doing("write the history"))
            }
        }
    }

    /// The chain digest of a state, as the history records it.
    fn chain(&mut self, decoded: &Decoded, applied: &Applied) -> Result<String> {
        self.chain_of(decoded, applied.heads())
    }

    fn chain_of<'b>(
        &mut self,
        decoded: &Decoded,
        heads: impl IntoIterator<Item = &'b Index>,
    ) -> Result<String> {
        let backend = self.db.backend();
        let digests =
            self.digests.get_or_insert_with(|| Digests::new(&decoded.graph, &decoded.revisions, backend));
        digests.chain(heads).map(|digest| digest.to_string()).ok_or_else(|| not_covered(backend))
    }
}

/// Whether steps were taken, or another process took one first.
enum Outcome {
    Done,
    Overtaken,
}

fn not_covered(backend: Backend) -> Error {
    Error::new(ErrorKind::Unsupported, format!("a revision that is applied has no section for {backend}"))
}

/// The program's name and process, by which rows name who wrote them.
fn program() -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = path.as_deref().and_then(std::path::Path::file_name).map(std::ffi::OsStr::to_string_lossy);
    let name: String = name.as_deref().unwrap_or("unknown").chars().take(100).collect();
    format!("{name}[{}]", std::process::id())
}

/// A number that no other run has: process ids come again, on other machines and after a restart.
fn nonce() -> String {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{random:016x}")
}

/// What a database or a revision said, for a message that goes on after it.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    root_message(error).trim_end().to_owned()
}
