//! What a run would do, has done, and found.

use std::fmt;
use std::time::Duration;

use migrate_revision::{Direction, Revision};

use crate::event::StepInfo;
use crate::options::Resolution;
use crate::set::Migrations;

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Plan {
    /// The heads before
    pub from: Vec<String>,
    /// The heads after
    pub to: Vec<String>,
    /// The steps, in order
    pub steps: Vec<PlannedStep>,
    /// A revision that an earlier run left half done, which comes first
    pub interrupted: Option<String>,
    /// Which way that goes
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) going: Option<Direction>,
}

/// A step of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct PlannedStep {
    /// The revision's id
    pub revision: String,
    /// Its message
    pub message: String,
    /// Its file
    pub file: String,
    /// Up or down
    #[cfg_attr(feature = "serde", serde(serialize_with = "direction"))]
    pub direction: Direction,
    /// How many statements it has; none for a Rust revision
    pub statements: usize,
    /// Whether it runs in a transaction
    pub transactional: bool,
    /// What it runs, of a step that is taken from the record; its first lines may be comments that tell its statements apart
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub sql: Option<String>,
}

/// What a run has done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Report {
    /// The heads before
    pub from: Vec<String>,
    /// The heads after
    pub to: Vec<String>,
    /// The steps that this run took. Other runs may have taken some of those that were planned
    pub steps: Vec<DoneStep>,
    /// The revisions in force that this binary does not know
    pub ahead: Vec<String>,
    /// How long it took, in all
    #[cfg_attr(feature = "serde", serde(rename = "took_ms", serialize_with = "milliseconds"))]
    pub took: Duration,
}

/// A step of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DoneStep {
    /// The revision's id; of a stamp, the heads
    pub revision: String,
    /// Its message
    pub message: String,
    /// Up or down; nothing for a stamp or an accepted edit
    #[cfg_attr(feature = "serde", serde(serialize_with = "maybe_direction"))]
    pub direction: Option<Direction>,
    /// How many statements it has
    pub statements: usize,
    /// How long it took; of steps that shared a transaction, the whole
    #[cfg_attr(feature = "serde", serde(rename = "took_ms", serialize_with = "milliseconds"))]
    pub took: Duration,
}

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Status {
    /// The heads in force
    pub heads: Vec<String>,
    /// How many of the set's revisions are in force
    pub applied: usize,
    /// The set's revisions that are not, in the order in which they would be applied
    pub pending: Vec<RevisionInfo>,
    /// The revisions in force that this binary does not know
    pub ahead: Vec<String>,
    /// A revision that is under way or was interrupted
    pub interrupted: Option<String>,
}

/// A revision by name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct RevisionInfo {
    /// Its id
    pub revision: String,
    /// Its message
    pub message: String,
    /// Its file
    pub file: String,
}

/// What was settled about an interrupted revision.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Resolved {
    /// The revision's id
    pub revision: String,
    /// The statement that was in doubt, from 1
    pub statement: usize,
    /// How many statements the revision has
    pub of: usize,
    /// What holds of it from now on
    pub resolution: Resolution,
}

impl fmt::Display for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { revision, statement, of, resolution } = self;
        write!(f, "statement {statement} of {of} of revision '{revision}' counts as ")?;
        match resolution {
            Resolution::Applied if statement == of => f.write_str("done, and with it the revision"),
            Resolution::Applied => write!(f, "done; the next run goes on with statement {}", statement + 1),
            Resolution::NotApplied => f.write_str("not done; the next run goes on with it"),
        }
    }
}

/// A revision that was edited after it was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EditedRevision {
    /// Its id
    pub revision: String,
    /// Its message
    pub message: String,
    /// Its file
    pub file: String,
    /// Its content checksum as it was applied
    pub applied: String,
    /// Its content checksum in this binary; `None` if it has nothing for the backend
    pub now: Option<String>,
}

impl RevisionInfo {
    pub(crate) fn new(set: &Migrations, revision: &Revision) -> Self {
        Self {
            revision: revision.id.to_string(),
            message: revision.message.clone(),
            file: set.path(revision),
        }
    }
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.interrupted.is_none()
    }
}

