//! `cargo migrate stamp`

use super::{Context, Outcome};
use crate::database::{Database, DatabaseArgs};
use crate::exit::Exit;

/// Record that the database is at a target, without running anything
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where it is: `head`, `heads`, `base`, an id or a beginning of one
    #[arg(value_name = "TARGET", allow_negative_numbers = true)]
    target: String,
    /// Forget first where it was, branches that the target has nothing to do with included
    #[arg(long)]
    purge: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let database = Database::open(&args.database, &project)?;
    let target = args.target.as_str();
    let output = &context.output;
    if args.purge {
        // The target is resolved before anything is forgotten.
        database.read(async |migrator| migrator.plan(target).await.map(drop).or_else(ignore_state))?;
        database.change(output, async |migrator| migrator.stamp("base").await)?;
    }
    let report = database.change(output, async |migrator| migrator.stamp(target).await)?;
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
