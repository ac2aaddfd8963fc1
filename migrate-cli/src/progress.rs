//! What is shown while steps are taken: a bar on a terminal, plain lines elsewhere.

mod pulse;

use std::io::IsTerminal;
use std::ops::Deref;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use migrate_runtime::{Event, FleetEvent, printable};

use self::pulse::Pulse;
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
    Bar(Bar),
    Lines(Pulse),
}

impl Progress {
    /// Before the first event.
    #[must_use]
    pub fn new(output: Output) -> Self {
        let Some(bar) = Bar::new(None) else {
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
                pulse.at("", at_work(event));
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

/// A bar, which goes when this is dropped.
#[derive(Debug)]
struct Bar(ProgressBar);

impl Bar {
    /// One, if standard error is a terminal.
    fn new(length: Option<u64>) -> Option<Self> {
        if !std::io::stderr().is_terminal() {
            return None;
        }
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("[{bar:24}] {pos}/{len} {elapsed} {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(TICK);
        Some(Self(bar))
    }
}

impl Deref for Bar {
    type Target = ProgressBar;

    fn deref(&self) -> &ProgressBar {
        &self.0
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Shows the events of a fleet on standard error: the targets that were changed or failed, who waits, and whose step takes long.
#[derive(Debug)]
pub(crate) struct FleetProgress {
    output: Output,
    /// Before the bar, which is to go after the last line
    pulse: Pulse,
    bar: Option<Bar>,
    ended: usize,
    of: usize,
    /// Whether those that are done have a line
    says_done: bool,
}

impl FleetProgress {
    /// Before the first of so many targets.
    pub(crate) fn new(output: Output, of: usize) -> Self {
        let bar = Bar::new(Some(of as u64));
        let above = bar.as_ref().map(|bar| bar.0.clone());
        let still = move |line: &str| match &above {
            Some(bar) => bar.println(line),
            None => output.note(line),
        };
        Self { output, pulse: Pulse::new(SILENCE, still), bar, ended: 0, of, says_done: true }
    }

    /// The same where what the others say is printed afterwards.
    pub(crate) fn of_failures(output: Output, of: usize) -> Self {
        Self { says_done: false, ..Self::new(output, of) }
    }

    /// Shows an event.
    pub(crate) fn show(&mut self, event: &FleetEvent<'_>) {
        let line = match event {
            FleetEvent::Done { target, idle, .. } => {
                self.pulse.at(target, None);
                self.ended += 1;
                (!idle && self.says_done).then(|| format!("[{}/{}] {event}", self.ended, self.of))
            }
            FleetEvent::Failed { target, .. } | FleetEvent::Stopped { target, .. } => {
                self.pulse.at(target, None);
                self.ended += 1;
                let text = event.to_string();
                // All of it is in the report.
                Some(format!("[{}/{}] {}", self.ended, self.of, text.lines().next().unwrap_or_default()))
            }
            FleetEvent::Run { target, event: run, .. } => {
                self.pulse.at(target, at_work(run).map(|at| format!("{}: {at}", printable(target))));
                matches!(run, Event::Waiting { .. } | Event::Blocked { .. }).then(|| event.to_string())
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::thread;

    use migrate_revision::Backend;
    use migrate_revision::source::{Checks, resolve};
    use migrate_runtime::{FleetTarget, Migrations};

    use super::*;

    #[test]
    fn a_target_whose_step_takes_long_is_said_to_live_by_its_name() {
        let directory = tempfile::tempdir().unwrap();
        let revision = "-- One\n-- revision: r1\n-- revises: none\n\n\
                        -- migrate:up\nCREATE TABLE t1 (id INTEGER);\nCREATE TABLE t2 (id INTEGER);\n";
        std::fs::write(directory.path().join("r1_one.sql"), revision).unwrap();
        let checks =
            Checks { backends: vec![Backend::Sqlite], cover_all: true, branches: false, require_down: false };
        let set =
            Migrations::from_resolved(resolve(directory.path(), "migrations", &checks).unwrap(), "main");
        let target = |name: &str| {
            let file = directory.path().join(name.replace('\n', "_"));
            FleetTarget::new(format!("sqlite:{}", file.display())).named(name)
        };

        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&said);
        let say = move |line: &str| lines.lock().unwrap().push(line.to_owned());
        let output = Output { json: false, command: "upgrade", program: "cargo migrate" };
        let pulse = Pulse::new(Duration::from_millis(20), say);
        let mut progress = FleetProgress { output, pulse, bar: None, ended: 0, of: 2, says_done: true };
        let fleet = set.fleet(["a", "b\nc"].map(target)).limit(1).on_event(|event| {
            progress.show(event);
            // Whatever it is at takes as long as it takes to be told of; one line more may be of what was before.
            if let FleetEvent::Run { event: Event::Started { .. } | Event::Statement { .. }, .. } = event {
                let before = said.lock().unwrap().len();
                for _ in 0..1000 {
                    thread::sleep(Duration::from_millis(10));
                    if said.lock().unwrap().len() > before + 1 {
                        return;
                    }
                }
            }
        });
        let report = fleet.upgrade_sqlite("head");
        assert!(report.is_success(), "{report}");
        drop(progress);
        let said = said.lock().unwrap();
        let mut said: Vec<&str> = said.iter().map(|line| line.rsplit_once(" (").unwrap().0).collect();
        said.dedup();
        let of = |name: &str| {
            ["work", "statement 2 of 2", "work"].map(|at| format!("{name}: [1/1] up r1 One: still at {at}"))
        };
        assert_eq!(said, [of("a"), of("b\\nc")].concat());
    }
}
