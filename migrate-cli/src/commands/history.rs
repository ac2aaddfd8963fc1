//! `history`

use std::io::IsTerminal;

use clap::ValueEnum;
use migrate_revision::graph::Index;
use migrate_revision::{End, TargetRange};

use crate::entry::{Entries, Entry};
use crate::exit::Exit;
use crate::lanes::Lanes;
use crate::output::{ID, Output, styled};
use crate::{Error, Outcome};

/// Print the revisions, newest first
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Only the revisions from START up to END, both included: `START:END`, `START:` or `:END`. An end is a target, or
    /// `current` for where the database is
    #[arg(short, long = "rev-range", value_name = "START:END", allow_hyphen_values = true)]
    range: Option<String>,
    /// Print everything about each
    #[arg(short, long)]
    verbose: bool,
    /// Mark the revisions that the database is at
    #[arg(short, long)]
    indicate_current: bool,
    /// Draw the branches in lines beside the revisions; `auto` does on a terminal
    #[arg(short, long, value_enum, value_name = "WHEN", default_value = "auto", num_args = 0..=1, default_missing_value = "always")]
    graph: When,
}

/// Whether something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Args {
    /// Whether the database must be asked.
    ///
    /// # Errors
    /// When the range is not one.
    pub fn asks_database(&self) -> Result<bool, Error> {
        let range = self.range()?;
        Ok(self.indicate_current || [&range.from, &range.to].contains(&&End::Current))
    }

    fn range(&self) -> Result<TargetRange, Error> {
        Ok(self.range.as_deref().map_or(Ok(TargetRange::ALL), str::parse)?)
    }

    fn is_drawn(&self) -> bool {
        match self.graph {
            When::Auto => std::io::stdout().is_terminal(),
            When::Always => true,
            When::Never => false,
        }
    }
}

/// Prints revisions; `current` is where the database is, if it was asked.
///
/// # Errors
/// When an end of the range leads nowhere.
pub fn run(args: &Args, entries: &Entries<'_>, current: Option<&[String]>, output: &Output) -> Outcome {
    let range = args.range()?;
    let resolver = entries.resolver();
    let applied = match current {
        Some(heads) if range != TargetRange::ALL => resolver.in_force(heads.iter().map(String::as_str))?,
        _ => entries.graph().closure([]),
    };
    let indices = resolver.history(&range, &applied)?;
    let mut history: Vec<Entry> = indices.iter().map(|&index| entries.of(index)).collect();
    if let Some(current) = current.filter(|_| args.indicate_current) {
        for entry in &mut history {
            entry.current = Some(current.contains(&entry.revision));
        }
    }
    output.facts(&history, || {
        if args.is_drawn() {
            return drawn(args, entries, &indices, &history);
        }
        let line = |entry: &Entry| {
            if args.verbose {
                entry.block()
            } else {
                let (parents, id) = (entry.parents(), styled(ID, &entry.revision));
                format!("{parents} -> {id}{}, {}", entry.marks(), entry.message)
            }
        };
        history.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(Exit::Success)
}

/// The revisions with the lines that lead from each to its parents, as far as these are shown.
fn drawn(args: &Args, entries: &Entries<'_>, indices: &[Index], history: &[Entry]) -> String {
    let mut lanes = Lanes::default();
    let mut shown = vec![false; entries.graph().len()];
    indices.iter().for_each(|&index| shown[index] = true);
    let rows = indices.iter().zip(history).map(|(&index, entry)| {
        let parents = entries.graph().revises(index).iter().copied();
        let parents: Vec<Index> = parents.filter(|&parent| shown[parent]).collect();
        let text = if args.verbose { format!("{}\n", entry.block()) } else { entry.line() };
        lanes.row(index, &parents, &text)
    });
    rows.collect()
}
