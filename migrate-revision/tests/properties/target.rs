//! Targets and ranges, as they are typed.

use embed_migrations_properties::properties;
use migrate_revision::graph::Graph;
use migrate_revision::{Resolver, Revision, Target, TargetRange};
use proptest::prelude::*;

use crate::{mutated, seeds};

const FRAGMENTS: [&str; 24] = [
    "head",
    "heads",
    "base",
    "current",
    "none",
    "@",
    ":",
    "+",
    "-",
    "+1",
    "-1",
    "+99999999999999999999",
    "-2147483648",
    "-2147483649",
    "a",
    "b2",
    "feature-2",
    "0",
    "é",
    " ",
    "\n",
    "'",
    ";",
    "\0",
];

fn soup() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..8).prop_map(|parts| parts.concat()),
        any::<String>(),
        mutated(typed(), FRAGMENTS.to_vec()),
    ]
}

/// Every kind of target and of range, a line each.
fn typed() -> Vec<String> {
    let texts = seeds(&["tests/cases/seeds/target"]);
    texts.iter().flat_map(|text| text.lines()).map(str::to_owned).collect()
}

#[test]
fn every_seed_is_a_target_or_a_range() {
    let typed = typed();
    assert_eq!(typed.len(), 20);
    for text in typed {
        assert_eq!(Target::from(Target::from(text.as_str()).to_string()), Target::from(text.as_str()));
        let range = text.contains(':').then(|| text.parse::<TargetRange>().is_ok());
        assert_ne!(range, Some(false), "{text}");
    }
}

properties! {
    ["A target or a range"], 2000;

    fn a_target_that_is_shown_is_read_as_the_same(text in soup()) {
        let target = Target::from(text.as_str());
        prop_assert_eq!(Target::from(target.to_string()), target);
    }

    fn any_target_and_any_range_lead_somewhere_or_are_refused(text in soup()) {
        let mut revisions: Vec<Revision> =
            ["a", "b2", "c", "0"].iter().map(|id| Revision::new(id.parse().unwrap())).collect();
        revisions[1].revises = vec![revisions[0].id.clone()];
        revisions[2].revises = vec![revisions[0].id.clone()];
        revisions[2].labels = vec!["feature-2".into()];
        let graph = Graph::new(&revisions).unwrap();
        let resolver = Resolver { revisions: &revisions, graph: &graph };
        let says = |error: &dyn std::fmt::Display| !error.to_string().is_empty();
        match resolver.all(&Target::from(text.as_str())) {
            Ok(found) => prop_assert!(found.iter().all(|&index| index < revisions.len())),
            Err(error) => prop_assert!(says(&error)),
        }
        let at = graph.closure([1]);
        match text.parse::<TargetRange>().and_then(|range| resolver.history(&range, &at)) {
            Ok(found) => prop_assert!(found.iter().all(|&index| index < revisions.len())),
            Err(error) => prop_assert!(says(&error)),
        }
    }
}
