//! `--all-schemas`, `--all-databases` and `--urls` of `upgrade`, `downgrade` and `status`

mod source;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;

use migrate_revision::Target;
use migrate_runtime::{
    Answer, ErrorKind, Fleet, FleetReport, FleetTarget, OnFailure, Plan, Status, TargetOutcome, TargetReport,
};
use serde::Serialize;

pub use self::source::Source;
use crate::commands::{downgrade, upgrade};
use crate::database::{Database, watched};
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::FleetProgress;
use crate::{Error, Outcome};

/// Many databases instead of one
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    #[command(flatten)]
    targets: Targets,
    /// How many are under way at a time [default: 8]
    #[arg(long, value_name = "N", requires = "fleet")]
    limit: Option<NonZeroUsize>,
    /// Begin no other once one has failed
    #[arg(long, requires = "fleet")]
    fail_fast: bool,
}

/// Which
#[derive(Debug, clap::Args)]
#[group(id = "fleet", multiple = false)]
struct Targets {
    /// All schemas of the database whose names are like this, on PostgreSQL: `tenant\_%`
    #[arg(long, value_name = "LIKE")]
    all_schemas: Option<String>,
    /// All databases of the server whose names are like this
    #[arg(long, value_name = "LIKE")]
    all_databases: Option<String>,
    /// The databases whose URLs are the lines of a file; blank lines and those that begin with `#` are left out, and SQLite's
    /// paths are relative to the file
    #[arg(long, value_name = "FILE", conflicts_with = "database_url")]
    urls: Option<PathBuf>,
}

impl Args {
    /// Whether many databases are meant.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        let Targets { all_schemas, all_databases, urls } = &self.targets;
        all_schemas.is_some() || all_databases.is_some() || urls.is_some()
    }

    /// Where they come from; the file of URLs is read.
    ///
    /// # Errors
    /// When the file cannot be read or a line of it is not a URL.
    pub fn source(&self) -> Result<Source, Error> {
        let Targets { all_schemas, all_databases, urls } = &self.targets;
        match (all_schemas, all_databases, urls) {
            (Some(pattern), ..) => Ok(Source::schemas(pattern)),
            (_, Some(pattern), _) => Ok(Source::databases(pattern)),
            (_, _, Some(file)) => Source::file(file),
            _ => Err(Error::usage("no databases are named")),
        }
    }

    /// The same for another program that has these options, whatever its directory.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let Targets { all_schemas, all_databases, urls } = &self.targets;
        let mut words: Vec<OsString> = Vec::new();
        words.extend(all_schemas.as_ref().map(|pattern| format!("--all-schemas={pattern}").into()));
        words.extend(all_databases.as_ref().map(|pattern| format!("--all-databases={pattern}").into()));
        words.extend(urls.as_ref().map(|file| {
            let mut word = OsString::from("--urls=");
            word.push(std::path::absolute(file).unwrap_or_else(|_| file.clone()));
            word
        }));
        words.extend(self.limit.map(|limit| format!("--limit={limit}").into()));
        words.extend(self.fail_fast.then(|| "--fail-fast".into()));
        words
    }

    fn apply<'a>(&self, fleet: Fleet<'a>) -> Fleet<'a> {
        let fleet = match self.limit {
            Some(limit) => fleet.limit(limit.get()),
            None => fleet,
        };
        fleet.on_failure(if self.fail_fast { OnFailure::Stop } else { OnFailure::Continue })
    }
}

/// What a run would do to each of the targets of a command.
pub type Plans = FleetReport<Plan>;

/// A command on many databases.
#[derive(Debug)]
pub struct Many<'w, 'a> {
    args: &'w Args,
    source: &'w Source,
    /// By which the targets are found, with the options for all
    database: &'w Database<'a>,
    output: &'w Output,
}

impl<'w, 'a> Many<'w, 'a> {
    /// On the databases of a source.
    #[must_use]
    pub fn new(args: &'w Args, source: &'w Source, database: &'w Database<'a>, output: &'w Output) -> Self {
        Self { args, source, database, output }
    }

