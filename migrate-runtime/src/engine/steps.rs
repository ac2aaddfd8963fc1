//! Taking steps: one transaction each, one for all, or statement by statement with progress; and going on with a step
//! that was interrupted.

use std::time::{Duration, Instant};

use migrate_revision::{Backend, Direction, Script, Step, Steps};

use super::lost::{handed_on, lost};
use super::patience::Patience;
use super::state::State;
use super::{Outcome, Run};
use crate::backends::doubt::TWO_WAYS;
use crate::backends::{Database, Last, Sight, StepFault, Told, Work, WorkBody};
use crate::dialect::progress;
use crate::error::Fault;
use crate::event::{Event, Events, StepInfo};
use crate::history::{Action, HistoryRow, RowState, Running, TakeOver, UNLOCKED};
use crate::options::{Lock, Transaction};
use crate::report::DoneStep;
use crate::set::Decoded;
use crate::{Error, ErrorKind, Result};

/// How many steps a backend is given at once: what they need is made before they run.
const MAX_TOGETHER: usize = 256;

/// As many as between two renewals of a lease.
const MAX_UNDER_A_LEASE: usize = 16;

/// What follows the name of a row's owner once it has stopped by itself.
pub(super) const STOPPED: &str = " (stopped)";

/// How long a row must not move whose owner is not seen at work.
const STILL: Duration = Duration::from_secs(1);

/// A step with the text that it runs from.
pub(super) struct Prepared<'d> {
    pub(super) step: Step,
    pub(super) text: std::borrow::Cow<'d, str>,
}

/// Steps that are being taken, and what is told of them.
pub(super) struct Course<'s, 'd> {
    work: &'s [Work<'s>],
    infos: &'s [StepInfo<'s>],
    /// When the step began that is under way; of steps that share a transaction, when all did
    begun: Instant,
    /// The step that is tried again, and has been told of
    again: Option<usize>,
    done: &'d mut Vec<DoneStep>,
}

impl<'s, 'd> Course<'s, 'd> {
    pub(super) fn new(work: &'s [Work<'s>], infos: &'s [StepInfo<'s>], done: &'d mut Vec<DoneStep>) -> Self {
        Self { work, infos, begun: Instant::now(), again: None, done }
    }

    fn tell(&mut self, events: &mut Events<'_>, place: usize, told: Told) {
        let (step, total) = (self.infos[place], self.work[place].row.statements);
        match told {
            Told::Begun if self.again == Some(place) => {}
            Told::Begun => events.emit(&Event::Started { step }),
            Told::Blocked(waited) => events.emit(&Event::Blocked { step, waited, by: None }),
            Told::Statements(done) => events.emit(&Event::Statement { step, done, total }),
            Told::Kept => {
                let took = self.begun.elapsed();
                self.done.push(DoneStep::new(&step, total, took));
                events.emit(&Event::Finished { step, took });
            }
        }
    }
}

/// How often a run takes the same step: another process may have undone it in between, but hardly every time.
const MAX_REPEATS: usize = 3;

