//! The application's own command, which runs what this one cannot: revisions in Rust.

use std::ops::ControlFlow;
use std::process::{Command, Stdio};

use migrate_cli::{Error, Exit};
use migrate_runtime::Plan;

use crate::commands::Context;
use crate::database::Opened;
use crate::project::Project;

/// Whether there is somebody to take the steps: this command, or the application's where one is in Rust.
pub(crate) fn is_there(plan: &Plan, opened: &Opened, project: &Project) -> bool {
    !project.config.runner.is_empty() || opened.rust_on_the_way(plan).is_none()
}

/// Hands a run over to the application if there is a Rust revision on the way; `arguments` are those of the application's
/// command.
///
/// # Errors
/// When there is one and the project names no runner, or that cannot be started.
pub(crate) fn hand_over(
    plan: &Plan,
    opened: &Opened,
    project: &Project,
    context: &Context,
    arguments: &[&str],
) -> Result<ControlFlow<Exit>, Error> {
    let Some(file) = opened.rust_on_the_way(plan) else { return Ok(ControlFlow::Continue(())) };
    run(&file, opened, project, context, arguments).map(ControlFlow::Break)
}

/// Hands a run over to the application because of the file of a Rust revision.
///
/// # Errors
/// When the project names no runner, or that cannot be started or fails.
pub(crate) fn run(
    file: &str,
    opened: &Opened,
    project: &Project,
    context: &Context,
    arguments: &[&str],
) -> Result<Exit, Error> {
    let Some((program, words)) = project.config.runner.split_first() else {
        return Err(Error::unsupported(format!(
            "a revision is written in Rust and can be run only by the application that embeds it: {file}\n\n\
             hint: run the application's own command, or name it: `runner = [\"cargo\", \"run\", \"--\", \"migrate\"]` in \
             `[package.metadata.migrate]`"
        )));
    };
    context
        .output
        .note(format_args!("{file} is written in Rust: `{}` runs it", project.config.runner.join(" ")));
    let mut command = Command::new(program);
    command.args(words).args(arguments).current_dir(&project.root).stdin(Stdio::null());
    if context.output.json {
        command.args(["--format", "json"]);
    }
    // Not an argument, which everybody on the machine could read.
    command.env("DATABASE_URL", opened.absolute_url().as_str());
    let status = command
        .status()
        .map_err(|error| Error::program(format!("`{program}` of `runner` cannot be run: {error}")))?;
    // The application's commands have the same codes.
    let exit = status.code().and_then(|code| u8::try_from(code).ok()).and_then(Exit::from_code);
    match exit {
        Some(Exit::Success) => Ok(Exit::Success),
        exit => Err(Error::new(
            exit.unwrap_or(Exit::Failure),
            format!("`{}` failed ({status})", project.config.runner.join(" ")),
        )),
    }
}
