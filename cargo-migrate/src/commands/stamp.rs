//! `cargo migrate stamp`

use migrate_cli::commands::sql::Verb;
use migrate_cli::commands::stamp;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::script;

/// Record that the database is at a target, without running anything
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: stamp::Args,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let way = &args.command.way;
    if way.is_script() {
        return script::print(Verb::Stamp, way, &args.database, context);
    }
    let opened = Opened::open(&args.database, &context.project()?)?;
    block_on(stamp::run(&args.command, &opened.database(), &context.output))?
}