    /// Applies what is missing.
    ///
    /// # Errors
    /// When the targets cannot be found, or there are none. What becomes of one is no error of the command, and decides its code.
    pub async fn upgrade(&self, args: &upgrade::Args) -> Outcome {
        let target = args.way.target();
        if args.dry_run {
            return self.read(|fleet| fleet.plan(target)).await;
        }
        let targets = self.targets(false).await?;
        let progress = FleetProgress::new(*self.output, targets.len());
        let fleet = self.fleet(targets);
        let (report, interrupted) =
            watched(fleet, progress, self.output, |fleet| fleet.upgrade(target)).await;
        let hint = go_on(&report, target);
        Ok(self.ended(&report, "are done", hint, interrupted))
    }

    /// Undoes what stands above a target, after a yes and after `before` has agreed to the plans that were shown and, where it is planned
    /// again after the yes, to those, or has done all that there is to do.
    /// No step is taken that was not planned: where a database was changed meanwhile, it fails.
    ///
    /// # Errors
    /// Those of [`upgrade`](Self::upgrade) and of `before`, when there was no yes, and when it was stopped before that.
    pub async fn downgrade(
        &self,
        args: &downgrade::Args,
        plans_again: bool,
        before: impl FnOnce(&Plans, &Plans) -> Result<ControlFlow<Exit>, Error>,
    ) -> Outcome {
        let target = args.way.target();
        if args.dry_run {
            return self.read(|fleet| fleet.plan_downgrade(target)).await;
        }
        // A file that is not there has nothing to undo, and stays away.
        let targets = self.targets(true).await?;
        let plans = self.plan_downgrade(targets.clone(), target).await?;
        let count = (plans.targets.iter().filter_map(known)).filter(|plan| !plan.is_empty()).count();
        let fails_fast = self.args.fail_fast && plans.failures().next().is_some();
        if count > 0 && !fails_fast {
            let mut now = None;
            if !args.yes {
                downgrade::confirm(&self.output.own(&plans.to_string()), self.output)?;
                if plans_again {
                    now = Some(self.plan_downgrade(self.targets(true).await?, target).await?);
                }
            }
            if let ControlFlow::Break(exit) = before(&plans, now.as_ref().unwrap_or(&plans))? {
                return Ok(exit);
            }
        }
        let progress = FleetProgress::new(*self.output, count);
        let run = |fleet: Fleet<'a>| fleet.downgrade_as_planned(target, plans);
        let (report, interrupted) = watched(self.fleet(targets), progress, self.output, run).await;
        let hint = match fails_fast {
            true => Some(
                "with `--fail-fast` nothing is begun where one cannot be; mend it or leave it out".to_owned(),
            ),
            false => go_on(&report, target),
        };
        Ok(self.ended(&report, "are done", hint, interrupted))
    }

    /// Prints where those are that are not current.
    ///
    /// # Errors
    /// Those of [`upgrade`](Self::upgrade).
    pub async fn status(&self) -> Outcome {
        self.read(Fleet::status).await
    }

    /// Where each of them is.
    ///
    /// # Errors
    /// When the targets cannot be found, or there are none.
    pub async fn statuses(&self) -> Result<FleetReport<Status>, Error> {
        Ok(self.fleet_to_read(self.targets(true).await?).status().await)
    }

    /// The names of the targets that are not where an upgrade was to lead them, or cannot be asked.
    ///
    /// # Errors
    /// When the targets cannot be found, or there are none.
    pub async fn unfinished(&self, target: &str) -> Result<Vec<String>, Error> {
        let plans = self.fleet_to_read(self.targets(true).await?).plan(target).await;
        let unfinished = plans.targets.into_iter().filter(|it| !known(it).is_some_and(Plan::is_empty));
        Ok(unfinished.map(|it| it.target).collect())
    }

    async fn targets(&self, to_read: bool) -> Result<Vec<FleetTarget>, Error> {
        self.source.targets(self.database.url(), to_read).await
    }

