//! `current`

use migrate_runtime::{Connected, Migrator};
use serde::Serialize;

use crate::database::Database;
use crate::exit::Exit;
use crate::output::{ID, MARK, Output, styled};
use crate::{Error, Outcome};

/// Print the revisions that the database is at
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Fail unless the database is at all heads
    #[arg(short, long)]
    check_heads: bool,
}

#[derive(Serialize)]
struct At<'a> {
    revision: &'a str,
    message: Option<&'a str>,
    head: bool,
}

/// Prints what the database says by itself, with what the set knows of it.
///
/// # Errors
/// When the database cannot be read.
pub async fn run(args: &Args, database: &Database<'_>, output: &Output) -> Outcome {
    let current = heads_in_force(database).await?;
    let set = database.set();
    let graph = set.graph()?;
    // A database that has everything is at the heads on which nothing stands.
    let heads: Vec<&str> =
        graph.effective_heads().into_iter().map(|index| set.revisions()[index].id.as_str()).collect();
    let at: Vec<At<'_>> = current
        .iter()
        .map(|id| At {
            revision: id,
            message: graph.named(id).map(|index| set.revisions()[index].message.as_str()),
            head: heads.contains(&id.as_str()),
        })
        .collect();
    output.facts(&at, || {
        let line = |at: &At<'_>| {
            let mark = if at.head { format!(" {}", styled(MARK, "(head)")) } else { String::new() };
            format!("{}{mark}, {}", styled(ID, at.revision), at.message.unwrap_or("unknown here"))
        };
        at.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    let complete = current.len() == heads.len() && at.iter().all(|at| at.head);
    let unknown: Vec<&str> = at.iter().filter(|at| at.message.is_none()).map(|at| at.revision).collect();
    if args.check_heads && !unknown.is_empty() {
        output.finding(&format!(
            "the database has what is unknown here: {}\n\nhint: `{} status` tells how it stands to this set",
            unknown.join(", "),
            output.program
        ));
        return Ok(Exit::Ahead);
    }
    if args.check_heads && !complete {
        output.finding(&format!(
            "the database is not at all head revisions\n\nhint: `{} status` says what is missing",
            output.program
        ));
        return Ok(Exit::Pending);
    }
    Ok(Exit::Success)
}

/// The ids of the heads in force.
///
/// # Errors
/// When the database cannot be read.
pub async fn heads_in_force(database: &Database<'_>) -> Result<Vec<String>, Error> {
    database.read(Migrator::<Connected>::current).await
}
