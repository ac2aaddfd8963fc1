//! `check` of a database

use migrate_runtime::{Connected, Migrator, Status};

use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;
use crate::{Error, Outcome};

/// Check that the database has exactly the revisions of this program
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {}

/// Prints where the database is; fails unless that is at the heads.
///
/// # Errors
/// When the database cannot be read, went another way or has an edited revision.
pub async fn run(_: &Args, database: &Database<'_>, output: &Output) -> Outcome {
    let status = status(database).await?;
    output.facts(&status, || status.to_string());
    Ok(judge(&status, output.program).map_or(Exit::Success, |wrong| {
        output.finding(&wrong.to_string());
        wrong.exit()
    }))
}

/// Where the database is.
///
/// # Errors
/// When the database cannot be read, went another way or has an edited revision.
pub async fn status(database: &Database<'_>) -> Result<Status, Error> {
    database.read(Migrator::<Connected>::status).await
}

/// What is wrong with a database's state, if something is. `program` is what is typed before a command's name.
#[must_use]
pub fn judge(status: &Status, program: &str) -> Option<Error> {
    if !status.ahead.is_empty() {
        Some(Error::new(Exit::Ahead, "the database has revisions that are not here"))
    } else if !status.is_current() {
        let message = format!(
            "target database is not up to date\n\nhint: `{program} upgrade heads` applies what is missing"
        );
        Some(Error::new(Exit::Pending, message))
    } else {
        None
    }
}
