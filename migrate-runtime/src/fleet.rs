//! One set on many databases, or on many schemas of one: several at a time, each with an end of its own.

mod cancel;
mod event;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod lanes;
mod list;
#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
mod nowhere;
mod pattern;
mod report;
#[cfg(all(test, feature = "sqlite", feature = "_source"))]
mod statements;
mod target;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod turns;

use migrate_revision::Direction;

use crate::options::{Options, option_setters};
use crate::set::{IntoTarget, Migrations};
use crate::{Plan, Report, Status};

#[doc(hidden)]
pub use self::cancel::FleetCanceller;
pub use self::event::FleetEvent;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use self::lanes::{DowngradeVerb, PlanVerb, StatusVerb, UpgradeVerb};
#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
use self::nowhere::{DowngradeVerb, PlanVerb, StatusVerb, UpgradeVerb};
#[doc(hidden)]
pub use self::report::{Answer, printable};
pub use self::report::{FleetReport, TargetOutcome, TargetReport};
pub use self::target::FleetTarget;

/// How many targets a fleet works on at a time, if nothing else is said.
const LIMIT: usize = 8;

/// What to do when a target of a fleet fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnFailure {
    /// Go on with the others
    #[default]
    Continue,
    /// Begin no other. Those that are under way come to their end
    Stop,
}

type Listener<'a> = Box<dyn FnMut(&FleetEvent<'_>) + Send + 'a>;

/// A set of migrations and many databases, or schemas of PostgreSQL, to apply it to.
///
/// Made by [`Migrations::fleet`]. Each target has its own history, its own lock and its own outcome: a failure is told in the
/// [`FleetReport`] and, unless [`on_failure`](Self::on_failure) says so, keeps no other from its turn. What is done is found done when the
/// fleet is run again, which is how one that failed or was stopped is taken up.
///
/// At most [`limit`](Self::limit) targets are under way at a time. Schemas of one database share the connections: each takes one schema
/// after the other, and one with nothing to do costs one statement. Every other target has a connection of its own. SQLite's targets
/// go first, each on a thread of its own while the calling thread waits; the others need tokio.
///
/// If the future of a verb is dropped, what holds for a [`Migrator`](crate::Migrator) holds for every target that was under way.
///
/// ```no_run
/// # use migrate_runtime::{FleetTarget, Migrations, Result};
/// # async fn example(migrations: &Migrations, url: &str) -> Result<()> {
/// let tenants = FleetTarget::schemas_like(url, "tenant\\_%").await?;
/// let report = migrations.fleet(tenants).limit(4).upgrade("head").await;
/// println!("{report}");
/// for (target, error) in report.failures() {
///     eprintln!("{target}: {error}");
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a fleet does nothing until one of its verbs is called"]
pub struct Fleet<'a> {
    set: &'a Migrations,
    targets: Vec<FleetTarget>,
    limit: usize,
    on_failure: OnFailure,
    options: Options,
    listener: Option<Listener<'a>>,
    canceller: FleetCanceller,
}

impl Migrations {
    /// These migrations on many databases or schemas. A URL is a target as well.
    pub fn fleet(&self, targets: impl IntoIterator<Item = impl Into<FleetTarget>>) -> Fleet<'_> {
        let options = Options::default();
        Fleet {
            set: self,
            targets: targets.into_iter().map(Into::into).collect(),
            limit: LIMIT,
            on_failure: OnFailure::default(),
            canceller: FleetCanceller::new(&options.cancelled),
            options,
            listener: None,
        }
    }
}

