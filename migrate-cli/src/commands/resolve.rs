//! `resolve`

use migrate_runtime::Resolution;

use crate::Outcome;
use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;

/// Say whether the statement at which a revision was interrupted is in force
///
/// For where the next run could not tell: its error shows the statement. Look at the database first; nothing is run.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("outcome").args(["applied", "not_applied"]).required(true))]
pub struct Args {
    /// It is: the next run goes on behind it
    #[arg(long)]
    applied: bool,
    /// It is not: the next run begins with it
    #[arg(long)]
    not_applied: bool,
}

/// Records what is true of the statement.
///
/// # Errors
/// When no revision is half done, a run is at work on it, or the database refuses.
pub async fn run(args: &Args, database: &Database<'_>, output: &Output) -> Outcome {
    let resolution = if args.applied { Resolution::Applied } else { Resolution::NotApplied };
    let resolved = database.change(output, |migrator| migrator.resolve(resolution)).await?;
    output.facts(&resolved, || resolved.to_string());
    Ok(Exit::Success)
}
