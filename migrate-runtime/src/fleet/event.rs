//! What a fleet tells while it goes.

use std::fmt;

use super::report::printable;
use crate::{Error, Event};

/// Something that happened to a target of a fleet.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum FleetEvent<'a> {
    /// It is its turn
    #[non_exhaustive]
    Begun {
        /// The target's name
        target: &'a str,
    },
    /// Something happened in its run
    #[non_exhaustive]
    Run {
        /// The target's name
        target: &'a str,
        /// What it was
        event: &'a Event<'a>,
    },
    /// It is done
    #[non_exhaustive]
    Done {
        /// The target's name
        target: &'a str,
        /// The first line of what there is to say of it
        said: &'a str,
        /// Whether there was nothing to do
        idle: bool,
    },
    /// It failed
    #[non_exhaustive]
    Failed {
        /// The target's name
        target: &'a str,
        /// Why
        error: &'a Error,
    },
    /// It was stopped while it was under way
    #[non_exhaustive]
    Stopped {
        /// The target's name
        target: &'a str,
        /// What it ended with
        error: &'a Error,
    },
}

impl fmt::Display for FleetEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun { target } => write!(f, "{}: begun", printable(target)),
            Self::Run { target, event } => write!(f, "{}: {event}", printable(target)),
            Self::Done { target, said, .. } => write!(f, "{}: {said}", printable(target)),
            Self::Failed { target, error } => write!(f, "{}: failed: {error}", printable(target)),
            Self::Stopped { target, error } => {
                write!(f, "{}: stopped: {}", printable(target), error.without_hint())
            }
        }
    }
}
