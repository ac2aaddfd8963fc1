//! Sections that do not run in a transaction: statement by statement, each recorded as it is done.

use migrate_revision::{Script, ScriptStatement, StatementKind};
use tokio_postgres::error::SqlState;

use super::alone::{self, Twice, Verdict};
use super::batch::{Batch, Cells, Failed, What};
use super::index::Concurrent;
use super::reindex::Reindex;
use super::transact::{NOTE, TIMEOUTS, first, is_fatal, scope_of, step_fault};
use super::{BACKEND, Postgres, fault, is};
use crate::backends::doubt::{Doubt, TWO_WAYS};
use crate::backends::{self, StepFault, Tell, Told, Work, WorkBody};
use crate::dialect::postgres::{self as dialect, must_change_one};
use crate::dialect::progress;
use crate::error::Fault;
use crate::handed_on::again;
use crate::history::{HistoryTable, Running, quote_text};
use crate::{Error, ErrorKind};

/// A script that is run with a record of its progress.
struct Recording<'s> {
    table: &'s HistoryTable,
    running: &'s Running,
    text: &'s str,
    script: &'s Script,
    revision: &'s str,
    /// The session's settings as they were before
    settings: String,
    /// Sets the section's timeouts for the transaction of one statement, where the next may meet another session
    timeouts: Option<String>,
}

