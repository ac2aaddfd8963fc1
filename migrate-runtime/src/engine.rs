//! The engine: when to lock, what to run next, what to record. Written once, for every backend.

mod change;
mod compiled;
mod explain;
mod lease;
mod lost;
mod namespace;
mod patience;
mod repair;
mod resolve;
mod state;
mod steps;
mod undo;

pub(crate) use self::compiled::{Boxed, Compiled};
use std::sync::atomic::Ordering;
use std::time::Instant;

use migrate_revision::graph::{Applied, Index};
use migrate_revision::{Direction, Goal, PlanError, Planner, Target};

use crate::backends::{Database, End, Last};
use crate::error::{Fault, root_message};
use crate::event::Events;
use crate::history::{HistoryRow, HistoryTable, UNLOCKED};
use crate::options::{Options, Planned};
use crate::record::Records;
use crate::report::{Plan, PlannedStep, Report, RevisionInfo, Status};
use crate::set::{Decoded, Migrations};
use crate::{Error, ErrorKind, Result};

/// One verb on one database.
pub(crate) struct Run<'a, D> {
    set: &'a Migrations,
    db: D,
    options: Options,
    events: Events<'a>,
    table: HistoryTable,
    /// Whether the session's lock is ours, or none is wanted and the state was read once more
    locked: bool,
    /// Who runs this, once the lock was chosen: a start with nothing to do needs no name
    name: String,
    /// A number that no other run has
    nonce: String,
    /// What this run calls itself in the rows that it writes
    owner: String,
    /// When the lease was last renewed
    renewed: Instant,
}

/// What a verb that changes the database is after.
enum Aim {
    Upgrade(Target),
    Downgrade {
        target: Target,
        /// The only steps that it may take
        planned: Option<Planned>,
    },
    Stamp {
        target: Target,
        /// Whether it forgets first where the database was
        purge: bool,
    },
}

impl Aim {
    /// What the target means in a state. A stamp takes no steps.
    fn goal(&self, planner: &Planner<'_>, applied: &Applied) -> std::result::Result<Goal, PlanError> {
        match self {
            Self::Upgrade(target) => planner.upgrade(target, applied),
            Self::Downgrade { target, .. } => planner.downgrade(target, applied),
            Self::Stamp { .. } => Ok(Goal::default()),
        }
    }

    /// The error that no way leads there. When the steps were planned one did.
    fn barred(&self, error: PlanError) -> Error {
        match self {
            Self::Downgrade { planned: Some(_), .. } => moved().with_source(error),
            _ => error.into(),
        }
    }
}

impl<'a, D: Database> Run<'a, D> {
    pub(crate) fn new(set: &'a Migrations, db: D, options: Options, events: Events<'a>) -> Self {
        let table = HistoryTable {
            schema: options.schema.clone(),
            table: options.table.clone(),
            namespace: set.namespace().to_owned(),
            variable: None,
        };
        Self {
            set,
            db,
            events,
            table,
            locked: false,
            name: String::new(),
            nonce: String::new(),
            owner: String::new(),
            renewed: Instant::now(),
            options,
        }
    }

    pub(crate) async fn upgrade(self, target: Target) -> Result<Report> {
        self.set.check_stale()?;
        self.set.admit(&target)?;
        self.change(Aim::Upgrade(target)).await
    }

    pub(crate) async fn downgrade(mut self, target: Target) -> Result<Report> {
        self.set.check_stale()?;
        self.set.admit(&target)?;
        let planned = self.options.planned.take();
        self.change(Aim::Downgrade { target, planned }).await
    }

    pub(crate) async fn stamp(self, target: Target, purge: bool) -> Result<Report> {
        self.set.check_stale()?;
        self.set.admit(&target)?;
        self.change(Aim::Stamp { target, purge }).await
    }

