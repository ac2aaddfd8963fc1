//! Undoing what a newer binary did, from what it left on record.

// What is `#[inline]` is compiled by the programs that undo, and not by every other with the runtime.

use std::time::Instant;

use migrate_revision::{Direction, Script};

use super::explain::shortened;
use super::lost::lost;
use super::steps::Course;
use super::{Outcome, Run};
use crate::backends::{Database, Last, Own, StepFault, Work, WorkBody};
use crate::down_sql::{self, Unreadable};
use crate::error::Failure;
use crate::event::{Event, StepInfo};
use crate::history::{Action, HistoryRow, NewRow, RowState, Running, TakeOver, UNLOCKED, join_heads};
use crate::report::{DoneStep, Plan, PlannedStep, Report};
use crate::set::Decoded;
use crate::{Error, ErrorKind, Result};

/// How the steps are called whose revisions this binary does not know.
const MESSAGE: &str = "(from the record)";

/// What a newer binary left, held against this set.
struct Record {
    /// The last row that is not under way: its number and digest
    last: Option<(i64, String)>,
    /// The heads in force
    heads: Vec<String>,
    /// What is to be undone, in that order
    steps: Vec<Undo>,
    /// The first of them, half undone
    running: Option<HistoryRow>,
}

/// A revision to be undone.
struct Undo {
    /// The row of its upgrade
    row: HistoryRow,
    text: String,
    script: Script,
    /// The heads and the digest once it is undone
    heads: String,
    digest: String,
}

