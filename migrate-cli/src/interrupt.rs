//! Ctrl-C while a database is changed, or SIGTERM or SIGHUP: once, and the run stops where it can; twice, and the program leaves at
//! once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// What is done before the program leaves at once
    leave: Option<Arc<dyn Fn() + Send + Sync>>,
    /// Where it is said that the run stops, unless another program says so
    output: Option<Output>,
    /// When the first signal came
    pressed: Option<Instant>,
}

/// While it lives, Ctrl-C stops the run first and the program only when it is pressed again. Where there are signals, SIGTERM and
/// SIGHUP do the same.
#[derive(Debug)]
pub struct Watch(());

impl Watch {
    /// Watches over a run. In a program that handles one of the signals itself, or ignores it, all are left to it.
    pub(crate) fn new(cancel: impl Fn(Duration) + Send + Sync + 'static, output: Output) -> Self {
        Self::over(Run { cancel: Arc::new(cancel), leave: None, output: Some(output), pressed: None })
    }

    /// Watches over another program that does the run, and handles the signal once `pass_on` has given it to it, which it says.
    pub fn program(pass_on: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let pass_on = Arc::new(pass_on);
        let (again, passed_on) = (Arc::clone(&pass_on), AtomicBool::new(false));
        let cancel = move |_| {
            if !passed_on.load(Ordering::Relaxed) {
                passed_on.store(pass_on(), Ordering::Relaxed);
            }
        };
        let leave = Arc::new(move || {
            again();
        });
        Self::over(Run { cancel: Arc::new(cancel), leave: Some(leave), output: None, pressed: None })
    }

    fn over(watched: Run) -> Self {
        *run() = Some(watched);
        HANDLER.call_once(|| {
            let _ = ctrlc::try_set_handler(pressed);
        });
        Self(())
    }

    /// Whether Ctrl-C was pressed, or such a signal came.
    #[must_use]
    pub fn was_interrupted(&self) -> bool {
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
            if let Some(output) = run.output {
                output.note("stopping; press Ctrl-C again to leave at once");
            }
            let cancel = Arc::clone(&run.cancel);
            thread::spawn(move || stop(&cancel));
        }
        watched => {
            if let Some(leave) = watched.and_then(|run| run.leave.as_ref()) {
                leave();
            }
            process::exit(Exit::Cancelled.code().into())
        }
    }
}

/// Between two statements there is nothing to cancel: again, until the run has noticed.
fn stop(cancel: &Cancel) {
    while run().as_ref().is_some_and(|run| run.pressed.is_some()) {
        cancel(PATIENCE);
        thread::sleep(PAUSE);
    }
}