impl<'a> Fleet<'a> {
    /// How many targets are under way at a time, and so how many connections there are; 8 without it, and at least one. Of a
    /// server there are fewer once it has shown that it has no more of them; those of other servers do not wait for it.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self
    }

    /// What to do when a target fails.
    pub fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    option_setters!(
        schema: "It holds for the targets that are not schemas themselves.",
        lock: "Every target has a lock of its own.",
        lock_timeout: "It holds for each target. For as long each server is waited for that has no connection left.",
        transaction: "No transaction is of more than one target.",
    );

    /// Where events go, one at a time, whichever target they are of.
    pub fn on_event(mut self, listener: impl FnMut(&FleetEvent<'_>) + Send + 'a) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// What stops the fleet from another thread. For cargo-migrate and migrate-cli; no part of the public interface.
    #[doc(hidden)]
    #[must_use]
    pub fn canceller(&self) -> FleetCanceller {
        self.canceller.clone()
    }

    /// Applies to every target what it lacks.
    ///
    /// The errors of the targets are in the report, and there is no other.
    pub async fn upgrade(self, target: impl IntoTarget) -> FleetReport<Report> {
        let target = target.into_target();
        self.each(UpgradeVerb(target)).await
    }

    /// Undoes on every target what stands above another one; a revision by name leads all of them to the same place, `-1` each a step
    /// below its own. A target that is there already has nothing to do, so that this can be run again as well; one that does not have the
    /// revision fails. A SQLite file is made if it is not there.
    ///
    /// The errors of the targets are in the report, and there is no other.
    pub async fn downgrade(self, target: impl IntoTarget) -> FleetReport<Report> {
        let target = target.into_target();
        self.each(DowngradeVerb(target)).await
    }

    /// As [`downgrade`](Self::downgrade), by what [`plan_downgrade`](Self::plan_downgrade) has found for the same targets and was shown: no
    /// target takes another step than those of its plan, one for which there is no plan ends as its plan did, and where nothing was to be
    /// done nobody connects. For cargo-migrate and migrate-cli; no part of the public interface.
    #[doc(hidden)]
    pub async fn downgrade_as_planned(
        self,
        target: impl IntoTarget,
        plans: FleetReport<Plan>,
    ) -> FleetReport<Report> {
        let target = target.into_target();
        self.each_planned(DowngradeVerb(target), plans).await
    }

    /// What [`upgrade`](Self::upgrade) would do to every target. A SQLite file is made if it is not there.
    pub async fn plan(self, target: impl IntoTarget) -> FleetReport<Plan> {
        let target = target.into_target();
        self.each(PlanVerb(target, Direction::Up)).await
    }

    /// What [`downgrade`](Self::downgrade) would do to every target. A SQLite file is made if it is not there.
    pub async fn plan_downgrade(self, target: impl IntoTarget) -> FleetReport<Plan> {
        let target = target.into_target();
        self.each(PlanVerb(target, Direction::Down)).await
    }

    /// Where every target is. A SQLite file is made if it is not there.
    pub async fn status(self) -> FleetReport<Status> {
        self.each(StatusVerb).await
    }

    /// As [`upgrade`](Self::upgrade), in a program without async: targets that are not SQLite's fail.
    #[cfg(feature = "sqlite")]
    pub fn upgrade_sqlite(self, target: impl IntoTarget) -> FleetReport<Report> {
        let target = target.into_target();
        self.each_sqlite(UpgradeVerb(target))
    }

    /// As [`plan`](Self::plan), in a program without async: targets that are not SQLite's fail.
    #[cfg(feature = "sqlite")]
    pub fn plan_sqlite(self, target: impl IntoTarget) -> FleetReport<Plan> {
        let target = target.into_target();
        self.each_sqlite(PlanVerb(target, Direction::Up))
    }

    /// As [`plan_downgrade`](Self::plan_downgrade), in a program without async: targets that are not SQLite's fail.
    #[cfg(feature = "sqlite")]
    pub fn plan_downgrade_sqlite(self, target: impl IntoTarget) -> FleetReport<Plan> {
        let target = target.into_target();
        self.each_sqlite(PlanVerb(target, Direction::Down))
    }

    /// As [`status`](Self::status), in a program without async: targets that are not SQLite's fail.
    #[cfg(feature = "sqlite")]
    pub fn status_sqlite(self) -> FleetReport<Status> {
        self.each_sqlite(StatusVerb)
    }

    /// As [`downgrade`](Self::downgrade), in a program without async: targets that are not SQLite's fail.
    #[cfg(feature = "sqlite")]
    pub fn downgrade_sqlite(self, target: impl IntoTarget) -> FleetReport<Report> {
        let target = target.into_target();
        self.each_sqlite(DowngradeVerb(target))
    }
}

impl std::fmt::Debug for Fleet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet")
            .field("targets", &self.targets)
            .field("limit", &self.limit)
            .field("on_failure", &self.on_failure)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
