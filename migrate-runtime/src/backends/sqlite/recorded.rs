//! A step statement by statement, each with its record.

use migrate_revision::{Script, StatementKind};
use rusqlite::Connection;

use super::faults::{failed, fault, is_constraint};
use super::lock::blocked;
use super::{BACKEND, OpenTransaction, Sqlite};
use crate::backends::{StepFault, Tell, Told, Work, WorkBody, left_transaction_open, not_recordable};
use crate::dialect::progress;
use crate::handed_on::again;
use crate::history::{HistoryTable, Running};

impl Sqlite<'_> {
    /// Runs the body of a running row from a statement on.
    pub(super) fn record(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        work: &Work<'_>,
        from: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let WorkBody::Sql { text, script } = work.body else {
            return Err(StepFault::Error(not_recordable()));
        };
        let patience = self.patience;
        if let Some(timeout) = script.options.lock_timeout {
            self.patience = timeout;
        }
        let result = self.record_script(table, running, (&work.row.revision, text, script), from, told);
        self.patience = patience;
        result
    }

    fn record_script(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        (revision, text, script): (&str, &str, &Script),
        from: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let open = OpenTransaction(self);
        let sqlite = &mut *open.0;
        told(0, Told::Begun);
        sqlite.note_settings(script);
        for (place, statement) in again(text, script, from) {
            sqlite
                .run(&text[statement.range.clone()], &script.options)
                .map_err(|fault| failed(0, place, statement, from, fault))?;
        }
        // The place up to which the record is committed: within the section's own transactions it is behind.
        let mut kept = from;
        for (place, statement) in script.statements.iter().enumerate().skip(from) {
            let sql = &text[statement.range.clone()];
            let update = table.update_progress(running, place + 1, &progress(script, place + 1), BACKEND);
            let fail = |fault| failed(0, place, statement, kept, fault);
            // What may be in a transaction shares one with its progress, and is then never done twice.
            let together = sqlite.connection.is_autocommit()
                && !matches!(statement.kind, StatementKind::OutsideTransaction | StatementKind::Transaction);
            if together {
                let begin = |connection: &Connection| connection.execute_batch("BEGIN IMMEDIATE");
                sqlite.wait(&mut blocked(told, 0), begin).map_err(|error| sqlite.blocked(error))?;
            }
            // The end of the section's own transaction commits its own record: there is nothing to commit twice.
            if statement.kind == StatementKind::Transaction && !sqlite.connection.is_autocommit() {
                sqlite.execute(&update).map_err(fault)?;
            }
            sqlite.run(sql, &script.options).map_err(fail)?;
            let update = |connection: &Connection| connection.execute(&update, []);
            let changed = sqlite.wait(&mut blocked(told, 0), update).map_err(fault)?;
            if changed != 1 {
                return Err(StepFault::Overtaken);
            }
            if together {
                sqlite.try_commit(told, 0).map_err(|error| match is_constraint(&error) {
                    true => failed(0, place, statement, kept, fault(error)),
                    false => sqlite.blocked(error),
                })?;
            }
            if sqlite.connection.is_autocommit() {
                kept = place + 1;
            }
            told(0, Told::Statements(place + 1));
        }
        if !sqlite.connection.is_autocommit() {
            return Err(StepFault::Error(left_transaction_open(revision)));
        }
        let done = table.update_done(running, script.statements.len(), BACKEND);
        let done = |connection: &Connection| connection.execute(&done, []);
        let changed = sqlite.wait(&mut blocked(told, 0), done).map_err(fault)?;
        sqlite.restore_settings()?;
        if changed == 1 { Ok(()) } else { Err(StepFault::Overtaken) }
    }
}