impl Report {
    pub(crate) fn nothing_to_do(heads: Vec<String>) -> Self {
        Self { from: heads.clone(), to: heads, steps: Vec::new(), ahead: Vec::new(), took: Duration::ZERO }
    }

    /// Whether nothing was done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl DoneStep {
    pub(crate) fn new(step: &StepInfo<'_>, statements: usize, took: Duration) -> Self {
        Self {
            revision: step.revision.to_owned(),
            message: step.message.to_owned(),
            direction: Some(step.direction),
            statements,
            took,
        }
    }

    pub(crate) fn stamp(heads: &[String]) -> Self {
        Self {
            revision: heads.join(","),
            message: "stamp".into(),
            direction: None,
            statements: 0,
            took: Duration::ZERO,
        }
    }

    pub(crate) fn repair(revision: &Revision) -> Self {
        Self {
            revision: revision.id.to_string(),
            message: revision.message.clone(),
            direction: None,
            statements: 0,
            took: Duration::ZERO,
        }
    }
}

impl Status {
    /// Whether the database is where this binary wants it: nothing pending, nothing unknown, nothing half done.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.pending.is_empty() && self.ahead.is_empty() && self.interrupted.is_none()
    }
}

fn heads(heads: &[String]) -> String {
    if heads.is_empty() { "base".into() } else { heads.join(", ") }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(revision) = &self.interrupted {
            writeln!(f, "first: go on with {revision}, which was interrupted")?;
        }
        if self.is_empty() {
            return write!(f, "nothing to do: at {}", heads(&self.from));
        }
        write!(f, "{} -> {}", heads(&self.from), heads(&self.to))?;
        for step in &self.steps {
            write!(f, "\n  {:<4} {} {}", step.direction.to_string(), step.revision, step.message)?;
            if !step.transactional {
                f.write_str(" (not in a transaction)")?;
            }
            for line in step.sql.as_deref().unwrap_or_default().lines() {
                write!(f, "\n         {line}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.ahead.is_empty() {
            write!(f, "the database is ahead by {}; ", self.ahead.join(", "))?;
            if self.steps.is_empty() {
                return f.write_str("nothing to do");
            }
        }
        match self.steps.len() {
            0 => write!(f, "nothing to do: at {}", heads(&self.to)),
            1 => write!(f, "1 step, now at {} ({} ms)", heads(&self.to), self.took.as_millis()),
            steps => write!(f, "{steps} steps, now at {} ({} ms)", heads(&self.to), self.took.as_millis()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.say(f, true)
    }
}

impl Status {
    /// As the text, without the revisions that are pending, which may be a long list. For cargo-migrate and migrate-cli; no part of
    /// the public interface.
    #[doc(hidden)]
    #[must_use]
    pub fn in_short(&self) -> String {
        let mut text = String::new();
        let _ = self.say(&mut text, false);
        text
    }

    fn say(&self, to: &mut dyn fmt::Write, lists_pending: bool) -> fmt::Result {
        write!(to, "at {}: {} applied, {} pending", heads(&self.heads), self.applied, self.pending.len())?;
        for revision in self.pending.iter().filter(|_| lists_pending) {
            write!(to, "\n  pending {} {}", revision.revision, revision.message)?;
        }
        if !self.ahead.is_empty() {
            write!(to, "\n  unknown to this binary: {}", self.ahead.join(", "))?;
        }
        if let Some(revision) = &self.interrupted {
            write!(to, "\n  under way or interrupted: {revision}")?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
fn direction<S: serde::Serializer>(direction: &Direction, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(direction)
}

#[cfg(feature = "serde")]
fn maybe_direction<S: serde::Serializer>(
    direction: &Option<Direction>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match direction {
        Some(direction) => serializer.collect_str(direction),
        None => serializer.serialize_none(),
    }
}

#[cfg(feature = "serde")]
fn milliseconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(took.as_millis() as u64)
}
