//! `cargo migrate status`

use migrate_cli::commands::status;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};

/// Print where the database is, held against the revisions
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: status::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let opened = Opened::open(&args.database, &context.project()?)?;
    block_on(status::run(&args.command, &opened.database(), &context.output))?
}
