//! `upgrade`

use std::ops::ControlFlow;

use migrate_runtime::Plan;

use crate::commands::{fleet, sql};
use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;
use crate::{Error, Outcome};

/// Apply what is missing to a target
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Where it leads: `head`, `heads`, an id or a beginning of one, `+1`
    #[arg(value_name = "TARGET", default_value = "head", allow_negative_numbers = true)]
    target: String,
    /// Print the steps instead of taking them
    #[arg(long, conflicts_with = "sql")]
    dry_run: bool,
    #[command(flatten)]
    script: sql::Args,
    #[command(flatten)]
    fleet: fleet::Args,
}

impl Args {
    /// Where it leads.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether only the steps are to be printed.
    #[must_use]
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Whether many databases are meant instead of one, and which.
    #[must_use]
    pub fn fleet(&self) -> &fleet::Args {
        &self.fleet
    }

    /// Whether a script is wanted instead, and for which database.
    #[must_use]
    pub fn script(&self) -> &sql::Args {
        &self.script
    }
}

/// Applies what is missing, after `before` has agreed to the plan or has done all that there is to do.
///
/// # Errors
/// Those of the runtime and of `before`.
pub async fn run(
    args: &Args,
    database: &Database<'_>,
    output: &Output,
    before: impl FnOnce(&Plan) -> Result<ControlFlow<Exit>, Error>,
) -> Outcome {
    let target = args.target.as_str();
    let plan = database.read(async |migrator| migrator.plan(target).await).await?;
    if args.dry_run {
        output.facts(&plan, || plan.to_string());
        return Ok(Exit::Success);
    }
    if let ControlFlow::Break(exit) = before(&plan)? {
        return Ok(exit);
    }
    let report = database.change(output, async |migrator| migrator.upgrade(target).await).await?;
    output.facts(&report, || report.to_string());
    Ok(Exit::Success)
}
