//! `show`

use migrate_runtime::Migrations;
use serde::Serialize;

use crate::Outcome;
use crate::entry::{Entries, Entry};
use crate::exit::Exit;
use crate::output::Output;

/// Print a revision
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
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

/// Prints revisions with their texts.
///
/// # Errors
/// When the name leads nowhere.
pub fn run(args: &Args, set: &Migrations, entries: &Entries<'_>, output: &Output) -> Outcome {
    let named = entries.named(&args.revision)?;
    let shown: Vec<Shown> = named
        .into_iter()
        .map(|index| Shown { entry: entries.of(index), text: set.text_of(index).into_owned() })
        .collect();
    output.facts(&shown, || {
        let text = |shown: &Shown| format!("{}\n{}", shown.entry.block(), shown.text.trim_end());
        shown.iter().map(text).collect::<Vec<_>>().join("\n\n")
    });
    Ok(Exit::Success)
}
