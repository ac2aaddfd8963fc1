//! Fleets in programs without a backend, which reach no database.

use std::time::Duration;

use migrate_revision::{Direction, Target};

use super::Fleet;
use super::report::{Answer, FleetReport, TargetOutcome, TargetReport};
use crate::{Plan, Report, Status};

pub(super) trait Verb {
    type Answer: Answer;
}

pub(super) struct UpgradeVerb(pub(super) Target);
pub(super) struct DowngradeVerb(pub(super) Target);
pub(super) struct PlanVerb(pub(super) Target, pub(super) Direction);
pub(super) struct StatusVerb;

impl Verb for UpgradeVerb {
    type Answer = Report;
}

impl Verb for DowngradeVerb {
    type Answer = Report;
}

impl Verb for PlanVerb {
    type Answer = Plan;
}

impl Verb for StatusVerb {
    type Answer = Status;
}

impl Fleet<'_> {
    pub(super) async fn each<V: Verb>(self, _: V) -> FleetReport<V::Answer> {
        let targets = self.targets.iter().map(|target| {
            let failed = target.checked_schema().err().unwrap_or_else(crate::migrator::no_backend);
            TargetReport { target: target.name().to_owned(), outcome: TargetOutcome::Failed(failed) }
        });
        FleetReport { targets: targets.collect(), took: Duration::ZERO }
    }

    /// Nothing was planned either.
    pub(super) async fn each_planned<V: Verb>(self, verb: V, _: FleetReport<Plan>) -> FleetReport<V::Answer> {
        self.each(verb).await
    }
}