impl<D: Database> Run<'_, D> {
    /// Takes steps from a state, each after the one before.
    pub(super) async fn take_steps(
        &mut self,
        decoded: &Decoded,
        steps: &Steps,
        state: &State,
        done: &mut Vec<DoneStep>,
    ) -> Result<Outcome> {
        self.check_repeats(decoded, steps, done)?;
        let mut last = state.last.clone();
        let total = done.len() + steps.len();
        let mut rest = steps.as_slice();
        while !rest.is_empty() {
            self.go_on()?;
            if !self.keep_lease().await? {
                return Ok(Outcome::Overtaken);
            }
            let together = self.together(decoded, rest);
            let (now, later) = rest.split_at(together.unwrap_or(1));
            rest = later;
            let prepared: Vec<Prepared<'_>> =
                now.iter().map(|step| self.prepared(decoded, step.clone())).collect();
            let mut work = Vec::with_capacity(prepared.len());
            for prepared in &prepared {
                let item = self.work(decoded, prepared, last.clone())?;
                last = item.row.seq().map(|seq| (seq, item.row.digest.clone()));
                work.push(item);
            }
            let number = done.len();
            let infos: Vec<StepInfo<'_>> = now
                .iter()
                .enumerate()
                .map(|(place, step)| info(decoded, step, number + place, total))
                .collect();
            let mut course = Course::new(&work, &infos, done);
            let create = state.create && number == 0;
            let outcome = match together {
                Some(_) => self.take_together(&mut course, create).await,
                None => self.take_recorded(&mut course, create).await.map_err(|fault| (0, fault)),
            };
            match outcome {
                Ok(()) => {}
                Err((_, StepFault::Overtaken)) => return Ok(Outcome::Overtaken),
                Err((place, fault)) => {
                    // Of a run in one transaction all steps failed.
                    let failed = match self.options.transaction {
                        Transaction::PerRun => 0..work.len(),
                        Transaction::PerRevision => place..place + 1,
                    };
                    if together.is_none() {
                        self.stop(&work[0], &fault).await;
                    }
                    let (prepared, work) = (&prepared[failed.clone()], &work[failed]);
                    return Err(self.explain(decoded, prepared, work, together.is_some(), fault));
                }
            }
        }
        Ok(Outcome::Done)
    }

    /// Stops where the first step was taken before, more often than others can have undone it meanwhile.
    fn check_repeats(&self, decoded: &Decoded, steps: &Steps, done: &[DoneStep]) -> Result<()> {
        let Some(first) = steps.as_slice().first() else { return Ok(()) };
        let id = decoded.revisions[first.index].id.as_str();
        let is_it = |step: &&DoneStep| step.revision == id && step.direction == Some(first.direction);
        if done.iter().filter(is_it).count() < MAX_REPEATS {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::History,
            format!(
                "revision '{id}' was taken {MAX_REPEATS} times, and table {} does not say so: a trigger or a rule keeps its row out, or another run undoes it each time\n\n\
                 hint: put an end to that; look whether something is there too often, and record with `stamp` where the database is",
                self.table.name(self.db.backend())
            ),
        ))
    }

    /// How many of the steps the backend may be given at once, each in a transaction or all in one; `None` where the
    /// first of them cannot be in one.
    fn together(&self, decoded: &Decoded, steps: &[Step]) -> Option<usize> {
        let backend = self.db.backend();
        let is_transactional =
            |step: &Step| match decoded.revisions[step.index].script(backend, step.direction) {
                Some(script) => script.is_transactional(backend),
                None => !backend.is_mysql_like(),
            };
        let together = match self.options.transaction {
            Transaction::PerRun => steps.len(),
            Transaction::PerRevision => {
                let most = if self.options.lock == Lock::Lease { MAX_UNDER_A_LEASE } else { MAX_TOGETHER };
                steps.iter().take(most).take_while(|step| is_transactional(step)).count()
            }
        };
        (together > 0).then_some(together)
    }

    fn prepared<'d>(&self, decoded: &'d Decoded, step: Step) -> Prepared<'d>
    where
        Self: 'd,
    {
        let set = self.set;
        Prepared { text: set.text(decoded.place(step.index), &decoded.revisions[step.index]), step }
    }

    /// Takes steps in transactions: of their own, or of the run. Those that only wait for locks are tried again.
    pub(super) async fn take_together(
        &mut self,
        course: &mut Course<'_, '_>,
        create: bool,
    ) -> Result<(), (usize, StepFault)> {
        let mut first = 0;
        let mut patience = Patience::new(self.options.lock_timeout);
        loop {
            let result = self.take_from(course, create && first == 0, first).await;
            let Err((place, StepFault::Blocked { fault, by })) = result else { return result };
            if place > first {
                patience = Patience::new(self.options.lock_timeout);
            }
            let step = course.infos[place];
            if !self.let_by(&mut patience, step, by.as_deref()).await {
                return Err((place, fault.waited_for(by.as_deref())));
            }
            first = place;
            course.again = Some(place);
        }
    }

    async fn take_from(
        &mut self,
        course: &mut Course<'_, '_>,
        create: bool,
        first: usize,
    ) -> Result<(), (usize, StepFault)> {
        let work = &course.work[first..];
        let Self { db, events, table, .. } = self;
        match self.options.transaction {
            Transaction::PerRevision => {
                let told = &mut |place: usize, told: Told| {
                    course.tell(events, first + place, told);
                    if told == Told::Kept {
                        course.begun = Instant::now();
                    }
                };
                let result = db.transact_each(table, create, work, told).await;
                result.map_err(|(place, fault)| (first + place, fault))
            }
            Transaction::PerRun => {
                let told = &mut |place: usize, told: Told| course.tell(events, place, told);
                db.transact(table, create, work, told).await.map_err(|fault| (0, fault))?;
                (0..work.len()).for_each(|place| course.tell(events, place, Told::Kept));
                Ok(())
            }
        }
    }

    /// Takes a step statement by statement.
    pub(super) async fn take_recorded(
        &mut self,
        course: &mut Course<'_, '_>,
        create: bool,
    ) -> Result<(), StepFault> {
        let work = &course.work[0];
        let running = Running { seq: work.row.seq(), applied_by: self.owner.clone() };
        let Self { db, events, table, .. } = self;
        let told = &mut |place: usize, told: Told| course.tell(events, place, told);
        db.begin_running(table, create, work, told).await?;
        self.record(course, &running, 0).await
    }

    /// Runs a running row's step from a statement on. One that only waits for locks is tried again.
    pub(super) async fn record(
        &mut self,
        course: &mut Course<'_, '_>,
        running: &Running,
        mut from: usize,
    ) -> Result<(), StepFault> {
        let mut patience = Patience::new(self.options.lock_timeout);
        loop {
            let Self { db, events, table, .. } = self;
            let work = &course.work[0];
            let told = &mut |place: usize, told: Told| course.tell(events, place, told);
            let fault = match db.run_recorded(table, running, work, from, told).await {
                Ok(()) => {
                    course.tell(events, 0, Told::Kept);
                    return Ok(());
                }
                Err(fault) => fault,
            };
            let StepFault::Blocked { fault, by } = fault else { return Err(fault) };
            let step = course.infos[0];
            if !self.let_by(&mut patience, step, by.as_deref()).await {
                return Err(fault.waited_for(by.as_deref()));
            }
            if let StepFault::Statement { kept, .. } = *fault {
                from = kept;
                // Another try looks up again what the first has handed on.
                if handed_on(&work.body, from).is_some() {
                    return Err(fault.waited_for(by.as_deref()));
                }
            }
            course.again = Some(0);
        }
    }

    /// Goes on with the step that is under way, once its owner is gone for certain.
    pub(super) async fn resume(
        &mut self,
        decoded: &Decoded,
        row: &HistoryRow,
        state: &State,
        done: &mut Vec<DoneStep>,
    ) -> Result<Outcome> {
        if !self.keep_lease().await? || !self.is_abandoned(row).await? {
            return Ok(Outcome::Overtaken);
        }
        let (step, from) = self.resumable(decoded, row, state)?;
        let set = self.set;
        let text = set.text(decoded.place(step.index), &decoded.revisions[step.index]);
        let prepared = [Prepared { step, text }];
        let work = [self.work(decoded, &prepared[0], state.last.clone())?];
        if let Some(error) = lost(&work[0], from, &self.set.path(&decoded.revisions[prepared[0].step.index]))
        {
            return Err(error);
        }
        let running = Running { seq: Some(row.seq), applied_by: row.applied_by.clone() };
        let to = TakeOver {
            done: usize::try_from(row.statements_done).unwrap_or(usize::MAX),
            applied_by: &self.owner,
            row: Some(&work[0].row),
            settled: None,
            state: RowState::Running,
        };
        let taken = self.db.take_over(&self.table, &running, &to).await;
        if !taken.map_err(|fault| fault.while_doing("take over the interrupted revision"))? {
            return Ok(Outcome::Overtaken);
        }
        let running = Running { applied_by: self.owner.clone(), ..running };
        let infos = [info(decoded, &prepared[0].step, done.len(), done.len() + 1)];
        let mut course = Course::new(&work, &infos, done);
        match self.record(&mut course, &running, from).await {
            Ok(()) => {}
            Err(StepFault::Overtaken) => return Ok(Outcome::Overtaken),
            Err(fault) => {
                self.stop(&work[0], &fault).await;
                // Only where the owner was cut off may the statement be done already.
                let again = matches!(&fault, StepFault::Statement { statement, .. } if *statement == from)
                    && !row.applied_by.ends_with(STOPPED);
                let error = self.explain(decoded, &prepared, &work, false, fault);
                return Err(if again { error.with_hint(&may_be_done()) } else { error });
            }
        }
        Ok(Outcome::Done)
    }

    /// Whether nobody is at work on a running row any more. `false` as soon as it moves.
    ///
    /// # Errors
    /// When somebody is, for as long as this run may wait.
    pub(super) async fn is_abandoned(&mut self, row: &HistoryRow) -> Result<bool> {
        let stopped = row.applied_by.ends_with(STOPPED);
        let locked = self.options.lock == Lock::Session && !row.applied_by.contains(UNLOCKED);
        let sqlite = self.db.backend() == Backend::Sqlite;
        if stopped {
            return Ok(true);
        }
        let timeout = self.options.lock_timeout;
        let start = Instant::now();
        let mut still_since = start;
        // To look costs little and to wait a deployment's time; to be told of every look helps nobody.
        let mut told = Duration::from_millis(20);
        loop {
            self.go_on()?;
            let sight = self.db.sight(&self.table, &row.applied_by).await;
            let looked = |fault: Fault| fault.while_doing("look for the other run");
            let mut sight = sight.map_err(looked)?;
            // A run that has the lock of its session does not say where it is.
            if sight == Sight::Unknown
                && self.options.lock != Lock::Session
                && !row.applied_by.contains(UNLOCKED)
            {
                let key = self.lock_key();
                if self.db.is_locked(&key).await.map_err(looked)? {
                    sight = Sight::AtWork;
                }
            }
            let patience = match sight {
                Sight::Gone => Duration::ZERO,
                // Its lock would be held, but for a pooler that gave both of us the same session.
                Sight::Idle | Sight::Unknown if locked && !sqlite => Duration::ZERO,
                // What SQLite runs shares its transaction with its record or may run twice: taking it over too early
                // costs work and nothing else.
                Sight::Unknown if sqlite => timeout.min(STILL),
                // All that it may yet send is guarded by the row.
                Sight::Idle => timeout.min(STILL),
                // Only its standing still tells that it is gone.
                Sight::Unknown => timeout,
                Sight::AtWork => {
                    still_since = Instant::now();
                    if start.elapsed() >= timeout {
                        return Err(self.still_locked(&format!("another run ({})", row.applied_by)));
                    }
                    timeout
                }
            };
            if sight != Sight::AtWork && still_since.elapsed() >= patience {
                // Its owner may have finished it and gone since the row was read.
                return Ok(matches!(self.read_last().await?, Last::Row(now) if *now == *row));
            }
            self.db.sleep(Duration::from_millis(20)).await;
            match self.read_last().await? {
                Last::Row(now) if *now == *row => {}
                _ => return Ok(false),
            }
            let waited = start.elapsed();
            if waited >= told {
                self.events.emit(&Event::Waiting { waited, holder: Some(row.applied_by.as_str()) });
                told = (waited * 2).min(waited + Duration::from_millis(250));
            }
        }
    }

    /// Leaves word on a row that stays behind that nobody is at work on it.
    pub(super) async fn stop(&mut self, work: &Work<'_>, fault: &StepFault) {
        let kept = match fault {
            StepFault::Statement { kept, .. } => *kept,
            StepFault::Rust { .. } => 0,
            _ => return,
        };
        let running = Running { seq: work.row.seq(), applied_by: self.owner.clone() };
        let owner = format!("{}{STOPPED}", self.owner);
        let to =
            TakeOver { done: kept, applied_by: &owner, row: None, settled: None, state: RowState::Running };
        // Without the word the next run waits a little: what failed the step may have failed the connection.
        let _ = self.db.take_over(&self.table, &running, &to).await;
    }

    /// The step that a running row records, and the statement to go on from.
    pub(super) fn resumable(
        &self,
        decoded: &Decoded,
        row: &HistoryRow,
        state: &State,
    ) -> Result<(Step, usize)> {
        let interrupted = |what: String| Error::new(ErrorKind::Interrupted, what);
        let direction = match row.action {
            Action::Up => Direction::Up,
            _ => Direction::Down,
        };
        let index = decoded.index_of(&row.revision).ok_or_else(|| {
            interrupted(format!(
                "revision '{}' was interrupted after {} of {} statements, and this binary does not have it\n\n\
                 hint: run the binary that began it ({}); where there is none, `stamp` gives it up (`cargo migrate stamp \
                 REVISION`), and what of it is in force is left to you",
                row.revision, row.statements_done, row.statements_total, row.applied_by
            ))
        })?;
        let mut applied = state.applied.clone();
        let legal = match direction {
            Direction::Up => decoded.graph.closure([index]).iter().all(|i| i == index || applied.contains(i)),
            Direction::Down => applied.heads().contains(&index),
        };
        if !legal || (direction == Direction::Up && applied.contains(index)) {
            return Err(interrupted(format!(
                "revision '{}' was interrupted, and by this binary's graph it cannot be the next step\n\n\
                 hint: run the binary that began it ({})",
                row.revision, row.applied_by
            )));
        }
        match direction {
            Direction::Up => applied.add(&decoded.graph, index),
            Direction::Down => applied.remove(&decoded.graph, index),
        }
        let revision = &decoded.revisions[index];
        let from = usize::try_from(row.statements_done).unwrap_or(usize::MAX);
        let script = revision.script(self.db.backend(), direction);
        if let Some(script) = script {
            self.same_beginning(revision, script, row, from)?;
        }
        let from = if script.is_some() { from } else { 0 };
        Ok((Step { index, direction, heads: applied.heads().to_vec() }, from))
    }

    /// What is done already must be what the file says: only from the interrupted statement on may it have been edited.
    fn same_beginning(
        &self,
        revision: &migrate_revision::Revision,
        script: &Script,
        row: &HistoryRow,
        from: usize,
    ) -> Result<()> {
        // What follows the digest is the backend's own.
        let recorded = row.progress.as_deref().and_then(|progress| progress.split(' ').next());
        let fits = from <= script.statements.len()
            && (from == 0 || recorded == Some(progress(script, from).as_str()));
        if fits {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Interrupted,
            format!(
                "revision '{}' was interrupted after {from} of {} statements, and those were edited since: {}\n\n\
                 hint: restore the first {from} statements; what follows them may be changed",
                revision.id,
                row.statements_total,
                self.set.path(revision)
            ),
        ))
    }

    /// A step as what to write and what to run.
    pub(super) fn work<'d>(
        &mut self,
        decoded: &'d Decoded,
        prepared: &'d Prepared<'_>,
        after: Option<(i64, String)>,
    ) -> Result<Work<'d>> {
        let backend = self.db.backend();
        let Step { index, direction, .. } = &prepared.step;
        let revision = &decoded.revisions[*index];
        let script = revision.script(backend, *direction);
        let body = match (script, self.set.rust(decoded.place(*index))) {
            (Some(script), _) if script.statements.is_empty() => WorkBody::Nothing,
            (Some(script), _) => WorkBody::Sql { text: &prepared.text, script },
            (None, Some(rust)) => {
                let run = if *direction == Direction::Up { Some(rust.up) } else { rust.down };
                let run = run.ok_or_else(|| missing_body(revision, *direction))?;
                WorkBody::Rust {
                    run,
                    data: self.set.data(),
                    #[cfg(feature = "sqlite")]
                    foreign_keys_off: revision.foreign_keys_off(backend, *direction),
                }
            }
            (None, None) => return Err(missing_body(revision, *direction)),
        };
        let row = self.records(decoded).of_step(&prepared.step, &prepared.text, after.into())?;
        Ok(Work { row, body })
    }
}

/// What to say of a statement that fails where an earlier run was cut off.
fn may_be_done() -> String {
    format!(
        "an earlier run was cut off at this statement; if it fails because it was done then, say so:\n  {TWO_WAYS}"
    )
}

fn missing_body(revision: &migrate_revision::Revision, direction: Direction) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!(
            "revision '{}' is written in Rust and its `{direction}` is not in this program\n\n\
             hint: run the application that embeds it",
            revision.id
        ),
    )
}

fn info<'d>(decoded: &'d Decoded, step: &Step, place: usize, of: usize) -> StepInfo<'d> {
    let revision = &decoded.revisions[step.index];
    StepInfo {
        revision: revision.id.as_str(),
        message: &revision.message,
        direction: step.direction,
        number: place + 1,
        of,
    }
}
