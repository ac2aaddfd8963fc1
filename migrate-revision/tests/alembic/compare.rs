//! Whether two answers are the same.

use std::collections::{BTreeMap, BTreeSet};

use migrate_revision::graph::Graph;

use crate::answer::{Answer, recorded};
use crate::ask::ask;
use crate::cases::{Case, Op};

/// What came of a comparison.
pub(crate) enum Verdict {
    Agrees,
    /// Alembic crashed, and we gave some answer of our own
    TheyCrash,
    Differs(String),
}

/// Compares our answer with the recorded ones, of which any will do where there are several.
pub(crate) fn check(case: &Case, op: &Op) -> Verdict {
    let ours = ask(case, op);
    let theirs = theirs(op);
    if theirs.iter().any(Answer::is_crash) {
        return Verdict::TheyCrash;
    }
    let order = op.text("order").unwrap();
    let up = op.kind().starts_with("upgrade") || op.text("what") == Some("upgrade");
    if theirs.iter().any(|theirs| agree(case, op, order, up, &ours, theirs)) {
        return Verdict::Agrees;
    }
    let theirs: Vec<String> = theirs.iter().map(ToString::to_string).collect();
    Verdict::Differs(format!("ours:   {ours}\n    theirs: {}", theirs.join("\n    or:     ")))
}

/// The recorded answers.
pub(crate) fn theirs(op: &Op) -> Vec<Answer> {
    let up = op.kind().starts_with("upgrade") || op.text("what") == Some("upgrade");
    let alternatives = op.0["alternatives"].as_array().map_or(&[][..], Vec::as_slice);
    std::iter::once(&op.0["answer"])
        .chain(alternatives)
        .map(|answer| recorded(op.kind(), up, answer))
        .collect()
}

fn agree(case: &Case, op: &Op, order: &str, up: bool, ours: &Answer, theirs: &Answer) -> bool {
    if ours.fault.is_some() || theirs.fault.is_some() {
        return ours.fault == theirs.fault && theirs.steps.is_empty();
    }
    let lists_heads = ["heads", "bases"].contains(&op.kind());
    let facts_agree = match order {
        "exact" => ours.facts == theirs.facts,
        _ if lists_heads => words(&ours.facts) == words(&theirs.facts),
        _ => ours.facts == theirs.facts,
    };
    if !facts_agree || ours.heads != theirs.heads {
        return false;
    }
    let our_steps: Vec<&str> = ours.steps.iter().map(|step| step.revision.as_str()).collect();
    let their_steps: Vec<&str> = theirs.steps.iter().map(|step| step.revision.as_str()).collect();
    let is_set = order == "set" || ["current", "lineage", "bases_of"].contains(&op.kind());
    if order == "exact" {
        return ours.steps == theirs.steps
            && (ours.listed == theirs.listed || is_set && set(&ours.listed) == set(&theirs.listed));
    }
    if set(&ours.listed) != set(&theirs.listed) || set(&our_steps) != set(&their_steps) {
        return false;
    }
    let Some(Ok(graph)) = &case.graph else { return true };
    is_set
        || in_order(graph, &ours.listed, !op.kind().starts_with("upgrade"))
            && in_order(graph, &our_steps, !up)
}

fn set<T: Ord>(items: &[T]) -> BTreeSet<&T> {
    items.iter().collect()
}

fn words(facts: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    facts.iter().map(|(name, fact)| (name.as_str(), fact.split_whitespace().collect())).collect()
}

/// Whether what stands on others comes before them (`down`) or after.
fn in_order(graph: &Graph, ids: &[impl AsRef<str>], down: bool) -> bool {
    let places: BTreeMap<usize, usize> =
        ids.iter().enumerate().map(|(place, id)| (graph.named(id.as_ref()).unwrap(), place)).collect();
    places.iter().all(|(&index, &place)| {
        let below = graph.revises(index).iter().chain(graph.depends_on(index));
        below.filter_map(|under| places.get(under)).all(|&under| (place < under) == down)
    })
}
