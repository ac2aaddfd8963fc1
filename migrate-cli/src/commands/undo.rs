//! `undo`

use migrate_runtime::{Connected, Migrator};

use super::downgrade::{ask, still};
use crate::Outcome;
use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;

/// Undo revisions that are not here, from the SQL that they left on record
///
/// For a database that is ahead: what a newer version has applied is undone until the database is where this one knows it.
/// Shows the SQL and asks on a terminal; elsewhere it needs `--yes`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print the steps with their SQL instead of taking them
    #[arg(long)]
    dry_run: bool,
}

/// Undoes what is unknown here, after a yes.
///
/// # Errors
/// Those of the runtime, and when there was no yes.
pub async fn run(args: &Args, database: &Database<'_>, output: &Output) -> Outcome {
    let plan = database.read(Migrator::<Connected>::plan_undo_unknown).await?;
    if args.dry_run {
        output.facts(&plan, || plan.to_string());
        return Ok(Exit::Success);
    }
    if !plan.is_empty() && !args.yes {
        ask(
            &format!("{plan}\nthis may lose data. Go on?"),
            "undoing may lose data, and there is no terminal to ask on\n\nhint: add `--yes`; `--dry-run` prints the steps \
             with their SQL",
            output,
        )?;
        let now = database.read(Migrator::<Connected>::plan_undo_unknown).await?;
        still(&plan, &now)?;
    }
    let report = database.change(output, Migrator::<Connected>::undo_unknown).await?;
    output.facts(&report, || report.to_string());
    Ok(Exit::Success)
}
