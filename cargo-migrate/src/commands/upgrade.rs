//! `cargo migrate upgrade`

use std::path::PathBuf;

use migrate_cli::commands::upgrade;

use super::{Context, Outcome};
use crate::backup;
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::runner;

/// Apply what is missing to a target
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: upgrade::Args,
    /// Copy the database into this new file first
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let opened = Opened::open(&args.database, &project)?;
    let words = &["upgrade", args.command.target()];
    let before = |plan: &_| {
        if runner::is_there(plan, &opened, &project) {
            backup::before(plan, args.backup.as_deref(), &opened, &context.output)?;
        }
        runner::hand_over(plan, &opened, &project, context, words)
    };
    block_on(upgrade::run(&args.command, &opened.database(), &context.output, before))?
}
