//! `cargo migrate upgrade`

use std::path::PathBuf;

use migrate_cli::commands::sql::Verb;
use migrate_cli::commands::{fleet, upgrade};

use super::{Context, Outcome};
use crate::backup;
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::runner;
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
    let words = &["upgrade", way.target()];
    let before = |plan: &_| {
        if runner::is_there(plan, &opened, &project) {
            backup::before(plan, args.backup.as_deref(), &opened, &context.output)?;
        }
        runner::hand_over(plan, &opened, &project, context, words)
    };
    block_on(upgrade::run(&args.command, &opened.database(), &context.output, before))?
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
        let mut words = vec!["upgrade".to_owned(), args.command.way.target().to_owned()];
        words.extend(args.command.fleet().words());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        return runner::run(&file, &opened, &project, context, &words);
    }
    block_on(fleet::run(&args.command, &source, &opened.database(), &context.output))?
}
