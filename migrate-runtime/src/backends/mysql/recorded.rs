//! Revisions that cannot be one transaction: each statement with its progress, in as few texts as hold them.

use migrate_revision::{ScriptStatement, StatementKind};

use super::Mysql;
use super::blockers::{is_blocked, is_deadlock};
use super::faults::failed_statement;
use super::packet::{Failed, Packet, Part};
use crate::backends::doubt::Doubt;
use crate::backends::{StepFault, Tell, Told, left_transaction_open};
use crate::data::Data;
use crate::db::{self, Db, RustFn};
use crate::dialect::mysql::fingerprint::{self, Verdict};
use crate::dialect::mysql::recording::{BEFORE, BEGUN, ONE_ROW_CHANGED, OVERFLOW, Recording};
use crate::dialect::mysql::timeouts;
use crate::dialect::{UserTransaction, progress};
use crate::error::Fault;
use crate::handed_on::again;
use crate::history::{HistoryTable, Running, quote_name};
use crate::{Error, ErrorKind};

/// Runs a script and records it in a running row.
pub(super) struct Recorder<'s> {
    pub(super) recording: Recording<'s>,
    /// The statement that writes the row, if that is yet to be done
    pub(super) beginning: Option<String>,
    /// Whether another run began it, so that its next statement may be done already
    pub(super) taken_over: bool,
    pub(super) revision: &'s str,
}

/// A row that is running, as it is now.
struct Progress {
    done: usize,
    finished: bool,
}