impl Postgres<'_> {
    pub(super) async fn record(
        &mut self,
        table: &HistoryTable,
        running: &Running,
        work: &Work<'_>,
        from: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let WorkBody::Sql { text, script } = work.body else {
            return Err(StepFault::Error(backends::not_recordable()));
        };
        self.check_session(work, from)?;
        told(0, Told::Begun);
        self.debts.rollback = has_transactions(script);
        self.in_part = false;
        // Another try in the same session finds what its statements have set, and sets nothing again.
        let kept = self.session_of_try.take();
        let goes_on = kept.is_some();
        let settings = match kept {
            Some(settings) => settings,
            None => {
                let scope = scope_of(std::slice::from_ref(work)).everything();
                let note = Batch::own("note the session's settings", &scope.select());
                let rows =
                    self.run(&note, &mut |_, _| {}).await.map_err(|failed| step_fault(table, &[], failed))?;
                let settings = first(&rows).unwrap_or_default().to_owned();
                self.debts.settings = scope.restore_selected(&settings);
                if let Some(path) = self.set_path("SESSION") {
                    let path = Batch::own("set the search path to the schema", &path);
                    self.run(&path, &mut |_, _| {}).await.map_err(|failed| step_fault(table, &[], failed))?;
                }
                settings
            }
        };
        let timeouts = dialect::set_timeouts(&script.options, true).filter(|_| self.debts.lock.is_none());
        let recording =
            Recording { table, running, text, script, revision: &work.row.revision, settings, timeouts };
        let mut result = self.record_statements(&recording, from, goes_on, told).await;
        let mut open = false;
        if result.is_ok() && self.debts.rollback {
            open = self.is_in_transaction().await?;
            self.debts.rollback = open;
        }
        let tried_again =
            self.debts.lock.is_some() && result.as_ref().is_err_and(|fault| self.may_try_again(fault));
        if tried_again {
            self.roll_back().await?;
            self.session_of_try = Some(recording.settings.clone());
        } else {
            self.settle().await?;
        }
        if let Err(StepFault::Statement { kept, .. }) = &mut result {
            // Of a transaction in the section that was not committed, nothing is in force.
            *kept = self.recorded(&recording).await?;
        }
        result?;
        if open {
            return Err(StepFault::Error(backends::left_transaction_open(&work.row.revision)));
        }
        let mut batch = Batch::default();
        let done = table.update_done(running, script.statements.len(), BACKEND);
        batch.push(What::Progress, &must_change_one(&done));
        self.run(&batch, &mut |_, _| {}).await.map_err(|failed| step_fault(table, &[], failed))?;
        Ok(())
    }

    /// Refuses statements outside of a transaction that need settings of a session, where each may meet another one: behind a
    /// pooler they would change another schema or wait without limit, and what was set would reach another client.
    pub(super) fn check_session(&self, work: &Work<'_>, from: usize) -> Result<(), StepFault> {
        self.check_path(work, from)?;
        if self.debts.lock.is_some() {
            return Ok(());
        }
        if self.schema.is_some() {
            return Err(needs_session(
                &work.row.revision,
                "statements meet the session whose search path is this schema",
            ));
        }
        let WorkBody::Sql { script, .. } = work.body else { return Ok(()) };
        let mut left = script.statements.iter().skip(from);
        if dialect::set_timeouts(&script.options, true).is_some() && left.any(must_be_alone) {
            return Err(needs_session(&work.row.revision, LIMITS));
        }
        Ok(())
    }

    /// Refuses what leads out of the only schema of the search path, into that of the session.
    pub(super) fn check_path(&self, work: &Work<'_>, from: usize) -> Result<(), StepFault> {
        let (Some(schema), WorkBody::Sql { text, script }) = (&self.schema, work.body) else { return Ok(()) };
        let Some(sql) = dialect::resets_path(script, text, from) else { return Ok(()) };
        Err(StepFault::Error(Error::new(
            ErrorKind::Revision,
            format!(
                "revision '{}' leaves the schema {schema:?}: {sql}\n\n\
                 hint: what follows would be in the schema of the session; `SET search_path` to what is meant, and the run puts it back",
                work.row.revision
            ),
        )))
    }

    async fn record_statements(
        &mut self,
        recording: &Recording<'_>,
        from: usize,
        goes_on: bool,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let Recording { text, script, .. } = *recording;
        let timeouts = dialect::set_timeouts(&script.options, false).filter(|_| self.debts.lock.is_some());
        if let Some(sql) = timeouts.filter(|_| !goes_on) {
            self.client.batch_execute(&sql).await.map_err(fault)?;
        }
        for (place, statement) in again(text, script, from).filter(|_| !goes_on) {
            let mut batch = Batch::default();
            let what = What::Statement { step: 0, place, start: statement.range.start };
            batch.push(what, &text[statement.range.clone()]);
            let result = self.run(&batch, &mut |_, _| {}).await;
            result.map_err(|failed| recording.fault(place, failed))?;
        }
        for (place, statement) in script.statements.iter().enumerate().skip(from) {
            let sql = &text[statement.range.clone()];
            let outside = must_be_alone(statement);
            let index = if outside { Concurrent::parse(sql) } else { None };
            let reindex = if outside { Reindex::parse(sql) } else { None };
            let resumed = place == from && !self.began;
            if let Some(index) = index {
                self.build_index(recording, place, &index, resumed, told).await?;
            } else if let Some(reindex) = reindex {
                self.build_anew(recording, place, &reindex, resumed, told).await?;
            } else if resumed && self.was_done(recording, place).await? {
                self.record_done(recording, place, told).await?;
            } else if outside || !self.run_together(recording, place, told).await? {
                self.mark(recording, place).await?;
                self.run_alone(recording, place, told).await?;
            }
        }
        Ok(())
    }

    /// Runs a statement and records it, both or neither. `false` if the statement refuses to share a transaction.
    async fn run_together(
        &mut self,
        recording: &Recording<'_>,
        place: usize,
        told: &mut Tell<'_>,
    ) -> Result<bool, StepFault> {
        let mut batch = Batch::default();
        if let Some(timeouts) = &recording.timeouts {
            batch.push(TIMEOUTS, timeouts);
        }
        recording.push_statement(&mut batch, place);
        recording.push_progress(&mut batch, place);
        match self.run(&batch, told).await {
            Ok(_) => Ok(true),
            Err(failed) if !has_transactions(recording.script) && wants_to_be_alone(&failed) => {
                if recording.timeouts.is_some() {
                    return Err(needs_session(recording.revision, LIMITS));
                }
                Ok(false)
            }
            Err(failed) => Err(recording.fault(place, failed)),
        }
    }

    async fn run_alone(
        &mut self,
        recording: &Recording<'_>,
        place: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let mut batch = Batch::default();
        recording.push_statement(&mut batch, place);
        self.in_part = false;
        if let Err(failed) = self.run(&batch, told).await {
            self.in_part =
                Twice::of(&recording.script.statements[place], recording.sql(place)) == Twice::Unknown;
            if self.in_part && failed.error.as_db_error().is_some() && !is_fatal(&failed.error) {
                return Err(recording.failed_in_part(place, fault(failed.error)));
            }
            if is_refusal(&failed.error) {
                // The statement may be edited now. Where this fails as well, what is recorded of it stays.
                let _ = self.unmark(recording, place).await;
            }
            return Err(recording.fault(place, failed));
        }
        let mut batch = Batch::default();
        recording.push_progress(&mut batch, place);
        self.run(&batch, told).await.map_err(|failed| step_fault(recording.table, &[], failed))?;
        Ok(())
    }

    /// Records of a statement that must be alone what tells afterwards whether it was done.
    async fn mark(&self, recording: &Recording<'_>, place: usize) -> Result<(), StepFault> {
        let statement = &recording.script.statements[place];
        let Some(mark) = Twice::of(statement, recording.sql(place)).mark(statement) else { return Ok(()) };
        let progress = format!("'{} ' || {mark}", progress(recording.script, place));
        let update = recording.table.update_progress_to(recording.running, place, &progress, BACKEND);
        let mut batch = Batch::default();
        recording.push_update(&mut batch, &update);
        self.run(&batch, &mut |_, _| {}).await.map_err(|failed| step_fault(recording.table, &[], failed))?;
        Ok(())
    }

    /// Takes back what was recorded of a statement that the server refused, if it tells one that is done.
    async fn unmark(&self, recording: &Recording<'_>, place: usize) -> Result<(), Failed> {
        let statement = &recording.script.statements[place];
        let sql = recording.sql(place);
        let is_marked =
            matches!(Twice::of(statement, sql), Twice::Shows(_)) && Concurrent::parse(sql).is_none();
        if !is_marked {
            return Ok(());
        }
        let progress = quote_text(&progress(recording.script, place), BACKEND);
        let update = recording.table.update_progress_to(recording.running, place, &progress, BACKEND);
        let mut batch = Batch::default();
        recording.push_update(&mut batch, &update);
        self.run(&batch, &mut |_, _| {}).await.map(drop)
    }

    /// Whether the statement was done at which another run was cut off.
    async fn was_done(&self, recording: &Recording<'_>, place: usize) -> Result<bool, StepFault> {
        let statement = &recording.script.statements[place];
        let (name, row) = (recording.table.name(BACKEND), recording.table.row(recording.running, BACKEND));
        let sql = format!("SELECT progress FROM {name} WHERE {row}");
        let rows = self.as_before(recording, &sql).await?;
        let Some((_, recorded)) = first(&rows).and_then(|progress| progress.split_once(' ')) else {
            return Ok(false);
        };
        let sql = recording.sql(place);
        let mark = Twice::of(statement, sql).mark(statement);
        let now = self.rows(&format!("SELECT {}", mark.as_deref().unwrap_or("''"))).await.map_err(fault)?;
        match alone::verdict(recorded, first(&now).unwrap_or_default()) {
            Verdict::NotDone => Ok(false),
            Verdict::Done => Ok(true),
            Verdict::Unknown => {
                let look_at = "what it changes".to_owned();
                let total = recording.script.statements.len();
                let doubt = Doubt { revision: recording.revision, place, total, sql, look_at };
                Err(StepFault::Error(doubt.error()))
            }
        }
    }

    /// Builds an index concurrently, which leaves an invalid one behind when it fails.
    async fn build_index(
        &mut self,
        recording: &Recording<'_>,
        place: usize,
        index: &Concurrent<'_>,
        resumed: bool,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let failed = |fault: Fault| recording.statement_fault(place, fault);
        let known = self.clear_index(index, resumed, failed).await?;
        if known.is_built {
            return self.record_done(recording, place, told).await;
        }
        let result = self.run_alone(recording, place, told).await;
        let invalid = match &result {
            Ok(()) => self.invalid_index(index, &known).await?,
            Err(StepFault::Statement { .. }) => {
                self.drop_unnamed(index, &known).await?;
                None
            }
            Err(_) => None,
        };
        match invalid {
            Some(name) => {
                Err(recording.statement_fault(place, Fault::new(format!("index {name} was left invalid"))))
            }
            None => result,
        }
    }

    /// Builds indexes anew concurrently, which leaves invalid ones behind when it fails.
    async fn build_anew(
        &mut self,
        recording: &Recording<'_>,
        place: usize,
        reindex: &Reindex,
        resumed: bool,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        if resumed {
            self.leftovers = self.leftovers(reindex).await;
        }
        self.drop_leftovers().await;
        let before = self.leftovers(reindex).await;
        let result = self.run_alone(recording, place, told).await;
        if matches!(result, Ok(()) | Err(StepFault::Statement { .. })) {
            let left = self.leftovers(reindex).await;
            self.leftovers.extend(left.into_iter().filter(|name| !before.contains(name)));
            self.drop_leftovers().await;
        }
        result
    }

    /// Records a statement that an earlier run did and did not get to record.
    async fn record_done(
        &mut self,
        recording: &Recording<'_>,
        place: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let mut batch = Batch::default();
        recording.push_progress(&mut batch, place);
        self.run(&batch, told).await.map_err(|failed| step_fault(recording.table, &[], failed))?;
        told(0, Told::Statements(place + 1));
        Ok(())
    }

    async fn is_in_transaction(&self) -> Result<bool, Fault> {
        match self
            .rows("SELECT pg_catalog.now() OPERATOR(pg_catalog.=) pg_catalog.statement_timestamp()")
            .await
        {
            Ok(rows) => Ok(first(&rows) != Some("t")),
            Err(error) if is(&error, &[SqlState::IN_FAILED_SQL_TRANSACTION]) => Ok(true),
            Err(error) => Err(fault(error)),
        }
    }

    /// The rows of a query of the history: whom a statement makes of the session may have no right to it.
    async fn as_before(&self, recording: &Recording<'_>, sql: &str) -> Result<Vec<Cells>, Fault> {
        let [before, after] = dialect::as_before(&quote_text(&recording.settings, BACKEND));
        let mut batch = Batch::default();
        batch.push(NOTE, &before);
        batch.push(What::Own("read the history"), sql);
        batch.push(NOTE, &after);
        let mut rows = self.run(&batch, &mut |_, _| {}).await.map_err(|failed| fault(failed.error))?;
        // The first and the last are of the two around it.
        rows.pop();
        Ok(rows.split_off(rows.len().min(1)))
    }

    /// How many statements the row says are done.
    async fn recorded(&self, recording: &Recording<'_>) -> Result<usize, Fault> {
        let rows =
            self.as_before(recording, &recording.table.select_progress(recording.running, BACKEND)).await?;
        Ok(first(&rows).and_then(|count| count.parse().ok()).unwrap_or_default())
    }
}

