//! The runtime behind a pooler, on a standby and in a cluster, each started by `cargo xtask test --all`.

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
