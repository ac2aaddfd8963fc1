//! What an upgrade reads of a set, beside the whole of it.

use embed_migrations_properties::properties;
use migrate_revision::graph::{Digests, Graph, Index, SetDigests};
use migrate_revision::{
    Backend, Body, Checksum, Encoded, Links, PlanError, Planner, Revision, Script, SqlBody, Steps, Target,
    Window, encode, encode_links,
};
use proptest::prelude::*;
use proptest::sample::Index as Pick;

/// A history: each revision has parents and dependencies among those before it, mostly near ones but also far ones, names
/// dependencies by label where there is one, and has a place among the files that may be any.
fn history() -> impl Strategy<Value = Vec<Revision>> {
    let drawn = prop::collection::vec(
        (
            prop::option::of(any::<u16>()),
            prop::collection::vec((any::<Pick>(), any::<bool>()), 0..3),
            prop::collection::vec(any::<Pick>(), 0..4),
            any::<bool>(),
            0..8_u8,
        ),
        1..22,
    );
    (drawn, any::<bool>()).prop_map(|(drawn, in_one_line)| {
        let mut revisions: Vec<Revision> = Vec::new();
        for (n, (place, parents, dependencies, labelled, hole)) in drawn.into_iter().enumerate() {
            let before = |pick: &Pick, far: bool| {
                let nearest = if far { n } else { n.min(2) };
                (nearest > 0).then(|| &revisions[n - 1 - pick.index(nearest)])
            };
            let place = place.unwrap_or(n as u16 * 1000);
            let mut one = revision(&format!("r{place:05}{n:02}"), n as u8);
            if hole == 0 {
                one.checksums[3] = None;
            }
            one.revises =
                parents.iter().filter_map(|(pick, far)| before(pick, *far)).map(|on| on.id.clone()).collect();
            if in_one_line && n > 0 {
                one.revises.push(revisions[n - 1].id.clone());
            }
            one.revises.sort();
            one.revises.dedup();
            for on in dependencies.iter().filter_map(|pick| before(pick, true)) {
                let name = on.labels.first().cloned().unwrap_or_else(|| on.id.to_string());
                if !one.depends_on.contains(&name) {
                    one.depends_on.push(name);
                }
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

/// The steps to a target, or why there are none.
fn steps(
    revisions: &[Revision],
    graph: &Graph,
    target: &Target,
    applied: &[Index],
) -> Result<Steps, PlanError> {
    let planner = Planner { revisions, graph, backend: Backend::Sqlite };
    let applied = graph.closure(applied.iter().copied());
    planner.steps(&planner.upgrade(target, &applied)?, &applied)
}

properties! {
    ["A history and a database somewhere in it"], 3000;

    fn what_an_upgrade_reads_leads_to_the_steps_and_digests_of_the_whole(
        revisions in history(),
        picked in prop::collection::vec(any::<Pick>(), 0..5),
        others in prop::collection::vec(prop::collection::vec(any::<Pick>(), 0..5), 3),
    ) {
        let graph = Graph::new(&revisions).unwrap();
        let digests = SetDigests::new(&graph, &revisions, &Backend::ALL[..2]);
        let (bytes, links) = (encode(&revisions), encode_links(&revisions, &graph, &digests));
        let (encoded, links) = (Encoded::open(&bytes).unwrap(), Links::open(&links).unwrap());
        for (index, revision) in revisions.iter().enumerate() {
            prop_assert_eq!(links.find(encoded, revision.id.as_str()), Ok(Some(index)));
            prop_assert_eq!(encoded.revision(index), Ok(revision.clone()));
        }
        prop_assert_eq!(links.find(encoded, "nowhere"), Ok(None));
        let heads = graph.effective_heads();
        for backend in Backend::ALL {
            let computed = Digests::new(&graph, &revisions, backend);
            for index in 0..revisions.len() {
                prop_assert_eq!(links.chain(&[index], backend), Ok(computed.chain(&[index])));
            }
            // Which backends a set is for says nothing of its revisions.
            let whole = computed.chain(&heads).filter(|_| Backend::ALL[..2].contains(&backend));
            prop_assert_eq!(digests.whole()[backend.index()], whole);
        }

        let state = |picks: &[Pick]| picks.iter().map(|pick| pick.index(revisions.len())).collect::<Vec<_>>();
        let in_force = graph.closure(state(&picked));
        let window = Window::between(encoded, links, &heads, in_force.heads()).unwrap();
        for (&place, revision) in window.places.iter().zip(&window.revisions) {
            prop_assert_eq!(&revision.id, &revisions[place].id);
        }

        // Where the database is, where another process may have taken it meanwhile, and anywhere else.
        let ahead = others.iter().map(|other| graph.closure(in_force.iter().chain(state(other))));
        let anywhere = others.iter().map(|other| graph.closure(state(other)));
        let states = std::iter::once(in_force.clone()).chain(ahead).map(|state| (state, true));
        for (applied, must_be_told) in states.chain(anywhere.map(|state| (state, false))) {
            let narrow: Option<Vec<Index>> =
                applied.heads().iter().map(|head| window.places.binary_search(head).ok()).collect();
            let Some(narrow) = narrow else {
                prop_assert!(!must_be_told);
                continue;
            };
            let closure = window.graph.closure(narrow.iter().copied());
            if !window.base.iter().all(|index| closure.contains(index)) {
                prop_assert!(!must_be_told);
                continue;
            }
            for (index, &place) in window.places.iter().enumerate() {
                prop_assert_eq!(closure.contains(index), applied.contains(place));
            }
            let target = if graph.heads().len() == 1 { Target::Head } else { Target::Heads };
            let whole = steps(&revisions, &graph, &target, applied.heads()).unwrap();
            let found = steps(&window.revisions, &window.graph, &Target::Heads, &narrow).unwrap();
            let place = |index: &Index| window.places[*index];
            prop_assert_eq!(found.len(), whole.len());
            for (found, whole) in found.as_slice().iter().zip(whole.as_slice()) {
                prop_assert_eq!(place(&found.index), whole.index);
                prop_assert_eq!(found.heads.iter().map(place).collect::<Vec<_>>(), whole.heads.clone());
            }
        }
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
fn a_new_revision_that_stands_on_an_old_one_has_what_is_between_read() {
    let mut revisions: Vec<Revision> = (0..100).map(|n| revision(&format!("r{n:03}"), 1)).collect();
    for n in 1..100 {
        let below = revisions[n - 1].id.clone();
        revisions[n].revises.push(below);
    }
    revisions[99].depends_on.push("r040".to_owned());
    let graph = Graph::new(&revisions).unwrap();
    let digests = SetDigests::new(&graph, &revisions, &[Backend::Sqlite]);
    let (bytes, links) = (encode(&revisions), encode_links(&revisions, &graph, &digests));
    let links = Links::open(&links).unwrap();
    let window = Window::between(Encoded::open(&bytes).unwrap(), links, &[99], &[98]).unwrap();
    let (lacking, between) = (99, [40, 97, 98]);
    assert!(between.iter().all(|place| window.places.contains(place)), "{:?}", window.places);
    assert!(window.places.contains(&lacking) && !window.places.contains(&39), "{:?}", window.places);
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
        // The digests of the last one are at the end.
        let told = between(&links[..length]);
        assert!(told.is_err(), "cut to {length}: {told:?}");
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