impl Recorder<'_> {
    pub(super) async fn run(
        &self,
        db: &mut Mysql<'_>,
        from: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        told(0, Told::Begun);
        let Recording { script, text, .. } = self.recording;
        db.touch(script, text).await?;
        self.run_again(db, from).await?;
        let from = if self.taken_over { self.settle(db, from).await? } else { from };
        let statements = &script.statements;
        let mut packet = Packet::default();
        if let Some(beginning) = &self.beginning {
            packet.push(Part::Row, beginning);
        }
        if let Some(timeouts) = timeouts(&script.options, db.dialect()) {
            packet.push(Part::Own, &timeouts);
        }
        self.recording.progress(from).iter().for_each(|sql| packet.push(Part::Own, sql));
        packet.push(Part::Own, &self.owned());
        let mut transaction = UserTransaction::default();
        let mut reported = from;
        for place in from..statements.len() {
            let unit = self.recording.unit(place, &mut transaction);
            let length: usize = unit.iter().map(|sql| sql.len() + 2).sum();
            // The results of a `CALL` cannot be counted: behind one it would not be known which statement failed.
            let uncountable = place > from && statements[place - 1].kind == StatementKind::Other;
            if packet.sql.len() + length > db.budget || uncountable {
                self.send(db, &packet).await?;
                packet = Packet::default();
                packet.push(Part::Own, &self.owned());
                (reported + 1..=place).for_each(|done| told(0, Told::Statements(done)));
                reported = place;
            }
            let own = &text[statements[place].range.clone()];
            let own = unit.iter().position(|sql| sql == own);
            for (at, sql) in unit.iter().enumerate() {
                packet.push(if Some(at) == own { Part::Statement(place) } else { Part::Own }, sql);
            }
        }
        // What the revision left open is rolled back, with its progress: then the row is not done.
        self.recording.done().iter().for_each(|sql| packet.push(Part::Own, sql));
        packet.push(Part::Own, &format!("SET {BEFORE} = NULL"));
        packet.push(Part::Own, &self.select());
        if let Some(restore) = db.restoring() {
            packet.push(Part::Restore, &restore);
        }
        let row = self.send(db, &packet).await?;
        db.open = false;
        match self.read(row.as_deref()) {
            Some(Progress { finished: true, .. }) => {}
            Some(_) => return Err(StepFault::Error(left_transaction_open(self.revision))),
            None => return Err(StepFault::Overtaken),
        }
        (reported + 1..=statements.len()).for_each(|done| told(0, Told::Statements(done)));
        db.restored().await?;
        Ok(())
    }

    /// Makes again what the statements before set in a session that is gone.
    async fn run_again(&self, db: &mut Mysql<'_>, from: usize) -> Result<(), StepFault> {
        let Recording { script, text, .. } = self.recording;
        let places: Vec<(usize, &ScriptStatement)> = again(text, script, from).collect();
        let mut sql = String::new();
        places.iter().for_each(|(_, statement)| add(&mut sql, &text[statement.range.clone()]));
        if sql.is_empty() {
            return Ok(());
        }
        match db.send(&sql).await {
            Ok(_) => Ok(()),
            Err(failed) => Err(match places.get(failed.done) {
                Some((place, statement)) if !failed.is_fatal() => {
                    failed_statement(0, *place, statement, text, from, failed)
                }
                _ => failed.fault.into(),
            }),
        }
    }

    /// Finds out whether the statement that was interrupted was done all the same, and where to go on.
    async fn settle(&self, db: &mut Mysql<'_>, from: usize) -> Result<usize, StepFault> {
        let Recording { table, running, script, backend, text } = self.recording;
        let Some(statement) = script.statements.get(from) else { return Ok(from) };
        let text = &text[statement.range.clone()];
        let now = fingerprint::expression(statement, text, backend);
        let now = now.as_deref().unwrap_or("'-'");
        let (name, row) = (table.name(backend), table.row(running, backend));
        let sql = format!("SELECT progress, {now} FROM {name} WHERE {row}");
        let row = db.send(&sql).await.map_err(|failed| failed.fault)?;
        let Some([Some(recorded), Some(now)]) = row.as_deref() else { return Ok(from) };
        // Nothing is recorded if the server itself said that the statement failed.
        let Some((_, before)) = recorded.split_once(' ') else { return Ok(from) };
        match fingerprint::verdict(before, now, statement, text) {
            Verdict::NotDone => Ok(from),
            Verdict::Done => Ok(from + 1),
            Verdict::Unknown if self.is_empty(db, statement, text).await => Ok(from),
            Verdict::Unknown => Err(StepFault::Error(self.unsettled(from, statement, text))),
        }
    }

    /// Whether a statement empties a table that is empty, which does no harm a second time.
    async fn is_empty(&self, db: &mut Mysql<'_>, statement: &ScriptStatement, sql: &str) -> bool {
        let Some(table) = fingerprint::emptied(statement, sql) else { return false };
        let parts = table.name.iter().map(|part| quote_name(part, db.dialect())).collect::<Vec<_>>();
        let any = format!("SELECT EXISTS (SELECT 1 FROM {} LIMIT 1)", parts.join("."));
        matches!(db.send(&any).await.ok().flatten().as_deref(), Some([Some(any)]) if any == "0")
    }

    fn unsettled(&self, place: usize, statement: &ScriptStatement, sql: &str) -> Error {
        let objects: Vec<String> =
            statement.objects.iter().map(|o| format!("`{}`", o.name.join("."))).collect();
        let look_at = if objects.is_empty() { "what it changes".to_owned() } else { objects.join(", ") };
        let total = self.recording.script.statements.len();
        Doubt { revision: self.revision, place, total, sql, look_at }.error()
    }

    /// Fails unless the row is running, and this run's.
    fn owned(&self) -> String {
        let Recording { table, running, backend, .. } = self.recording;
        let (name, ours) = (table.name(backend), table.running_row(running, backend));
        format!("SELECT (COUNT(*) - 1) * {OVERFLOW} FROM {name} WHERE {ours}")
    }

    fn select(&self) -> String {
        self.recording.table.select_progress(self.recording.running, self.recording.backend)
    }

    /// The row's state; `None` if it is another's by now.
    fn read(&self, row: Option<&[Option<String>]>) -> Option<Progress> {
        let [Some(done), Some(state), Some(owner)] = row? else { return None };
        let finished = state == "done";
        (*owner == self.recording.running.applied_by)
            .then_some(Progress { done: done.parse().ok()?, finished })
    }

    /// Sends a text. If it fails, finds out which statement did, and what is kept once everything open is rolled back.
    async fn send(
        &self,
        db: &mut Mysql<'_>,
        packet: &Packet,
    ) -> Result<Option<Vec<Option<String>>>, StepFault> {
        db.open = true;
        let mut failed = match db.send(&packet.sql).await {
            Ok(row) => return Ok(row),
            Err(failed) if failed.is_fatal() => return Err(failed.fault.into()),
            Err(failed) => failed,
        };
        if failed.done == 0 && packet.parts.first() == Some(&Part::Row) {
            db.open = false;
            return Err(not_begun(failed));
        }
        let Recording { text, script, .. } = self.recording;
        let select = self.select();
        if failed.is_deadlock() {
            db.roll_back_after(true).await.map_err(|failed| failed.fault)?;
        }
        let then = db.send(&select).await.map_err(|failed| failed.fault)?;
        if !failed.is_deadlock() {
            db.roll_back().await.map_err(|failed| failed.fault)?;
        }
        let row = db.send(&select).await.map_err(|failed| failed.fault)?;
        let (Some(then), Some(now)) = (self.read(then.as_deref()), self.read(row.as_deref())) else {
            return Err(StepFault::Overtaken);
        };
        match script.statements.get(then.done) {
            Some(statement) if !now.finished => {
                let failing = packet.parts.get(failed.done).copied();
                if failing == Some(Part::Statement(now.done)) || !self.commits(now.done) {
                    self.record_failure(db, now.done, failed.code).await?;
                } else {
                    // It is in force for all that is known: the next try compares what was recorded before it.
                    self.doubt(db, now.done).await?;
                    failed.fault.text =
                        Some(format!("{}; it was the statement's record that failed", failed.fault.text()));
                }
                // A deadlock undid what the transaction had recorded.
                let (place, statement) = match failing {
                    Some(Part::Statement(place)) if failed.is_deadlock() => {
                        (place, &script.statements[place])
                    }
                    _ => (then.done, statement),
                };
                Err(failed_statement(0, place, statement, text, now.done, failed))
            }
            // The revision is in force. The settings are put back, or complained about, when the run ends.
            _ if now.finished => Ok(row),
            _ => Err(failed.fault.into()),
        }
    }

    /// Whether a statement stays in force when its record is rolled back.
    fn commits(&self, place: usize) -> bool {
        let statement = self.recording.script.statements.get(place);
        statement.is_some_and(|statement| statement.kind == StatementKind::Ddl)
    }

    /// Records that a statement was not done, as the server says; only of one that was stopped it may be wrong.
    async fn record_failure(&self, db: &mut Mysql<'_>, place: usize, code: u16) -> Result<(), Fault> {
        if matches!(code, INTERRUPTED | STATEMENT_TIMEOUT | MYSQL_TIMEOUT) {
            return Ok(());
        }
        let Recording { table, running, script, backend, .. } = self.recording;
        let settled = table.update_progress(running, place, &progress(script, place), backend);
        // Of one that had committed in its middle the server cannot say that.
        let settled = format!("{settled} AND COALESCE(progress, '') NOT LIKE '% {BEGUN}'");
        db.send(&format!("{settled};\nCOMMIT")).await.map(drop).map_err(|failed| failed.fault)
    }

    /// Stops at DDL whose record failed and of which no database shows whether it was done.
    async fn doubt(&self, db: &mut Mysql<'_>, place: usize) -> Result<(), StepFault> {
        let Recording { table, running, script, backend, text } = self.recording;
        let Some(statement) = script.statements.get(place) else { return Ok(()) };
        let sql = &text[statement.range.clone()];
        if fingerprint::expression(statement, sql, backend).is_some() {
            return Ok(());
        }
        let begun = format!("{} {BEGUN}", progress(script, place));
        let begun = table.update_progress(running, place, &begun, backend);
        // The error says the same if whatever failed the record fails this one.
        let _ = db.send(&format!("{begun};\nCOMMIT")).await;
        Err(StepFault::Error(self.unsettled(place, statement, sql)))
    }
}

