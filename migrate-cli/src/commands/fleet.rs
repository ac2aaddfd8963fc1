//! `--all-schemas`, `--all-databases` and `--urls` of `upgrade`, `downgrade` and `status`

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use migrate_revision::{Direction, Target};
use migrate_runtime::{
    Answer, Fleet, FleetReport, FleetTarget, OnFailure, Plan, TargetOutcome, TargetReport,
};
use serde::Serialize;

use crate::SqliteFile;
use crate::commands::{downgrade, upgrade};
use crate::database::{Database, DatabaseUrl, change_all};
use crate::exit::Exit;
use crate::output::Output;
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

/// Where the targets come from.
#[derive(Debug)]
pub struct Source(From);

#[derive(Debug)]
enum From {
    Schemas(String),
    Databases(String),
    Urls(PathBuf, Urls),
}

/// The URLs of a file, and the lines that they are on.
#[derive(Debug, Default)]
struct Urls {
    urls: Vec<DatabaseUrl>,
    lines: Vec<usize>,
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
        Ok(Source(match (all_schemas, all_databases, urls) {
            (Some(pattern), ..) => From::Schemas(pattern.clone()),
            (_, Some(pattern), _) => From::Databases(pattern.clone()),
            (_, _, Some(file)) => From::Urls(file.clone(), read(file)?),
            _ => return Err(Error::usage("no databases are named")),
        }))
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

impl Source {
    /// The URLs of the file; none if the targets are what a server has.
    #[must_use]
    pub fn urls(&self) -> &[DatabaseUrl] {
        match &self.0 {
            From::Urls(_, urls) => &urls.urls,
            From::Schemas(_) | From::Databases(_) => &[],
        }
    }

    /// The lines that the targets are on, where they are of a file.
    fn lines(&self) -> &[usize] {
        match &self.0 {
            From::Urls(_, urls) => &urls.lines,
            From::Schemas(_) | From::Databases(_) => &[],
        }
    }

    async fn targets(&self, url: &DatabaseUrl, to_read: bool) -> Result<Vec<FleetTarget>, Error> {
        let (targets, none) = match &self.0 {
            From::Schemas(pattern) => {
                let scheme = url.as_str().split_once(':').map_or("", |(scheme, _)| scheme);
                let instead = match scheme {
                    "sqlite" => Some(
                        "SQLite, which has none\n\nhint: write the files' URLs into a file, for `--urls`",
                    ),
                    "mysql" | "mariadb" => {
                        Some("MySQL or MariaDB, where schemas are databases\n\nhint: use `--all-databases`")
                    }
                    _ => None,
                };
                if let Some(instead) = instead {
                    return Err(Error::unsupported(format!(
                        "`--all-schemas` is for PostgreSQL, and the URL is of {instead}"
                    )));
                }
                (
                    FleetTarget::schemas_like(url.as_str(), pattern).await?,
                    format!("schema of the database is like `{pattern}`"),
                )
            }
            From::Databases(pattern) => {
                if url.as_str().starts_with("sqlite:") {
                    return Err(Error::unsupported(
                        "`--all-databases` is for servers, and the URL is of SQLite\n\nhint: write the files' URLs into a \
                         file, for `--urls`",
                    ));
                }
                (
                    FleetTarget::databases_like(url.as_str(), pattern).await?,
                    format!("database of the server is like `{pattern}`"),
                )
            }
            From::Urls(file, urls) => (urls.targets(to_read), format!("URL is in `{}`", file.display())),
        };
        if targets.is_empty() {
            let hint = match self.0 {
                From::Urls(..) => "write one URL per line",
                _ => "`%` is any text, `_` any character, and a backslash takes the next one for itself",
            };
            return Err(Error::target(format!("no {none}\n\nhint: {hint}")));
        }
        Ok(targets)
    }
}

impl Urls {
    /// The targets; those whose names do not tell them apart are called by their lines as well.
    fn targets(&self, to_read: bool) -> Vec<FleetTarget> {
        let names: Vec<String> =
            self.urls.iter().map(|url| FleetTarget::new(url.as_str()).name().to_owned()).collect();
        let mut counts = HashMap::new();
        names.iter().for_each(|name| *counts.entry(name.as_str()).or_insert(0) += 1);
        let target = |((url, line), name): ((&DatabaseUrl, &usize), &String)| {
            let url = if to_read { url.to_read() } else { url.as_str() };
            let name = if counts[name.as_str()] > 1 { format!("{name} (line {line})") } else { name.clone() };
            FleetTarget::new(url).named(name)
        };
        self.urls.iter().zip(&self.lines).zip(&names).map(target).collect()
    }
}

/// The URLs of a file. No error shows a line, which may hold a password.
fn read(file: &Path) -> Result<Urls, Error> {
    let text = fs::read_to_string(file).map_err(|error| Error::io("read", file, error))?;
    let lines = text.strip_prefix('\u{feff}').unwrap_or(&text).split('\n').map(str::trim);
    let mut read = Urls::default();
    for (number, line) in (1..).zip(lines).filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if let Some(problem) = problem(line) {
            let message = format!("line {number} of `{}` {problem}", file.display());
            return Err(Error::new(Exit::Database, message));
        }
        read.urls.push(DatabaseUrl::from(beside(file, line)));
        read.lines.push(number);
    }
    Ok(read)
}

