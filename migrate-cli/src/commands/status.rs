//! `status`

use super::{check, fleet};
use crate::Outcome;
use crate::database::Database;
use crate::exit::Exit;
use crate::output::Output;

/// Print where the database is, held against the revisions
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Whether many databases are meant instead of one, and which
    #[command(flatten)]
    pub fleet: fleet::Args,
}

/// Prints where the database is.
///
/// # Errors
/// When the database cannot be read, went another way or has an edited revision.
pub async fn run(_: &Args, database: &Database<'_>, output: &Output) -> Outcome {
    let status = check::status(database).await?;
    output.facts(&status, || status.to_string());
    Ok(Exit::Success)
}
