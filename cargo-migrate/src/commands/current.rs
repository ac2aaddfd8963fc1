//! `cargo migrate current`

use serde::Serialize;

use super::{Context, Outcome};
use crate::database::{Database, DatabaseArgs};
use crate::exit::Exit;
use crate::output::{ID, MARK, styled};

/// Print the revisions that the database is at
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Fail unless the database is at all heads
    #[arg(short, long)]
    check_heads: bool,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Serialize)]
struct At<'a> {
    revision: &'a str,
    message: Option<&'a str>,
    head: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let database = Database::to_ask(&args.database, &project)?;
    let current = database.read(async |migrator| migrator.current().await)?;
    let is_head = |id: &String| database.heads().contains(id);
    let at: Vec<At<'_>> = current
        .iter()
        .map(|id| At { revision: id, message: database.message(id), head: is_head(id) })
        .collect();
    context.output.facts(&at, || {
        let line = |at: &At<'_>| {
            let mark = if at.head { format!(" {}", styled(MARK, "(head)")) } else { String::new() };
            format!("{}{mark}, {}", styled(ID, at.revision), at.message.unwrap_or("not in the directory"))
        };
        at.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    let complete = current.len() == database.heads().len() && current.iter().all(is_head);
    if args.check_heads && !complete {
        context.output.finding(
            "the database is not at all head revisions\n\nhint: `cargo migrate status` says what is missing",
        );
        return Ok(Exit::Pending);
    }
    Ok(Exit::Success)
}
