//! `stamp`

use crate::Outcome;
use crate::commands::way;
use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;

/// Record that the database is at a target, without running anything
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(mut_arg("target", |target| {
    target.help("Where it is: `head`, `heads`, `base`, an id or a beginning of one")
}))]
pub struct Args {
    /// Forget first where it was, branches that the target has nothing to do with included
    #[arg(long, conflicts_with = "sql")]
    purge: bool,
    /// Where it is
    #[command(flatten)]
    pub way: way::Args,
}

/// Writes the state.
///
/// # Errors
/// Those of the runtime.
pub async fn run(args: &Args, database: &Database<'_>, output: &Output) -> Outcome {
    let target = args.way.target();
    let report = database
        .change(output, |migrator| async move {
            match args.purge {
                true => migrator.stamp_purged(target).await,
                false => migrator.stamp(target).await,
            }
        })
        .await?;
    output.facts(&report, || report.to_string());
    Ok(Exit::Success)
}
