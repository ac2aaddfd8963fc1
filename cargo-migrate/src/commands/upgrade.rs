//! `cargo migrate upgrade`

use std::ffi::OsString;
use std::path::PathBuf;

use migrate_cli::commands::sql::Verb;
use migrate_cli::commands::upgrade;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::fleet::Databases;
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
    let project = context.project()?;
    let fleet = &args.command.fleet;
    if fleet.is_wanted() {
        return Databases::open(fleet, &args.database, &project, context)?.upgrade(&args.command);
    }
    let opened = Opened::open(&args.database, &project)?;
    let words = ["upgrade", way.target()].map(OsString::from);
    let mut runner = Runner::new(&opened, &project, context);
    let before = |plan: &_| runner.before(plan, args.backup.as_deref(), &words);
    let outcome = block_on(upgrade::run(&args.command, &opened.database(), &context.output, before))?;
    runner.conclude(outcome)
}
