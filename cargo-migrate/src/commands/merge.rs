//! `cargo migrate merge`

use migrate_cli::{Error, Exit};
use migrate_revision::graph::Index;
use migrate_revision::{NewRevision, PlaceError, RevisionId, Target};

use super::{Context, Outcome};
use crate::conflict;
use crate::files::Guard;
use crate::revision::{Draft, DraftBody, write};
use crate::set;

/// Write a revision that joins branches
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The revisions to join; without them, all heads
    #[arg(value_name = "REVISION")]
    revisions: Vec<String>,
    /// What the merge is for; without it, the heads that it joins
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// A name for the branch that begins with it. May be given several times
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Its id instead of a random one
    #[arg(long, value_name = "ID")]
    id: Option<RevisionId>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let _guard = Guard::take(&project.config.directory, &context.output)?;
    conflict::resolve(&project, &context.output)?;
    let set = set::outline(&project)?;
    let on: Vec<Target> = match args.revisions.as_slice() {
        // Also those on which another head depends: a build counts them as heads.
        [] => set::ids(&set, set.graph.heads().iter().copied()).into_iter().map(Target::Exact).collect(),
        named => named.iter().map(Target::from).collect(),
    };
    let mut parents: Vec<Index> = Vec::new();
    for target in &on {
        parents.extend(set::resolver(&set).all(target)?);
    }
    if parents.len() < 2 {
        let what = if args.revisions.is_empty() { "there is one head" } else { "a merge joins two or more" };
        return Err(Error::heads(format!("nothing to merge: {what}")));
    }
    for &upper in &parents {
        let below = set.graph.closure([upper]);
        let is_joined =
            |&&lower: &&Index| lower != upper && below.contains(lower) && !set.graph.heads().contains(&lower);
        if let Some(&lower) = parents.iter().find(is_joined) {
            let [upper, lower] = [upper, lower].map(|index| &set.revisions[index].id);
            return Err(Error::heads(format!(
                "nothing to merge: revision {upper} already stands on {lower}"
            )));
        }
    }
    let new = NewRevision {
        id: args.id.clone(),
        on,
        labels: args.labels.clone(),
        splice: false,
        depends_on: Vec::new(),
    };
    let placed = set::resolver(&set).place_new(&new).map_err(|error| match error {
        PlaceError::NotAHead(id) => Error::heads(format!("revision '{id}' is not a head revision")),
        error => error.into(),
    })?;
    let revises: Vec<&str> = placed.revises.iter().map(RevisionId::as_str).collect();
    let draft = Draft {
        message: args.message.clone().unwrap_or_else(|| format!("merge {}", revises.join(" and "))),
        id: args.id.clone(),
        placed,
        body: DraftBody::None,
    };
    let written = write(&project, &set, &draft, &context.output)?;
    context.output.facts(&written, || format!("created {}", written.file));
    Ok(Exit::Success)
}
