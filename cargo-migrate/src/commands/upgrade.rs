//! `cargo migrate upgrade`

use migrate_cli::commands::upgrade;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::runner;

/// Apply what is missing to a target
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: upgrade::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let opened = Opened::open(&args.database, &project)?;
    let words = &["upgrade", args.command.target()];
    let before = |plan: &_| runner::hand_over(plan, &opened, &project, context, words);
    block_on(upgrade::run(&args.command, &opened.database(), &context.output, before))?
}
