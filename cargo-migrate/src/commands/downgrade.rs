//! `cargo migrate downgrade`

use std::io::{self, BufRead, IsTerminal};

use migrate_runtime::Plan;

use super::{Context, Outcome, in_rust};
use crate::database::{Database, DatabaseArgs};
use crate::error::Error;
use crate::exit::Exit;

/// Undo what stands above a target
///
/// Asks on a terminal; elsewhere it needs `--yes`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where it leads: `base`, an id or a beginning of one, `-1`
    #[arg(value_name = "TARGET", allow_negative_numbers = true)]
    target: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print the steps instead of taking them
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let database = Database::open(&args.database, &project)?;
    let target = args.target.as_str();
    let plan = database.read(async |migrator| migrator.plan_downgrade(target).await)?;
    if args.dry_run {
        context.output.facts(&plan, || plan.to_string());
        return Ok(Exit::Success);
    }
    in_rust(&plan)?;
    if !plan.is_empty() && !args.yes {
        ask(&plan, context)?;
    }
    let report = database.change(&context.output, async |migrator| migrator.downgrade(target).await)?;
    context.output.facts(&report, || report.to_string());
    Ok(Exit::Success)
}

/// Shows the steps and waits for a yes.
fn ask(plan: &Plan, context: &Context) -> Result<(), Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::Refused(
            "a downgrade may lose data, and there is no terminal to ask on\n\nhint: add `--yes`; `--dry-run` prints \
             the steps"
                .into(),
        ));
    }
    context.output.note(format_args!("{plan}\na downgrade may lose data. Go on? [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    match read {
        Ok(_) if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) => Ok(()),
        _ => Err(Error::Refused("nothing was changed".into())),
    }
}
