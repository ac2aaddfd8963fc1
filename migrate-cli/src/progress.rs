//! What is shown while steps are taken: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use migrate_runtime::Event;

use crate::output::Output;

/// Shows the events of a run on standard error.
#[derive(Debug)]
pub struct Progress {
    output: Output,
    /// Only where standard error is a terminal
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Before the first event.
    #[must_use]
    pub fn new(output: Output) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("[{bar:24}] {pos}/{len} {elapsed} {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        Self { output, bar }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &Event<'_>) {
        let Some(bar) = &self.bar else {
            return match event {
                Event::Planned { .. } | Event::Started { .. } | Event::Statement { .. } => {}
                event => self.output.note(event),
            };
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
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
