//! `stamp`

use crate::Outcome;
use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;

/// Record that the database is at a target, without running anything
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Where it is: `head`, `heads`, `base`, an id or a beginning of one
    #[arg(value_name = "TARGET", allow_negative_numbers = true)]
    target: String,
    /// Forget first where it was, branches that the target has nothing to do with included
    #[arg(long)]
    purge: bool,
}

/// Writes the state.
///
/// # Errors
/// Those of the runtime.
pub async fn run(args: &Args, database: &Database<'_>, output: &Output) -> Outcome {
    let target = args.target.as_str();
    let report = database
        .change(output, async |migrator| match args.purge {
            true => migrator.stamp_purged(target).await,
            false => migrator.stamp(target).await,
        })
        .await?;
    output.facts(&report, || report.to_string());
    Ok(Exit::Success)
}
