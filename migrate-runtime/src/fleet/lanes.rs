//! The lanes of a fleet: each takes the next target when it is done with one, over the same connection where that serves.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use migrate_revision::{Direction, Target};

use super::report::{Answer, FleetReport, TargetOutcome, TargetReport};
#[cfg(feature = "sqlite")]
use super::turns::Turn;
use super::turns::{Next, PAUSE, Seat, Turns};
use super::{Fleet, FleetCanceller, FleetEvent, FleetTarget, Listener, OnFailure};
use crate::engine::{Boxed, Compiled, Run};
use crate::event::Events;
use crate::migrator::{Canceller, Connected, Kind};
#[cfg(feature = "postgres")]
use crate::options::Lock;
use crate::options::{Options, Planned};
use crate::{Error, Migrations, Plan, Report, Result, Status};

/// How often it is looked whether the fleet was stopped while it waits.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const LOOKS: Duration = Duration::from_millis(50);

/// What to do when a server has no connection left, and none becomes free.
const FEWER: &str = "let fewer targets be under way at a time, with `--limit` or `Fleet::limit`, or let the server have more connections";

/// What is done to each target.
pub(super) trait Verb: Sync {
    type Answer: Answer;

    fn run<'a>(&self, run: impl Compiled<'a>) -> Boxed<'a, Self::Answer>;
}

pub(super) struct UpgradeVerb(pub(super) Target);
pub(super) struct DowngradeVerb(pub(super) Target);
pub(super) struct PlanVerb(pub(super) Target, pub(super) Direction);
pub(super) struct StatusVerb;

impl Verb for UpgradeVerb {
    type Answer = Report;

    fn run<'a>(&self, run: impl Compiled<'a>) -> Boxed<'a, Report> {
        run.boxed_upgrade(self.0.clone())
    }
}

impl Verb for DowngradeVerb {
    type Answer = Report;

    fn run<'a>(&self, run: impl Compiled<'a>) -> Boxed<'a, Report> {
        run.boxed_downgrade(self.0.clone())
    }
}

impl Verb for PlanVerb {
    type Answer = Plan;

    fn run<'a>(&self, run: impl Compiled<'a>) -> Boxed<'a, Plan> {
        run.boxed_plan(self.0.clone(), self.1)
    }
}

impl Verb for StatusVerb {
    type Answer = Status;

    fn run<'a>(&self, run: impl Compiled<'a>) -> Boxed<'a, Status> {
        run.boxed_status()
    }
}

impl Fleet<'_> {
    /// SQLite's targets on threads, then the others.
    pub(super) async fn each<V: Verb>(self, verb: V) -> FleetReport<V::Answer> {
        Work::new(self, verb).done().await
    }

    /// The same where a plan was made for each.
    pub(super) async fn each_planned<V: Verb<Answer = Report>>(
        self,
        verb: V,
        plans: FleetReport<Plan>,
    ) -> FleetReport<Report> {
        let mut work = Work::new(self, verb);
        work.follow(plans);
        work.done().await
    }

    /// SQLite's targets on threads, and an error for each of the others.
    #[cfg(feature = "sqlite")]
    pub(super) fn each_sqlite<V: Verb>(self, verb: V) -> FleetReport<V::Answer> {
        let work = Work::new(self, verb);
        work.on_threads();
        work.queue_up(|target| !target.is_sqlite());
        let mut seat = None;
        while let Some(Turn { place, seat: taken, .. }) = work.turn(seat.take()) {
            seat = Some(taken);
            work.begin(place);
            let error = Error::new(
                crate::ErrorKind::Unsupported,
                "the target is not of SQLite, and a server needs a verb that is async\n\nhint: await the verb without `_sqlite` in its name",
            );
            work.end(place, Err(error));
        }
        work.report()
    }
}

/// A verb of a fleet under way.
struct Work<'a, V: Verb> {
    set: &'a Migrations,
    verb: V,
    targets: Vec<FleetTarget>,
    limit: usize,
    on_failure: OnFailure,
    options: Options,
    canceller: FleetCanceller,
    start: Instant,
    listener: Mutex<Option<Listener<'a>>>,
    turns: Mutex<Turns>,
    /// By the targets' places
    outcomes: Mutex<Vec<TargetOutcome<V::Answer>>>,
    /// The steps that targets may take, by their places; `None` if nothing was planned
    planned: Option<Vec<Option<Planned>>>,
    /// Whether a failure was the end of it
    stopped: AtomicBool,
}

