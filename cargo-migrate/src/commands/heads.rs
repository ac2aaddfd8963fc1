//! `cargo migrate heads`

use migrate_cli::commands::heads;

use super::{Context, Outcome};
use crate::set::Outline;

/// Print the revisions that nothing revises
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: heads::Args,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let outline = Outline::read(&context.project()?)?;
    heads::run(&args.command, &outline.entries()?, &context.output)
}
