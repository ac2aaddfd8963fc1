//! The lock file.

use embed_migrations_properties::properties;
use migrate_revision::graph::Graph;
use migrate_revision::source::{LOCK_FILE, Lock, LockEntry};
use migrate_revision::{Backend, Problem};
use proptest::prelude::*;

use crate::file::revision;
use crate::{assert_linear, mutated, seeds};

/// Lock files that hold every construct of the format once.
const SEEDS: &str = "tests/cases/seeds/lock";

const FRAGMENTS: [&str; 20] = [
    "\n",
    "\r\n",
    " ",
    "version 1\n",
    "version 2\n",
    "# c\n",
    "a",
    "b",
    "revises ",
    "none",
    ",",
    "depends-on ",
    "all=1:",
    "sqlite=1:",
    "mariadb=1:",
    "=",
    "1:0000000000000000000000000000000000000000000000000000000000000000",
    "2:00",
    "<<<<<<<",
    "é",
];

fn assert_told(problems: &[Problem]) -> Result<(), TestCaseError> {
    prop_assert!(!problems.is_empty());
    prop_assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
    Ok(())
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    match Lock::parse(LOCK_FILE, bytes) {
        Ok(lock) => {
            let has_checksum = |entry: &LockEntry| entry.checksums.iter().any(Option::is_some);
            prop_assert!(lock.entries.iter().all(has_checksum));
        }
        Err(problems) => assert_told(&problems)?,
    }
    Ok(())
}

#[test]
fn every_seed_is_a_lock_file() {
    let entries = seeds(&[SEEDS])
        .iter()
        .map(|seed| Lock::parse(LOCK_FILE, seed.as_bytes()).unwrap().entries.len())
        .sum::<usize>();
    assert_eq!(entries, 5);
}

properties! {
    ["A lock file"], 1000;

    fn any_bytes_are_a_lock_file_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        parts in prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..30),
    ) {
        for bytes in [bytes, format!("version 1\n{}", parts.concat()).into_bytes(), parts.concat().into_bytes()] {
            check(&bytes)?;
        }
    }

    fn any_edit_of_a_lock_file_is_one_or_refused(text in mutated(seeds(&[SEEDS]), FRAGMENTS.to_vec())) {
        check(text.as_bytes())?;
    }

    fn what_is_locked_reads_back(revisions in prop::collection::vec(revision(), 0..6)) {
        let mut revisions = revisions;
        for place in 0..revisions.len() {
            revisions[place].id = format!("r{place}").parse().unwrap();
            revisions[place].revises = (0..place).filter(|other| (place - other) % 2 == 1)
                .map(|other| revisions[other].id.clone()).collect();
            revisions[place].depends_on.clear();
            revisions[place].labels.clear();
            if revisions[place].checksums.iter().all(Option::is_none) {
                revisions[place].checksums = [revisions[0].checksums[0].or(Some(migrate_revision::lock_key(&["x"]))); 4];
            }
        }
        let graph = Graph::new(&revisions).unwrap();
        let text = Lock::write(&revisions, &graph);
        let lock = Lock::parse(LOCK_FILE, text.as_bytes()).unwrap();
        prop_assert_eq!(lock.entries.len(), revisions.len());
        for entry in &lock.entries {
            let revision = revisions.iter().find(|revision| revision.id == entry.id).unwrap();
            prop_assert_eq!(&entry.revises, &revision.revises);
            prop_assert_eq!(entry.checksums, revision.checksums);
        }
        let everything: Vec<usize> = (0..revisions.len()).collect();
        prop_assert_eq!(lock.accept(&revisions, &everything, &Backend::ALL), text);
    }
}

#[test]
fn the_cost_is_linear() {
    let checksum = "all=1:0000000000000000000000000000000000000000000000000000000000000000";
    for (what, line) in [
        ("revisions", &(|n| format!("r{n} revises none {checksum}\n")) as &dyn Fn(usize) -> String),
        ("one revision again and again", &|_| format!("r revises none {checksum}\n")),
        ("unreadable lines", &|_| "nonsense\n".to_owned()),
        ("parents", &|_| format!("{}\n", "a,".repeat(20))),
    ] {
        assert_linear(what, 1 << 16, |length| {
            let mut text = String::from("version 1\n");
            let mut number = 0;
            while text.len() < length {
                text.push_str(&line(number));
                number += 1;
            }
            let _ = Lock::parse(LOCK_FILE, text.as_bytes());
        });
    }
}
