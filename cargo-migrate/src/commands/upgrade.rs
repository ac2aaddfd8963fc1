//! `cargo migrate upgrade`

use super::{Context, Outcome, in_rust};
use crate::database::{Database, DatabaseArgs};
use crate::exit::Exit;

/// Apply what is missing to a target
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where it leads: `head`, `heads`, an id or a beginning of one, `+1`
    #[arg(value_name = "TARGET", default_value = "head", allow_negative_numbers = true)]
    target: String,
    /// Print the steps instead of taking them
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let database = Database::open(&args.database, &project)?;
    let target = args.target.as_str();
    let plan = database.read(async |migrator| migrator.plan(target).await)?;
    if args.dry_run {
        context.output.facts(&plan, || plan.to_string());
        return Ok(Exit::Success);
    }
    in_rust(&plan)?;
    let report = database.change(&context.output, async |migrator| migrator.upgrade(target).await)?;
    context.output.facts(&report, || report.to_string());
    Ok(Exit::Success)
}
