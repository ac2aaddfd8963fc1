//! How many behaviours are tried, which docs/guarantees.md tells.

use std::process::Command;

use embed_migrations_tests::behaviours;
use embed_migrations_tests::database::Kind;
use embed_migrations_tests::guarantees::counted;

behaviours! {
    fn the_page_of_guarantees_tells_how_many_behaviours_are_tried(db) {
        let listed = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format", "terse"]).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        let of = match db.kind {
            Kind::Sqlite => "::sqlite",
            Kind::Postgres => "::postgres",
            Kind::Mysql => "::mysql",
        };
        counted("What the runtime does is the same", db.kind, listed.lines().filter(|line| line.contains(of)).count());
    }
}
