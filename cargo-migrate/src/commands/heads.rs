//! `cargo migrate heads`

use super::entry::{Entries, Entry};
use super::{Context, Outcome};
use crate::exit::Exit;
use crate::set;

/// Print the revisions that nothing revises
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print everything about each
    #[arg(short, long)]
    verbose: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let set = set::outline(&project)?;
    let entries = Entries::new(&project, &set);
    let heads: Vec<Entry> = set.graph.heads().iter().map(|&head| entries.of(head)).collect();
    context.output.facts(&heads, || {
        let line = |entry: &Entry| if args.verbose { entry.block() } else { entry.line() };
        heads.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(Exit::Success)
}
