//! `cargo migrate current`

use migrate_cli::commands::current;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};

/// Print the revisions that the database is at
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: current::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let opened = Opened::to_ask(&args.database, &context.project()?)?;
    block_on(current::run(&args.command, &opened.database(), &context.output))?
}
