//! The order of steps on graphs made by chance, held against the plainest way to say what is allowed, and what it costs.

#![allow(clippy::unwrap_used)] // clippy knows tests by their attribute, not the helpers beside them

use std::time::Duration;

use cpu_time::ThreadTime;
use migrate_revision::graph::Graph;
use migrate_revision::{Backend, Planner, Revision, Target, TargetRange};
use proptest::prelude::*;

fn id(number: usize) -> String {
    format!("r{number:05}")
}

/// Revisions by their parents and dependencies, given as numbers of earlier ones.
fn revisions(edges: &[(Vec<usize>, Vec<usize>)]) -> Vec<Revision> {
    let revision = |(number, (parents, dependencies)): (usize, &(Vec<usize>, Vec<usize>))| {
        let mut revision = Revision::new(id(number).parse().unwrap());
        revision.revises = parents.iter().map(|&parent| id(parent).parse().unwrap()).collect();
        revision.depends_on = dependencies.iter().map(|&dependency| id(dependency)).collect();
        revision
    };
    edges.iter().enumerate().map(revision).collect()
}

/// Graphs of up to 24 revisions, listed in an order that has nothing to do with their edges.
fn any_graph() -> impl Strategy<Value = Vec<Revision>> {
    let node = (prop::collection::vec(any::<prop::sample::Index>(), 0..4), 0..4_usize, any::<bool>());
    prop::collection::vec(node, 1..24)
        .prop_map(|nodes| {
            let edges: Vec<_> = nodes
                .iter()
                .enumerate()
                .map(|(number, (picks, parents, base))| {
                    let mut below: Vec<usize> =
                        picks.iter().filter(|_| number > 0).map(|pick| pick.index(number.max(1))).collect();
                    below.sort_unstable();
                    below.dedup();
                    let split = if *base { 0 } else { (*parents).min(below.len()) };
                    let dependencies = below.split_off(split);
                    (below, dependencies)
                })
                .collect();
            revisions(&edges)
        })
        .prop_shuffle()
}