    /// Goes on with the others when one fails, whatever is wanted of a run.
    fn fleet_to_read(&self, targets: Vec<FleetTarget>) -> Fleet<'a> {
        self.fleet(targets).on_failure(OnFailure::Continue)
    }

    fn fleet(&self, targets: Vec<FleetTarget>) -> Fleet<'a> {
        self.args.apply(self.database.fleet(targets))
    }

    async fn plan_downgrade(&self, targets: Vec<FleetTarget>, target: &str) -> Result<Plans, Error> {
        let progress = FleetProgress::of_failures(*self.output, targets.len());
        let plan = |fleet: Fleet<'a>| fleet.plan_downgrade(target);
        let fleet = self.fleet_to_read(targets);
        match watched(fleet, progress, self.output, plan).await {
            (plans, false) => Ok(plans),
            (_, true) => Err(Error::new(Exit::Cancelled, "stopped by a signal: nothing was changed")),
        }
    }

    /// Asks all of them and prints what they say.
    async fn read<T: Answer + Serialize, F: Future<Output = FleetReport<T>>>(
        &self,
        verb: impl FnOnce(Fleet<'a>) -> F,
    ) -> Outcome {
        let targets = self.targets(true).await?;
        let progress = FleetProgress::of_failures(*self.output, targets.len());
        let (report, interrupted) = watched(self.fleet(targets), progress, self.output, verb).await;
        Ok(self.ended(&report, "were read", None, interrupted))
    }

    /// Prints what became of the targets; `what` is said of the number of those that are done where some are not.
    fn ended<T: Answer + Serialize>(
        &self,
        report: &FleetReport<T>,
        what: &str,
        hint: Option<String>,
        interrupted: bool,
    ) -> Exit {
        let output = self.output;
        let told = |outcome: &TargetOutcome<T>, error: &migrate_runtime::Error, message| {
            let is_stopped = matches!(outcome, TargetOutcome::Stopped(_));
            let exit = if is_stopped { Exit::Cancelled } else { Error::from(error).exit() };
            serde_json::json!(output.error_info(&Error::new(exit, message)))
        };
        output.facts(report.facts(self.source.lines(), told), || output.own(&report.to_string()));
        if report.is_success() {
            return Exit::Success;
        }
        let (exit, by) =
            if interrupted { (Exit::Cancelled, "stopped by a signal: ") } else { (Exit::Fleet, "") };
        let is_done = |it: &&TargetReport<T>| matches!(it.outcome, TargetOutcome::Done(_));
        let done = report.targets.iter().filter(is_done).count();
        let hint = hint.map(|hint| format!("\n\nhint: {hint}")).unwrap_or_default();
        output.finding(&format!("{by}{done} of {} targets {what}{hint}", report.targets.len()));
        exit
    }
}

/// What to do about those that a run has not led to its target.
fn go_on<T>(report: &FleetReport<T>, target: &str) -> Option<String> {
    if is_relative(&target.into()) {
        return Some(format!(
            "`{target}` counts from where each of them is now: look with `status`, and lead those that are left by the name \
             of a revision, each with its own `--database-url`"
        ));
    }
    // From where they are no way leads there, and none will.
    let barred = report.failures().filter(|(_, error)| error.kind() == ErrorKind::Plan).count();
    let left = report.targets.iter().filter(|it| !matches!(it.outcome, TargetOutcome::Done(_))).count();
    (barred < left).then(|| "the next run finds done what is done, and takes up the others".to_owned())
}

/// Whether there are the same targets as were shown, with the same to do to them.
#[must_use]
pub fn is_still(shown: &Plans, now: &Plans) -> bool {
    let each = |plans: &Plans| -> Vec<(String, Option<Plan>)> {
        plans.targets.iter().map(|it| (it.target.clone(), known(it).cloned())).collect()
    };
    each(shown) == each(now)
}

/// Whether a target leads each database from where it is, and so further if it is taken again.
#[must_use]
pub fn is_relative(target: &Target) -> bool {
    match target {
        Target::Relative(_) => true,
        Target::Branch { target, .. } => is_relative(target),
        _ => false,
    }
}

/// What there is to do to a target, as far as is known.
#[must_use]
pub fn known(planned: &TargetReport<Plan>) -> Option<&Plan> {
    match &planned.outcome {
        TargetOutcome::Done(plan) => Some(plan),
        _ => None,
    }
}
