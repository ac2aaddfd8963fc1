//! What is wrong between the revisions of a directory, as problems of their files.

use super::directory::Directory;
use crate::graph::{Graph, GraphError};
use crate::{Problem, ProblemKind, nearest};

pub(super) fn several_heads(directory: &Directory, graph: &Graph) -> Option<Problem> {
    let heads = graph.heads();
    if heads.len() < 2 {
        return None;
    }
    let ids: Vec<&str> = heads.iter().map(|&head| directory.revisions[head].id.as_str()).collect();
    let mut problem = Problem::of_path(
        &directory.display,
        format!("the history has {} heads: {}", heads.len(), backticked(&ids)),
        format!("join them: `cargo migrate merge {} -m \"merge\"`", ids.join(" ")),
    )
    .kind(ProblemKind::Heads);
    for &head in heads {
        problem = problem
            .note(format!("`{}` is {}", directory.revisions[head].id, directory.revisions[head].source.path));
    }
    let may_be_locked = |head: usize| match &directory.lock {
        Some(lock) => lock.entries.iter().any(|entry| entry.id == directory.revisions[head].id),
        None => directory.lock_unread,
    };
    // Only where the one is nothing that the other stands on, and nothing else of its branch would be left behind.
    let fits = |upper: usize, lower: usize| {
        let below = graph.ancestry(&[lower]);
        !may_be_locked(upper)
            && !graph.closure([lower]).contains(upper)
            && graph.revises(upper).iter().all(|&parent| below[parent])
    };
    if let [first, second] = *heads {
        let on_top =
            [(second, first), (first, second)].into_iter().find(|&(upper, lower)| fits(upper, lower));
        if let Some((upper, lower)) = on_top {
            let [upper, lower] = [upper, lower].map(|head| &directory.revisions[head].id);
            problem = problem.help(format!("or put `{upper}` on top: `-- revises: {lower}` in its header"));
        }
    }
    Some(problem.help(
        "or allow it: `branches = allow` in the call, and `branches = \"allow\"` in `[package.metadata.migrate]` for the command",
    ))
}

/// What is wrong with the graph, as a problem of a file. A name that leads nowhere may be that of a file which could
/// not be read, and is then no problem of its own.
pub(super) fn graph_problem(directory: &Directory, error: &GraphError) -> Option<Problem> {
    let parsed = &directory.revisions;
    Some(match error {
        GraphError::Duplicate(first, second) => parsed[*second].source.problem(
            &parsed[*second].id_range,
            format!("revision id `{}` is already that of {}", parsed[*second].id, parsed[*first].source.path),
            "give one of the two another id, in its header and in its file name",
        ),
        GraphError::Missing { name, dependency: false, .. } if directory.may_hold(name) => return None,
        // It may be a label as well.
        GraphError::Missing { dependency: true, .. } if !directory.unread.is_empty() => return None,
        GraphError::Missing { revision, name, dependency } => {
            let this = &parsed[*revision];
            let header = &this.header;
            let range = if *dependency {
                header.depends_on.iter().find(|(other, _)| other == name).map(|(_, range)| range.clone())
            } else {
                header
                    .revises
                    .iter()
                    .find(|(other, _)| other.as_str() == name)
                    .map(|(_, range)| range.clone())
            };
            let others = parsed.iter().map(|parsed| parsed.id.as_str()).filter(|id| *id != this.id.as_str());
            let labels =
                parsed.iter().flat_map(|parsed| &parsed.header.labels).map(|(label, _)| label.as_str());
            let near = match (nearest(name, others), nearest(name, labels).filter(|_| *dependency)) {
                (Some(near), _) => format!("there is a revision with a similar id: `{near}`"),
                (None, Some(near)) => format!("there is a similar label: `{near}`"),
                (None, None) => "restore its file from version control, or correct the name".to_owned(),
            };
            let message = if *dependency {
                format!("revision `{}` depends on `{name}`, which is no revision and no label", this.id)
            } else {
                format!("revision `{}` revises `{name}`, which does not exist", this.id)
            };
            this.source.problem(&range.unwrap_or_default(), message, near)
        }
        GraphError::LabelTaken { revision, label, holder } => {
            let range = parsed[*revision].header.labels.iter().find(|(other, _)| other == label);
            parsed[*revision].source.problem(
                &range.map(|(_, range)| range.clone()).unwrap_or_default(),
                if parsed[*holder].id.as_str() == label {
                    format!("label `{label}` is the id of a revision")
                } else {
                    format!("label `{label}` is already used by revision `{}`", parsed[*holder].id)
                },
                "choose another label",
            )
        }
        GraphError::Cycle(cycle) => {
            let ids: Vec<&str> =
                cycle.iter().chain(cycle.first()).map(|&index| parsed[index].id.as_str()).collect();
            let first = &parsed[cycle[0]];
            let header = &first.header;
            let range = header.revises.iter().map(|(id, range)| (id.as_str(), range));
            let range = range.chain(header.depends_on.iter().map(|(name, range)| (name.as_str(), range)));
            let range =
                range.filter(|(name, _)| ids.get(1) == Some(name)).map(|(_, range)| range.clone()).next();
            first.source.problem(
                &range.unwrap_or_else(|| first.id_range.clone()),
                format!("cycle: revision `{}` stands on itself ({})", ids[0], ids.join(" -> ")),
                "a revision revises one that is older; correct `revises` or `depends-on` of one of these",
            )
        }
    })
}

/// `a, b and c`
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.concat(),
    }
}

fn backticked(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
