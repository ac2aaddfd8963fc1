//! Trying a step again that waited for a lock of the application's: briefly each time, so that what queues up behind it
//! gets on in between.

use std::time::{Duration, Instant};

use super::{Run, random};
use crate::backends::Database;
use crate::event::{Event, StepInfo};

/// How long a step may yet wait for locks.
pub(super) struct Patience {
    start: Instant,
    pause: Duration,
    timeout: Duration,
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Patience {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { start: Instant::now(), pause: FIRST_PAUSE, timeout }
    }
}

impl<D: Database> Run<'_, D> {
    /// Lets a little time pass for those who queue up behind a step. `false` if its own is over.
    pub(super) async fn let_by(
        &mut self,
        patience: &mut Patience,
        step: StepInfo<'_>,
        by: Option<&str>,
    ) -> bool {
        let waited = patience.start.elapsed();
        // No two runs that were blocked by the same come back at the same time.
        let pause = patience.pause.mul_f64(0.5 + (random() % 1000) as f64 / 1000.0);
        if waited + pause >= patience.timeout {
            return false;
        }
        self.events.emit(&Event::Blocked { step, waited, by });
        self.db.sleep(pause).await;
        patience.pause = (patience.pause * 2).min(LONGEST_PAUSE);
        true
    }
}
