//! `cargo migrate rebase`

use std::fs;

use migrate_cli::{Error, Exit};
use migrate_revision::graph::Index;
use migrate_revision::source::Resolved;
use serde::Serialize;

use super::{Context, Outcome};
use crate::conflict;
use crate::files::{self, Guard};
use crate::revision::with_parent;
use crate::set;

/// Move a branch of drafts on top of another head
///
/// The first revision of the branch is made to revise the other head. Revisions that are locked do not move.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The head of the branch that moves; without it, the only one of two that can
    #[arg(value_name = "HEAD")]
    head: Option<String>,
    /// The head that it moves onto; without it, the other one of two
    #[arg(long, value_name = "HEAD")]
    onto: Option<String>,
}

#[derive(Serialize)]
struct Moved {
    revision: String,
    from: Vec<String>,
    onto: String,
    file: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let _guard = Guard::take(&project.config.directory, &context.output)?;
    conflict::resolve(&project, &context.output)?;
    let set = set::outline(&project)?;
    let (onto, root) = choose(args, &set)?;
    let revision = &set.revisions[root];
    let onto = set.revisions[onto].id.to_string();
    let path = project.config.directory.join(revision.file_name());
    let text = fs::read_to_string(&path).map_err(|error| Error::io("read", &path, error))?;
    let text = with_parent(&revision.file_name(), &text, &onto)?;
    files::replace(&path, &text)?;
    set::touch(&project, &set, &context.output);
    let moved = Moved {
        revision: revision.id.to_string(),
        from: revision.revises.iter().map(ToString::to_string).collect(),
        onto,
        file: path.display().to_string(),
    };
    context.output.facts(&moved, || format!("{} revises {} now: {}", moved.revision, moved.onto, moved.file));
    let below = moved.from.first().map_or("base", String::as_str);
    context.output.note(format!(
        "note: a database that has the branch already takes it for another history: put the file back as it was, `cargo migrate \
         downgrade {}@{below}` there, which undoes the branch alone, rebase again, and upgrade",
        moved.revision
    ));
    Ok(Exit::Success)
}

/// The head to move onto, and the first revision of the branch that moves.
fn choose(args: &Args, set: &Resolved) -> Result<(Index, Index), Error> {
    let heads = set.graph.heads();
    let head = |name: &String| match set::named(set, name)?.as_slice() {
        &[index] if heads.contains(&index) => Ok(index),
        _ => Err(Error::heads(format!("'{name}' is not a head revision"))),
    };
    let moving = args.head.as_ref().map(head).transpose()?;
    let onto = args.onto.as_ref().map(head).transpose()?;
    let other = |than: Index| match heads {
        &[a, b] => Ok(if a == than { b } else { a }),
        [_] => Err(nothing_to_move()),
        _ => Err(Error::heads(format!(
            "there are {} heads: {}\n\nhint: name the one that moves, and with `--onto` where to",
            heads.len(),
            set::ids(set, heads.iter().copied()).join(", ")
        ))),
    };
    match (moving, onto) {
        (Some(moving), Some(onto)) => Ok((onto, root(set, moving, onto)?)),
        (Some(moving), None) => {
            let onto = other(moving)?;
            Ok((onto, root(set, moving, onto)?))
        }
        (None, Some(onto)) => Ok((onto, root(set, other(onto)?, onto)?)),
        (None, None) => {
            let first = heads.first().copied().ok_or_else(nothing_to_move)?;
            let second = other(first)?;
            match (root(set, first, second), root(set, second, first)) {
                (Ok(_), Ok(_)) => {
                    let [first, second] = [first, second].map(|index| &set.revisions[index].id);
                    Err(Error::heads(format!(
                        "either branch can move\n\nhint: name the one that does: `cargo migrate rebase {second}` puts \
                         it on top of {first}"
                    )))
                }
                (Ok(root), Err(_)) => Ok((second, root)),
                (Err(_), Ok(root)) => Ok((first, root)),
                (Err(error), Err(_)) => Err(error),
            }
        }
    }
}

fn nothing_to_move() -> Error {
    Error::heads("nothing to move: there are not two heads")
}

/// The first revision of the branch that ends in a head, as seen from another head. A branch is what it is by `revises`
/// alone: whoever depends on one does not continue it.
///
/// # Errors
/// When the branch cannot move.
fn root(set: &Resolved, head: Index, onto: Index) -> Result<Index, Error> {
    let stays = set.graph.ancestry(&[onto]);
    let of_head = set.graph.ancestry(&[head]);
    let branch: Vec<Index> = (0..set.graph.len()).filter(|&index| of_head[index] && !stays[index]).collect();
    let cannot = |why: String| {
        let [head, onto] = [head, onto].map(|index| &set.revisions[index].id);
        Err(Error::heads(format!(
            "the branch of {head} cannot move: {why}\n\nhint: `cargo migrate merge {head} {onto}` joins the two"
        )))
    };
    if branch.is_empty() {
        return Err(nothing_to_move());
    }
    let below = set.graph.closure([onto]);
    let dependency = |index: Index| {
        set.graph.depends_on(index).iter().find(|under| branch.contains(under)).map(|&under| (index, under))
    };
    if let Some((upper, lower)) = below.iter().filter(|index| !branch.contains(index)).find_map(dependency) {
        let [upper, lower] = [upper, lower].map(|index| &set.revisions[index].id);
        return cannot(format!("revision {upper} depends on {lower} of it"));
    }
    if let Some(&locked) = branch.iter().find(|index| set.locked && !set.drafts.contains(index)) {
        return cannot(format!("revision {} is locked", set.revisions[locked].id));
    }
    let is_root = |index: &&Index| set.graph.revises(**index).iter().all(|parent| !branch.contains(parent));
    let roots: Vec<&Index> = branch.iter().filter(is_root).collect();
    let &[&root] = roots.as_slice() else {
        return cannot(format!("it begins with {} revisions", roots.len()));
    };
    let joins = |index: &&Index| {
        let parents = set.graph.revises(**index);
        parents.len() > 1 && parents.iter().any(|parent| !branch.contains(parent))
    };
    if let Some(&merge) = branch.iter().find(joins) {
        return cannot(format!("revision {} joins it with others", set.revisions[merge].id));
    }
    let above = set.graph.descendants([root]);
    if let Some(other) = (0..above.len()).find(|&index| above[index] && !branch.contains(&index)) {
        return cannot(format!("revision {} of another branch stands on it", set.revisions[other].id));
    }
    Ok(root)
}
