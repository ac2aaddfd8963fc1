//! The subcommands, one file each.

use std::path::PathBuf;

pub(crate) use migrate_cli::Outcome;

use migrate_cli::{Color, Error, Output};

use crate::cli::Format;
use crate::project::Project;

pub(crate) mod adopt;
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
pub(crate) mod repair;
pub(crate) mod resolve;
pub(crate) mod show;
pub(crate) mod stamp;
pub(crate) mod status;
pub(crate) mod undo;
pub(crate) mod upgrade;
pub(crate) mod verify;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where it prints
    pub(crate) output: Output,
    /// How facts are printed
    pub(crate) format: Format,
    /// When colours are used
    pub(crate) color: Color,
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
