//! `cargo migrate verify`

mod course;

use std::path::PathBuf;
use std::pin::pin;
use std::task::Poll;

use migrate_cli::{DatabaseUrl, Error, Exit, ID, Output, styled};
use migrate_revision::Backend;
use serde::Serialize;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, backends, block_on, look_for, none_named};
use crate::project::Project;
use crate::schema::History;
use crate::scratch::Scratch;
use course::Course;

/// Try each revision's way down on a scratch database
///
/// Upgrades an empty database step by step, and at each step goes down and up again. The schema must be the same as
/// before. The database is SQLite in memory, or one of its own on the server that the URL names.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The kind of database: sqlite, postgres, mysql or mariadb. SQLite needs no URL
    #[arg(long, value_name = "BACKEND")]
    backend: Option<Backend>,
    /// Rows to try with: `<id>.sql` in this directory is run once that revision is in force
    #[arg(long, value_name = "DIRECTORY")]
    seed: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// What was found of a revision.
#[derive(Debug, Serialize)]
struct Verified {
    revision: String,
    message: String,
    file: String,
    outcome: Found,
    /// Whether its rows were compared
    keeps_data: bool,
    differences: Vec<Difference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Found {
    /// The way down undoes the way up, and the way up can be taken again
    Ok,
    /// There is no way down
    Irreversible,
    /// Something else is left
    Differs,
    /// A Rust revision, or one that comes after it
    Unverified,
}

/// What is not as it was.
#[derive(Debug, Serialize)]
struct Difference {
    /// The section that leaves it
    section: &'static str,
    of: What,
    /// What went, with `- ` before it, and what came, with `+ `
    lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Schema,
    Rows,
    /// The order of columns, which is told and no failure
    Order,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let url = url(args, &project)?;
    let course = Course::new(&project, &url, args.seed.as_deref())?;
    let history = History {
        schema: project.config.schema.clone(),
        table: project.config.table.clone().unwrap_or_else(|| "migrate_history".into()),
    };
    let output = context.output;
    let found = block_on(take(&course, url.as_str(), history, &output))??;
    if output.json {
        output.facts(&found, String::new);
    }
    Ok(judged(&found, &output))
}

/// The database to verify on, or beside.
fn url(args: &Args, project: &Project) -> Result<DatabaseUrl, Error> {
    let in_memory = || DatabaseUrl::from("sqlite::memory:".to_owned());
    if args.backend == Some(Backend::Sqlite) {
        return Ok(in_memory());
    }
    let url = match (look_for(&args.database, project)?, args.backend) {
        (Some(url), _) => url,
        (None, None) if project.backends().0 == [Backend::Sqlite] => return Ok(in_memory()),
        (None, None) => {
            let error = none_named();
            return Err(Error::new(error.exit(), format!("{error}; `--backend sqlite` needs none")));
        }
        (None, Some(_)) => return Err(none_named()),
    };
    match args.backend {
        Some(backend) if !backends(&url).contains(&backend) => Err(Error::new(
            Exit::Database,
            format!(
                "the URL is not one of {backend}\n\nhint: name a server of {backend} with `--database-url`"
            ),
        )),
        // What is in an SQLite file is of no interest.
        _ if backends(&url) == [Backend::Sqlite] => Ok(in_memory()),
        _ => Ok(url),
    }
}

/// Makes the database, takes the course, and removes the database, whatever came of it.
async fn take(course: &Course, url: &str, history: History, output: &Output) -> Result<Vec<Verified>, Error> {
    // By a task of its own: from the first wait on, an interruption waits to be seen instead of ending the process.
    let mut interruption = tokio::spawn(interruption());
    let mut scratch = Scratch::new(url, history).await?;
    let found = {
        let mut taken = pin!(course.take(&mut scratch, |verified| told(verified, output)));
        std::future::poll_fn(|context| match taken.as_mut().poll(context) {
            Poll::Pending => pin!(&mut interruption).poll(context).map(|_| Err(interrupted())),
            ready => ready,
        })
        .await
    };
    match (found, scratch.remove().await) {
        (found, Ok(())) => found,
        (Ok(_), Err(left)) => Err(left),
        (Err(error), Err(left)) => {
            output.finding(&left.to_string());
            Err(error)
        }
    }
}

/// Waits until somebody wants the command to end.
async fn interruption() {
    use tokio::signal;

    let mut interrupted = pin!(signal::ctrl_c());
    #[cfg(unix)]
    if let Ok(mut terminated) = signal::unix::signal(signal::unix::SignalKind::terminate()) {
        return std::future::poll_fn(|context| match interrupted.as_mut().poll(context) {
            Poll::Pending => terminated.poll_recv(context).map(|_| ()),
            Poll::Ready(_) => Poll::Ready(()),
        })
        .await;
    }
    let _ = interrupted.await;
}

fn interrupted() -> Error {
    Error::program("interrupted")
}

/// Prints a revision's line as soon as it is verified, so that it is there whatever becomes of the next.
fn told(verified: &Verified, output: &Output) {
    if !output.json {
        output.facts((), || verified.text());
    }
}

/// The exit code for what was found, with the reason.
fn judged(found: &[Verified], output: &Output) -> Exit {
    let of = |outcome: Found| found.iter().filter(move |verified| verified.outcome == outcome);
    let differing: Vec<&str> = of(Found::Differs).map(|verified| verified.revision.as_str()).collect();
    let unverified = of(Found::Unverified).next();
    if let Some(first) = unverified {
        output.finding(&format!(
            "revision '{}' is written in Rust and can be run only by the application that embeds it; it and what comes after \
             it are not verified: {}",
            first.revision, first.file
        ));
    }
    if !differing.is_empty() {
        output.finding(&format!(
            "the way down does not undo the way up: {}\n\nhint: a down section may be mended at any time; it is no part of the \
             checksum",
            differing.join(", ")
        ));
        return Exit::NotUndone;
    }
    if unverified.is_some() { Exit::Unsupported } else { Exit::Success }
}

impl Found {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Irreversible => "irreversible",
            Self::Differs => "differs",
            Self::Unverified => "unverified",
        }
    }
}

impl Verified {
    /// A line, and what differs below it.
    fn text(&self) -> String {
        /// A table's worth of rows helps nobody; the JSON has all.
        const SHOWN: usize = 30;
        let mut text =
            format!("{:<12} {}, {}", self.outcome.word(), styled(ID, &self.revision), self.message);
        for Difference { section, of, lines } in &self.differences {
            let what = match (of, *section) {
                (What::Schema, "down") => "schema before up (-) and after down (+)",
                (What::Schema, _) => "schema after up (-) and after the second up (+)",
                (What::Rows, _) => "rows before up (-) and after down (+)",
                (What::Order, _) => "note: columns are in another order",
            };
            text.push_str(&format!("\n  {}, {section} section: {what}", self.file));
            for line in lines.iter().take(SHOWN) {
                text.push_str(&format!("\n    {}", line.replace('\n', "\n      ")));
            }
            if lines.len() > SHOWN {
                text.push_str(&format!("\n    and {} more", lines.len() - SHOWN));
            }
        }
        text
    }
}
