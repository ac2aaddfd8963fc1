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
    if args.purge {
        // The target is resolved before anything is forgotten.
        database.read(async |migrator| migrator.plan(target).await.map(drop).or_else(ignore_state)).await?;
        database.change(output, async |migrator| migrator.stamp("base").await).await?;
    }
    let report = database.change(output, async |migrator| migrator.stamp(target).await).await?;
    output.facts(&report, || report.to_string());
    Ok(Exit::Success)
}

/// Lets pass what a plan says of the database: a stamp is there to overrule it.
fn ignore_state(error: migrate_runtime::Error) -> migrate_runtime::Result<()> {
    use migrate_runtime::ErrorKind::{Ahead, Diverged, Edited, Interrupted};
    match error.kind() {
        Ahead | Diverged | Edited | Interrupted => Ok(()),
        _ => Err(error),
    }
}
