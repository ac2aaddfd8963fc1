//! Ctrl-C while a database is changed, or SIGTERM or SIGHUP: once, and the run stops where it can; twice, and the program leaves at
//! once.

use std::process;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::exit::Exit;
use crate::output::Output;

/// How long the database is given to end the statement before it is asked again.
const PAUSE: Duration = Duration::from_millis(200);

/// How long one try to reach it may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Signals that come within this time are one: `timeout` sends its signal to its program, and then to the group that it is in.
const ONE_SIGNAL: Duration = Duration::from_millis(50);

/// The run that is under way. Signals belong to the process, and so does this.
static RUN: Mutex<Option<Run>> = Mutex::new(None);

static HANDLER: Once = Once::new();

/// Has a run end, and takes at most so long to say so.
type Cancel = Arc<dyn Fn(Duration) + Send + Sync>;

struct Run {
    cancel: Cancel,
    output: Output,
    /// When the first signal came
    pressed: Option<Instant>,
}

/// While it lives, Ctrl-C stops the run first and the program only when it is pressed again. Where there are signals, SIGTERM and
/// SIGHUP do the same.
#[derive(Debug)]
pub(crate) struct Watch(());

impl Watch {
    /// Watches over a run. In a program that handles one of the signals itself, or ignores it, all are left to it.
    pub(crate) fn new(cancel: impl Fn(Duration) + Send + Sync + 'static, output: Output) -> Self {
        *run() = Some(Run { cancel: Arc::new(cancel), output, pressed: None });
        HANDLER.call_once(|| {
            let _ = ctrlc::try_set_handler(pressed);
        });
        Self(())
    }

    /// Whether Ctrl-C was pressed, or such a signal came.
    pub(crate) fn was_interrupted(&self) -> bool {
        run().as_ref().is_some_and(|run| run.pressed.is_some())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        *run() = None;
    }
}

fn run() -> MutexGuard<'static, Option<Run>> {
    RUN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pressed() {
    let mut run = run();
    match run.as_mut() {
        Some(run) if run.pressed.is_some_and(|pressed| pressed.elapsed() < ONE_SIGNAL) => {}
        Some(run) if run.pressed.is_none() => {
            run.pressed = Some(Instant::now());
            run.output.note("stopping; press Ctrl-C again to leave at once");
            let cancel = Arc::clone(&run.cancel);
            thread::spawn(move || stop(&cancel));
        }
        _ => process::exit(Exit::Cancelled.code().into()),
    }
}

/// Between two statements there is nothing to cancel: again, until the run has noticed.
fn stop(cancel: &Cancel) {
    while run().as_ref().is_some_and(|run| run.pressed.is_some()) {
        cancel(PATIENCE);
        thread::sleep(PAUSE);
    }
}
