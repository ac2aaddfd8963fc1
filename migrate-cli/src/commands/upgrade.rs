//! `upgrade`

use std::ops::ControlFlow;

use migrate_runtime::Plan;

use crate::commands::{fleet, way};
use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;
use crate::{Error, Outcome};

/// Apply what is missing to a target
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(mut_arg("target", |target| {
    target
        .help("Where it leads: `head`, `heads`, an id or a beginning of one, `+1`")
        .required(false)
        .default_value("head")
}))]
#[command(mut_group("fleet", |fleet| fleet.conflicts_with("sql")))]
pub struct Args {
    /// Print the steps instead of taking them
    #[arg(long, conflicts_with = "sql")]
    pub dry_run: bool,
    /// Where it leads
    #[command(flatten)]
    pub way: way::Args,
    /// Whether many databases are meant instead of one, and which
    #[command(flatten)]
    pub fleet: fleet::Args,
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
    let target = args.way.target();
    let plan = database.read(|migrator| migrator.plan(target)).await?;
    if args.dry_run {
        output.facts(&plan, || plan.to_string());
        return Ok(Exit::Success);
    }
    if let ControlFlow::Break(exit) = before(&plan)? {
        return Ok(exit);
    }
    let report = database.change(output, |migrator| migrator.upgrade(target)).await?;
    output.facts(&report, || report.to_string());
    Ok(Exit::Success)
}
