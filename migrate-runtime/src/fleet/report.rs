//! What a fleet's verb has to say, target by target.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::{Error, Plan, Report, Status};

/// What became of each target of a [`Fleet`](super::Fleet), in their order.
///
/// As text it has a line per target but for those where there was nothing to do, and one that counts them all.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it may hold failures"]
pub struct FleetReport<T> {
    /// The targets
    pub targets: Vec<TargetReport<T>>,
    /// How long it took, in all
    pub took: Duration,
}

/// What became of one target.
#[derive(Debug)]
#[non_exhaustive]
pub struct TargetReport<T> {
    /// Its name
    pub target: String,
    /// What became of it
    pub outcome: TargetOutcome<T>,
}

/// How a target ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum TargetOutcome<T> {
    /// With what the verb says of one database
    Done(T),
    /// With an error
    Failed(Error),
    /// Before it was done, as the fleet was stopped; with the error that it ended with
    Stopped(Error),
    /// Not at all, because another failed or the fleet was stopped
    NotBegun,
}

impl<T> FleetReport<T> {
    /// Whether every target is done.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.targets.iter().all(|target| matches!(target.outcome, TargetOutcome::Done(_)))
    }

    /// The targets that failed, with their errors.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.targets.iter().filter_map(|target| match &target.outcome {
            TargetOutcome::Failed(error) => Some((target.target.as_str(), error)),
            _ => None,
        })
    }

    /// The targets that were stopped while they were under way, with the errors that they ended with.
    pub fn stopped(&self) -> impl Iterator<Item = (&str, &Error)> {
        self.targets.iter().filter_map(|target| match &target.outcome {
            TargetOutcome::Stopped(error) => Some((target.target.as_str(), error)),
            _ => None,
        })
    }

    /// The targets that were not begun.
    pub fn not_begun(&self) -> impl Iterator<Item = &str> {
        let left = self.targets.iter().filter(|target| matches!(target.outcome, TargetOutcome::NotBegun));
        left.map(|target| target.target.as_str())
    }
}

/// What a verb says of one database.
#[doc(hidden)]
pub trait Answer: fmt::Display + Send {
    /// Whether there is nothing in it that anybody waits for
    fn is_idle(&self) -> bool;
    /// What a line says that counts the targets with something in it
    const DONE: &'static str;
    /// The same of those with nothing
    const IDLE: &'static str;
}

impl Answer for Report {
    fn is_idle(&self) -> bool {
        self.is_empty()
    }
    const DONE: &'static str = "changed";
    const IDLE: &'static str = "with nothing to do";
}

impl Answer for Plan {
    fn is_idle(&self) -> bool {
        self.is_empty()
    }
    const DONE: &'static str = "with something to do";
    const IDLE: &'static str = "with nothing to do";
}

impl Answer for Status {
    fn is_idle(&self) -> bool {
        self.is_current()
    }
    const DONE: &'static str = "not current";
    const IDLE: &'static str = "current";
}

impl<T: Answer> fmt::Display for FleetReport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut done, mut idle, mut failed, mut stopped, mut left) = (0, 0, 0, 0, 0);
        for TargetReport { target, outcome } in &self.targets {
            let target = printable(target);
            match outcome {
                TargetOutcome::Done(answer) if answer.is_idle() => idle += 1,
                TargetOutcome::Done(answer) => {
                    done += 1;
                    writeln!(f, "{target}: {answer}")?;
                }
                TargetOutcome::Failed(error) => {
                    failed += 1;
                    writeln!(f, "{target}: failed: {error}")?;
                }
                TargetOutcome::Stopped(error) => {
                    stopped += 1;
                    writeln!(f, "{target}: stopped: {}", error.without_hint())?;
                }
                TargetOutcome::NotBegun => left += 1,
            }
        }
        let ends = [(failed, "failed"), (stopped, "stopped"), (left, "not begun")];
        let counts = [(done, T::DONE), (idle, T::IDLE)].into_iter().chain(ends);
        let counts: Vec<String> =
            (counts.filter(|(count, _)| *count > 0)).map(|(count, what)| format!("{count} {what}")).collect();
        let all = self.targets.len();
        write!(f, "{all} {}", if all == 1 { "target" } else { "targets" })?;
        if !counts.is_empty() {
            write!(f, ": {}", counts.join(", "))?;
        }
        write!(f, " ({} ms)", self.took.as_millis())
    }
}

/// A target's name on one line: that of a schema may have any character. For cargo-migrate and migrate-cli; no part of the public
/// interface.
#[must_use]
pub fn printable(name: &str) -> String {
    let mut shown = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_control() {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(feature = "serde")]
mod serialize {
    use serde::ser::{Serialize, SerializeStruct, Serializer};

    use super::{FleetReport, TargetOutcome, TargetReport};

    impl<T: Serialize> Serialize for FleetReport<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut report = serializer.serialize_struct("FleetReport", 2)?;
            report.serialize_field("targets", &self.targets)?;
            report.serialize_field("took_ms", &(self.took.as_millis() as u64))?;
            report.end()
        }
    }

    /// `target`, `outcome`, and `report`, or `error`, a text.
    impl<T: Serialize> Serialize for TargetReport<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut report = serializer.serialize_struct("TargetReport", 3)?;
            report.serialize_field("target", &self.target)?;
            match &self.outcome {
                TargetOutcome::Done(answer) => {
                    report.serialize_field("outcome", "done")?;
                    report.serialize_field("report", answer)?;
                }
                TargetOutcome::Failed(error) => {
                    report.serialize_field("outcome", "failed")?;
                    report.serialize_field("error", &error.to_string())?;
                }
                TargetOutcome::Stopped(error) => {
                    report.serialize_field("outcome", "stopped")?;
                    report.serialize_field("error", error.without_hint())?;
                }
                TargetOutcome::NotBegun => report.serialize_field("outcome", "not-begun")?,
            }
            report.end()
        }
    }
}