impl Recording<'_> {
    fn push_statement(&self, batch: &mut Batch, place: usize) {
        let range = &self.script.statements[place].range;
        batch.push(What::Statement { step: 0, place, start: range.start }, &self.text[range.clone()]);
    }

    fn push_progress(&self, batch: &mut Batch, place: usize) {
        let progress = progress(self.script, place + 1);
        let update = self.table.update_progress(self.running, place + 1, &progress, BACKEND);
        self.push_update(batch, &update);
    }

    fn sql(&self, place: usize) -> &str {
        &self.text[self.script.statements[place].range.clone()]
    }

    fn push_update(&self, batch: &mut Batch, update: &str) {
        // Whom a statement makes of the session may have no right to the history.
        let identity = self.script.statements.iter().any(|statement| statement.session_effect);
        let [before, after] = dialect::as_before(&quote_text(&self.settings, BACKEND));
        if identity {
            batch.push(NOTE, &before);
        }
        batch.push(What::Progress, &must_change_one(update));
        if identity {
            batch.push(NOTE, &after);
        }
    }

    /// The failure of a statement that commits by itself.
    fn failed_in_part(&self, place: usize, fault: Fault) -> StepFault {
        let total = self.script.statements.len();
        let message = format!(
            "statement {} of {total} of revision '{}' failed, and it commits by itself: {}\n  {}\n  what it had committed by then is in \
             force\n\nhint: look at what it changes, put it right by hand as if it were done or not begun, and say which with\n     {TWO_WAYS}",
            place + 1,
            self.revision,
            fault.text(),
            self.sql(place),
        );
        StepFault::Error(Error::new(ErrorKind::Revision, message).with_source(fault.source))
    }

    fn statement_fault(&self, place: usize, fault: Fault) -> StepFault {
        let offset = Some(self.script.statements[place].range.start);
        StepFault::Statement { step: 0, statement: place, offset, kept: place, fault }
    }

    /// What a failure means where one statement commits at a time.
    fn fault(&self, place: usize, failed: Failed) -> StepFault {
        if failed.at_commit && failed.error.as_db_error().is_some() {
            return self.statement_fault(place, fault(failed.error));
        }
        step_fault(self.table, &[], failed)
    }
}

