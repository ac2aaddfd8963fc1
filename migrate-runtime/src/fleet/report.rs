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
    /// What is said of it among others, in a line where that will do
    fn in_short(&self) -> String {
        self.to_string()
    }
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
    fn in_short(&self) -> String {
        Self::in_short(self)
    }
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
                    writeln!(f, "{target}: {}", answer.in_short())?;
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
    use serde::ser::{Serialize, Serializer};

    use super::{FleetReport, TargetOutcome, TargetReport};
    use crate::Error;

    /// What programs read of a fleet.
    #[derive(serde::Serialize)]
    struct Facts<'a, T, E> {
        targets: Vec<TargetFacts<'a, T, E>>,
        took_ms: u64,
    }

    #[derive(serde::Serialize)]
    struct TargetFacts<'a, T, E> {
        target: &'a str,
        /// Of the file that names it
        #[serde(skip_serializing_if = "Option::is_none")]
        line: Option<usize>,
        outcome: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        report: Option<&'a T>,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<E>,
    }

    /// What every error has.
    #[derive(serde::Serialize)]
    struct Told {
        message: String,
    }

    fn told<T>(_: &TargetOutcome<T>, _: &Error, message: String) -> Told {
        Told { message }
    }

    impl<T: Serialize> FleetReport<T> {
        /// What programs read, with the lines of a file that the targets are on, and errors of the caller's making from an outcome with its
        /// error and message. For cargo-migrate and migrate-cli; no part of the public interface.
        #[doc(hidden)]
        pub fn facts<E: Serialize>(
            &self,
            lines: &[usize],
            told: impl Fn(&TargetOutcome<T>, &Error, String) -> E,
        ) -> impl Serialize {
            let targets = self.targets.iter().enumerate();
            let facts = targets.map(|(place, target)| target.facts(lines.get(place).copied(), &told));
            let took_ms = u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX);
            Facts { targets: facts.collect(), took_ms }
        }
    }

    impl<T: Serialize> TargetReport<T> {
        fn facts<E>(
            &self,
            line: Option<usize>,
            told: impl Fn(&TargetOutcome<T>, &Error, String) -> E,
        ) -> TargetFacts<'_, T, E> {
            let (outcome, report, error) = match &self.outcome {
                TargetOutcome::Done(report) => ("done", Some(report), None),
                TargetOutcome::Failed(error) => ("failed", None, Some((error, error.to_string()))),
                TargetOutcome::Stopped(error) => {
                    ("stopped", None, Some((error, error.without_hint().to_owned())))
                }
                TargetOutcome::NotBegun => ("not-begun", None, None),
            };
            let error = error.map(|(error, message)| told(&self.outcome, error, message));
            TargetFacts { target: &self.target, line, outcome, report, error }
        }
    }

    /// `targets` and `took_ms`.
    impl<T: Serialize> Serialize for FleetReport<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.facts(&[], told).serialize(serializer)
        }
    }

    /// `target`, `outcome`, and `report`, or `error` with its `message`.
    impl<T: Serialize> Serialize for TargetReport<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.facts(None, told).serialize(serializer)
        }
    }
}
