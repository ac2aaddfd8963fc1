//! The runtime behind a pooler, on a standby and in a cluster, each started by `cargo xtask test --all`.

use std::thread::sleep;
use std::time::{Duration, Instant};

use embed_migrations_tests::database::{Connection, Kind};

mod galera;
mod pgbouncer;
mod standby;
mod starters;

/// What the test command tells under this name.
fn told(name: &str) -> String {
    let name = format!("EMBED_MIGRATIONS_TEST_{name}");
    std::env::var(&name).unwrap_or_else(|_| {
        panic!("{name} is not set; run `cargo xtask test --all`, or `cargo xtask test --on pgbouncer` and the like")
    })
}

/// Waits until something is so, which it must be before long.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "not within a minute: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Waits until PostgreSQL shows a session like this in the database of the URL.
fn wait_for_session(url: &str, like: &str) {
    let mut connection = Connection::new(Kind::Postgres, url);
    let shown = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND {like}"
    );
    wait_until(like, || connection.value(&shown) != "0");
}
