//! `plan`

use crate::Outcome;
use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;

/// Print the steps that an upgrade or a downgrade would take
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Where it leads: `head`, `heads`, `base`, an id or a beginning of one, `+1`, `-1`
    ///
    /// Without it `head`; a downgrade needs one
    #[arg(value_name = "TARGET", required_if_eq("downgrade", "true"), allow_negative_numbers = true)]
    target: Option<String>,
    /// The steps of a downgrade; those of an upgrade without it
    #[arg(long)]
    downgrade: bool,
}

/// Prints the steps.
///
/// # Errors
/// When the target leads nowhere, or the database cannot be read.
pub async fn run(args: &Args, database: &Database<'_>, output: &Output) -> Outcome {
    let target = args.target.as_deref().unwrap_or("head");
    let plan = match args.downgrade {
        true => database.read(|migrator| migrator.plan_downgrade(target)).await?,
        false => database.read(|migrator| migrator.plan(target)).await?,
    };
    output.facts(&plan, || plan.to_string());
    Ok(Exit::Success)
}
