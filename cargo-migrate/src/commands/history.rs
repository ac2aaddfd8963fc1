//! `cargo migrate history`

use migrate_revision::{End, TargetRange};

use super::entry::{Entries, Entry};
use super::{Context, Outcome};
use crate::database::{Database, DatabaseArgs};
use crate::exit::Exit;
use crate::output::{ID, styled};
use crate::set;

/// Print the revisions, newest first
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
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
    #[command(flatten)]
    database: DatabaseArgs,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let set = set::outline(&project)?;
    let range: TargetRange = args.range.as_deref().map_or(Ok(TargetRange::ALL), str::parse)?;
    let asks = args.indicate_current || [&range.from, &range.to].contains(&&End::Current);
    let current = match asks {
        true => {
            let database = Database::to_ask(&args.database, &project)?;
            Some(database.read(async |migrator| migrator.current().await)?)
        }
        false => None,
    };
    let resolver = set::resolver(&set);
    let applied = match &current {
        Some(heads) if range != TargetRange::ALL => resolver.in_force(heads.iter().map(String::as_str))?,
        _ => set.graph.closure([]),
    };
    let entries = Entries::new(&project, &set);
    let mut history: Vec<Entry> =
        resolver.history(&range, &applied)?.into_iter().map(|index| entries.of(index)).collect();
    if let Some(current) = current.filter(|_| args.indicate_current) {
        for entry in &mut history {
            entry.current = Some(current.contains(&entry.revision));
        }
    }
    context.output.facts(&history, || {
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
