//! `cargo migrate check`

use migrate_cli::commands::check;
use migrate_cli::{Error, Exit};
use migrate_revision::graph::Index;
use migrate_runtime::Status;
use serde::Serialize;

use super::{Context, Outcome};
use crate::cli::Format;
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::findings::{self, Finding};
use crate::set::{self, Refusal};

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
    partly_locked: Vec<PartlyLocked>,
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<Status>,
}

#[derive(Serialize)]
struct PartlyLocked {
    revision: String,
    /// Those that it is not locked for
    backends: Vec<&'static str>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let set = match set::checked(&project, project.backends(), false) {
        Err(Refusal::Problems(problems)) if context.format.is_of_findings() => {
            let findings: Vec<Finding> = problems.iter().map(Finding::from).collect();
            print(&findings, context);
            return Ok(Error::from(Refusal::Problems(problems)).exit());
        }
        set => set?,
    };
    let mut findings = Vec::new();
    let mut exits = Vec::new();
    let partly_locked = set::partly_locked(&project, &set)?;
    let path = |index: Index| set::path(&project, &set.revisions[index]);
    let all_locked = set.drafts.is_empty() && partly_locked.is_empty();
    if !all_locked && !args.allow_drafts {
        findings.extend(set.drafts.iter().map(|&index| Finding::draft(path(index), &[])));
        findings.extend(partly_locked.iter().map(|(index, lacks)| Finding::draft(path(*index), lacks)));
        exits.push(Exit::Drafts);
    }
    let database = match args.database || args.url.database_url.is_some() {
        true => {
            let opened = Opened::open(&args.url, &project)?;
            match block_on(check::status(&opened.database()))? {
                Err(error) if context.format.is_of_findings() => {
                    findings.push(Finding::of_database(&project, &error));
                    exits.push(error.exit());
                    None
                }
                status => Some(status?),
            }
        }
        false => None,
    };
    let state = database.as_ref().and_then(|status| check::judge(status, context.output.program));
    if let Some(error) = &state {
        findings.push(Finding::of_database(&project, error));
        exits.push(error.exit());
    }
    // Of several findings the first decides.
    let exit = exits.first().copied().unwrap_or(Exit::Success);
    if context.format.is_of_findings() {
        print(&findings, context);
        return Ok(exit);
    }
    let found = Checked {
        revisions: set.revisions.len(),
        heads: set::ids(&set, set.graph.heads().iter().copied()),
        drafts: set::ids(&set, set.drafts.iter().copied()),
        partly_locked: (partly_locked.iter())
            .map(|(index, lacks)| PartlyLocked {
                revision: set.revisions[*index].id.to_string(),
                backends: lacks.iter().map(|backend| backend.name()).collect(),
            })
            .collect(),
        database,
    };
    context.output.facts(&found, || {
        let database = found.database.as_ref().map_or(String::new(), |status| format!("\ndatabase {status}"));
        let heads = if found.heads.is_empty() { "none".into() } else { found.heads.join(", ") };
        format!("revisions: {}, drafts: {}, head: {heads}{database}", found.revisions, found.drafts.len())
    });
    if exits.contains(&Exit::Drafts) {
        let mut texts = Vec::new();
        let files: Vec<String> = set.drafts.iter().map(|&index| path(index)).collect();
        if !files.is_empty() {
            let are = if files.len() == 1 { "is" } else { "are" };
            texts.push(format!("{} {are} not in the lock file", files.join(", ")));
        }
        for (index, lacks) in &partly_locked {
            texts.push(format!("{} is not locked for {}", path(*index), set::names(lacks)));
        }
        context.output.finding(&format!(
            "{}\n\nhint: `cargo migrate lock` locks what may no longer change",
            texts.join("\n")
        ));
    }
    if let Some(error) = state {
        context.output.finding(&error.to_string());
    }
    Ok(exit)
}

/// Prints findings for the program that the format is of.
fn print(findings: &[Finding], context: &Context) {
    match context.format {
        Format::Sarif => context.output.text(&findings::sarif(findings)),
        _ => {
            let lines: Vec<String> = findings.iter().map(Finding::github).collect();
            if !lines.is_empty() {
                context.output.text(&lines.join("\n"));
            }
        }
    }
}
