//! Revisions that cannot be one transaction: each statement with its progress, in as few texts as hold them.

use include_dir::Dir;
use migrate_revision::{Script, ScriptStatement, StatementKind};

use super::fingerprint::{self, Verdict};
use super::{Mysql, failed_statement, session};
use crate::Error;
use crate::backends::doubt::Doubt;
use crate::backends::{StepFault, Tell, again, left_transaction_open, progress};
use crate::db::{self, Db, RustFn};
use crate::history::{HistoryTable, Running, quote_name, quote_text};

/// A running row and the script that it is of.
pub(super) struct Recorder<'s> {
    pub(super) table: &'s HistoryTable,
    pub(super) running: &'s Running,
    /// Whether another run began it, so that its next statement may be done already
    pub(super) taken_over: bool,
    pub(super) text: &'s str,
    pub(super) script: &'s Script,
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
        told(0, None);
        db.touch(self.script, self.text).await?;
        self.run_again(db, from).await?;
        let from = if self.taken_over { self.settle(db, from).await? } else { from };
        let statements = &self.script.statements;
        let mut sql = String::new();
        if let Some(timeouts) = session::timeouts(&self.script.options, db.dialect()) {
            add(&mut sql, &timeouts);
        }
        add(&mut sql, &self.progress(db, from));
        add(&mut sql, &self.owned(db));
        let mut transaction = UserTransaction::default();
        let mut reported = from;
        for (place, statement) in statements.iter().enumerate().skip(from) {
            let unit = self.unit(db, place, statement, &mut transaction);
            if sql.len() + unit.len() > db.budget && !sql.is_empty() {
                self.send(db, &sql).await?;
                sql = self.owned(db);
                (reported + 1..=place).for_each(|done| told(0, Some(done)));
                reported = place;
            }
            add(&mut sql, &unit);
        }
        // What the revision left open is rolled back, with its progress: then the row is not done.
        let done = self.table.update_done(self.running, statements.len(), db.dialect());
        let end = format!("ROLLBACK;\n{done} AND statements_done = {};\nCOMMIT", statements.len());
        add(&mut sql, &format!("{end};\nSET {BEFORE} = NULL"));
        add(&mut sql, &self.select(db));
        if let Some(restore) = db.restoring() {
            add(&mut sql, &restore);
        }
        let row = self.send(db, &sql).await?;
        db.open = false;
        match self.read(row.as_deref()) {
            Some(Progress { finished: true, .. }) => {}
            Some(_) => return Err(StepFault::Error(left_transaction_open(self.revision))),
            None => return Err(StepFault::Overtaken),
        }
        (reported + 1..=statements.len()).for_each(|done| told(0, Some(done)));
        db.restored().await?;
        Ok(())
    }

    /// Makes again what the statements before set in a session that is gone.
    async fn run_again(&self, db: &mut Mysql<'_>, from: usize) -> Result<(), StepFault> {
        let places: Vec<(usize, &ScriptStatement)> = again(self.script, from).collect();
        let mut sql = String::new();
        places.iter().for_each(|(_, statement)| add(&mut sql, &self.text[statement.range.clone()]));
        if sql.is_empty() {
            return Ok(());
        }
        match db.send(&sql).await {
            Ok(_) => Ok(()),
            Err(failed) => Err(match places.get(failed.done) {
                Some((place, statement)) if !failed.is_fatal() => {
                    failed_statement(0, *place, statement, self.text, from, failed)
                }
                _ => failed.fault.into(),
            }),
        }
    }

    /// A statement and the record that it is done. Rows share a transaction with it, and are then never changed twice.
    fn unit(
        &self,
        db: &Mysql<'_>,
        place: usize,
        statement: &ScriptStatement,
        transaction: &mut UserTransaction,
    ) -> String {
        use StatementKind::{Ddl, Dml, Other, Query, Transaction};
        let sql = &self.text[statement.range.clone()];
        let progress = self.progress(db, place + 1);
        let recorded = format!("{sql};\n{progress};\n{ONE_ROW_CHANGED}");
        let own = !transaction.is_open();
        match statement.kind {
            Ddl => transaction.begun = false,
            Transaction => transaction.follow(sql),
            _ => {}
        }
        match statement.kind {
            Other if own => format!("START TRANSACTION;\n{};\n{recorded};\nCOMMIT", self.begun(db, place)),
            Other => format!("{};\n{recorded}", self.begun(db, place)),
            Dml | Query if own => format!("START TRANSACTION;\n{recorded};\nCOMMIT"),
            // Just committed or not begun: what is open now holds nothing but the record.
            Ddl | Transaction if transaction.autocommit_off && !transaction.begun => {
                format!("{recorded};\nCOMMIT")
            }
            _ => recorded,
        }
    }

    /// Records, in the transaction of a statement that may commit in its middle, that it was begun: the record is kept
    /// if it did, and if not rolled back with it.
    fn begun(&self, db: &Mysql<'_>, place: usize) -> String {
        let begun = format!("{} {BEGUN}", progress(self.script, place));
        self.table.update_progress(self.running, place, &begun, db.dialect())
    }

    /// Records that so many statements are done, and of the next what tells afterwards whether it was done.
    fn progress(&self, db: &Mysql<'_>, done: usize) -> String {
        let digest = progress(self.script, done);
        let next = self.script.statements.get(done);
        let next =
            next.and_then(|next| fingerprint::expression(next, &self.text[next.range.clone()], db.dialect()));
        match next {
            None => self.table.update_progress(self.running, done, &digest, db.dialect()),
            Some(next) => {
                let both = format!("CONCAT('{digest} ', {BEFORE})");
                let update = self.table.update_progress_to(self.running, done, &both, db.dialect());
                format!("SET {BEFORE} = {next};\n{update}")
            }
        }
    }

    /// Finds out whether the statement that was interrupted was done all the same, and where to go on.
    async fn settle(&self, db: &mut Mysql<'_>, from: usize) -> Result<usize, StepFault> {
        let statements = &self.script.statements;
        let Some(statement) = statements.get(from) else { return Ok(from) };
        let text = &self.text[statement.range.clone()];
        let now = fingerprint::expression(statement, text, db.dialect());
        let now = now.as_deref().unwrap_or("'-'");
        let sql = format!(
            "SELECT progress, {now} FROM {} WHERE namespace = {} AND seq = {}",
            self.table.name(db.dialect()),
            quote_text(&self.table.namespace, db.dialect()),
            self.running.seq
        );
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
        let total = self.script.statements.len();
        Doubt { revision: self.revision, place, total, sql, look_at }.error()
    }

    /// Fails unless the row is running, and this run's.
    fn owned(&self, db: &Mysql<'_>) -> String {
        let name = self.table.name(db.dialect());
        let text = |text: &str| quote_text(text, db.dialect());
        format!(
            "SELECT (COUNT(*) - 1) * {OVERFLOW} FROM {name} WHERE namespace = {} AND seq = {} AND state = 'running' AND \
             applied_by = {}",
            text(&self.table.namespace),
            self.running.seq,
            text(&self.running.applied_by)
        )
    }

    fn select(&self, db: &Mysql<'_>) -> String {
        self.table.select_progress(self.running.seq, db.dialect())
    }

    /// The row's state; `None` if it is another's by now.
    fn read(&self, row: Option<&[Option<String>]>) -> Option<Progress> {
        let [Some(done), Some(state), Some(owner)] = row? else { return None };
        let finished = state == "done";
        (*owner == self.running.applied_by).then_some(Progress { done: done.parse().ok()?, finished })
    }

    /// Sends a text. If it fails, finds out which statement did, and what is kept once everything open is rolled back.
    async fn send(&self, db: &mut Mysql<'_>, sql: &str) -> Result<Option<Vec<Option<String>>>, StepFault> {
        db.open = true;
        let failed = match db.send(sql).await {
            Ok(row) => return Ok(row),
            Err(failed) if failed.is_fatal() => return Err(failed.fault.into()),
            Err(failed) => failed,
        };
        let select = self.select(db);
        let stopped = matches!(failed.code, INTERRUPTED | STATEMENT_TIMEOUT | MYSQL_TIMEOUT);
        let rows =
            db.rows(&format!("{select};\nROLLBACK;\n{select}")).await.map_err(|failed| failed.fault)?;
        db.open = false;
        let [then, now] = rows.as_slice() else { return Err(StepFault::Overtaken) };
        let (Some(then), Some(now)) = (self.read(Some(then)), self.read(Some(now))) else {
            return Err(StepFault::Overtaken);
        };
        match self.script.statements.get(then.done) {
            Some(statement) if !now.finished => {
                // The server says that it was not done; only of one that was stopped it may be wrong.
                if !stopped {
                    let digest = progress(self.script, now.done);
                    let settled = self.table.update_progress(self.running, now.done, &digest, db.dialect());
                    // Of one that had committed in its middle the server cannot say that.
                    let settled = format!("{settled} AND COALESCE(progress, '') NOT LIKE '% {BEGUN}'");
                    db.send(&format!("{settled};\nCOMMIT")).await.map_err(|failed| failed.fault)?;
                }
                Err(failed_statement(0, then.done, statement, self.text, now.done, failed))
            }
            // The revision is in force. The settings are put back, or complained about, when the run ends.
            _ if now.finished => Ok(rows.into_iter().last()),
            _ => Err(failed.fault.into()),
        }
    }
}