/// What came of the try to connect to a target.
enum Way {
    /// A connection
    Made(Connected),
    /// The server has none left
    Full(Error),
    /// The fleet was stopped meanwhile
    Stopped,
}

impl<'a, V: Verb> Work<'a, V> {
    fn new(fleet: Fleet<'a>, verb: V) -> Self {
        let Fleet { set, targets, limit, on_failure, options, listener, canceller } = fleet;
        Self {
            set,
            verb,
            limit,
            on_failure,
            options,
            canceller,
            start: Instant::now(),
            listener: Mutex::new(listener),
            turns: Mutex::default(),
            outcomes: Mutex::new(targets.iter().map(|_| TargetOutcome::NotBegun).collect()),
            planned: None,
            stopped: AtomicBool::new(false),
            targets,
        }
    }

    /// Does it to all of them.
    async fn done(self) -> FleetReport<V::Answer> {
        #[cfg(feature = "sqlite")]
        self.on_threads();
        let rest = self.queue_up(|target| !target.is_sqlite());
        together((0..self.limit.min(rest)).map(|_| self.lane())).await;
        self.report()
    }

    /// Has some targets take their turns, those of one URL one after the other; says how many.
    fn queue_up(&self, wanted: impl Fn(&FleetTarget) -> bool) -> usize {
        let mut places: Vec<usize> = (0..self.targets.len())
            .filter(|&place| wanted(&self.targets[place]) && self.is_due(place))
            .collect();
        let mut firsts = std::collections::HashMap::new();
        for &place in &places {
            let target = &self.targets[place];
            firsts.entry(target.url()).or_insert_with(|| (place, target.server()));
        }
        let first = |place: usize| &firsts[self.targets[place].url()];
        places.sort_by_key(|&place| first(place).0);
        let count = places.len();
        let with_server = places.into_iter().map(|place| (place, first(place).1.as_str()));
        *lock(&self.turns) = Turns::new(with_server, self.limit);
        count
    }

    /// Whether anything is to be done to a target, as far as was planned.
    fn is_due(&self, place: usize) -> bool {
        self.planned.as_ref().is_none_or(|planned| planned.get(place).is_some_and(Option::is_some))
    }

    /// What a lane is to do next, which gives back the seat that it had.
    fn next(&self, seat: Option<Seat>) -> Next {
        if self.is_stopped() {
            return Next::Over;
        }
        lock(&self.turns).next(seat)
    }

    /// The next turn, where no connection is refused.
    #[cfg(feature = "sqlite")]
    fn turn(&self, seat: Option<Seat>) -> Option<Turn> {
        match self.next(seat) {
            Next::Turn(turn) => Some(turn),
            Next::Later | Next::Over => None,
        }
    }

