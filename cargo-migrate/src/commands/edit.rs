//! `cargo migrate edit`

use std::process::Command;

use migrate_cli::{Error, Exit, variable};

use super::{Context, Outcome};
use crate::set;

/// Open a revision in `$VISUAL` or `$EDITOR`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// `head`, an id or a beginning of one, a label, `label@head`
    #[arg(value_name = "REVISION", default_value = "head")]
    revision: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let set = set::outline(&project)?;
    let &[index] = set::named(&set, &args.revision)?.as_slice() else {
        return Err(Error::target(format!("'{}' is not one revision", args.revision)));
    };
    let path = set::path(&project, &set.revisions[index]);
    if set.locked && !set.drafts.contains(&index) {
        context.output.note(format!(
            "note: revision {} is locked: comments and the down section may change, its upgrade may not",
            set.revisions[index].id
        ));
    }
    let named = match named("VISUAL")? {
        None => named("EDITOR")?,
        visual => visual,
    };
    let Some(editor) = named else {
        return Err(Error::program(format!("no editor is named\n\nhint: set `EDITOR`; the file is {path}")));
    };
    // An editor may be named with arguments, as in `code --wait`.
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or_default();
    let status = Command::new(program)
        .args(words)
        .arg(&path)
        .status()
        .map_err(|error| Error::program(format!("cannot run the editor `{editor}`: {error}")))?;
    if !status.success() {
        return Err(Error::program(format!("the editor `{editor}` failed ({status})")));
    }
    Ok(Exit::Success)
}

/// The editor that a variable names.
fn named(name: &str) -> Result<Option<String>, Error> {
    Ok(variable(name, Exit::Failure)?.filter(|editor| !editor.trim().is_empty()))
}
