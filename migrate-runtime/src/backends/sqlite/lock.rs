//! The write lock, for which a transaction waits before it does anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::faults::{commit_refused, fault, is_busy, is_constraint, is_no_table, still_locked};
use super::{BACKEND, Sqlite, roll_back};
use crate::backends::{StepFault, Tell, Told, told_to_stop};
use crate::history::{HistoryTable, NewRow};

/// How long SQLite itself waits for a lock on a connection that is the run's own.
pub(super) const USUAL_WAIT: Duration = Duration::from_secs(5);

/// How long it waits where the run looks in between whether it is told to stop.
const SHORT_WAIT: Duration = Duration::from_millis(50);

/// When it is first told of that a lock is waited for, and how seldom it may be told of.
const FIRST_TOLD: Duration = Duration::from_millis(100);
const SELDOM_TOLD: Duration = Duration::from_secs(2);

/// Begins a transaction with the write lock.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";
pub(super) const COMMIT: &str = "COMMIT";

/// How far a wait has come.
struct Wait {
    start: Instant,
    /// How long to sleep before the next call
    pause: Duration,
    /// After how long it is told of again
    next: Duration,
    gap: Duration,
}

impl Sqlite<'_> {
    /// Gives up waiting for another connection's lock once this is set. The connection is one that [`connect`](super::connect) made.
    pub(crate) fn until(self, stop: &Arc<AtomicBool>) -> Self {
        Self { stop: Some(Arc::clone(stop)), ..self }
    }

    fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// As [`wait`](Self::wait), where it is not for a step to tell of.
    pub(super) fn patiently<T>(
        &self,
        call: impl FnMut(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.wait(&mut |_| {}, call)
    }

    /// Runs a statement and says how many rows it changed.
    pub(super) fn execute(&self, sql: &str) -> rusqlite::Result<usize> {
        self.patiently(|connection| connection.execute(sql, []))
    }

    /// Calls until the database is not busy, patience ends, or the run is told to stop, and tells how long it has waited.
    /// The busy handler of a caller's connection stays as it is.
    pub(super) fn wait<T>(
        &self,
        tell: &mut dyn FnMut(Duration),
        mut call: impl FnMut(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut wait = Wait {
            start: Instant::now(),
            pause: Duration::from_millis(1),
            next: FIRST_TOLD,
            gap: FIRST_TOLD,
        };
        loop {
            let result = if self.stop.is_some() {
                self.connection.busy_timeout(SHORT_WAIT)?;
                let result = call(self.connection);
                self.connection.busy_timeout(USUAL_WAIT)?;
                result
            } else {
                call(self.connection)
            };
            match result {
                Err(error) if self.waits_on(&mut wait, &error, tell) => {}
                result => return result,
            }
        }
    }

    /// Whether it is worth another call after an error; has waited until then.
    fn waits_on(&self, wait: &mut Wait, error: &rusqlite::Error, tell: &mut dyn FnMut(Duration)) -> bool {
        let waited = wait.start.elapsed();
        if !is_busy(error) || waited >= self.patience || self.is_stopped() {
            return false;
        }
        if waited >= wait.next {
            tell(waited);
            wait.next = waited + wait.gap;
            wait.gap = (wait.gap * 2).min(SELDOM_TOLD);
        }
        std::thread::sleep(wait.pause);
        wait.pause = (wait.pause * 2).min(Duration::from_millis(50));
        true
    }

    /// Begins the transaction that writes row n+1, once the last row is seen to be n.
    pub(super) fn begin(
        &mut self,
        table: &HistoryTable,
        create: bool,
        row: &NewRow,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let begun = self.wait(&mut blocked(told, 0), |connection| connection.execute_batch(BEGIN));
        begun.map_err(|error| self.not_begun(error))?;
        let overtaken = match self.rows(&table.select_last_place(BACKEND)) {
            Ok(rows) => is_other(rows.first(), row.after.row()),
            Err(error) if is_no_table(&error) => row.after.row().is_some(),
            Err(error) => {
                roll_back(self.connection);
                return Err(fault(error).into());
            }
        };
        if overtaken {
            roll_back(self.connection);
            return Err(StepFault::Overtaken);
        }
        if create && let Err(error) = self.connection.execute_batch(&table.create(BACKEND)) {
            roll_back(self.connection);
            return Err(fault(error).into());
        }
        Ok(())
    }

    pub(super) fn commit(&self, told: &mut Tell<'_>, step: usize) -> Result<(), StepFault> {
        self.try_commit(told, step).map_err(|error| self.not_committed(error))
    }

    pub(super) fn try_commit(&self, told: &mut Tell<'_>, step: usize) -> rusqlite::Result<()> {
        self.wait(&mut blocked(told, step), |connection| connection.execute_batch(COMMIT))
    }

    /// Why a transaction of whole steps could not end.
    pub(super) fn not_committed(&self, error: rusqlite::Error) -> StepFault {
        if is_constraint(&error) { StepFault::Error(commit_refused(error)) } else { self.blocked(error) }
    }

    /// Why a transaction could not begin.
    pub(super) fn not_begun(&self, error: rusqlite::Error) -> StepFault {
        if is_busy(&error) && !self.is_stopped() {
            StepFault::Error(still_locked(self.patience, error))
        } else {
            self.blocked(error)
        }
    }

    /// Why a transaction could not begin or end.
    pub(super) fn blocked(&self, error: rusqlite::Error) -> StepFault {
        if is_busy(&error) && self.is_stopped() {
            return StepFault::Error(told_to_stop().with_source(error));
        }
        fault(error).into()
    }
}

/// Tells of a step that it waits.
pub(super) fn blocked(told: &mut Tell<'_>, step: usize) -> impl FnMut(Duration) {
    move |waited| told(step, Told::Blocked(waited))
}

/// Whether the last row, if there is one, is another than the one that is expected, or is not done.
pub(super) fn is_other(last: Option<&Vec<Option<String>>>, expected: Option<(i64, &str)>) -> bool {
    let Some([Some(seq), Some(digest), Some(state), ..]) = last.map(Vec::as_slice) else {
        return expected.is_some();
    };
    state == "running" || seq.parse().ok().map(|seq| (seq, digest.as_str())) != expected
}
