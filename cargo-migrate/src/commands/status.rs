//! `cargo migrate status`

use super::{Context, Outcome};
use crate::database::{Database, DatabaseArgs};
use crate::exit::Exit;

/// Print where the database is, held against the revisions
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let database = Database::open(&args.database, &project)?;
    let status = database.read(async |migrator| migrator.status().await)?;
    context.output.facts(&status, || status.to_string());
    Ok(Exit::Success)
}
