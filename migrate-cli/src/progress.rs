//! What is shown while steps are taken: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use migrate_runtime::{Event, FleetEvent};

use crate::output::Output;

/// How often the time on the bar moves on.
const TICK: Duration = Duration::from_secs(1);

/// How long nothing happens before a line says that the run is still at it.
const SILENCE: Duration = Duration::from_secs(30);

/// Shows the events of a run on standard error.
#[derive(Debug)]
pub struct Progress {
    output: Output,
    shown: Shown,
}

#[derive(Debug)]
enum Shown {
    /// Where standard error is a terminal
    Bar(ProgressBar),
    Lines(Pulse),
}

impl Progress {
    /// Before the first event.
    #[must_use]
    pub fn new(output: Output) -> Self {
        let Some(bar) = bar(None) else {
            let still = move |line: &str| output.note(line);
            return Self { output, shown: Shown::Lines(Pulse::new(SILENCE, still)) };
        };
        Self { output, shown: Shown::Bar(bar) }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event<'_>) {
        let bar = match &self.shown {
            Shown::Bar(bar) => bar,
            Shown::Lines(pulse) => {
                pulse.at(at_work(event));
                return match event {
                    Event::Planned { .. } | Event::Started { .. } | Event::Statement { .. } => {}
                    event => self.output.note(event),
                };
            }
        };
        match event {
            Event::Planned { steps, .. } => bar.set_length(*steps as u64),
            Event::Started { step, .. } => {
                bar.set_length(step.of as u64);
                bar.set_position(step.number as u64 - 1);
                bar.set_message(format!("{} {} {}", step.direction, step.revision, step.message));
            }
            Event::Statement { step, done, total, .. } => bar.set_message(format!(
                "{} {} {} ({done}/{total})",
                step.direction, step.revision, step.message
            )),
            Event::Finished { step, .. } => {
                bar.set_position(step.number as u64);
                bar.println(event.to_string());
            }
            event => bar.set_message(event.to_string()),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

/// A bar, where standard error is a terminal.
fn bar(length: Option<u64>) -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("[{bar:24}] {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(TICK);
    Some(bar)
}

/// Shows the events of a fleet on standard error: the targets that were changed or failed, and who waits.
#[derive(Debug)]
pub(crate) struct FleetProgress {
    output: Output,
    bar: Option<ProgressBar>,
    ended: usize,
    of: usize,
}

impl FleetProgress {
    /// Before the first of so many targets.
    pub(crate) fn new(output: Output, of: usize) -> Self {
        Self { output, bar: bar(Some(of as u64)), ended: 0, of }
    }

    /// Shows an event.
    pub(crate) fn show(&mut self, event: &FleetEvent<'_>) {
        let line = match event {
            FleetEvent::Done { idle, .. } => {
                self.ended += 1;
                (!idle).then(|| format!("[{}/{}] {event}", self.ended, self.of))
            }
            FleetEvent::Failed { .. } => {
                self.ended += 1;
                let text = event.to_string();
                // All of it is in the report.
                Some(format!("[{}/{}] {}", self.ended, self.of, text.lines().next().unwrap_or_default()))
            }
            FleetEvent::Run { event: Event::Waiting { .. } | Event::Blocked { .. }, .. } => {
                Some(event.to_string())
            }
            _ => None,
        };
        match (&self.bar, line) {
            (Some(bar), line) => {
                bar.set_position(self.ended as u64);
                if let Some(line) = line {
                    bar.println(line);
                }
            }
            (None, Some(line)) => self.output.note(line),
            (None, None) => {}
        }
    }
}

impl Drop for FleetProgress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// What a run is at after an event, if it may take long.
fn at_work(event: &Event<'_>) -> Option<String> {
    match event {
        Event::Started { step, .. } => Some(format!("{step}: still at work")),
        Event::Statement { step, done, total, .. } if done < total => {
            Some(format!("{step}: still at statement {} of {total}", done + 1))
        }
        Event::Statement { step, .. } => Some(format!("{step}: still at work")),
        _ => None,
    }
}

/// Says from a thread of its own that a run lives of which nothing is heard: SQLite's work leaves no time to the run's.
#[derive(Debug)]
struct Pulse {
    /// What the run is at. Without it the thread ends
    now: Option<Sender<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    fn new(silence: Duration, say: impl Fn(&str) + Send + 'static) -> Self {
        let (now, heard) = channel::<Option<String>>();
        let thread = thread::spawn(move || {
            let mut since = Instant::now();
            let mut at: Option<String> = None;
            loop {
                match heard.recv_timeout(silence) {
                    Ok(next) => (at, since) = (next, Instant::now()),
                    Err(RecvTimeoutError::Timeout) => {
                        if let Some(at) = &at {
                            say(&format!("{at} ({} s)", since.elapsed().as_secs()));
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { now: Some(now), thread: Some(thread) }
    }

    fn at(&self, what: Option<String>) {
        if let Some(now) = &self.now {
            // Without the thread nothing is said, and the run is the same.
            let _ = now.send(what);
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.now = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn a_run_of_which_nothing_is_heard_is_said_to_live_and_one_that_is_over_is_not() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&said);
        let pulse =
            Pulse::new(Duration::from_millis(20), move |line| lines.lock().unwrap().push(line.to_owned()));
        pulse.at(Some("[1/2] up a: still at statement 2 of 3".into()));
        thread::sleep(Duration::from_millis(300));
        pulse.at(None);
        thread::sleep(Duration::from_millis(20));
        let so_far = said.lock().unwrap().len();
        assert!(so_far > 1);
        thread::sleep(Duration::from_millis(100));
        drop(pulse);
        let said = said.lock().unwrap();
        assert_eq!(said.len(), so_far);
        assert_eq!(said[0], "[1/2] up a: still at statement 2 of 3 (0 s)");
    }
}
