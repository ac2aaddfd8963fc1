//! Signals that ask this process to end: they are noted, and every wait looks at the note.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

const WATCHED: [(i32, &str); 3] = [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")];

/// The last signal received, if any.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// The signal's number; 0 for none.
    received: Arc<AtomicUsize>,
}

impl Signals {
    /// From here on the signals no longer end the process.
    pub(crate) fn watch() -> io::Result<Self> {
        let received = Arc::new(AtomicUsize::new(0));
        for (number, _) in WATCHED {
            flag::register_usize(number, Arc::clone(&received), number.unsigned_abs() as usize)?;
        }
        Ok(Self { received })
    }

    /// An error once a signal has come.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        let received = self.received.load(Ordering::SeqCst);
        match WATCHED.into_iter().find(|(number, _)| number.unsigned_abs() as usize == received) {
            Some((number, name)) => Err(Interrupted { number, name }),
            None => Ok(()),
        }
    }
}

/// The process was asked to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupted {
    number: i32,
    name: &'static str,
}

impl Interrupted {
    /// The exit code that shells use for a process that a signal ended.
    pub(crate) fn exit_code(self) -> u8 {
        u8::try_from(128 + self.number).unwrap_or(u8::MAX)
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted by {}", self.name)
    }
}

impl std::error::Error for Interrupted {}