/// What is wrong with a line that is to be a URL, and what to do.
fn problem(line: &str) -> Option<&'static str> {
    if !FleetTarget::new(line).is_readable() {
        return Some(
            "cannot be read as the URL of a database\n\n\
             hint: it is `sqlite:file`, or `scheme://user:password@host/database?name=value`, where `@`, `/`, `?` and \
             `#` in a password are `%40`, `%2F`, `%3F` and `%23`",
        );
    }
    // SQLite would make a file of that name.
    let is_comment = line.match_indices('#').any(|(at, _)| line[..at].ends_with(char::is_whitespace));
    (line.starts_with("sqlite:") && is_comment).then_some(
        "has a `#` behind a space, which SQLite would take for a part of the file's name\n\n\
         hint: write a comment on a line of its own; of the name of a file write them as `%20%23`, as in `sqlite:file:a%20%23b.db`",
    )
}

/// An SQLite URL whose path is relative to the directory of the file that names it.
fn beside(file: &Path, url: &str) -> String {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    let below = directory.and_then(|directory| SqliteFile::of(url)?.below(directory));
    below.unwrap_or_else(|| url.to_owned())
}

/// Applies what is missing to many databases.
///
/// # Errors
/// When the targets cannot be found, or there are none. What becomes of one is no error of the command, and decides its code.
pub async fn upgrade(
    args: &upgrade::Args,
    source: &Source,
    database: &Database<'_>,
    output: &Output,
) -> Outcome {
    let (work, target) = (Work { args: args.fleet(), source, database, output }, args.way.target());
    if args.is_dry_run() {
        return work.run(Kind::Reads, |fleet| fleet.plan(target)).await;
    }
    work.run(Kind::Changes(target), |fleet| fleet.upgrade(target)).await
}

/// Undoes on many databases what stands above a target, after a yes.
///
/// # Errors
/// Those of [`upgrade`], and when there was no yes.
pub async fn downgrade(
    args: &downgrade::Args,
    source: &Source,
    database: &Database<'_>,
    output: &Output,
) -> Outcome {
    let (work, target) = (Work { args: args.fleet(), source, database, output }, args.way.target());
    if args.is_dry_run() {
        return work.run(Kind::Reads, |fleet| fleet.plan_downgrade(target)).await;
    }
    agreed(args, source, database, output).await?;
    work.run(Kind::Changes(target), |fleet| fleet.downgrade(target)).await
}

/// Prints where many databases are that are not current.
///
/// # Errors
/// Those of [`upgrade`].
pub async fn status(args: &Args, source: &Source, database: &Database<'_>, output: &Output) -> Outcome {
    Work { args, source, database, output }.run(Kind::Reads, Fleet::status).await
}

