//! `cargo migrate upgrade`

use std::ffi::OsString;
use std::path::PathBuf;

use migrate_cli::commands::sql::Verb;
use migrate_cli::commands::{fleet, upgrade};
use migrate_revision::Direction;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::fleet::Targets;
use crate::runner::Runner;
use crate::script;

/// Apply what is missing to a target
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    command: upgrade::Args,
    /// Copy the database into this new file first
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sql", "fleet"])]
    backup: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let way = &args.command.way;
    if way.is_script() {
        return script::print(Verb::Upgrade, way, &args.database, context);
    }
    if args.command.fleet().is_wanted() {
        return run_fleet(args, context);
    }
    let project = context.project()?;
    let opened = Opened::open(&args.database, &project)?;
    let words = ["upgrade", way.target()].map(OsString::from);
    let mut runner = Runner::new(&opened, &project, context);
    let before = |plan: &_| runner.before(plan, args.backup.as_deref(), &words);
    let outcome = block_on(upgrade::run(&args.command, &opened.database(), &context.output, before))?;
    runner.conclude(outcome)
}

fn run_fleet(args: &Args, context: &Context) -> Outcome {
    let command = &args.command;
    let project = context.project()?;
    let targets = Targets::open(command.fleet(), &args.database, &project)?;
    // Which targets lack it would have to be asked of each: the application, which has them all, does as well for the others.
    if let Some(file) = targets.opened.rust().filter(|_| !command.is_dry_run()) {
        let target = command.way.target();
        let words = ["upgrade", target];
        return targets.hand_over(&file, &words, (target, Direction::Up), &project, context);
    }
    let database = targets.opened.database();
    block_on(fleet::upgrade(command, &targets.source, &database, &context.output))?
}
