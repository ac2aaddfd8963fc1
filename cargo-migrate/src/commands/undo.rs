//! `cargo migrate undo`

use migrate_cli::commands::undo;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};

/// Undo revisions that are not here, from the SQL that they left on record
///
/// For a database that is ahead: what a newer version has applied is undone until the database is where these files know
/// it. Shows the SQL and asks on a terminal; elsewhere it needs `--yes`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: undo::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let opened = Opened::open(&args.database, &context.project()?)?;
    block_on(undo::run(&args.command, &opened.database(), &context.output))?
}
