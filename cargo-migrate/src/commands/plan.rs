//! `cargo migrate plan`

use super::{Context, Outcome};
use crate::database::{Database, DatabaseArgs};
use crate::exit::Exit;

/// Print the steps that an upgrade or a downgrade would take
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where it leads: `head`, `heads`, `base`, an id or a beginning of one, `+1`, `-1`
    #[arg(value_name = "TARGET", default_value = "head", allow_negative_numbers = true)]
    target: String,
    /// The steps of a downgrade; those of an upgrade without it
    #[arg(long)]
    downgrade: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let database = Database::open(&args.database, &project)?;
    let target = args.target.as_str();
    let plan = match args.downgrade {
        true => database.read(async |migrator| migrator.plan_downgrade(target).await)?,
        false => database.read(async |migrator| migrator.plan(target).await)?,
    };
    context.output.facts(&plan, || plan.to_string());
    Ok(Exit::Success)
}