/// What a session must be sure of that sets a section's timeouts for a statement that is alone.
const LIMITS: &str = "statements meet the session that its `lock-timeout` and `statement-timeout` are set in";

fn needs_session(revision: &str, what: &str) -> StepFault {
    StepFault::Error(Error::new(
        ErrorKind::Connection,
        format!(
            "revision '{revision}' does not run in a transaction, and only the lock of a session makes sure that its {what}\n\n\
             hint: connect past the pooler, and leave the lock as it is{}",
            if what == LIMITS { "; or take the timeouts from the marker" } else { "" }
        ),
    ))
}

/// Whether a statement can share a transaction with nothing, not even with what is set for it.
fn must_be_alone(statement: &ScriptStatement) -> bool {
    [StatementKind::OutsideTransaction, StatementKind::Transaction].contains(&statement.kind)
}

fn has_transactions(script: &Script) -> bool {
    script.statements.iter().any(|statement| statement.kind == StatementKind::Transaction)
}

/// Whether a statement failed only because it was not alone, such as a `CALL` of a procedure that commits.
fn wants_to_be_alone(failed: &Failed) -> bool {
    matches!(failed.what, Some(What::Statement { .. }))
        && is(&failed.error, &[SqlState::ACTIVE_SQL_TRANSACTION, SqlState::INVALID_TRANSACTION_TERMINATION])
}

/// Whether the server has refused a statement, so that it was not done. One that it was told to end may be.
fn is_refusal(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some() && !is_fatal(error) && !is(error, &[SqlState::QUERY_CANCELED])
}
