//! Settling by hand what an interrupted revision has done, where the database does not tell.

use migrate_revision::StatementKind;

use super::Run;
use super::state::State;
use super::steps::{Prepared, STOPPED};
use crate::backends::{Database, Last};
use crate::dialect::progress;
use crate::history::{HistoryRow, RowState, Running, TakeOver};
use crate::options::Resolution;
use crate::report::Resolved;
use crate::{Error, ErrorKind, Result};

impl<D: Database> Run<'_, D> {
    /// Records what is said of the statement at which a revision was interrupted.
    pub(crate) async fn resolve(mut self, resolution: Resolution) -> Result<Resolved> {
        self.set.check_stale()?;
        let last = self.read_last().await?;
        let result = self.resolve_prepared(resolution, last).await;
        let released = self.release().await;
        let resolved = result?;
        released?;
        Ok(resolved)
    }

    async fn resolve_prepared(&mut self, resolution: Resolution, last: Last) -> Result<Resolved> {
        // A start without anything to settle takes no lock.
        let state = self.state(last.clone()).await?;
        in_doubt(&state)?;
        self.db.prepare(&mut self.table, &last).await?;
        self.choose_lock().await?;
        let mut last = self.lock(false).await?;
        loop {
            let state = self.state(last).await?;
            let row = in_doubt(&state)?;
            if self.is_abandoned(row).await?
                && let Some(resolved) = self.settle(row, &state, resolution).await?
            {
                return Ok(resolved);
            }
            last = self.read_last().await?;
        }
    }

    /// Writes what is said into the row. Nothing if it has changed since it was read.
    async fn settle(
        &mut self,
        row: &HistoryRow,
        state: &State,
        resolution: Resolution,
    ) -> Result<Option<Resolved>> {
        let decoded = self.set.decoded()?;
        let (step, _) = self.resumable(decoded, row, state)?;
        let set = self.set;
        let revision = &decoded.revisions[step.index];
        let script = revision.script(self.db.backend(), step.direction);
        let prepared = Prepared { text: set.text(step.index, revision), step };
        let work = self.work(decoded, &prepared, state.last.clone())?;
        let total = script.map_or(1, |script| script.statements.len());
        let before = usize::try_from(row.statements_done).unwrap_or(usize::MAX);
        let done = match resolution {
            Resolution::Applied => (before + 1).min(total),
            Resolution::NotApplied => before,
        };
        let statement = script.and_then(|script| script.statements.get(before));
        if resolution == Resolution::Applied
            && statement.is_some_and(|s| s.kind == StatementKind::Transaction)
        {
            return Err(Error::new(
                ErrorKind::Plan,
                format!(
                    "statement {} of revision '{}' begins or ends a transaction of its own, and what was in that is not in force: \
                     nothing is in doubt\n\nhint: run again, which begins with that statement",
                    before + 1,
                    row.revision,
                ),
            ));
        }
        let digest = script.map_or_else(String::new, |script| progress(script, done));
        let running = Running { seq: Some(row.seq), applied_by: row.applied_by.clone() };
        let owner = format!("{}{STOPPED}", self.owner);
        let to = TakeOver {
            done: before,
            applied_by: &owner,
            row: Some(&work.row),
            settled: Some((done, &digest)),
            state: if done == total { RowState::Done } else { RowState::Running },
        };
        let taken = self.db.take_over(&self.table, &running, &to).await;
        let taken =
            taken.map_err(|fault| fault.while_doing("record what the interrupted revision has done"))?;
        Ok(taken.then(|| Resolved {
            revision: row.revision.clone(),
            statement: (before + 1).min(total),
            of: total,
            resolution,
        }))
    }
}

/// The row of the revision that was interrupted.
fn in_doubt(state: &State) -> Result<&HistoryRow> {
    state.running.as_ref().ok_or_else(|| {
        Error::new(
            ErrorKind::Interrupted,
            "nothing is in doubt: no revision was interrupted\n\nhint: `status` says where the database is",
        )
    })
}
