//! What an upgrade reads of a set, beside the whole of it.

use migrate_revision::graph::{Graph, Index, SetDigests};
use migrate_revision::{
    Backend, Body, Checksum, Encoded, Links, PlanError, Planner, Revision, Script, SqlBody, Steps, Target,
    Window, encode, encode_links,
};
use proptest::prelude::*;
use proptest::sample::Index as Pick;

use crate::config;
use crate::tried::tell;

/// A history: of each revision its place in the set, its parents and dependencies among those before it, and whether the
/// next ones name it by its label.
fn history() -> impl Strategy<Value = Vec<Revision>> {
    let below = || prop::collection::vec(any::<Pick>(), 0..3);
    let drawn = prop::collection::vec(
        (any::<u16>(), below(), prop::collection::vec(any::<Pick>(), 0..2), any::<bool>()),
        1..14,
    );
    drawn.prop_map(|drawn| {
        let mut revisions: Vec<Revision> = Vec::new();
        for (n, (place, parents, dependencies, labelled)) in drawn.into_iter().enumerate() {
            // Near ones are drawn more often, as in a real history.
            let near = |pick: &Pick, revisions: &[Revision]| {
                let nearest = revisions.len().min(4);
                (nearest > 0).then(|| revisions.len() - 1 - pick.index(nearest))
            };
            let mut one = revision(&format!("r{place:05}{n:02}"), n as u8);
            one.revises = parents
                .iter()
                .filter_map(|pick| near(pick, &revisions))
                .map(|at| revisions[at].id.clone())
                .collect();
            one.revises.sort();
            one.revises.dedup();
            for at in dependencies.iter().filter_map(|pick| near(pick, &revisions)) {
                let on = &revisions[at];
                one.depends_on.push(on.labels.first().cloned().unwrap_or_else(|| on.id.to_string()));
            }
            one.labels.extend(labelled.then(|| format!("label{n}")));
            revisions.push(one);
        }
        revisions.sort_by(|a, b| a.id.cmp(&b.id));
        revisions
    })
}

fn revision(id: &str, content: u8) -> Revision {
    let body = SqlBody { scripts: vec![Script::default()], up: [Some(0); 4], ..SqlBody::default() };
    let mut checksums = [Some(Checksum::from_bytes([content; 32])); 4];
    // Not every revision does the same everywhere.
    checksums[1] = Some(Checksum::from_bytes([content / 5 * 5; 32]));
    let mut revision = Revision::new(id.parse().unwrap());
    revision.body = Body::Sql(body);
    revision.checksums = checksums;
    revision
}

/// The steps to the heads, or why there are none.
fn steps(revisions: &[Revision], graph: &Graph, applied: &[Index]) -> Result<Steps, PlanError> {
    let planner = Planner { revisions, graph, backend: Backend::Sqlite };
    let applied = graph.closure(applied.iter().copied());
    planner.steps(&planner.upgrade(&Target::Heads, &applied)?, &applied)
}

