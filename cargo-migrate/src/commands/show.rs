//! `cargo migrate show`

use serde::Serialize;

use super::entry::{Entries, Entry};
use super::{Context, Outcome};
use crate::exit::Exit;
use crate::set;

/// Print a revision
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `head`, `heads`, an id or a beginning of one, a label, `label@head`
    #[arg(value_name = "REVISION", default_value = "head")]
    revision: String,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    entry: Entry,
    text: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let set = set::outline(&project)?;
    let entries = Entries::new(&project, &set);
    let named = set::named(&set, &args.revision)?;
    let shown: Vec<Shown> = named
        .into_iter()
        .map(|index| Shown { entry: entries.of(index), text: set.sources[index].text.clone() })
        .collect();
    context.output.facts(&shown, || {
        let text = |shown: &Shown| format!("{}\n{}", shown.entry.block(), shown.text.trim_end());
        shown.iter().map(text).collect::<Vec<_>>().join("\n\n")
    });
    Ok(Exit::Success)
}