    /// Whether no other target is to be begun.
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.canceller.is_cancelled()
    }

    #[cfg(feature = "sqlite")]
    fn on_threads(&self) {
        let count = self.queue_up(FleetTarget::is_sqlite);
        let lane = || {
            let mut seat = None;
            while let Some(Turn { place, seat: taken, .. }) = self.turn(seat.take()) {
                seat = Some(taken);
                self.begin(place);
                let result = crate::migrator::poll_once(async {
                    let mut connected = Connected::new(self.targets[place].url()).await?;
                    self.run(place, &mut connected).await.1
                });
                self.end(place, result);
            }
        };
        std::thread::scope(|scope| {
            // The calling thread is one of them.
            for _ in 1..self.limit.min(count) {
                scope.spawn(lane);
            }
            lane();
        });
    }

    /// One target after the other.
    async fn lane(&self) {
        let mut held: Option<(usize, Connected)> = None;
        let mut seat = None;
        loop {
            let mut turn = match self.next(seat.take()) {
                Next::Turn(turn) => turn,
                Next::Over => break,
                Next::Later => {
                    close(held.take()).await;
                    match self.unless_stopped(pause(PAUSE)).await {
                        Some(()) => continue,
                        None => break,
                    }
                }
            };
            let place = turn.place;
            let way = match held.take() {
                Some((of, connected)) if self.targets[of].url() == self.targets[place].url() => {
                    Ok(Way::Made(connected))
                }
                other => {
                    close(other).await;
                    self.way(place).await
                }
            };
            let mut connected = match way {
                Ok(Way::Made(connected)) => connected,
                Ok(Way::Stopped) => break,
                Ok(Way::Full(error)) => {
                    let in_vain = lock(&self.turns).refused(turn, self.options.lock_timeout);
                    if let Some(turn) = in_vain {
                        self.begin(place);
                        self.end(place, Err(error.with_first_hint(FEWER)));
                        seat = Some(turn.seat);
                    }
                    continue;
                }
                Err(error) => {
                    self.begin(place);
                    self.end(place, Err(error));
                    turn.seat.served();
                    seat = Some(turn.seat);
                    continue;
                }
            };
            turn.seat.served();
            seat = Some(turn.seat);
            // To connect takes time.
            if self.is_stopped() {
                held = Some((place, connected));
                break;
            }
            self.begin(place);
            let (used, result) = self.run(place, &mut connected).await;
            // Of a connection on which something failed, it is not known what it is good for.
            if result.is_ok() && self.is_as_new(&mut connected, used).await {
                held = Some((place, connected));
            } else {
                connected.0.close().await;
            }
            self.end(place, result);
        }
        close(held).await;
    }

    /// A connection for a target.
    async fn way(&self, place: usize) -> Result<Way> {
        let target = &self.targets[place];
        target.checked_schema()?;
        match self.unless_stopped(Connected::new(target.url())).await {
            None => Ok(Way::Stopped),
            Some(Err(error)) if crate::backends::is_full(&error) => Ok(Way::Full(error)),
            Some(connecting) => connecting.map(Way::Made),
        }
    }

    /// What a future gives, unless the fleet is stopped before.
    async fn unless_stopped<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        loop {
            if self.is_stopped() {
                return None;
            }
            if let Ok(done) = tokio::time::timeout(LOOKS, &mut future).await {
                return Some(done);
            }
        }
        #[cfg(not(any(feature = "postgres", feature = "mysql")))]
        Some(future.as_mut().await)
    }

    /// Whether a connection serves several targets, as the schemas of a database of PostgreSQL; what the last has left in its session is
    /// cleared. At once, since a pooler may hand that session to somebody else.
    async fn is_as_new(&self, connected: &mut Connected, used: bool) -> bool {
        match &mut connected.0 {
            #[cfg(feature = "postgres")]
            Kind::Postgres(connected) => {
                !used || connected.forget(self.options.lock == Lock::Session).await.is_ok()
            }
            #[cfg(any(feature = "sqlite", feature = "mysql"))]
            _ => {
                let _ = used;
                false
            }
        }
    }

    /// Does to a target what is to be done, and says whether statements of a revision were sent.
    async fn run(&self, place: usize, connected: &mut Connected) -> (bool, Result<V::Answer>) {
        let target = &self.targets[place];
        let schema = match target.checked_schema() {
            Ok(schema) => schema.map(str::to_owned),
            Err(error) => return (false, Err(error)),
        };
        self.canceller.begin(place, Canceller::new(connected, &self.options.cancelled));
        let mut options = self.options.clone();
        options.schema = schema.clone().or(options.schema);
        options.planned = self.planned.as_ref().and_then(|planned| planned.get(place)?.clone());
        let listener =
            |event: &crate::Event<'_>| self.tell(&FleetEvent::Run { target: target.name(), event });
        let events = Events { listener: Some(Box::new(listener)) };
        let set = self.set;
        let used = AtomicBool::new(false);
        let running = async {
            match &mut connected.0 {
                #[cfg(feature = "sqlite")]
                Kind::Sqlite(connection) => {
                    let database = crate::backends::sqlite::Sqlite::new(connection, options.lock_timeout)
                        .until(&self.options.cancelled);
                    self.verb.run(Run::new(set, database, options, events)).await
                }
                #[cfg(feature = "postgres")]
                Kind::Postgres(connected) => {
                    let timeout = options.statement_lock_timeout;
                    let database = crate::backends::postgres::Postgres::new(&mut connected.client, timeout);
                    let database = database.in_schema(schema, target.is_found()).telling(&used);
                    self.verb.run(Run::new(set, database, options, events)).await
                }
                #[cfg(feature = "mysql")]
                Kind::Mysql(connected) => {
                    let timeout = options.statement_lock_timeout;
                    let database = crate::backends::mysql::Mysql::new(&mut connected.conn, timeout);
                    self.verb.run(Run::new(set, database, options, events)).await
                }
            }
        };
        #[cfg(feature = "tracing")]
        let running =
            tracing::Instrument::instrument(running, tracing::info_span!("fleet", name = target.name()));
        let result = running.await;
        (used.into_inner(), result)
    }

    fn begin(&self, place: usize) {
        self.tell(&FleetEvent::Begun { target: self.targets[place].name() });
    }

    fn end(&self, place: usize, result: Result<V::Answer>) {
        self.canceller.end(place);
        let target = self.targets[place].name();
        let outcome = match result {
            Ok(answer) => {
                let text = answer.to_string();
                let said = text.lines().next().unwrap_or_default();
                self.tell(&FleetEvent::Done { target, said, idle: answer.is_idle() });
                TargetOutcome::Done(answer)
            }
            // What the database says of a statement that it was told to end is no failure.
            Err(error) if self.canceller.is_cancelled() && error.is_of_stop() => {
                self.tell(&FleetEvent::Stopped { target, error: &error });
                TargetOutcome::Stopped(error)
            }
            Err(error) => {
                let error = self.targets[place].names_itself_in(error);
                if self.on_failure == OnFailure::Stop {
                    self.stopped.store(true, Ordering::Relaxed);
                }
                self.tell(&FleetEvent::Failed { target, error: &error });
                TargetOutcome::Failed(error)
            }
        };
        lock(&self.outcomes)[place] = outcome;
    }

    fn tell(&self, event: &FleetEvent<'_>) {
        if let Some(listener) = &mut *lock(&self.listener) {
            listener(event);
        }
    }

    fn report(self) -> FleetReport<V::Answer> {
        let outcomes = self.outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let targets = self.targets.iter().zip(outcomes);
        let targets =
            targets.map(|(target, outcome)| TargetReport { target: target.name().to_owned(), outcome });
        FleetReport { targets: targets.collect(), took: self.start.elapsed() }
    }
}