/// Everything below a revision, itself included, found by looking again and again until nothing is added.
fn below(revisions: &[Revision], of: &[usize]) -> Vec<bool> {
    let mut found: Vec<bool> = (0..revisions.len()).map(|index| of.contains(&index)).collect();
    loop {
        let before = found.clone();
        for (index, revision) in revisions.iter().enumerate().filter(|(index, _)| before[*index]) {
            let names = revision.revises.iter().map(ToString::to_string).chain(revision.depends_on.clone());
            for name in names {
                found[revisions.iter().position(|other| other.id.as_str() == name).unwrap()] = true;
            }
            assert!(before[index]);
        }
        if found == before {
            return found;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_has_what_it_stands_on_and_the_heads_are_the_tops(
        revisions in any_graph(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let graph = Graph::new(&revisions).unwrap();
        let planner = Planner { revisions: &revisions, graph: &graph, backend: Backend::Sqlite };
        let (from, to) = (from.index(revisions.len()), to.index(revisions.len()));
        let start = below(&revisions, &[from]);
        let applied = graph.closure([from]);
        prop_assert_eq!((0..revisions.len()).map(|i| applied.contains(i)).collect::<Vec<_>>(), start.clone());

        for target in [Target::Heads, Target::from(&revisions[to].id)] {
            let goal = planner.upgrade(&target, &applied).unwrap();
            let steps = planner.steps(&goal, &applied).unwrap();
            let mut in_force = start.clone();
            for step in steps.as_slice() {
                let needs = below(&revisions, &[step.index]);
                prop_assert!((0..needs.len()).all(|i| !needs[i] || i == step.index || in_force[i]));
                prop_assert!(!std::mem::replace(&mut in_force[step.index], true));
                let tops: Vec<usize> = (0..revisions.len()).filter(|&i| in_force[i]
                    && !(0..revisions.len()).any(|j| j != i && in_force[j] && below(&revisions, &[j])[i])).collect();
                prop_assert_eq!(&step.heads, &tops);
            }
            let all: Vec<usize> = (0..revisions.len()).collect();
            let wanted = if target == Target::Heads { below(&revisions, &all) } else { below(&revisions, &[to]) };
            prop_assert!((0..wanted.len()).all(|i| in_force[i] == (start[i] || wanted[i])));
        }

        let goal = planner.downgrade(&Target::Base, &applied).unwrap();
        let steps = planner.steps(&goal, &applied).unwrap();
        let mut in_force = start;
        for step in steps.as_slice() {
            prop_assert!(std::mem::replace(&mut in_force[step.index], false));
            let rest: Vec<usize> = (0..revisions.len()).filter(|&i| in_force[i]).collect();
            prop_assert!(!below(&revisions, &rest)[step.index]);
        }
        prop_assert!(in_force.iter().all(|in_force| !in_force));

        let history = planner.resolver().history(&TargetRange::ALL, &applied).unwrap();
        for (place, &index) in history.iter().enumerate() {
            let under = below(&revisions, &[index]);
            prop_assert!(history[..place].iter().all(|&above| !under[above]));
        }
        prop_assert_eq!(history.len(), revisions.len());
    }

    #[test]
    fn no_text_breaks_anything(revisions in any_graph(), text in "[rhb@+:\\-0-9eadsu]{0,12}", at in any::<prop::sample::Index>()) {
        let graph = Graph::new(&revisions).unwrap();
        let planner = Planner { revisions: &revisions, graph: &graph, backend: Backend::Sqlite };
        let applied = graph.closure([at.index(revisions.len())]);
        let target = Target::from(&text);
        for goal in [planner.upgrade(&target, &applied), planner.downgrade(&target, &applied)].into_iter().flatten() {
            planner.steps(&goal, &applied).unwrap();
        }
        let _ = planner.stamp(&target, &applied);
        let _ = planner.offline_upgrade(&text).and_then(|(applied, goal)| planner.steps(&goal, &applied));
        let _ = planner.offline_downgrade(&text).and_then(|(applied, goal)| planner.steps(&goal, &applied));
        if let Ok(range) = text.parse::<TargetRange>() {
            let _ = planner.resolver().history(&range, &applied);
        }
    }
}

/// How much of the processor's time it takes to load a set, to plan all of it up and down again, and to list it.
fn measure(name: &str, edges: &[(Vec<usize>, Vec<usize>)]) -> Duration {
    let revisions = revisions(edges);
    let start = ThreadTime::now();
    let graph = Graph::new(&revisions).unwrap();
    let loaded = start.elapsed();
    let planner = Planner { revisions: &revisions, graph: &graph, backend: Backend::Sqlite };
    let empty = graph.closure([]);
    let up = planner.upgrade(&Target::Heads, &empty).unwrap();
    assert_eq!(planner.steps(&up, &empty).unwrap().len(), revisions.len());
    let upgraded = start.elapsed();
    let everything = graph.closure(0..graph.len());
    let down = planner.downgrade(&Target::Base, &everything).unwrap();
    assert_eq!(planner.steps(&down, &everything).unwrap().len(), revisions.len());
    let downgraded = start.elapsed();
    planner.resolver().history(&TargetRange::ALL, &empty).unwrap();
    let all = start.elapsed();
    println!(
        "{name}: load {loaded:?}, upgrade {:?}, downgrade {:?}, history {:?}",
        upgraded - loaded,
        downgraded - upgraded,
        all - downgraded
    );
    all
}

#[test]
fn ten_thousand_revisions_cost_little() {
    const COUNT: usize = 10_000;
    let before = |number: usize| if number == 0 { vec![] } else { vec![number - 1] };
    let line: Vec<_> = (0..COUNT).map(|number| (before(number), vec![])).collect();
    // Eight in a row and one beside them, which the tenth joins.
    let merges: Vec<_> = (0..COUNT)
        .map(|number| match number % 10 {
            9 => (vec![number - 2, number - 1], vec![]),
            8 => (number.checked_sub(9).map_or(vec![], |fork| vec![fork]), vec![]),
            _ => (before(number), vec![]),
        })
        .collect();
    let two_lines: Vec<_> = (0..COUNT)
        .map(|number| {
            let below = number.checked_sub(2).map_or(vec![], |below| vec![below]);
            let beside = if number % 2 == 1 { vec![number - 1] } else { vec![] };
            (below, beside)
        })
        .collect();
    let wide: Vec<_> =
        (0..COUNT).map(|number| (number.checked_sub(100).map_or(vec![], |n| vec![n]), vec![])).collect();
    for (name, edges) in [
        ("in a line", line),
        ("a merge every tenth", merges),
        ("two lines, one depending on the other", two_lines),
        ("a hundred lines", wide),
    ] {
        let took = measure(name, &edges);
        let allowed =
            if cfg!(debug_assertions) { Duration::from_secs(2) } else { Duration::from_millis(500) };
        assert!(took < allowed, "{name}: {took:?}");
    }
}
