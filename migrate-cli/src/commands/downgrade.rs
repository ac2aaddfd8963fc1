//! `downgrade`

use std::io::{self, BufRead, IsTerminal};
use std::ops::ControlFlow;

use migrate_runtime::Plan;

use crate::commands::{fleet, way};
use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;
use crate::{Error, Outcome};

/// Undo what stands above a target
///
/// Asks on a terminal; elsewhere it needs `--yes`.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(mut_arg("target", |target| target.help("Where it leads: `base`, an id or a beginning of one, `-1`")))]
#[command(mut_group("fleet", |fleet| fleet.conflicts_with("sql")))]
pub struct Args {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
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

/// Undoes what stands above the target, after a yes and after `before` has agreed to the plan or has done all that there is to do.
/// No step is taken that was not planned.
///
/// # Errors
/// Those of the runtime and of `before`, and when there was no yes.
pub async fn run(
    args: &Args,
    database: &Database<'_>,
    output: &Output,
    before: impl FnOnce(&Plan) -> Result<ControlFlow<Exit>, Error>,
) -> Outcome {
    let target = args.way.target();
    let plan = database.read(|migrator| migrator.plan_downgrade(target)).await?;
    if args.dry_run {
        output.facts(&plan, || plan.to_string());
        return Ok(Exit::Success);
    }
    if !plan.is_empty() && !args.yes {
        confirm(&plan.to_string(), output)?;
        // While it was asked, others may have moved what `-1` means.
        let now = database.read(|migrator| migrator.plan_downgrade(target)).await?;
        still(&plan, &now)?;
    }
    if let ControlFlow::Break(exit) = before(&plan)? {
        return Ok(exit);
    }
    let report = database.change(output, |migrator| migrator.as_planned(&plan).downgrade(target)).await?;
    output.facts(&report, || report.to_string());
    Ok(Exit::Success)
}

/// Refuses where what there is to do is no longer what was shown.
///
/// # Errors
/// When it is not.
pub fn still(shown: &Plan, now: &Plan) -> Result<(), Error> {
    if shown == now {
        return Ok(());
    }
    Err(changed_while_asked(&now.to_string()))
}

/// The error that what there is to do is no longer what was shown.
#[must_use]
pub fn changed_while_asked(now: &str) -> Error {
    Error::refused(format!(
        "the database was changed while you were asked, and nothing was done: it would now take other steps\n{now}\n\n\
         hint: run the command again"
    ))
}

/// Shows what there is to do and asks for a yes.
pub(crate) fn confirm(steps: &str, output: &Output) -> Result<(), Error> {
    ask(
        &format!("{steps}\na downgrade may lose data. Go on?"),
        "a downgrade may lose data, and there is no terminal to ask on\n\nhint: add `--yes`; `--dry-run` prints the steps",
        output,
    )
}

/// Asks on a terminal and waits for a yes. Without a terminal it refuses, and says so.
///
/// # Errors
/// When there is no yes.
pub fn ask(question: &str, refusal: &str, output: &Output) -> Result<(), Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::refused(refusal));
    }
    output.note(format_args!("{question} [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    match read {
        Ok(_) if ["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) => Ok(()),
        _ => Err(Error::refused("nothing was changed")),
    }
}
