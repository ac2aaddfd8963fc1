//! `cargo migrate history`

use migrate_cli::commands::{current, history};

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::set::Outline;

/// Print the revisions, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: history::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let outline = Outline::read(&project)?;
    let current = match args.command.asks_database()? {
        true => {
            let opened = Opened::to_ask(&args.database, &project)?;
            Some(block_on(current::heads_in_force(&opened.database()))??)
        }
        false => None,
    };
    history::run(&args.command, &outline.entries()?, current.as_deref(), &context.output)
}
