//! What a run keeps in memory, which depends on what it has to do and not on how long the history is.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::alloc::System;

use embed_migrations::Migrations;
use embed_migrations_tests::revisions::Revisions;
use rusqlite::Connection;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A history in which two lines fork and meet again every ten revisions.
fn history(count: usize) -> Migrations {
    let mut revisions = Revisions::new();
    let mut heads = vec!["none".to_owned()];
    for n in 0..count {
        let id = format!("{n:06}");
        let forks = n % 10 == 8;
        let revises = if forks { heads[0].clone() } else { heads.join(", ") };
        revisions =
            revisions.on(&id, &revises, "", &format!("-- migrate:up\nINSERT INTO log VALUES ({n});\n"));
        let before = heads.pop().unwrap_or_default();
        heads = if n % 10 == 7 || !forks { vec![id] } else { vec![before, id] };
    }
    revisions.build()
}

/// How many bytes a run takes on the way when so many of a history's revisions are missing.
fn allocated(count: usize, missing: usize) -> usize {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE log (n INTEGER)").unwrap();
    history(count - missing).sqlite(&mut connection).upgrade("head").unwrap();
    let set = history(count);
    let region = Region::new(ALLOCATED);
    let report = set.sqlite(&mut connection).upgrade("head").unwrap();
    let bytes = region.change().bytes_allocated;
    assert_eq!(report.steps.len(), missing);
    bytes
}

// One test, as others would be counted with it.
#[test]
fn a_run_takes_memory_for_its_steps_and_not_for_the_history() {
    allocated(20, 1);
    let [nothing, few, many] =
        [(20, 0), (20, 4), (2000, 4)].map(|(count, missing)| allocated(count, missing));
    let nothing_of_many = allocated(2000, 0);
    println!("bytes: nothing to do {nothing} and {nothing_of_many}; four steps {few} and {many}");
    assert_eq!(nothing, nothing_of_many);
    assert!(many.abs_diff(few) < 1024, "four steps take {few} bytes of 20 revisions and {many} of 2000");
    // Which is little beside what the whole of them would take.
    assert!(many < 64 * 1024, "four steps take {many} bytes");
}