properties! {
    ["A history and a database somewhere in it"], 3000;

    fn what_an_upgrade_reads_leads_to_the_steps_and_digests_of_the_whole(
        revisions in history(),
        picked in prop::collection::vec(any::<Pick>(), 0..4),
        later in prop::collection::vec(any::<Pick>(), 0..3),
    ) {
        let graph = Graph::new(&revisions).unwrap();
        let digests = SetDigests::new(&graph, &revisions, &[Backend::Sqlite, Backend::Postgres, Backend::Mysql]);
        let (bytes, links) = (encode(&revisions), encode_links(&revisions, &graph, &digests));
        let (encoded, links) = (Encoded::open(&bytes).unwrap(), Links::open(&links).unwrap());
        for (index, revision) in revisions.iter().enumerate() {
            prop_assert_eq!(links.find(encoded, revision.id.as_str()), Ok(Some(index)));
            prop_assert_eq!(encoded.revision(index), Ok(revision.clone()));
        }
        prop_assert_eq!(links.find(encoded, "nowhere"), Ok(None));

        let in_force = graph.closure(picked.iter().map(|pick| pick.index(revisions.len())));
        let heads = graph.closure(0..revisions.len()).heads().to_vec();
        let window = Window::between(encoded, links, &heads, in_force.heads()).unwrap();
        for (&place, revision) in window.places.iter().zip(&window.revisions) {
            prop_assert_eq!(&revision.id, &revisions[place].id);
        }

        // Where the database is, and where another process may have taken it meanwhile.
        let ahead = graph.closure(in_force.iter().chain(later.iter().map(|pick| pick.index(revisions.len()))));
        for applied in [&in_force, &ahead] {
            let narrow: Vec<Index> =
                applied.heads().iter().map(|head| window.places.binary_search(head).unwrap()).collect();
            let whole = steps(&revisions, &graph, applied.heads()).unwrap();
            let found = steps(&window.revisions, &window.graph, &narrow).unwrap();
            let place = |index: &Index| window.places[*index];
            prop_assert_eq!(found.len(), whole.len());
            for (found, whole) in found.as_slice().iter().zip(whole.as_slice()) {
                prop_assert_eq!(place(&found.index), whole.index);
                prop_assert_eq!(found.heads.iter().map(place).collect::<Vec<_>>(), whole.heads.clone());
                let chain = digests.chain(&whole.heads);
                for backend in Backend::ALL {
                    prop_assert_eq!(links.chain(&whole.heads, backend), Ok(chain[backend.index()]));
                }
            }
            let closure = window.graph.closure(narrow);
            prop_assert!(window.base.iter().all(|index| closure.contains(index)));
        }
        // What is in force and not told of can be no part of a step.
        let lacking = (0..revisions.len()).filter(|&index| !in_force.contains(index));
        prop_assert!(lacking.into_iter().all(|index| window.places.binary_search(&index).is_ok()));
    }
}

#[test]
fn what_an_upgrade_reads_grows_with_its_steps_and_not_with_the_history() {
    let read = |count: usize| {
        let mut revisions: Vec<Revision> = Vec::new();
        for n in 0..count {
            let mut one = revision(&format!("r{n:05}"), 1);
            // Two lines that meet at every fourth revision.
            let below = [if n % 4 == 3 { 2 } else { 1 }, if n % 4 == 0 { 2 } else { 0 }];
            let parents = below.iter().filter(|back| **back > 0 && **back <= n);
            one.revises = parents.map(|back| revisions[n - back].id.clone()).collect();
            revisions.push(one);
        }
        let graph = Graph::new(&revisions).unwrap();
        let digests = SetDigests::new(&graph, &revisions, &[Backend::Sqlite]);
        let (bytes, links) = (encode(&revisions), encode_links(&revisions, &graph, &digests));
        let heads = graph.closure(0..count).heads().to_vec();
        let in_force = graph.closure([count - 6]);
        let links = Links::open(&links).unwrap();
        let window =
            Window::between(Encoded::open(&bytes).unwrap(), links, &heads, in_force.heads()).unwrap();
        window.places.len()
    };
    let few = read(40);
    assert!(few < 16, "{few} revisions are read for 5 steps");
    assert_eq!((read(400), read(4000)), (few, few));
}

#[test]
fn links_that_were_cut_short_or_changed_are_read_or_refused_and_never_a_panic() {
    let mut revisions = vec![revision("a", 1), revision("b", 2), revision("c", 3), revision("d", 4)];
    revisions[1].revises.push("a".parse().unwrap());
    revisions[2].revises.push("a".parse().unwrap());
    revisions[3].revises = vec!["b".parse().unwrap(), "c".parse().unwrap()];
    let graph = Graph::new(&revisions).unwrap();
    let digests = SetDigests::new(&graph, &revisions, &Backend::ALL);
    let (bytes, links) = (encode(&revisions), encode_links(&revisions, &graph, &digests));
    let encoded = Encoded::open(&bytes).unwrap();
    let between = |links: &[u8]| {
        let links = Links::open(links)?;
        links.find(encoded, "c")?;
        links.chain(&[3], Backend::Mariadb)?;
        Window::between(encoded, links, &[3], &[1]).map(|window| window.places)
    };
    assert_eq!(between(&links), Ok(vec![0, 1, 2, 3]));
    for length in 0..links.len() {
        let told = between(&links[..length]);
        assert!(told.is_err() || length > links.len() - 40, "cut to {length}: {told:?}");
    }
    for place in 0..links.len() {
        for byte in [0, 1, 3, 0x7f, 0x80, 0xff] {
            let mut links = links.clone();
            links[place] = byte;
            // Of what is read nothing is asked: a binary embeds what its own build wrote.
            let _ = between(&links);
        }
    }
}
