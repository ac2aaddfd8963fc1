//! `cargo migrate new`

use migrate_cli::{Error, Exit};
use migrate_revision::{Backend, NewRevision, PlaceError, RevisionId, Target, TargetError};

use super::{Context, Outcome};
use crate::files::Guard;
use crate::revision::{Draft, DraftBody, write};
use crate::set;

/// Write a new revision file
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the revision does; its first line is the message
    #[arg(short, long, value_name = "TEXT")]
    message: String,
    /// The revision that it revises: `head`, an id or a beginning of one, a label, `label@head`, or `base`
    #[arg(long, value_name = "REVISION", default_value = "head")]
    head: String,
    /// Begin a branch at a revision that is no head
    #[arg(long)]
    splice: bool,
    /// Begin a history of its own, as `--head base`
    #[arg(long, conflicts_with = "head")]
    base: bool,
    /// A name for the branch that begins with it. May be given several times
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// A revision or label that must be applied before it. May be given several times
    #[arg(long = "depends-on", value_name = "REVISION")]
    depends_on: Vec<String>,
    /// Its id instead of a random one
    #[arg(long, value_name = "ID")]
    id: Option<RevisionId>,
    /// A Rust revision
    #[arg(long)]
    rust: bool,
    /// Sections for this backend instead of one for all: sqlite, postgres, mysql or mariadb. May be given several times
    #[arg(long = "backend", value_name = "BACKEND", conflicts_with = "rust")]
    backends: Vec<Backend>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    if args.message.trim().is_empty() {
        return Err(Error::usage("the message is empty\n\nhint: say what the revision does"));
    }
    let _guard = Guard::take(&project.config.directory, &context.output)?;
    let set = set::outline(&project)?;
    if args.head == "heads" {
        return Err(Error::usage(
            "a revision revises one head\n\nhint: `cargo migrate merge` writes one that joins several",
        ));
    }
    let head = if args.base { "base" } else { &args.head };
    let placed = set::resolver(&set)
        .place_new(&NewRevision {
            id: args.id.clone(),
            on: vec![head.into()],
            splice: args.splice,
            depends_on: args.depends_on.iter().map(Target::from).collect(),
            labels: args.labels.clone(),
        })
        .map_err(|error| explained(error, args))?;
    let draft = Draft {
        message: args.message.clone(),
        id: args.id.clone(),
        placed,
        body: match (args.rust, args.backends.as_slice()) {
            (true, _) => DraftBody::Rust,
            (false, []) => DraftBody::Plain,
            (false, backends) => DraftBody::PerBackend(backends.iter().map(ToString::to_string).collect()),
        },
    };
    let written = write(&project, &set, &draft, &context.output)?;
    context.output.facts(&written, || format!("created {}", written.file));
    Ok(Exit::Success)
}

/// Several heads are the one mistake for which this command has a cure of its own.
fn explained(error: PlaceError, args: &Args) -> Error {
    match error {
        PlaceError::Target(TargetError::MultipleHeads(heads)) if args.head == "head" => {
            let ids: Vec<&str> = heads.iter().map(RevisionId::as_str).collect();
            Error::heads(format!(
                "multiple heads are present: {}\n\nhint: name the one to go on from with `--head {}`, or join them \
                 with `cargo migrate merge`",
                ids.join(", "),
                ids.first().copied().unwrap_or("ID")
            ))
        }
        error => error.into(),
    }
}