/// Transactions of the revision's own, as far as its statements tell.
#[derive(Debug, Default)]
struct UserTransaction {
    begun: bool,
    autocommit_off: bool,
}

impl UserTransaction {
    fn is_open(&self) -> bool {
        self.begun || self.autocommit_off
    }

    fn follow(&mut self, sql: &str) {
        let lower = sql.to_ascii_lowercase();
        match lower.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| !word.is_empty()) {
            Some("set") => {
                let value = lower.rsplit('=').next().map(|value| value.trim().trim_matches(['\'', '"']));
                self.autocommit_off = matches!(value, Some("0" | "off" | "false"));
                self.begun &= self.autocommit_off;
            }
            Some("commit" | "rollback") => {
                self.begun = lower.contains("chain") && !lower.contains("no chain");
            }
            _ => self.begun = true,
        }
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
        let sql = format!(
            "SELECT progress FROM {} WHERE namespace = {} AND seq = {}",
            self.table.name(db.dialect()),
            quote_text(&self.table.namespace, db.dialect()),
            self.running.seq
        );
        let row = db.send(&sql).await.map_err(|failed| failed.fault)?;
        match row.as_deref() {
            Some([Some(progress)]) if progress.ends_with(BEGUN) => {
                let sql = "its Rust function, of which a part was committed, as DDL is";
                let look_at = "what it changes".to_owned();
                let doubt = Doubt { revision: self.revision, place: 0, total: 1, sql, look_at };
                Err(StepFault::Error(doubt.error()))
            }
            _ => Ok(()),
        }
    }
}

