//! Stopping a fleet from another thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::migrator::Canceller;

/// Stops a [`Fleet`](super::Fleet): no other target is begun, and those that are under way end as a run that is stopped. For
/// cargo-migrate and migrate-cli; no part of the public interface.
#[derive(Clone)]
pub struct FleetCanceller {
    cancelled: Arc<AtomicBool>,
    /// What stops the runs that are under way, by their targets' places
    runs: Arc<Mutex<Vec<(usize, Canceller)>>>,
}

impl FleetCanceller {
    pub(super) fn new(cancelled: &Arc<AtomicBool>) -> Self {
        Self { cancelled: Arc::clone(cancelled), runs: Arc::default() }
    }

    /// As [`Canceller::cancel`], for all that is under way.
    #[inline]
    pub fn cancel(&self, patience: Duration) {
        self.cancelled.store(true, Ordering::Relaxed);
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // All at once: a server that does not answer may take the whole of the patience.
        thread::scope(|scope| {
            for (_, run) in &runs {
                scope.spawn(|| run.cancel(patience));
            }
        });
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Adds a run that begins.
    pub(super) fn begin(&self, place: usize, run: Canceller) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).push((place, run));
    }

    /// Takes out a run that has ended.
    pub(super) fn end(&self, place: usize) {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).retain(|(other, _)| *other != place);
    }
}
