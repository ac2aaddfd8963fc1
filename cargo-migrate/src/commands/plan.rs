//! `cargo migrate plan`

use migrate_cli::commands::plan;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};

/// Print the steps that an upgrade or a downgrade would take
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: plan::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let opened = Opened::open(&args.database, &context.project()?)?;
    block_on(plan::run(&args.command, &opened.database(), &context.output))?
}
