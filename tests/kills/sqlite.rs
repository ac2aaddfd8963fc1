//! The migrating process is killed on SQLite: between statements, inside of them, and around commits.

use std::io::{BufRead, BufReader};

use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::guarantees::counted;
use embed_migrations_tests::sets;

use crate::walk::{Disturbance, Step, Walk};

/// Kills at the places that the program counts.
struct Stops;

#[derive(Debug, Clone, Copy)]
struct Point {
    place: usize,
    /// Whether the process goes on from there until the kill reaches it, somewhere in what follows
    goes_on: bool,
}

impl Disturbance for Stops {
    type Point = Point;

    fn points(&mut self, walk: &mut Walk, step: &Step) -> Vec<Point> {
        let count: usize = walk.start(&walk.url, step, &["places"]).succeed().trim().parse().unwrap();
        assert!(
            count >= step.statements().len(),
            "{count} places for {} statements",
            step.statements().len()
        );
        let places = (0..count).flat_map(|place| [false, true].map(|goes_on| Point { place, goes_on }));
        places.filter(|point| !point.goes_on || point.place % 3 == 0).collect()
    }

    fn disturb(&mut self, walk: &mut Walk, step: &Step, point: &Point) -> bool {
        let option = format!("{}={}", if point.goes_on { "tell-at" } else { "stop-at" }, point.place);
        let mut process = walk.start(&walk.url, step, &[&option]);
        let mut line = String::new();
        BufReader::new(process.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let killed = process.kill();
        assert_eq!(line, "stopped\n", "{point:?} of {} of {}", step.verb(), step.revision.id);
        killed || point.goes_on
    }
}

#[test]
fn a_process_killed_anywhere_is_taken_up_and_every_statement_acts_once() {
    let mut killed = 0;
    for journal in ["DELETE", "WAL"] {
        for name in ["sample", "hard"] {
            let db = Database::new(Kind::Sqlite);
            let mut connection = db.connect();
            assert_eq!(connection.value(&format!("PRAGMA journal_mode = {journal}")).to_uppercase(), journal);
            let mut walk = Walk::new(Kind::Sqlite, name, &db.url());
            walk.connection.run(sets::NO_WAITING);
            walk.all_the_way(&mut Stops);
            assert_eq!(walk.connection.value("PRAGMA integrity_check"), "ok");
            assert_eq!(walk.connection.rows("PRAGMA foreign_key_check").len(), 0);
            killed += walk.disturbed;
        }
    }
    counted("A process killed anywhere", Kind::Sqlite, killed);
}
