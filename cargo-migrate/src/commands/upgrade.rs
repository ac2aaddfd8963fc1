//! `cargo migrate upgrade`

use migrate_cli::commands::upgrade;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};

/// Apply what is missing to a target
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: upgrade::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let opened = Opened::open(&args.database, &context.project()?)?;
    block_on(upgrade::run(&args.command, &opened.database(), &context.output, |_| Ok(())))?
}
