//! The subcommands, one file each.

use std::path::PathBuf;

use migrate_runtime::Plan;

use crate::error::Error;
use crate::exit::Exit;
use crate::output::Output;
use crate::project::Project;

pub(crate) mod branches;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod current;
pub(crate) mod downgrade;
pub(crate) mod edit;
pub(crate) mod graph;
pub(crate) mod heads;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod lock;
pub(crate) mod merge;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod rebase;
pub(crate) mod show;
pub(crate) mod stamp;
pub(crate) mod status;
pub(crate) mod upgrade;

mod entry;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where it prints
    pub(crate) output: Output,
    /// The manifest that was named
    pub(crate) manifest: Option<PathBuf>,
}

impl Context {
    /// The project.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn project(&self) -> Result<Project, Error> {
        Project::find(self.manifest.as_deref())
    }
}

/// Refuses a plan with a step that only the application can take, before anything is touched.
///
/// # Errors
/// When there is one.
fn in_rust(plan: &Plan) -> Result<(), Error> {
    match plan.steps.iter().find(|step| step.file.ends_with(".rs")) {
        None => Ok(()),
        Some(step) => Err(Error::Unsupported(format!(
            "revision '{}' is written in Rust and can be run only by the application that embeds it: {}\n\n\
             hint: run the application's own migration; `cargo migrate plan` shows the steps",
            step.revision, step.file
        ))),
    }
}

/// How a command ends: a code that says what it found, or an error.
pub(crate) type Outcome = Result<Exit, Error>;
