//! The application's process while it does a run: it gets the signals that this process gets, and is waited for.

#[cfg_attr(unix, path = "application/unix.rs")]
#[cfg_attr(not(unix), path = "application/console.rs")]
mod system;

use std::io;
use std::process::{self, Command, Output};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use system::{Place, Received, Signals};

/// How it ended.
pub(crate) struct Ended {
    /// Its status, and what it has printed into pipes
    pub(crate) output: Output,
    /// Whether a signal that this process got told it to stop
    pub(crate) interrupted: bool,
}

/// Runs it to its end. Signals that come afterwards end this process.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn run(mut command: Command) -> io::Result<Ended> {
    let work = Arc::new(Work { place: Place::choose(&mut command), state: Mutex::default() });
    let (ready, is_ready) = mpsc::channel();
    let (started, is_started) = mpsc::channel();
    let watched = Arc::clone(&work);
    thread::spawn(move || watched.watch(&ready, &is_started));
    // An error is that signals cannot be handled, and leaves them as they are.
    let _ = is_ready.recv();
    let child = command.spawn()?;
    let id = child.id();
    work.state().at_work = Some(id);
    let _ = started.send(());
    let output = child.wait_with_output();
    if work.state().passed_on {
        work.place.wait_for_rest(id);
    }
    let mut state = work.state();
    state.at_work = None;
    Ok(Ended { output: output?, interrupted: state.interrupted })
}

struct Work {
    place: Place,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The application, once it is started and until it has ended
    at_work: Option<u32>,
    /// Whether a signal came meanwhile
    interrupted: bool,
    /// Whether a signal was given to the application
    passed_on: bool,
}

impl Work {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Handles signals for as long as this process lives.
    fn watch(&self, ready: &Sender<()>, is_started: &Receiver<()>) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let mut signals = Signals::default();
            signals.watch_before_start();
            let _ = ready.send(());
            let _ = is_started.recv();
            signals.watch_after_start();
            loop {
                self.handle(signals.next().await);
            }
        });
    }

    fn handle(&self, received: Received) {
        // Held until it is noted: the application may end at once.
        let mut state = self.state();
        let Some(id) = state.at_work else { process::exit(received.exit_code()) };
        state.interrupted = true;
        state.passed_on |= self.place.pass_on(id, received);
    }
}
