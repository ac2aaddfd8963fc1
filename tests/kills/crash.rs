//! The server is killed and started again.

use embed_migrations_tests::database::{Connection, Kind};
use embed_migrations_tests::guarantees::counted;
use migrate_revision::Direction;

use crate::client::{At, Point, Reached, Then, places};
use crate::server::{Disk, Product, Server};
use crate::walk::{Disturbance, Step, Walk};

/// How many kills there are at least, unless `EMBED_MIGRATIONS_TEST_KILLS` says `all`.
const KILLS: usize = 24;

/// Kills the server at every so many places.
struct Crashes {
    server: Server,
    every: usize,
    passed: usize,
}

impl Disturbance for Crashes {
    type Point = Point;

    fn points(&mut self, walk: &mut Walk, step: &Step) -> Vec<Point> {
        walk.take(step);
        let mut points = Vec::new();
        for at in all_places(walk.kind, step) {
            if self.passed.is_multiple_of(self.every) {
                points.push(Point { at, then: Then::Crashed });
            }
            self.passed += 1;
        }
        points
    }

    fn disturb(&mut self, walk: &mut Walk, step: &Step, point: &Point) -> bool {
        // MariaDB makes no checkpoint when it has recovered. Killed several times over one log in which tables are made and
        // renamed it may not start again: "Missing FILE_CREATE, FILE_DELETE or FILE_MODIFY before FILE_CHECKPOINT".
        if self.server.product == Product::Mariadb {
            self.server.rest();
            walk.connection = Connection::new(walk.kind, &walk.url);
        }
        let mut reached = Reached::start(self.server.port, walk, step, point, &[]).unwrap_or_else(|| {
            panic!("{point:?} was not reached by {} of {}", step.verb(), step.revision.id)
        });
        self.server.kill();
        reached.process.fail();
        drop(reached);
        self.server.start_again();
        walk.connection = Connection::new(walk.kind, &walk.url);
        true
    }
}

/// The places in a step; of a revision in Rust, its messages.
fn all_places(kind: Kind, step: &Step) -> Vec<At> {
    let places = places(kind, step);
    if step.script().is_none() { (4..8).map(At::Message).collect() } else { places }
}

fn kill_the_server(kind: Kind) {
    let mut server = Some(Server::start(kind, Disk::Safe));
    let mut killed = 0;
    for name in ["sample", "hard"] {
        let started = server.take().unwrap();
        let url = started.url(&started.database());
        let mut walk = Walk::new(kind, name, &url);
        let mut all = 0;
        for index in 0..walk.set.revisions().len() {
            for direction in [Direction::Up, Direction::Down] {
                let step = walk.step(index, direction);
                all += all_places(kind, &step).len();
            }
        }
        let everything = std::env::var("EMBED_MIGRATIONS_TEST_KILLS").is_ok_and(|kills| kills == "all");
        let every = if everything { 1 } else { all / (KILLS / 2) };
        let mut crashes = Crashes { server: started, every, passed: 0 };
        walk.all_the_way(&mut crashes);
        killed += walk.disturbed;
        server = Some(crashes.server);
    }
    counted("A server killed and started again", kind, killed);
}

mod a_server_killed_anywhere_is_taken_up_and_every_statement_acts_once {
    use super::*;

    #[test]
    fn postgres() {
        kill_the_server(Kind::Postgres);
    }

    #[test]
    fn mysql() {
        kill_the_server(Kind::Mysql);
    }
}
