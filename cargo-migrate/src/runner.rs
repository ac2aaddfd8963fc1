//! The application's own command, which runs what this one cannot: revisions in Rust.

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use migrate_cli::commands::check;
use migrate_cli::{Error, Exit};
use migrate_revision::Direction;
use migrate_runtime::{Plan, Status};
use serde_json::Value;

use crate::application;
use crate::backup;
use crate::commands::{Context, Outcome};
use crate::database::{Opened, block_on};
use crate::project::Project;

/// Hands runs over to the application.
pub(crate) struct Runner<'a> {
    opened: &'a Opened,
    project: &'a Project,
    context: &'a Context,
    /// The run that was handed over, and what it was to do
    handed_over: Option<(Ended, Plan)>,
}

/// How the application's command ended.
pub(crate) struct Ended {
    status: ExitStatus,
    /// Whether it was told to stop by a signal that this command got
    interrupted: bool,
    /// What it printed for programs, if this command is to print that
    object: Option<String>,
}

impl<'a> Runner<'a> {
    /// For runs on a project's database.
    pub(crate) fn new(opened: &'a Opened, project: &'a Project, context: &'a Context) -> Self {
        Self { opened, project, context, handed_over: None }
    }

    /// What is done before a plan's steps: the backup, if one is wanted, and then, where there is a Rust revision on the way,
    /// the application does all; `arguments` are the verb's own of its command.
    ///
    /// # Errors
    /// When the database cannot be copied, or there is such a revision and the project names no runner, or that cannot be
    /// started.
    pub(crate) fn before(
        &mut self,
        plan: &Plan,
        backup: Option<&Path>,
        arguments: &[OsString],
    ) -> Result<ControlFlow<Exit>, Error> {
        let rust = self.opened.rust_on_the_way(plan);
        if rust.is_none() || !self.project.config.runner.is_empty() {
            backup::before(plan, backup, self.opened, &self.context.output)?;
        }
        let Some(file) = rust else { return Ok(ControlFlow::Continue(())) };
        self.handed_over = Some((self.run(&file, arguments)?, plan.clone()));
        Ok(ControlFlow::Break(Exit::Success))
    }

    /// What the whole came to: of a run that was handed over what the application did, else `own`.
    ///
    /// # Errors
    /// Those of `own`, and when the application failed or did something else.
    pub(crate) fn conclude(&self, own: Outcome) -> Outcome {
        match &self.handed_over {
            Some((ended, plan)) => self.judge(ended, || self.missing(plan)),
            None => own,
        }
    }

    /// Hands a run over to the application because of the file of a Rust revision.
    ///
    /// # Errors
    /// When the project names no runner, or that cannot be started.
    pub(crate) fn run(&self, file: &str, arguments: &[OsString]) -> Result<Ended, Error> {
        let Some((program, words)) = self.project.config.runner.split_first() else {
            return Err(Error::unsupported(format!(
                "a revision is written in Rust and can be run only by the application that embeds it: {file}\n\n\
                 hint: run the application's own command, or name it: `runner = [\"cargo\", \"run\", \"--\", \"migrate\"]` in \
                 `[package.metadata.migrate]`"
            )));
        };
        let output = self.context.output;
        output.note(format_args!("{file} is written in Rust: `{}` runs it", self.name()));
        let mut command = Command::new(program);
        command.args(words).args(arguments).args(self.opened.lock().words()).args(self.context.color.words());
        command.current_dir(&self.project.root).stdin(Stdio::null()).stderr(Stdio::inherit());
        if output.json {
            // Kept back: there is to be one object, whichever of the two has to say it.
            command.args(["--format", "json"]).stdout(Stdio::piped());
        } else {
            command.stdout(Stdio::inherit());
        }
        // Not an argument, which everybody on the machine could read.
        command.env("DATABASE_URL", self.opened.absolute_url().as_str());
        command.envs(self.opened.history().variables());
        let failed = |error| Error::program(format!("`{program}` of `runner` cannot be run: {error}"));
        let done = application::run(command).map_err(failed)?;
        let (object, around) = parted(&String::from_utf8_lossy(&done.output.stdout));
        if !around.is_empty() {
            output.note(around);
        }
        Ok(Ended { status: done.output.status, interrupted: done.interrupted, object })
    }