/// A running row of a Rust revision.
pub(super) struct RustRecording<'s> {
    pub(super) table: &'s HistoryTable,
    pub(super) running: &'s Running,
    /// Whether another run began it
    pub(super) taken_over: bool,
    pub(super) revision: &'s str,
}

impl RustRecording<'_> {
    /// Stops where another run of the function was cut off after it had committed something.
    async fn settle(&self, db: &mut Mysql<'_>) -> Result<(), StepFault> {
        if !self.has_committed(db).await? {
            return Ok(());
        }
        let sql = "its Rust function, of which a part was committed, as DDL is";
        let look_at = "what it changes".to_owned();
        let doubt = Doubt { revision: self.revision, place: 0, total: 1, sql, look_at };
        Err(StepFault::Error(doubt.error()))
    }

    /// Whether the function has committed something, and with it that it had begun.
    async fn has_committed(&self, db: &mut Mysql<'_>) -> Result<bool, Fault> {
        let (name, row) = (self.table.name(db.dialect()), self.table.row(self.running, db.dialect()));
        let row = db.send(&format!("SELECT progress FROM {name} WHERE {row}")).await;
        let row = row.map_err(|failed| failed.fault)?;
        Ok(matches!(row.as_deref(), Some([Some(progress)]) if progress.ends_with(BEGUN)))
    }
}