impl<D: Database> Run<'_, D> {
    pub(crate) async fn plan_undo_unknown(mut self) -> Result<Plan> {
        let last = self.read_last().await?;
        let record = self.what_to_undo(last).await?;
        let to = record.steps.last().map_or(record.heads.clone(), |undo| split(&undo.heads));
        let backend = self.db.backend();
        let steps = record.steps.into_iter().map(|undo| PlannedStep {
            revision: undo.row.revision,
            message: MESSAGE.to_owned(),
            file: String::new(),
            direction: Direction::Down,
            statements: undo.script.statements.len(),
            transactional: undo.script.is_transactional(backend),
            sql: Some(undo.text),
        });
        let interrupted = record.running.map(|row| row.revision);
        Ok(Plan { from: record.heads, to, steps: steps.collect(), interrupted, going: None })
    }

    pub(crate) async fn undo_unknown(mut self) -> Result<Report> {
        self.set.check_stale()?;
        let last = self.read_last().await?;
        let result = self.undo_prepared(last).await;
        let released = self.release().await;
        let report = result?;
        released?;
        Ok(report)
    }

    async fn undo_prepared(&mut self, mut last: Last) -> Result<Report> {
        self.db.prepare(&mut self.table, &last).await?;
        self.choose_lock().await?;
        let start = Instant::now();
        let mut from = None;
        let mut done = Vec::new();
        loop {
            let record = self.what_to_undo(last).await?;
            let from = from.get_or_insert_with(|| record.heads.clone()).clone();
            if record.steps.is_empty() {
                let ahead = Vec::new();
                return Ok(Report { from, to: record.heads, steps: done, ahead, took: start.elapsed() });
            }
            if self.locked && self.keep_lease().await? {
                if let Outcome::Overtaken = self.undo_one(&record, &mut done).await? {
                    self.events.emit(&Event::Overtaken);
                }
                last = self.read_last().await?;
            } else {
                self.events.emit(&Event::Planned { steps: record.steps.len() });
                last = self.lock(false).await?;
            }
        }
    }

    /// What is to be undone, by the rows of the history.
    async fn what_to_undo(&mut self, last: Last) -> Result<Record> {
        let decoded = self.set.decoded()?;
        let mut record = Record { last: None, heads: Vec::new(), steps: Vec::new(), running: None };
        let Last::Row(_) = last else { return Ok(record) };
        let mut rows = self.read_all().await?;
        if rows.last().is_some_and(|row| row.state == RowState::Running) {
            record.running = rows.pop();
        }
        record.last = rows.last().map(|row| (row.seq, row.digest.clone()));
        rows.retain(HistoryRow::is_done);
        record.heads = rows.last().map_or_else(Vec::new, |row| row.heads.clone());
        let (base, stack) = above(&rows, decoded)?;
        if let Some(running) = &record.running {
            let top = stack.last().is_some_and(|row| row.revision == running.revision);
            if !top || running.action != Action::Down {
                return Err(half_done(running, decoded));
            }
        }
        if let Some(known) = stack.iter().find(|row| decoded.index_of(&row.revision).is_some()) {
            return Err(applied_since(&known.revision));
        }
        if let (None, Some(row)) = (base, stack.first()) {
            return Err(nothing_shared(&row.revision));
        }
        let mut below = match base {
            Some(row) if self.known(decoded, row).is_none() => {
                return Err(edited(&row.revision));
            }
            Some(row) => (row.joined_heads(), row.digest.clone()),
            // There is nothing to undo.
            None => (String::new(), String::new()),
        };
        for row in stack {
            let (text, script) = self.recorded_script(row).await?;
            let (heads, digest) = below;
            below = (join_heads(row.heads.iter().map(String::as_str)), row.digest.clone());
            record.steps.push(Undo { row: row.clone(), text, script, heads, digest });
        }
        record.steps.reverse();
        Ok(record)
    }

    async fn recorded_script(&mut self, row: &HistoryRow) -> Result<(String, Script)> {
        let select = self.table.select_down_sql(row.seq, self.db.backend());
        let found = self.db.own(&select).await.map_err(|fault| fault.while_doing("read the history"))?;
        let text = match found {
            Own::Done { rows, .. } => {
                rows.into_iter().next().and_then(|row| row.into_iter().next().flatten())
            }
            _ => None,
        };
        let Some(text) = text else {
            let why = "it is irreversible, or written in Rust, and left no text that undoes it";
            return Err(refused(&row.revision, why));
        };
        match down_sql::read(&text) {
            Ok(script) => Ok((text, script)),
            Err(Unreadable::Later) => {
                Err(refused(&row.revision, "a later version of embed-migrations recorded it"))
            }
            Err(Unreadable::Unsplit) => {
                Err(refused(&row.revision, "the statements of the text that undoes it cannot be told apart"))
            }
        }
    }

    /// Undoes the first of the steps.
    async fn undo_one(&mut self, record: &Record, done: &mut Vec<DoneStep>) -> Result<Outcome> {
        let Some(undo) = record.steps.first() else { return Ok(Outcome::Done) };
        let total = undo.script.statements.len();
        let row = NewRow {
            after: record.last.clone().into(),
            revision: undo.row.revision.clone(),
            action: Action::Down,
            heads: undo.heads.clone(),
            digest: undo.digest.clone(),
            checksum: undo.row.checksum.clone(),
            compatible: undo.row.compatible,
            statements: total,
            down_sql: None,
            in_force: None,
            applied_by: self.owner.clone(),
        };
        let body = if total == 0 {
            WorkBody::Nothing
        } else {
            WorkBody::Sql { text: &undo.text, script: &undo.script }
        };
        let work = [Work { row, body }];
        let transactional = undo.script.is_transactional(self.db.backend()) || total == 0;
        let step = StepInfo {
            revision: &undo.row.revision,
            message: MESSAGE,
            direction: Direction::Down,
            number: done.len() + 1,
            of: done.len() + record.steps.len(),
        };
        let infos = [step];
        let resumed = match &record.running {
            Some(running) => match self.take_undoing(running, &work[0]).await? {
                Some(from) => Some(from),
                None => return Ok(Outcome::Overtaken),
            },
            None => None,
        };
        let mut course = Course::new(&work, &infos, done);
        let result = match resumed {
            Some((running, from)) => self.record(&mut course, &running, from).await,
            None if transactional => self.take_together(&mut course, false).await.map_err(|(_, fault)| fault),
            None => self.take_recorded(&mut course, false).await,
        };
        match result {
            Ok(()) => {}
            Err(StepFault::Overtaken) => return Ok(Outcome::Overtaken),
            Err(fault) => {
                if !transactional {
                    self.stop(&work[0], &fault).await;
                }
                return Err(explain(undo, transactional, fault));
            }
        }
        Ok(Outcome::Done)
    }

    /// Takes over the row of a revision that another run has half undone. Gives the statement to go on from.
    async fn take_undoing(&mut self, row: &HistoryRow, work: &Work<'_>) -> Result<Option<(Running, usize)>> {
        if !self.is_abandoned(row).await? {
            return Ok(None);
        }
        let done = usize::try_from(row.statements_done).unwrap_or(usize::MAX);
        if let Some(error) = lost(work, done, MESSAGE) {
            return Err(error);
        }
        let running = Running { seq: Some(row.seq), applied_by: row.applied_by.clone() };
        let to = TakeOver {
            done,
            applied_by: &self.owner,
            row: Some(&work.row),
            settled: None,
            state: RowState::Running,
        };
        let taken = self.db.take_over(&self.table, &running, &to).await;
        let taken = taken.map_err(|fault| fault.while_doing("take over the interrupted revision"))?;
        Ok(taken.then(|| (Running { applied_by: self.owner.clone(), ..running }, done)))
    }
}

