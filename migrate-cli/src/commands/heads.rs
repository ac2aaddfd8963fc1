//! `heads`

use crate::Outcome;
use crate::entry::{Entries, Entry};
use crate::exit::Exit;
use crate::output::Output;

/// Print the revisions that nothing revises
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Print everything about each
    #[arg(short, long)]
    verbose: bool,
}

/// Prints the heads.
///
/// # Errors
/// None by itself.
pub fn run(args: &Args, entries: &Entries<'_>, output: &Output) -> Outcome {
    let heads: Vec<Entry> = entries.graph().heads().iter().map(|&head| entries.of(head)).collect();
    output.facts(&heads, || {
        let line = |entry: &Entry| if args.verbose { entry.block() } else { entry.line() };
        heads.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(Exit::Success)
}
