//! Steps in one transaction: as one message where that can be, else between BEGIN and COMMIT.

use std::collections::VecDeque;
use std::time::Duration;

use migrate_revision::{SectionOptions, StatementKind};
use tokio_postgres::error::{Severity, SqlState};

use super::batch::{Answers, Batch, Cells, Failed, What};
use super::blockers::LET_BY;
use super::prepared::{Prepared, WORTH};
use super::{BACKEND, MADE_MEANWHILE, Postgres, fault, is};
use crate::backends::{Database as _, Last, StepFault, Tell, Told, Work, WorkBody};
use crate::db::{self, Db};
use crate::dialect::postgres::{self as dialect, Scope};
use crate::error::Fault;
use crate::history::{HistoryRow, HistoryTable, NewRow};
use crate::{Error, ErrorKind};

pub(super) const NOTE: What = What::Own("note the session's settings");

pub(super) const TIMEOUTS: What = What::Own("set the section's timeouts");

pub(super) const PATH: What = What::Own("set the search path to the schema");

/// How many messages, and how many bytes of them, may be on the way without an answer.
const MAX_SENT: usize = 128;
const MAX_SENT_BYTES: usize = 4 << 20;

/// How many transactions in a row may be given up by the server before its error is shown.
const MAX_GIVEN_UP: u32 = 10;