/// The last row whose state is one of this set's revisions alone, and the upgrades above it that are in force.
#[inline]
fn above<'r>(
    rows: &'r [HistoryRow],
    decoded: &Decoded,
) -> Result<(Option<&'r HistoryRow>, Vec<&'r HistoryRow>)> {
    let mut base = None;
    let mut stack: Vec<&HistoryRow> = Vec::new();
    let mut astray = None;
    for row in rows {
        if row.heads.iter().all(|head| decoded.index_of(head).is_some()) {
            (base, astray) = (Some(row), None);
            stack.clear();
            continue;
        }
        match row.action {
            Action::Up => stack.push(row),
            Action::Down if stack.last().is_some_and(|top| top.revision == row.revision) => {
                stack.pop();
            }
            Action::Down | Action::Stamp | Action::Repair => astray = Some(row),
        }
    }
    match astray {
        Some(row) => {
            Err(refused(&row.revision, "the way to where the database is was not by upgrades alone"))
        }
        None => Ok((base, stack)),
    }
}

#[inline]
fn refused(revision: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::Ahead,
        format!(
            "revision '{revision}' cannot be undone from the record: {why}; nothing was changed\n\n\
             hint: let the binary that applied it undo it"
        ),
    )
}

#[inline]
fn applied_since(revision: &str) -> Error {
    Error::new(
        ErrorKind::Ahead,
        format!(
            "revision '{revision}' was applied on top of what is unknown, and is not unknown: it would be taken down with it; \
             nothing was changed\n\nhint: let a binary that has both downgrade them"
        ),
    )
}

#[inline]
fn nothing_shared(revision: &str) -> Error {
    Error::new(
        ErrorKind::Ahead,
        format!(
            "revision '{revision}' cannot be undone from the record: the database never was at a state of this set, so everything \
             in it would be taken down; nothing was changed\n\n\
             hint: where another program or library keeps its revisions in this database, give this set a `namespace` of its own"
        ),
    )
}

#[inline]
fn edited(revision: &str) -> Error {
    Error::new(
        ErrorKind::Ahead,
        format!(
            "revision '{revision}' cannot be undone from the record: it, or one below it, is not what was applied, and only \
             revisions without a file are undone; nothing was changed\n\n\
             hint: downgrade with the files as they were applied; where they are gone, move the file of a draft elsewhere, undo, \
             and put it back"
        ),
    )
}

#[inline]
fn half_done(running: &HistoryRow, decoded: &Decoded) -> Error {
    let hint = if decoded.index_of(&running.revision).is_some() {
        "run `upgrade` first, which finishes it".to_owned()
    } else {
        format!(
            "run the binary that began it ({}); where there is none, `stamp` gives it up (`cargo migrate stamp REVISION`), and what \
             of it is in force is left to you",
            running.applied_by.split(UNLOCKED).next().unwrap_or_default()
        )
    };
    Error::new(
        ErrorKind::Interrupted,
        format!(
            "revision '{}' was interrupted after {} of {} statements\n\nhint: {hint}",
            running.revision, running.statements_done, running.statements_total
        ),
    )
}

#[inline]
fn split(heads: &str) -> Vec<String> {
    heads.split(',').filter(|head| !head.is_empty()).map(str::to_owned).collect()
}

#[inline]
fn explain(undo: &Undo, transactional: bool, fault: StepFault) -> Error {
    let revision = &undo.row.revision;
    match fault {
        StepFault::Statement { statement, kept, fault, .. } => {
            let total = undo.script.statements.len();
            let range =
                undo.script.statements.get(statement).map_or(0..0, |statement| statement.range.clone());
            let sql = &undo.text[range];
            let outcome = if transactional {
                "nothing of it was undone; what was undone before it is".to_owned()
            } else {
                format!(
                    "statements 1 to {kept} of {total} are in force; the next run goes on with statement {}",
                    kept + 1
                )
            };
            let message = format!(
                "undoing revision '{revision}' from the record failed: {}\n  statement {} of {total}: {}\n  {outcome}\n\n\
                 hint: let the binary that applied it undo it",
                fault.text(),
                statement + 1,
                shortened(sql),
            );
            Error::new(ErrorKind::Revision, message)
                .with_failure(Failure {
                    revision: revision.clone(),
                    file: String::new(),
                    line: None,
                    column: None,
                    statement: Some(sql.to_owned()),
                    kept,
                })
                .with_source(fault.source)
        }
        StepFault::Blocked { fault, .. } => explain(undo, transactional, *fault),
        StepFault::Error(error) | StepFault::Rust { error, .. } => error,
        StepFault::Fault(fault) => fault.while_doing(&format!("undo revision '{revision}' from the record")),
        StepFault::Overtaken => Error::new(ErrorKind::History, "another process was faster"),
    }
}