/// Runs a Rust revision in one transaction with the end of its row. If it fails, the row stays as it was.
pub(super) async fn run_rust(
    db: &mut Mysql<'_>,
    recording: &RustRecording<'_>,
    run: RustFn,
    data: Option<&'static Data>,
    told: &mut Tell<'_>,
) -> Result<(), StepFault> {
    let RustRecording { table, running, .. } = *recording;
    told(0, Told::Begun);
    let backend = db.dialect();
    if recording.taken_over {
        recording.settle(db).await?;
    }
    db.touch_all();
    db.open = true;
    // It is kept if the function commits, as DDL does.
    let begun = table.update_progress(running, 0, &format!("- {BEGUN}"), backend);
    db.send(&format!("START TRANSACTION;\n{begun}")).await.map_err(|failed| failed.fault)?;
    let result = {
        let mut given = Db { connection: db::Connection::Mysql(db.conn, backend), data };
        run(&mut given).await
    };
    let finished = match result {
        Ok(()) => {
            // Where the row does not say that it was begun, the transaction that said so is not the one that ends here.
            let done = table.update_done(running, 1, backend);
            let done = format!("{done} AND progress LIKE '% {BEGUN}'");
            db.send(&format!("{done};\n{ONE_ROW_CHANGED};\nCOMMIT")).await
        }
        Err(error) => {
            let fault = StepFault::Rust { step: 0, error };
            if db.conn.is_disconnected() {
                return Err(fault);
            }
            db.roll_back_after(is_deadlock(&fault)).await.map_err(|failed| failed.fault)?;
            let undone = !recording.has_committed(db).await?;
            // What it has committed would be done again by a run that knows nothing of it.
            if undone {
                let told = table.update_progress(running, 0, "-", backend);
                db.send(&told).await.map_err(|failed| failed.fault)?;
            }
            if undone && is_blocked(&fault) {
                // It is called again in the session as it was.
                db.put_back().await?;
                return db.name_blockers(Err(fault)).await;
            }
            return Err(fault);
        }
    };
    if let Err(failed) = finished {
        if failed.is_fatal() {
            return Err(failed.fault.into());
        }
        db.roll_back().await.map_err(|failed| failed.fault)?;
        if failed.code != OUT_OF_RANGE {
            return Err(failed.fault.into());
        }
        let told = table.update_progress(running, 0, &format!("- {BEGUN}"), backend);
        return match db.send(&format!("{told};\n{ONE_ROW_CHANGED};\nCOMMIT")).await {
            Ok(_) => Err(StepFault::Error(went_on(recording.revision))),
            Err(failed) if failed.code == OUT_OF_RANGE => Err(StepFault::Overtaken),
            Err(failed) => Err(failed.fault.into()),
        };
    }
    db.open = false;
    told(0, Told::Statements(1));
    db.put_back().await?;
    Ok(())
}

/// The error of a function that went on after its transaction was rolled back.
fn went_on(revision: &str) -> Error {
    Error::new(
        ErrorKind::Revision,
        format!(
            "the transaction of revision '{revision}' was rolled back while its function ran, by a deadlock or by its own ROLLBACK, and \
             the function went on: what it did before is undone, and what it did after is in force\n\n\
             hint: hand a deadlock's error on with `?`, and the runtime calls the function again; then put right by hand what it \
             changed, and say with `resolve` whether it counts as applied"
        ),
    )
}

/// Why a running row could not be written, with which nothing of its step was done.
pub(super) fn not_begun(failed: Failed) -> StepFault {
    if failed.is_lost_race() { StepFault::Overtaken } else { failed.fault.into() }
}

fn add(sql: &mut String, statement: &str) {
    if !sql.is_empty() {
        sql.push_str(";\n");
    }
    sql.push_str(statement);
}

const INTERRUPTED: u16 = 1317;
const OUT_OF_RANGE: u16 = 1690;
const STATEMENT_TIMEOUT: u16 = 1969;
const MYSQL_TIMEOUT: u16 = 3024;