/// Runs a Rust revision in one transaction with the end of its row. If it fails, the row stays as it was.
pub(super) async fn run_rust(
    db: &mut Mysql<'_>,
    recording: &RustRecording<'_>,
    run: RustFn,
    data: Option<&'static Dir<'static>>,
    told: &mut Tell<'_>,
) -> Result<(), StepFault> {
    let RustRecording { table, running, .. } = *recording;
    told(0, None);
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
            let done = table.update_done(running, 1, backend);
            db.send(&format!("{done};\n{ONE_ROW_CHANGED};\nCOMMIT")).await
        }
        Err(error) => {
            if !db.conn.is_disconnected() {
                db.roll_back().await.map_err(|failed| failed.fault)?;
                let told = table.update_progress(running, 0, "-", backend);
                db.send(&told).await.map_err(|failed| failed.fault)?;
            }
            return Err(StepFault::Rust { step: 0, error });
        }
    };
    if let Err(failed) = finished {
        if failed.is_fatal() {
            return Err(failed.fault.into());
        }
        db.roll_back().await.map_err(|failed| failed.fault)?;
        return Err(if failed.code == OUT_OF_RANGE { StepFault::Overtaken } else { failed.fault.into() });
    }
    db.open = false;
    told(0, Some(1));
    if let Some(restore) = db.restoring() {
        db.send(&restore).await.map_err(|failed| failed.fault)?;
    }
    db.restored().await?;
    Ok(())
}

fn add(sql: &mut String, statement: &str) {
    if !sql.is_empty() {
        sql.push_str(";\n");
    }
    sql.push_str(statement);
}

/// A factor that only 0 times stays in the range of numbers: beyond, the statement fails, and what follows in the same
/// text is not run.
const OVERFLOW: &str = "9223372036854775807 * 9";

/// Fails unless the statement before it changed exactly one row.
const ONE_ROW_CHANGED: &str = "SELECT (ROW_COUNT() - 1) * 9223372036854775807 * 9";

/// Where the definitions are that the next statement may change.
const BEFORE: &str = "@embed_migrations_before";

/// What is recorded before a statement, or the function of a Rust revision, that may commit in its middle.
const BEGUN: &str = "begun";

const INTERRUPTED: u16 = 1317;
const OUT_OF_RANGE: u16 = 1690;
const STATEMENT_TIMEOUT: u16 = 1969;
const MYSQL_TIMEOUT: u16 = 3024;
