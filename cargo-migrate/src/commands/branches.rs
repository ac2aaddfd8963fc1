//! `cargo migrate branches`

use migrate_cli::{Entry, Exit};
use serde::Serialize;

use super::{Context, Outcome};
use crate::set::Outline;

/// Print the revisions at which branches begin
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print everything about each
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Serialize)]
struct Branch {
    at: Entry,
    children: Vec<Entry>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let outline = Outline::read(&context.project()?)?;
    let entries = outline.entries()?;
    let graph = entries.graph();
    let branches: Vec<Branch> = (graph.order().iter())
        .filter(|&&index| graph.children(index).take(2).count() > 1)
        .map(|&index| Branch {
            at: entries.of(index),
            children: graph.children(index).map(|child| entries.of(child)).collect(),
        })
        .collect();
    context.output.facts(&branches, || {
        let mut lines = Vec::new();
        for branch in &branches {
            lines.push(if args.verbose { branch.at.block() } else { branch.at.line() });
            lines.extend(branch.children.iter().map(|child| format!("  -> {}", child.line())));
        }
        lines.join("\n")
    });
    Ok(Exit::Success)
}