impl<V: Verb<Answer = Report>> Work<'_, V> {
    /// Holds each target to its plan; one without any ends as that did.
    fn follow(&mut self, plans: FleetReport<Plan>) {
        let mut steps = Vec::with_capacity(self.targets.len());
        let mut outcomes = Vec::with_capacity(self.targets.len());
        for target in plans.targets {
            let (planned, outcome) = match target.outcome {
                TargetOutcome::Done(plan) if plan.is_empty() => {
                    (None, TargetOutcome::Done(Report::nothing_to_do(plan.to)))
                }
                TargetOutcome::Done(plan) => (Some(Planned::from(&plan)), TargetOutcome::NotBegun),
                TargetOutcome::Failed(error) => {
                    if self.on_failure == OnFailure::Stop {
                        self.stopped.store(true, Ordering::Relaxed);
                    }
                    (None, TargetOutcome::Failed(error))
                }
                TargetOutcome::Stopped(error) => (None, TargetOutcome::Stopped(error)),
                TargetOutcome::NotBegun => (None, TargetOutcome::NotBegun),
            };
            steps.push(planned);
            outcomes.push(outcome);
        }
        outcomes.resize_with(self.targets.len(), || TargetOutcome::NotBegun);
        self.planned = Some(steps);
        self.outcomes = Mutex::new(outcomes);
    }
}

/// Closes the connection that a lane had for the target before.
async fn close(held: Option<(usize, Connected)>) {
    if let Some((_, connected)) = held {
        connected.0.close().await;
    }
}

/// Lets time pass. Only servers have a number of connections.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

#[cfg(not(any(feature = "postgres", feature = "mysql")))]
async fn pause(_: Duration) {}

/// Waits for all of them, on this task.
async fn together(lanes: impl Iterator<Item = impl Future<Output = ()>>) {
    let mut lanes: Vec<_> = lanes.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        lanes.retain_mut(|lane| lane.as_mut().poll(context).is_pending());
        if lanes.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// What a panic of a listener left is as good as before.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
