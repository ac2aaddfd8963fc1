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
    let status = command(&editor)
        .arg(&path)
        .status()
        .map_err(|error| Error::program(format!("cannot run the editor `{editor}`: {error}")))?;
    if !status.success() {
        return Err(Error::program(format!("the editor `{editor}` failed ({status})")));
    }
    Ok(Exit::Success)
}

/// What starts an editor, which may be named with arguments, as in `code --wait`.
fn command(editor: &str) -> Command {
    // Without these a shell would do no more than part the words.
    if cfg!(unix) && editor.contains(|c| "|&;<>()$`\\\"'*?[#~=%".contains(c)) {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{editor} \"$@\"")).arg(editor);
        return shell;
    }
    let mut words = editor.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// The editor that a variable names.
fn named(name: &str) -> Result<Option<String>, Error> {
    Ok(variable(name, Exit::Failure)?.filter(|editor| !editor.trim().is_empty()))
}
