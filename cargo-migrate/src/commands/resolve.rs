//! `cargo migrate resolve`

use migrate_cli::commands::resolve;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};

/// Say whether the statement at which a revision was interrupted is in force
///
/// For where the next run could not tell: its error shows the statement. Look at the database first; nothing is run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: resolve::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let opened = Opened::open(&args.database, &context.project()?)?;
    block_on(resolve::run(&args.command, &opened.database(), &context.output))?
}
