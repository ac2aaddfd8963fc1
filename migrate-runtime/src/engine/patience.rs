//! Trying a step again that waited for a lock of the application's: briefly each time, so that what queues up behind it
//! gets on in between.

use std::time::{Duration, Instant};

use super::{Run, random};
use crate::backends::{Database, StepFault, Tell, Work};
use crate::event::{Event, StepInfo};
use crate::history::Running;

/// How a step is run.
pub(super) enum Way {
    /// In a transaction, with its table made first or not
    Transact { create: bool },
    /// Statement by statement from one on, with its row written first or not
    Record { begin: Option<bool>, from: usize },
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl<D: Database> Run<'_, D> {
    /// Runs steps, and again for as long as they only wait for locks and `lock_timeout` is not over.
    pub(super) async fn run_patiently(
        &mut self,
        mut way: Way,
        work: &[Work<'_>],
        steps: &[StepInfo<'_>],
    ) -> Result<(), StepFault> {
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let result = self.run_once(&mut way, work, steps, pause == FIRST_PAUSE).await;
            let Err(StepFault::Blocked { fault, by }) = result else { return result };
            let waited = start.elapsed();
            // No two runs that were blocked by the same come back at the same time.
            let jittered = pause.mul_f64(0.5 + (random() % 1000) as f64 / 1000.0);
            if waited + jittered >= self.options.lock_timeout {
                return Err(fault.waited_for(by.as_deref()));
            }
            if let (Way::Record { from, .. }, StepFault::Statement { kept, .. }) = (&mut way, &*fault) {
                *from = *kept;
            }
            let step = match &*fault {
                StepFault::Statement { step, .. } => *step,
                _ => 0,
            };
            self.events.emit(&Event::Blocked { step: steps[step], waited, by: by.as_deref() });
            self.db.sleep(jittered).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn run_once(
        &mut self,
        way: &mut Way,
        work: &[Work<'_>],
        steps: &[StepInfo<'_>],
        first: bool,
    ) -> Result<(), StepFault> {
        let events = &mut self.events;
        let mut tell = |place: usize, statement: Option<usize>| {
            let step = steps[place];
            match statement {
                None if first => events.emit(&Event::Started { step }),
                None => {}
                Some(done) => {
                    events.emit(&Event::Statement { step, done, total: work[place].row.statements });
                }
            }
        };
        let told: &mut Tell<'_> = &mut tell;
        match way {
            Way::Transact { create } => self.db.transact(&self.table, *create, work, told).await,
            Way::Record { begin, from } => {
                if let Some(create) = begin.take() {
                    self.db.begin_running(&self.table, create, &work[0].row).await?;
                }
                let running = Running { seq: work[0].row.seq(), applied_by: self.owner.clone() };
                self.db.run_recorded(&self.table, &running, &work[0], *from, told).await
            }
        }
    }
}
