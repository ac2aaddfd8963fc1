//! `cargo migrate downgrade`

use migrate_cli::commands::downgrade;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::runner;

/// Undo what stands above a target
///
/// Asks on a terminal; elsewhere it needs `--yes`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: downgrade::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let opened = Opened::open(&args.database, &project)?;
    let words = &["downgrade", "--yes", args.command.target()];
    let before = |plan: &_| runner::hand_over(plan, &opened, &project, context, words);
    block_on(downgrade::run(&args.command, &opened.database(), &context.output, before))?
}
