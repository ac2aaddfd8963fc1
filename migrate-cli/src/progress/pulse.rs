//! Lines that say that runs live of which nothing is heard.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Says it from a thread of its own: SQLite's work leaves no time to the run's.
#[derive(Debug)]
pub(super) struct Pulse {
    /// Which run, and what it is at. Without it the thread ends
    now: Option<Sender<(String, Option<String>)>>,
    thread: Option<JoinHandle<()>>,
}

/// A run at something that may take long.
struct AtWork {
    at: String,
    since: Instant,
    /// When it is said next, if nothing else is heard
    due: Instant,
}

impl Pulse {
    /// Of each run it is said as often as nothing was heard of it for so long.
    pub(super) fn new(silence: Duration, say: impl Fn(&str) + Send + 'static) -> Self {
        let (now, heard) = channel::<(String, Option<String>)>();
        let thread = thread::spawn(move || {
            let mut runs: BTreeMap<String, AtWork> = BTreeMap::new();
            loop {
                let next = match runs.values().map(|run| run.due).min() {
                    Some(due) => heard.recv_timeout(due.saturating_duration_since(Instant::now())),
                    None => heard.recv().map_err(RecvTimeoutError::from),
                };
                let now = Instant::now();
                match next {
                    Ok((run, Some(at))) => {
                        runs.insert(run, AtWork { at, since: now, due: now + silence });
                    }
                    Ok((run, None)) => {
                        runs.remove(&run);
                    }
                    Err(RecvTimeoutError::Timeout) => {
                        for run in runs.values_mut().filter(|run| run.due <= now) {
                            say(&format!("{} ({} s)", run.at, (now - run.since).as_secs()));
                            run.due = now + silence;
                        }
                    }
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { now: Some(now), thread: Some(thread) }
    }

    /// Something was heard of a run, which is now at this, or at nothing that may take long.
    pub(super) fn at(&self, run: &str, what: Option<String>) {
        if let Some(now) = &self.now {
            // Without the thread nothing is said, and the run is the same.
            let _ = now.send((run.to_owned(), what));
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

    /// One that says what it says into a list.
    fn pulse(silence: Duration) -> (Pulse, Arc<Mutex<Vec<String>>>) {
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&said);
        (Pulse::new(silence, move |line| lines.lock().unwrap().push(line.to_owned())), said)
    }

    #[test]
    fn a_run_of_which_nothing_is_heard_is_said_to_live_and_one_that_is_over_is_not() {
        let (pulse, said) = pulse(Duration::from_millis(20));
        pulse.at("", Some("[1/2] up a: still at statement 2 of 3".into()));
        thread::sleep(Duration::from_millis(300));
        pulse.at("", None);
        thread::sleep(Duration::from_millis(20));
        let so_far = said.lock().unwrap().len();
        assert!(so_far > 1);
        thread::sleep(Duration::from_millis(100));
        drop(pulse);
        let said = said.lock().unwrap();
        assert_eq!(said.len(), so_far);
        assert_eq!(said[0], "[1/2] up a: still at statement 2 of 3 (0 s)");
    }

    #[test]
    fn of_several_runs_each_has_a_silence_of_its_own() {
        let (pulse, said) = pulse(Duration::from_secs(1));
        pulse.at("slow", Some("slow: still at work".into()));
        let start = Instant::now();
        // What is heard of another run is no news of the first.
        while said.lock().unwrap().len() < 2 {
            assert!(start.elapsed() < Duration::from_secs(60));
            pulse.at("busy", Some("busy: still at work".into()));
            thread::sleep(Duration::from_millis(10));
        }
        drop(pulse);
        let said = said.lock().unwrap();
        assert!(said.iter().all(|line| line.starts_with("slow: still at work (")), "{said:?}");
    }
}
