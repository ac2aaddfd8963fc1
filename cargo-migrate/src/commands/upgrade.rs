//! `cargo migrate upgrade`

use std::ffi::OsString;
use std::path::PathBuf;

use migrate_cli::Error;
use migrate_cli::commands::sql::Verb;
use migrate_cli::commands::{fleet, upgrade};
use migrate_revision::Target;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
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
    let project = context.project()?;
    let source = args.command.fleet().source()?;
    let opened = match source.urls() {
        [] => Opened::open(&args.database, &project)?,
        urls => Opened::all(urls, &args.database, &project)?,
    };
    // Which targets lack it would have to be asked of each: the application, which has them all, does as well for the others.
    if let Some(file) = opened.rust().filter(|_| !args.command.is_dry_run()) {
        let mut words = ["upgrade", args.command.way.target()].map(OsString::from).to_vec();
        words.extend(args.command.fleet().words());
        let runner = Runner::new(&opened, &project, context);
        let ended = runner.run(&file, &words)?;
        return runner.judge(&ended, || unfinished(args, &source, &opened));
    }
    block_on(fleet::run(&args.command, &source, &opened.database(), &context.output))?
}

/// Which targets are not where the upgrade was to lead them, if some are not.
fn unfinished(args: &Args, source: &fleet::Source, opened: &Opened) -> Result<Option<String>, Error> {
    // Where `+1` led each of them is not known afterwards.
    if is_relative(&args.command.way.target().into()) {
        return Ok(None);
    }
    let unfinished = block_on(fleet::unfinished(&args.command, source, &opened.database()))??;
    let Some(first) = unfinished.first() else { return Ok(None) };
    let more = match unfinished.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    Ok(Some(format!("target {first}{more} is not at `{}`", args.command.way.target())))
}

fn is_relative(target: &Target) -> bool {
    match target {
        Target::Relative(_) => true,
        Target::Branch { target, .. } => is_relative(target),
        _ => false,
    }
}
