//! Steps one after the other, each in a transaction of its own, by statements that are parsed once.

use migrate_revision::SectionOptions;
use rusqlite::{Connection, Statement};

use super::faults::{fault, is_no_table};
use super::lock::{BEGIN, COMMIT, blocked, is_other};
use super::{BACKEND, Sqlite, roll_back, texts, write_bound};
use crate::backends::{StepFault, Tell, Told, Work, WorkBody};
use crate::history::HistoryTable;

/// How many steps, from the first on, are no more than SQL in a transaction, behind a row that is known.
pub(super) fn plain(steps: &[Work<'_>]) -> usize {
    let is_plain = |work: &&Work<'_>| {
        let WorkBody::Sql { script, .. } = work.body else { return false };
        script.options == SectionOptions::default()
            && !script.statements.iter().any(|statement| statement.session_effect)
            && work.row.after.row().is_some()
            && work.row.in_force.is_none()
            && work.row.applied_by == steps[0].row.applied_by
    };
    steps.iter().take_while(is_plain).count()
}

/// The statements of the runtime's own around each step.
struct Kept<'c> {
    begin: Statement<'c>,
    commit: Statement<'c>,
    /// Those of the history's table, once there was a transaction in which nothing keeps them from being parsed
    rows: Option<Rows<'c>>,
}

struct Rows<'c> {
    last: Statement<'c>,
    insert: Statement<'c>,
}

impl Sqlite<'_> {
    /// Runs steps that are [`plain`], each in a transaction of its own, and tells of each that it is kept. Gives the place of
    /// the first that failed.
    pub(super) fn transact_plain(
        &self,
        table: &HistoryTable,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), (usize, StepFault)> {
        let prepare = |sql| self.connection.prepare(sql).map_err(|error| (0, fault(error).into()));
        let mut kept = Kept { begin: prepare(BEGIN)?, commit: prepare(COMMIT)?, rows: None };
        for (step, work) in steps.iter().enumerate() {
            let mut tell = |_: usize, what: Told| told(step, what);
            self.transact_kept(&mut kept, table, work, &mut tell).map_err(|fault| (step, fault))?;
            told(step, Told::Kept);
        }
        Ok(())
    }

    /// Runs one of them: the first, as of a transaction that is all of it.
    fn transact_kept<'c>(
        &'c self,
        kept: &mut Kept<'c>,
        table: &HistoryTable,
        work: &Work<'_>,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let begun = self.wait(&mut blocked(told, 0), |_| kept.begin.execute([]));
        begun.map_err(|error| self.not_begun(error))?;
        let _open = Open(self.connection);
        let rows = match &mut kept.rows {
            Some(rows) => rows,
            none => none.insert(self.parse(table, work)?),
        };
        let last = match self.patiently(|_| rows.last.query_row([], texts)) {
            Ok(last) => last,
            Err(rusqlite::Error::QueryReturnedNoRows) => return Err(StepFault::Overtaken),
            Err(error) => return Err(lost(error)),
        };
        let time = last.get(3).and_then(Option::as_deref);
        let Some(time) = time.filter(|_| !is_other(Some(&last), work.row.after.row())) else {
            return Err(StepFault::Overtaken);
        };
        told(0, Told::Begun);
        write_bound(&mut rows.insert, &work.row, time)?;
        if let WorkBody::Sql { text, script } = work.body {
            self.run_script(0, text, script, told)?;
        }
        let done = self.wait(&mut blocked(told, 0), |_| kept.commit.execute([]));
        done.map(drop).map_err(|error| self.not_committed(error))
    }

    fn parse(&self, table: &HistoryTable, work: &Work<'_>) -> Result<Rows<'_>, StepFault> {
        let prepare = |sql: &str| self.connection.prepare(sql).map_err(lost);
        Ok(Rows {
            last: prepare(&table.select_last_place(BACKEND))?,
            insert: prepare(&table.insert_bound(&work.row.applied_by))?,
        })
    }
}

/// Why the last row could not be read, which was there.
fn lost(error: rusqlite::Error) -> StepFault {
    if is_no_table(&error) { StepFault::Overtaken } else { fault(error).into() }
}

/// Rolls back on every way out, also when a listener panics.
struct Open<'c>(&'c Connection);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        roll_back(self.0);
    }
}