impl Postgres<'_> {
    pub(super) async fn transact_steps(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        steps.iter().try_for_each(|work| self.check_path(work, 0))?;
        let scope = scope_of(steps);
        if steps.iter().any(|work| needs_begin(&work.body)) {
            let result = self.begin_and_commit(table, create, steps, &scope, told).await;
            if let Err(fault) = result {
                self.settle().await?;
                return Err(self.unless_committed(table, steps, fault).await);
            }
        } else {
            let batch = self.message(table, create, steps, &scope, steps.len() >= WORTH);
            let result = self.run(&batch, told).await;
            result.map_err(|failed| self.transaction_fault(table, steps, failed))?;
        }
        self.lacks_schema = false;
        self.given_up = 0;
        Ok(())
    }

    /// Steps in transactions of their own. Their messages are sent ahead of the answers: the guard of each row keeps a step
    /// from running whose predecessor failed.
    pub(super) async fn transact_steps_each(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), (usize, StepFault)> {
        let mut place = 0;
        while let Some(rest) = steps.get(place..).filter(|rest| !rest.is_empty()) {
            let create = create && place == 0;
            let messages = rest.iter().take_while(|work| !needs_begin(&work.body)).count();
            let mut tell = |step: usize, what: Told| told(place + step, what);
            if messages == 0 {
                let done = self.transact_steps(table, create, &rest[..1], &mut tell).await;
                done.map_err(|fault| (place, fault))?;
                told(place, Told::Kept);
                place += 1;
            } else {
                let done = self.pipeline(table, create, &rest[..messages], &mut tell).await;
                done.map_err(|(step, fault)| (place + step, fault))?;
                place += messages;
            }
        }
        Ok(())
    }

    async fn pipeline(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), (usize, StepFault)> {
        // A pooler that has passed on several messages takes the session for free after the first answer: if this process
        // is killed then, the next client gets the other answers.
        let most = if self.debts.lease.is_some() { 1 } else { MAX_SENT };
        let mut sent: VecDeque<(Batch, Answers)> = VecDeque::new();
        let mut bytes = 0;
        let mut next = 0;
        let mut failed: Option<(usize, StepFault)> = None;
        let many = steps.len() >= WORTH;
        for (place, step) in steps.iter().enumerate() {
            while failed.is_none() && next < steps.len() && sent.len() < most && bytes < MAX_SENT_BYTES {
                let one = &steps[next..=next];
                if let Err(fault) = self.check_path(&steps[next], 0) {
                    if sent.is_empty() {
                        return Err((place, fault));
                    }
                    break;
                }
                let batch = self.message(table, create && next == 0, one, &scope_of(one), many);
                match batch.send(self.client, &self.signature).await {
                    Ok(answers) => {
                        bytes += batch.len();
                        sent.push_back((batch, answers));
                        next += 1;
                    }
                    Err(error) if sent.is_empty() => return Err((place, fault(error).into())),
                    // The connection is gone; what was sent has the answers that it had.
                    Err(_) => break,
                }
            }
            let Some((batch, answers)) = sent.pop_front() else { break };
            bytes -= batch.len();
            let mut tell = |_: usize, what: Told| told(place, what);
            match batch.read(answers, &self.signature, self.encoding, &mut tell).await {
                Ok(_) => {
                    told(place, Told::Kept);
                    self.lacks_schema = false;
                    self.given_up = 0;
                }
                // Those behind it fail for its sake, or another process took its place.
                Err(error) if failed.is_none() => {
                    let one = std::slice::from_ref(step);
                    failed = Some((place, self.transaction_fault(table, one, error)));
                }
                Err(_) => {}
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// All of the steps as one message, which the server makes one transaction. It may be one of `many`.
    fn message(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        scope: &Scope,
        many: bool,
    ) -> Batch {
        let mut batch = Batch::default();
        let changes = steps.iter().any(|work| !matches!(work.body, WorkBody::Nothing));
        // Behind a pooler each message may meet another session, with other settings.
        let noted = self.noted.as_ref().filter(|_| self.debts.lock.is_some() && scope.is_narrow());
        if changes && noted.is_none() {
            batch.push(NOTE, &scope.keep());
        }
        if create {
            self.push_create(&mut batch, table);
        }
        let kept = match (noted, steps.first()) {
            (Some(noted), Some(first)) if many => {
                self.prepared.keep(&mut batch, table, noted, &first.row.applied_by)
            }
            _ => None,
        };
        let behind = steps.get(1..).filter(|rest| changes && !rest.is_empty());
        let behind: Vec<&NewRow> = behind.unwrap_or_default().iter().map(|work| &work.row).collect();
        let behind = table.insert_many_behind(&behind);
        let path = self.set_path("LOCAL");
        for (step, work) in steps.iter().enumerate() {
            push_all(&mut batch, PATH, path.as_slice());
            if step == 0 || behind.is_none() {
                let row = kept.as_ref().and_then(|kept| kept.row(&work.row));
                let row = row.unwrap_or_else(|| table.insert(&work.row, true, BACKEND));
                batch.push(What::Row(step), &row);
            }
            if let Some(rows) = behind.as_ref().filter(|_| step == 0) {
                batch.push(What::RowsBehind, rows);
            }
            match (noted, &work.body) {
                (Some(noted), WorkBody::Sql { script, .. }) => {
                    let timeouts = noted.set_timeouts(&script.options, self.patience, steps.len() > 1);
                    push_all(&mut batch, TIMEOUTS, &timeouts);
                }
                _ => push_timeouts(&mut batch, &work.body, self.patience),
            }
            push_statements(&mut batch, step, &work.body);
            match (&kept, noted) {
                _ if !changes => {}
                (Some(kept), _) => batch.push(What::Restore(step), &kept.look()),
                (None, Some(noted)) => batch.push(What::Restore(step), &noted.restore()),
                (None, None) => push_all(&mut batch, What::Restore(step), &scope.restore_kept()),
            }
            push_look(&mut batch, table, work);
        }
        batch
    }

    async fn begin_and_commit(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        scope: &Scope,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        self.debts.rollback = true;
        let mut batch = Batch::default();
        batch.push(What::Own("begin a transaction"), "BEGIN");
        batch.push(NOTE, &scope.select());
        let rows = self.send(&mut batch, table, steps, told).await?;
        let restore = scope.restore_selected(first(&rows).unwrap_or_default());
        if steps.iter().any(|work| matches!(work.body, WorkBody::Rust { .. })) {
            // What a function does after a COMMIT of its own is not rolled back.
            self.debts.settings.clone_from(&restore);
        }
        if create {
            self.push_create(&mut batch, table);
        }
        let path = self.set_path("LOCAL");
        for (step, work) in steps.iter().enumerate() {
            push_all(&mut batch, PATH, path.as_slice());
            batch.push(What::Row(step), &table.insert(&work.row, true, BACKEND));
            match work.body {
                WorkBody::Nothing => {}
                WorkBody::Sql { .. } => {
                    push_timeouts(&mut batch, &work.body, self.patience);
                    push_statements(&mut batch, step, &work.body);
                }
                WorkBody::Rust { run, data, .. } => {
                    push_timeouts(&mut batch, &work.body, self.patience);
                    batch.push(What::Own("note the transaction"), "SELECT pg_catalog.txid_current()");
                    // What was sent with it may have rows of its own.
                    let rows = self.send(&mut batch, table, steps, told).await?;
                    let transaction = rows.last().and_then(|row| row.first()).and_then(Option::as_deref);
                    let mut db = Db { connection: db::Connection::Postgres(self.client), data };
                    run(&mut db).await.map_err(|error| StepFault::Rust { step, error })?;
                    self.check_transaction(step, &work.row.revision, transaction).await?;
                }
            }
            push_all(&mut batch, What::Restore(step), &restore);
            push_look(&mut batch, table, work);
        }
        self.send(&mut batch, table, steps, told).await?;
        batch.push(What::Commit, "COMMIT");
        self.send(&mut batch, table, steps, told).await?;
        self.debts.rollback = false;
        self.debts.settings.clear();
        Ok(())
    }

    /// Sends what is in a batch and empties it.
    async fn send(
        &mut self,
        batch: &mut Batch,
        table: &HistoryTable,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<Vec<Cells>, StepFault> {
        let batch = std::mem::take(batch);
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let result = self.run(&batch, told).await;
        result.map_err(|failed| self.transaction_fault(table, steps, failed))
    }

    /// A function must leave the transaction as it was.
    async fn check_transaction(
        &self,
        step: usize,
        revision: &str,
        transaction: Option<&str>,
    ) -> Result<(), StepFault> {
        match self.rows("SELECT pg_catalog.txid_current_if_assigned()").await {
            Ok(rows) if first(&rows) == transaction => Ok(()),
            Ok(_) => Err(StepFault::Error(ended_transaction(revision))),
            Err(error) if is(&error, &[SqlState::IN_FAILED_SQL_TRANSACTION]) => {
                let what = "one of its statements failed, which ends the transaction, and it went on";
                Err(StepFault::Rust { step, error: Error::new(ErrorKind::Revision, what) })
            }
            Err(error) => Err(fault(error).into()),
        }
    }

    /// A function that failed after it had committed the transaction by itself has its row in the history.
    async fn unless_committed(
        &mut self,
        table: &HistoryTable,
        steps: &[Work<'_>],
        fault: StepFault,
    ) -> StepFault {
        let StepFault::Rust { step, .. } = fault else { return fault };
        let row = &steps[step].row;
        let is_written = |last: &HistoryRow| {
            row.seq().is_some_and(|seq| last.seq >= seq) && last.applied_by == row.applied_by
        };
        match self.read_last(table).await {
            Ok(Last::Row(last)) if is_written(&last) => match fault {
                StepFault::Rust { error, .. } => {
                    StepFault::Error(ended_transaction(&row.revision).with_source(error))
                }
                fault => fault,
            },
            _ => fault,
        }
    }

    /// What the failure of a transaction means. One that the server gave up for the sake of others is tried again.
    pub(super) fn transaction_fault(
        &mut self,
        table: &HistoryTable,
        steps: &[Work<'_>],
        failed: Failed,
    ) -> StepFault {
        if is(&failed.error, &LET_BY) && self.given_up < MAX_GIVEN_UP {
            self.given_up += 1;
            return StepFault::Overtaken;
        }
        // What was kept is gone, or the name was another's: nothing of the step was kept, and it does without.
        let lost = [SqlState::INVALID_SQL_STATEMENT_NAME, SqlState::DUPLICATE_PSTATEMENT];
        let ours = matches!(failed.what, Some(What::Prepare | What::Row(_) | What::Restore(_)));
        if ours && is(&failed.error, &lost) && self.prepared.names().is_some() {
            self.prepared = Prepared::Lost;
            return StepFault::Overtaken;
        }
        step_fault(table, steps, failed)
    }
}

/// What a failure means.
pub(super) fn step_fault(table: &HistoryTable, steps: &[Work<'_>], failed: Failed) -> StepFault {
    let Failed { what, offset, at_commit, error } = failed;
    if error.as_db_error().is_none() || is_fatal(&error) {
        return fault(error).into();
    }
    if at_commit {
        return StepFault::Error(commit_refused(steps, fault(error)));
    }
    match what {
        Some(What::Row(_) | What::RowsBehind) if is_of_another(&error, table) => StepFault::Overtaken,
        Some(What::Create) if is(&error, &MADE_MEANWHILE) => StepFault::Overtaken,
        Some(What::Progress) if is(&error, &[SqlState::DIVISION_BY_ZERO]) => StepFault::Overtaken,
        Some(What::Commit) => StepFault::Error(commit_refused(steps, fault(error))),
        Some(What::Statement { step, place, .. }) => {
            StepFault::Statement { step, statement: place, offset, kept: 0, fault: fault(error) }
        }
        Some(What::Restore(step)) => StepFault::Error(not_restored(steps.get(step), fault(error))),
        Some(What::Own(doing)) => StepFault::Error(fault(error).while_doing(doing)),
        Some(What::Row(_) | What::RowsBehind | What::Create | What::Prepare | What::Progress) | None => {
            fault(error).into()
        }
    }
}

/// Whether the server ended the session, which no statement is to blame for.
pub(super) fn is_fatal(error: &tokio_postgres::Error) -> bool {
    let severity = error.as_db_error().and_then(tokio_postgres::error::DbError::parsed_severity);
    matches!(severity, Some(Severity::Fatal | Severity::Panic))
}

/// Whether a row could not be written because another has its number, or because the one before it is not there.
fn is_of_another(error: &tokio_postgres::Error, table: &HistoryTable) -> bool {
    let Some(db) = error.as_db_error() else { return false };
    let ours = db.table() == Some(&table.table)
        && (table.schema.is_none() || db.schema() == table.schema.as_deref());
    ours && (*db.code() == SqlState::UNIQUE_VIOLATION
        || *db.code() == SqlState::NOT_NULL_VIOLATION && db.column() == Some("seq"))
}

fn not_restored(step: Option<&Work<'_>>, fault: Fault) -> Error {
    let message = format!(
        "the session's settings could not be put back after revision '{}': {}\n  nothing of it was kept\n\n\
         hint: a `RESET ALL` in a function or a `DO` loses what was noted of them, and some settings cannot be changed \
         twice; `SET LOCAL` ends with the transaction",
        step.map_or("", |work| &work.row.revision),
        crate::error::root_message(&*fault.source).trim_end(),
    );
    Error::new(ErrorKind::Revision, message).with_source(fault.source)
}

fn ended_transaction(revision: &str) -> Error {
    Error::new(
        ErrorKind::Revision,
        format!(
            "revision '{revision}' ended the transaction that it runs in: if it committed, what it had done by then is in \
             force, and so is its row in the history\n\n\
             hint: leave the transaction to the run; undo by hand what is half done"
        ),
    )
}

fn commit_refused(steps: &[Work<'_>], fault: Fault) -> Error {
    let revisions: Vec<String> = steps.iter().map(|work| format!("'{}'", work.row.revision)).collect();
    let message = format!(
        "revision {} failed when it was committed: {}\n  all of its statements had succeeded; nothing of it was kept\n\n\
         hint: a deferred constraint is checked at the commit; \
         `SET CONSTRAINTS ALL IMMEDIATE` in the section shows where it is broken",
        revisions.join(", "),
        crate::error::root_message(&*fault.source).trim_end(),
    );
    Error::new(ErrorKind::Revision, message).with_source(fault.source)
}

/// What some steps may change of the session.
pub(super) fn scope_of(steps: &[Work<'_>]) -> Scope {
    steps.iter().fold(Scope::default(), |scope, work| match work.body {
        WorkBody::Nothing => scope,
        WorkBody::Rust { .. } => scope.everything(),
        // The runtime limits how long each waits for locks.
        WorkBody::Sql { text, script } => scope.and(text, script).with_timeouts(),
    })
}

/// Looks, as whoever the session is again, whether the history is still there.
fn push_look(batch: &mut Batch, table: &HistoryTable, work: &Work<'_>) {
    if let Some(seq) = work.row.seq().filter(|_| drops_schema(&work.body)) {
        let table = table.name(BACKEND);
        batch.push(
            What::Own(FIND_ROW),
            &format!("SELECT 1 / pg_catalog.count(*) FROM {table} WHERE seq = {seq}"),
        );
    }
}

const FIND_ROW: &str = "find the history again, which the revision took away with its schema";

/// Whether a body drops a schema, and the history with it if it is there.
fn drops_schema(body: &WorkBody<'_>) -> bool {
    let WorkBody::Sql { text, script } = body else { return false };
    script.statements.iter().any(|statement| {
        let mut words = text[statement.range.clone()].split_ascii_whitespace();
        let mut is = |word: &str| words.next().is_some_and(|next| next.eq_ignore_ascii_case(word));
        is("drop") && is("schema")
    })
}

/// Whether a body cannot be a part of one message.
fn needs_begin(body: &WorkBody<'_>) -> bool {
    match body {
        WorkBody::Nothing => false,
        WorkBody::Rust { .. } => true,
        WorkBody::Sql { text, script } => {
            dialect::resets_all(script, text)
                || script.statements.iter().any(|statement| statement.kind == StatementKind::Savepoint)
        }
    }
}

fn push_timeouts(batch: &mut Batch, body: &WorkBody<'_>, patience: Duration) {
    let options = match body {
        WorkBody::Nothing => return,
        WorkBody::Sql { script, .. } => script.options,
        WorkBody::Rust { .. } => SectionOptions::default(),
    };
    if options.lock_timeout.is_none() && patience > Duration::ZERO {
        batch.push(TIMEOUTS, &dialect::set_patience(patience));
    }
    if let Some(sql) = dialect::set_timeouts(&options, true) {
        batch.push(TIMEOUTS, &sql);
    }
}

fn push_statements(batch: &mut Batch, step: usize, body: &WorkBody<'_>) {
    if let WorkBody::Sql { text, script } = body {
        for (place, statement) in script.statements.iter().enumerate() {
            let what = What::Statement { step, place, start: statement.range.start };
            batch.push(what, &text[statement.range.clone()]);
        }
    }
}

fn push_all(batch: &mut Batch, what: What, statements: &[String]) {
    for sql in statements {
        batch.push(what, sql);
    }
}

pub(super) fn first(rows: &[Cells]) -> Option<&str> {
    rows.first().and_then(|row| row.first()).and_then(Option::as_deref)
}
