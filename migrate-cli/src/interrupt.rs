//! Ctrl-C while a database is changed, on Linux also SIGTERM or SIGHUP: once, and the run stops where it can; twice, and the program leaves
//! at once.

#[cfg_attr(target_os = "linux", path = "interrupt/linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "interrupt/elsewhere.rs")]
mod system;

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

/// When the last signal came, which outlives the run: one that ended at once is not over before the second half of its signal has come.
static LAST: Mutex<Option<Instant>> = Mutex::new(None);

static HANDLER: Once = Once::new();

/// Has a run end, and takes at most so long to say so.
type Cancel = Arc<dyn Fn(Duration) + Send + Sync>;

struct Run {
    cancel: Cancel,
    output: Output,
    pressed: bool,
}

/// While it lives, Ctrl-C stops the run first and the program only when it is pressed again. On Linux SIGTERM and SIGHUP do the same.
#[derive(Debug)]
pub(crate) struct Watch(());

impl Watch {
    /// Watches over a run. A signal that the program handles itself, or was started to ignore, is left to it.
    pub(crate) fn new(cancel: impl Fn(Duration) + Send + Sync + 'static, output: Output) -> Self {
        *run() = Some(Run { cancel: Arc::new(cancel), output, pressed: false });
        handle();
        Self(())
    }

    /// Whether Ctrl-C was pressed, or such a signal came.
    pub(crate) fn was_interrupted(&self) -> bool {
        run().as_ref().is_some_and(|run| run.pressed)
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

/// Handles signals from now on, if this is the first process of a container. The system keeps from that what it does not handle, and so
/// what comes before the run would be lost.
pub(crate) fn handle_as_first_process() {
    if process::id() == 1 {
        handle();
    }
}

fn handle() {
    HANDLER.call_once(|| system::handle(pressed));
}

/// Stops the run that is under way, and says whether there is one. If that was told to stop before and is `again`, the program leaves.
fn pressed(again: bool) -> bool {
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_some_and(|last| last.elapsed() < ONE_SIGNAL) {
        return true;
    }
    *last = Some(Instant::now());
    let mut run = run();
    let Some(run) = run.as_mut() else { return false };
    if run.pressed && !again {
        return true;
    }
    if run.pressed {
        process::exit(Exit::Cancelled.code().into());
    }
    run.pressed = true;
    run.output.note("stopping; press Ctrl-C again to leave at once");
    let cancel = Arc::clone(&run.cancel);
    thread::spawn(move || stop(&cancel));
    true
}

/// Between two statements there is nothing to cancel: again, until the run has noticed.
fn stop(cancel: &Cancel) {
    while run().as_ref().is_some_and(|run| run.pressed) {
        cancel(PATIENCE);
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Output;

    #[test]
    fn a_signal_that_is_no_second_one_does_not_end_the_program() {
        let output = Output { json: false, command: "upgrade", program: "migrate" };
        let watch = Watch::new(|_| {}, output);
        assert!(pressed(true) && watch.was_interrupted());
        thread::sleep(ONE_SIGNAL * 2);
        // Else this process would be gone.
        assert!(pressed(false));
        drop(watch);
        thread::sleep(ONE_SIGNAL * 2);
        assert!(!pressed(true), "there is nothing to stop");
    }
}