    pub(crate) async fn plan(mut self, target: Target, direction: Direction) -> Result<Plan> {
        self.set.admit(&target)?;
        let last = self.read_last().await?;
        let decoded = self.set.decoded()?;
        if direction == Direction::Up {
            self.check_unrecorded(decoded, &last).await?;
        }
        let mut state = self.state(last).await?;
        let aim = match direction {
            Direction::Up => Aim::Upgrade(target),
            Direction::Down => Aim::Downgrade { target, planned: None },
        };
        self.judge_ahead(&aim, &state)?;
        let from = decoded.names(state.applied.heads());
        if !state.ahead.is_empty() {
            return Ok(Plan {
                from: from.clone(),
                to: from,
                steps: Vec::new(),
                interrupted: None,
                going: None,
            });
        }
        // A run finishes what was interrupted before it does anything else.
        let mut going = None;
        if let Some(row) = &state.running {
            let (step, _) = self.resumable(decoded, row, &state)?;
            going = Some(step.direction);
            match step.direction {
                Direction::Up => state.applied.add(&decoded.graph, step.index),
                Direction::Down => state.applied.remove(&decoded.graph, step.index),
            }
        }
        let planner = self.planner(decoded);
        let steps = planner.steps(&aim.goal(&planner, &state.applied)?, &state.applied)?;
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
                sql: None,
            }
        });
        let to = steps.as_slice().last();
        Ok(Plan {
            from,
            to: to.map_or_else(|| decoded.names(state.applied.heads()), |step| decoded.names(&step.heads)),
            steps: planned.collect(),
            interrupted: state.running.map(|row| row.revision),
            going,
        })
    }

    pub(crate) async fn current(mut self) -> Result<Vec<String>> {
        match self.read_last().await? {
            Last::Row(row) if row.is_done() => Ok(row.heads),
            Last::Row(_) => {
                let rows = self.read_all().await?;
                Ok(rows.into_iter().rev().find(HistoryRow::is_done).map_or_else(Vec::new, |row| row.heads))
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
        let decoded = self.set.decoded()?;
        self.check_unrecorded(decoded, &last).await?;
        let state = self.state(last).await?;
        let info = |index: Index| RevisionInfo::new(self.set, &decoded.revisions[index]);
        let pending = decoded.graph.order().iter().copied().filter(|&index| !state.applied.contains(index));
        Ok(Status {
            heads: state.heads,
            applied: state.applied.iter().count(),
            pending: pending.map(info).collect(),
            ahead: state.ahead.iter().map(|ahead| ahead.revision.clone()).collect(),
            interrupted: state.running.map(|row| row.revision),
        })
    }

    /// Fails once the run was told to stop.
    fn go_on(&self) -> Result<()> {
        if self.options.cancelled.load(Ordering::Relaxed) {
            return Err(crate::backends::told_to_stop());
        }
        Ok(())
    }

    fn planner<'d>(&self, decoded: &'d Decoded) -> Planner<'d> {
        Planner { revisions: &decoded.revisions, graph: &decoded.graph, backend: self.db.backend() }
    }

    async fn read_end(&mut self) -> Result<End> {
        self.table.check_names(self.db.backend())?;
        self.db.read_end(&self.table).await.map_err(|fault| self.unread(fault))
    }

    async fn read_last(&mut self) -> Result<Last> {
        self.table.check_names(self.db.backend())?;
        let last = self.db.read_last(&self.table).await.map_err(|fault| self.unread(fault))?;
        if last == Last::Unreadable {
            return Err(crate::backends::unreadable().while_doing("read the history"));
        }
        Ok(last)
    }

    /// Why the history could not be read. A table of its name may be somebody else's.
    fn unread(&self, fault: Fault) -> Error {
        let text = fault.text();
        if text.contains("database is locked") || text.contains("database table is locked") {
            let hint = "wait until the other connection is done with it, or close that, and run again";
            let message = format!(
                "cannot read the history, as another connection has the database to itself: {text}\n\nhint: {hint}"
            );
            return Error::new(ErrorKind::Locked, message).with_source(fault.source);
        }
        let lacks_column = text.contains("no such column")
            || text.contains("Unknown column")
            || text.contains("column") && text.contains("does not exist");
        if !lacks_column {
            return fault.while_doing("read the history");
        }
        let message = format!(
            "table {} is no history of embed-migrations: {text}\n\nhint: name another one with `table`, or `schema`",
            self.table.name(self.db.backend())
        );
        Error::new(ErrorKind::History, message).with_source(fault.source)
    }

    async fn read_all(&mut self) -> Result<Vec<HistoryRow>> {
        self.db.read_all(&self.table).await.map_err(|fault| fault.while_doing("read the history"))
    }

    /// Makes the rows of this run.
    fn records<'b>(&'b self, decoded: &'b Decoded) -> Records<'b> {
        Records { set: self.set, decoded, backend: self.db.backend(), applied_by: &self.owner }
    }
}

/// The error of a run that would take other steps than those that were planned.
fn moved() -> Error {
    Error::new(
        ErrorKind::Moved,
        "the database was changed since its steps were planned, and others lead there now; none of those was taken\n\n\
         hint: look where it is, with `status`, and name the revision that it is to be led to",
    )
}

/// Whether steps were taken, or another process took one first.
enum Outcome {
    Done,
    Overtaken,
}

/// The program's name and process, by which rows name who wrote them.
fn program() -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = path.as_deref().and_then(std::path::Path::file_name).map(std::ffi::OsStr::to_string_lossy);
    let name: String = name.as_deref().unwrap_or("unknown").chars().take(100).collect();
    format!("{name}[{}]", std::process::id())
}

/// A number that no other run has: process ids come again, on other machines and after a restart.
pub(crate) fn nonce() -> String {
    format!("{:016x}", random())
}

fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// What a database or a revision said, for a message that goes on after it.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    root_message(error).trim_end().to_owned()
}
