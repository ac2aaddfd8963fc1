//! What embedding the same revisions costs with embed-migrations and with its peers, on SQLite: the CPU of the first build and of a
//! rebuild after an edit of `main.rs`, and the times of applying all of them and of a start with nothing to do.
//!
//! `cargo xtask bench --only peers`. Needs the peers' crates, which cargo downloads, and a few minutes to build them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use embed_migrations_benches::table::Format;
use embed_migrations_benches::{children_cpu, history};
use embed_migrations_tests::project::workspace;

const PEERS: [&str; 6] = ["array", "ours", "rusqlite_migration", "diesel", "sqlx", "refinery"];
/// Ours in the way of those that take all revisions in one transaction.
const ONE_TRANSACTION: &str = "ours one-transaction";
const COUNT: usize = 1000;
/// How often each is built again
const ROUNDS: usize = 5;
/// How often each is run on an empty file
const RUNS: usize = 7;

fn main() {
    let format = Format::of_arguments();
    let project = copied();
    write_revisions(&project.join("migrations"));
    for profile in ["debug", "release"] {
        for peer in PEERS {
            let target = project.join("target").join(peer).join(profile);
            if target.exists() {
                fs::remove_dir_all(target).expect("the last run's target directory can be removed");
            }
            let cost = cpu_of(|| build(&project, peer, profile));
            format.print_value(
                &format!("CPU of the first build, {profile}, s: {peer}"),
                COUNT,
                cost.as_secs_f64(),
            );
        }
        // In turn, so that whatever else the machine does meets all of them.
        let mut costs = vec![Vec::new(); PEERS.len()];
        for round in 0..ROUNDS {
            for (peer, costs) in PEERS.iter().zip(&mut costs) {
                // One of them takes minutes.
                if costs.first().is_none_or(|cost| *cost < Duration::from_secs(20)) {
                    costs.push(rebuild(&project, peer, profile, round));
                }
            }
        }
        for (peer, mut costs) in PEERS.iter().zip(costs) {
            costs.sort_unstable();
            let cost = costs[costs.len() / 2].as_secs_f64();
            format.print_value(&format!("CPU of a rebuild, {profile}, s: {peer}"), COUNT, cost);
        }
    }
    let peers = [&PEERS[1..], &[ONE_TRANSACTION]].concat();
    let mut times = vec![(Vec::new(), Vec::new()); peers.len()];
    for _ in 0..RUNS {
        for (peer, (applies, nothings)) in peers.iter().zip(&mut times) {
            let (apply, nothing) = run(&project, peer);
            applies.push(apply);
            nothings.push(nothing);
        }
    }
    for (peer, (applies, nothings)) in peers.iter().zip(times) {
        format.print_value(&format!("apply to an empty file, ms: {peer}"), COUNT, median(applies));
        format.print_value(&format!("a start with nothing to do, ms: {peer}"), COUNT, median(nothings));
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The applications, where they are built: beside the target directory's other projects.
fn copied() -> PathBuf {
    let from = workspace().join("benches/peers");
    let to = workspace().join("target/peers");
    if to.exists() {
        fs::remove_dir_all(to.join("src")).expect("the last run's files can be removed");
        let _ = fs::remove_dir_all(to.join("migrations"));
    }
    fs::create_dir_all(to.join("src/bin")).expect("the project's directory can be made");
    for file in ["Cargo.lock", "src/lib.rs"] {
        fs::copy(from.join(file), to.join(file)).expect("the file can be copied");
    }
    for peer in PEERS {
        let file = format!("src/bin/{peer}.rs");
        fs::copy(from.join(&file), to.join(&file)).expect("the file can be copied");
    }
    let manifest = fs::read_to_string(from.join("Cargo.toml")).expect("the manifest can be read");
    let here = format!("path = {:?}", workspace().display().to_string());
    fs::write(to.join("Cargo.toml"), manifest.replace("path = \"../..\"", &here)).expect("it can be written");
    to
}

/// The same revisions as each of them wants to find them.
fn write_revisions(to: &Path) {
    let write = |path: String, text: &str| {
        let path = to.join(path);
        let parent = path.parent().expect("it has one");
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, text)).expect("the file can be written");
    };
    let mut array = format!("static TEXTS: [&str; {COUNT}] = [\n");
    let mut list = "const LIST: &[M<'_>] = &[\n".to_owned();
    for (n, (name, text)) in history(COUNT).files().enumerate() {
        let (up, down) = text
            .split_once("-- migrate:up\n")
            .and_then(|(_, sections)| sections.split_once("\n-- migrate:down\n"))
            .expect("each revision goes both ways");
        let number = format!("{:05}", n + 1);
        write(format!("ours/{name}"), text);
        write(format!("refinery/V{}__slug.sql", n + 1), up);
        write(format!("sqlx/{number}_slug.up.sql"), up);
        write(format!("sqlx/{number}_slug.down.sql"), down);
        write(format!("diesel/{number}_slug/up.sql"), up);
        write(format!("diesel/{number}_slug/down.sql"), down);
        let file = |end: &str| format!("concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/migrations/{end}\")");
        let _ = writeln!(array, "    include_str!({}),", file(&format!("ours/{name}")));
        let [up, down] = ["up", "down"].map(|way| file(&format!("diesel/{number}_slug/{way}.sql")));
        let _ = writeln!(list, "    M::up(include_str!({up})).down(include_str!({down})),");
    }
    write("array.rs".into(), &format!("{array}];\n"));
    write("rusqlite_migration.rs".into(), &format!("{list}];\n"));
}

fn build(project: &Path, peer: &str, profile: &str) {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(project)
        .args(["build", "--quiet", "--locked", "--bin", peer, "--features", peer])
        .env("CARGO_TARGET_DIR", project.join("target").join(peer))
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "false");
    if profile == "release" {
        command.arg("--release");
    }
    assert!(command.status().expect("cargo can be started").success(), "{peer} does not build");
}

/// The CPU of cargo and rustc once the application's file was edited.
fn rebuild(project: &Path, peer: &str, profile: &str, round: usize) -> Duration {
    let file = project.join(format!("src/bin/{peer}.rs"));
    let text = fs::read_to_string(&file).expect("it was written");
    fs::write(&file, format!("{text}// {profile} {round}\n")).expect("it can be written");
    cpu_of(|| build(project, peer, profile))
}

/// The CPU of the processes that this one starts and waits for.
fn cpu_of(work: impl FnOnce()) -> Duration {
    let before = children_cpu().expect("the system tells the CPU of children");
    work();
    children_cpu().expect("it told before") - before
}

/// Milliseconds of the first start on a file and of the second.
fn run(project: &Path, peer: &str) -> (f64, f64) {
    let file = project.join("app.db");
    let _ = fs::remove_file(&file);
    let mut words = peer.split(' ');
    let name = words.next().unwrap_or(peer);
    let program = project.join("target").join(name).join("release").join(name);
    let done = Command::new(program).arg(&file).args(words).output().expect("the program can be started");
    let printed = String::from_utf8_lossy(&done.stdout);
    let times: Vec<f64> =
        printed.lines().filter_map(|line| line.parse::<f64>().ok()).map(|ns| ns / 1e6).collect();
    let [apply, nothing] = times[..] else {
        panic!("{peer}: {}", String::from_utf8_lossy(&done.stderr));
    };
    (apply, nothing)
}
