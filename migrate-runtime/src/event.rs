//! What a run tells while it goes.

use std::fmt;
use std::time::Duration;

use migrate_revision::Direction;

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The steps are known. Others may take some of them first
    #[non_exhaustive]
    Planned {
        /// How many there are
        steps: usize,
    },
    /// Another run is at work, and this one waits for it
    #[non_exhaustive]
    Waiting {
        /// How long it has waited
        waited: Duration,
        /// Who that is, if the database tells; of a lease, also until when it lasts
        holder: Option<&'a str>,
    },
    /// The connection cannot hold the lock of a session, and the run takes a lease instead; see [`Lock`](crate::Lock)
    #[non_exhaustive]
    Leasing {
        /// What tells
        why: &'a str,
    },
    /// A step begins
    #[non_exhaustive]
    Started {
        /// The step
        step: StepInfo<'a>,
    },
    /// A step waited for a lock of the application's as long as one try may, and will be tried again. On SQLite it waits
    /// for the write lock of another connection before the step begins, and tells of it after 100 milliseconds and ever more
    /// seldom, or whenever the busy timeout of the caller's own connection is over, which rusqlite makes 5 seconds
    #[non_exhaustive]
    Blocked {
        /// The step
        step: StepInfo<'a>,
        /// How long it has waited, in all
        waited: Duration,
        /// Who has the lock, if the database tells; SQLite cannot
        by: Option<&'a str>,
    },
    /// A statement of the step is done
    #[non_exhaustive]
    Statement {
        /// The step
        step: StepInfo<'a>,
        /// How many of its statements are done
        done: usize,
        /// How many it has
        total: usize,
    },
    /// A step is done, and what it did is kept
    #[non_exhaustive]
    Finished {
        /// The step
        step: StepInfo<'a>,
        /// How long it took; of steps that share a transaction or were sent together, the whole
        took: Duration,
    },
    /// Another process took the step that this run was about to take
    Overtaken,
}

/// The step of an [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepInfo<'a> {
    /// The revision's id
    pub revision: &'a str,
    /// Its message
    pub message: &'a str,
    /// Up or down
    pub direction: Direction,
    /// Its place among the planned steps, from 1
    pub number: usize,
    /// How many are planned
    pub of: usize,
}

impl fmt::Display for StepInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}/{}] {} {} {}", self.number, self.of, self.direction, self.revision, self.message)
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned { steps } => {
                write!(f, "{steps} {} to do", if *steps == 1 { "step" } else { "steps" })
            }
            Self::Waiting { waited, holder: None } => {
                write!(f, "waiting for another run ({} s)", waited.as_secs())
            }
            Self::Waiting { waited, holder: Some(holder) } => {
                write!(f, "waiting for another run ({} s): {holder}", waited.as_secs())
            }
            Self::Leasing { why } => write!(f, "taking a lease instead of a lock: {why}"),
            Self::Blocked { step, waited, by } => {
                let by = by.unwrap_or("a lock");
                write!(f, "{step}: waiting for {by} ({} s); trying again", waited.as_secs())
            }
            Self::Started { step } => write!(f, "{step}"),
            Self::Statement { step, done, total } => write!(f, "{step}: statement {done} of {total} done"),
            Self::Finished { step, took } => write!(f, "{step}: done in {} ms", took.as_millis()),
            Self::Overtaken => f.write_str("another process was faster; reading the state again"),
        }
    }
}

/// Where events go.
pub(crate) type Listener<'a> = Box<dyn FnMut(&Event<'_>) + Send + 'a>;

/// Hands events to the caller and to `tracing`.
#[derive(Default)]
pub(crate) struct Events<'a> {
    pub(crate) listener: Option<Listener<'a>>,
}

impl Events<'_> {
    pub(crate) fn emit(&mut self, event: &Event<'_>) {
        #[cfg(feature = "tracing")]
        trace(event);
        if let Some(listener) = &mut self.listener {
            listener(event);
        }
    }
}

#[cfg(feature = "tracing")]
fn trace(event: &Event<'_>) {
    match event {
        Event::Statement { step, done, total } => {
            tracing::debug!(revision = step.revision, direction = %step.direction, done, total, "statement done");
        }
        Event::Started { step } => {
            tracing::info!(revision = step.revision, direction = %step.direction, title = step.message, "step started");
        }
        Event::Finished { step, took } => {
            let ms = took.as_millis() as u64;
            tracing::info!(revision = step.revision, direction = %step.direction, ms, "step finished");
        }
        Event::Planned { steps } => tracing::info!(steps, "planned"),
        Event::Waiting { waited, holder } => {
            tracing::warn!(waited_s = waited.as_secs(), holder, "waiting for another run");
        }
        Event::Blocked { step, waited, by } => {
            tracing::warn!(revision = step.revision, waited_s = waited.as_secs(), by, "waiting for a lock");
        }
        Event::Leasing { why } => tracing::info!(why, "taking a lease instead of a lock"),
        Event::Overtaken => tracing::debug!("overtaken"),
    }
}
