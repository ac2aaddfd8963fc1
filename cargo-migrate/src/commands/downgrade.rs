//! `cargo migrate downgrade`

use migrate_cli::commands::downgrade;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};

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
    let opened = Opened::open(&args.database, &context.project()?)?;
    block_on(downgrade::run(&args.command, &opened.database(), &context.output, |_| Ok(())))?
}