/// Asks for a yes to a downgrade, unless there is nothing to undo or none is wanted.
///
/// # Errors
/// Those of [`upgrade`], when there was no yes, and when targets were changed meanwhile.
pub async fn agreed(
    args: &downgrade::Args,
    source: &Source,
    database: &Database<'_>,
    output: &Output,
) -> Result<(), Error> {
    if args.is_agreed() {
        return Ok(());
    }
    let (target, down) = (args.way.target(), Direction::Down);
    let plans = plans(args.fleet(), target, down, source, database).await?;
    if plans.targets.iter().all(|target| is_done(&target.outcome)) {
        return Ok(());
    }
    downgrade::agreed(&output.own(&plans.to_string()), output)?;
    let now = self::plans(args.fleet(), target, down, source, database).await?;
    if steps(&plans) == steps(&now) {
        return Ok(());
    }
    Err(downgrade::changed(&output.own(&now.to_string())))
}

/// The names of the targets that are not where a run was to lead them, or cannot be asked.
///
/// # Errors
/// When the targets cannot be found, or there are none.
pub async fn unfinished(
    args: &Args,
    target: &str,
    direction: Direction,
    source: &Source,
    database: &Database<'_>,
) -> Result<Vec<String>, Error> {
    let plans = plans(args, target, direction, source, database).await?;
    let unfinished = plans.targets.into_iter().filter(|target| !is_done(&target.outcome));
    Ok(unfinished.map(|target| target.target).collect())
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

/// What a run would do to each of the targets.
async fn plans(
    args: &Args,
    target: &str,
    direction: Direction,
    source: &Source,
    database: &Database<'_>,
) -> Result<FleetReport<Plan>, Error> {
    let targets = source.targets(database.url(), true).await?;
    let fleet = args.apply(database.fleet(targets));
    Ok(match direction {
        Direction::Up => fleet.plan(target).await,
        Direction::Down => fleet.plan_downgrade(target).await,
    })
}

/// What there is to do, as far as is known.
fn known(outcome: &TargetOutcome<Plan>) -> Option<&Plan> {
    match outcome {
        TargetOutcome::Done(plan) => Some(plan),
        _ => None,
    }
}

/// Whether it is known that there is nothing left to do.
fn is_done(outcome: &TargetOutcome<Plan>) -> bool {
    known(outcome).is_some_and(Plan::is_empty)
}

/// What is known to be done to each of the targets.
fn steps(plans: &FleetReport<Plan>) -> Vec<(&str, Option<&Plan>)> {
    plans.targets.iter().map(|target| (target.target.as_str(), known(&target.outcome))).collect()
}

/// A verb on many databases.
struct Work<'w, 'a> {
    args: &'w Args,
    source: &'w Source,
    database: &'w Database<'a>,
    output: &'w Output,
}

/// What a verb does to the databases.
#[derive(Clone, Copy)]
enum Kind<'w> {
    /// It asks them
    Reads,
    /// It leads them to a target
    Changes(&'w str),
}

impl<'a> Work<'_, 'a> {
    /// Runs the verb and prints what became of the targets.
    async fn run<T: Answer + Serialize, F: Future<Output = FleetReport<T>>>(
        &self,
        kind: Kind<'_>,
        verb: impl FnOnce(Fleet<'a>) -> F,
    ) -> Outcome {
        let targets = self.source.targets(self.database.url(), matches!(kind, Kind::Reads)).await?;
        let count = targets.len();
        let fleet = self.args.apply(self.database.fleet(targets));
        let (report, interrupted) = change_all(fleet, count, self.output, verb).await;
        Ok(self.ended(&report, kind, interrupted))
    }

    /// Prints what became of the targets.
    fn ended<T: Answer + Serialize>(
        &self,
        report: &FleetReport<T>,
        kind: Kind<'_>,
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
        let is_done = |target: &&TargetReport<T>| matches!(target.outcome, TargetOutcome::Done(_));
        let done = report.targets.iter().filter(is_done).count();
        output.finding(&format!("{by}{done} of {} targets {}", report.targets.len(), kind.ending()));
        exit
    }
}

impl Kind<'_> {
    /// What is said of the number of targets that are done where some are not.
    fn ending(self) -> String {
        match self {
            Kind::Reads => "were read".to_owned(),
            Kind::Changes(target) if is_relative(&target.into()) => format!(
                "are done\n\nhint: `{target}` would lead those further; for the others, name the revision that it led those to"
            ),
            Kind::Changes(_) => {
                "are done\n\nhint: the next run finds done what is done, and takes up the others".to_owned()
            }
        }
    }
}