    /// What a run came to that was handed over. `missing` says what is not as the run was to make it, by the database that
    /// this command reads: the application may have worked on another one, or on another history.
    ///
    /// # Errors
    /// When the application failed, or something is missing.
    pub(crate) fn judge(
        &self,
        ended: &Ended,
        missing: impl FnOnce() -> Result<Option<String>, Error>,
    ) -> Outcome {
        let name = self.name();
        let output = self.context.output;
        // The application's commands have the same codes.
        let exit = ended.status.code().and_then(|code| u8::try_from(code).ok()).and_then(Exit::from_code);
        if exit != Some(Exit::Success) {
            // A program that does not handle it ends without a code.
            let exit = exit.unwrap_or(if ended.interrupted { Exit::Cancelled } else { Exit::Failure });
            let failed = format!("`{name}` failed ({})", ended.status);
            let Some(object) = &ended.object else { return Err(Error::new(exit, failed)) };
            output.text(object);
            output.finding(&failed);
            return Ok(exit);
        }
        if let Some(missing) = missing()? {
            return Err(Error::program(format!(
                "`{name}` ended as if all were done, but {missing} in the history that this command reads\n\n\
                 hint: the application must embed these revisions, and take the database from `DATABASE_URL`; where \
                 `[package.metadata.migrate]` has `table`, `schema` or `namespace`, the application must use the same"
            )));
        }
        match &ended.object {
            Some(object) => output.text(object),
            None if output.json => {
                return Err(Error::program(format!(
                    "`{name}` has done all, and printed no object for `--format json`\n\nhint: the commands of the feature \
                     `cli` print one; `cargo migrate status` tells where the database is"
                )));
            }
            None => {}
        }
        Ok(Exit::Success)
    }

    /// The revision of a plan that is not where the plan leads it, if there is one.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn missing(&self, plan: &Plan) -> Result<Option<String>, Error> {
        Ok(missing(plan, &block_on(check::status(&self.opened.database()))??))
    }

    /// The application's command, for messages.
    fn name(&self) -> String {
        self.project.config.runner.join(" ")
    }
}

/// The revision of a plan that is not where the plan leads it by the status of the database, if there is one.
pub(crate) fn missing(plan: &Plan, status: &Status) -> Option<String> {
    let is_applied = |id: &str| status.pending.iter().all(|pending| pending.revision != id);
    let mut steps = plan.steps.iter();
    let undone = steps.find(|step| is_applied(&step.revision) != (step.direction == Direction::Up));
    let half_done = plan.interrupted.as_ref().filter(|_| status.interrupted == plan.interrupted);
    match (undone, half_done) {
        (Some(step), _) if step.direction == Direction::Up => {
            Some(format!("revision '{}' is not applied", step.revision))
        }
        (Some(step), _) => Some(format!("revision '{}' is not undone", step.revision)),
        (None, Some(id)) => Some(format!("revision '{id}' is still half done")),
        (None, None) => None,
    }
}

/// The object for programs in what a command has printed, and the rest: there may be a log before and after it.
fn parted(printed: &str) -> (Option<String>, String) {
    let begins = |&at: &usize| at == 0 || printed[..at].ends_with('\n');
    let object = printed.match_indices('{').map(|(at, _)| at).filter(begins).find_map(|at| {
        let mut values = serde_json::Deserializer::from_str(&printed[at..]).into_iter::<Value>();
        let value = values.next()?.ok()?;
        let is_ours = ["version", "command"].iter().all(|key| value.get(key).is_some());
        is_ours.then(|| at..at + values.byte_offset())
    });
    let Some(object) = object else { return (None, printed.trim_end().to_owned()) };
    let around = [&printed[..object.start], printed[object.end..].trim_start()].concat();
    (Some(printed[object].to_owned()), around.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_is_found_between_lines_of_a_log() {
        let ours = "{\n  \"version\": 1,\n  \"command\": \"upgrade\",\n  \"data\": { \"steps\": [] }\n}";
        for (before, after) in
            [("", ""), ("", "\n"), ("{\"level\":\"INFO\"}\n{ begun\n", "\n{\"level\":\"INFO\"}\n")]
        {
            let printed = format!("{before}{ours}{after}");
            let around = format!("{before}{}", after.trim_start());
            assert_eq!(parted(&printed), (Some(ours.to_owned()), around.trim_end().to_owned()));
        }
        for printed in ["", "1 step", "{", "{\"level\":\"INFO\"}", &ours[..ours.len() - 1]] {
            assert_eq!(parted(printed), (None, printed.trim_end().to_owned()));
        }
    }
}
