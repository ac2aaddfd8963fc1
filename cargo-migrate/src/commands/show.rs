//! `cargo migrate show`

use migrate_cli::commands::show;

use super::{Context, Outcome};
use crate::set::Outline;

/// Print a revision
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: show::Args,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let outline = Outline::read(&context.project()?)?;
    show::run(&args.command, outline.set(), &outline.entries()?, &context.output)
}
