//! `cargo migrate check`

use migrate_cli::Exit;
use migrate_cli::commands::check;
use migrate_runtime::Status;
use serde::Serialize;

use super::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::set;

/// Check the revisions as a build does, and more: for CI
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Drafts are fine
    #[arg(long)]
    allow_drafts: bool,
    /// Check the database, too: fail when it lacks revisions, is ahead, has gone another way or has an edited one
    #[arg(long)]
    database: bool,
    #[command(flatten)]
    url: DatabaseArgs,
}

#[derive(Serialize)]
struct Checked {
    revisions: usize,
    heads: Vec<String>,
    drafts: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<Status>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let set = set::checked(&project, project.backends(), false)?;
    let database = args.database || args.url.database_url.is_some();
    let database = match database {
        true => {
            let opened = Opened::open(&args.url, &project)?;
            Some(block_on(check::status(&opened.database()))??)
        }
        false => None,
    };
    let found = Checked {
        revisions: set.revisions.len(),
        heads: set::ids(&set, set.graph.heads().iter().copied()),
        drafts: set::ids(&set, set.drafts.iter().copied()),
        database,
    };
    context.output.facts(&found, || {
        let database = found.database.as_ref().map_or(String::new(), |status| format!("\ndatabase {status}"));
        let heads = if found.heads.is_empty() { "none".into() } else { found.heads.join(", ") };
        format!("revisions: {}, drafts: {}, head: {heads}{database}", found.revisions, found.drafts.len())
    });
    let drafts: &[usize] = if args.allow_drafts { &[] } else { &set.drafts };
    let mut exit = Exit::Success;
    if !drafts.is_empty() {
        let files: Vec<String> =
            drafts.iter().map(|&index| set::path(&project, &set.revisions[index])).collect();
        let are = if files.len() == 1 { "is" } else { "are" };
        context.output.finding(&format!(
            "{} {are} not in the lock file\n\nhint: `cargo migrate lock` locks what may no longer change",
            files.join(", ")
        ));
        exit = Exit::Drafts;
    }
    if let Some(status) = &found.database {
        let found = check::judge(status, &context.output);
        if exit == Exit::Success {
            exit = found;
        }
    }
    Ok(exit)
}
