//! `cargo migrate status`

use migrate_cli::commands::status;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::fleet::Databases;

/// Print where the database is, held against the revisions
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: status::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let fleet = &args.command.fleet;
    if fleet.is_wanted() {
        return Databases::open(fleet, &args.database, &project, context)?.status();
    }
    let opened = Opened::open(&args.database, &project)?;
    block_on(status::run(&args.command, &opened.database(), &context.output))?
}
