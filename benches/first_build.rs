//! The first build of an application, beside one with rusqlite alone, and what each crate takes of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Command;
use std::time::Instant;

use embed_migrations_benches::table::Format;
use embed_migrations_benches::{Cost, children_cpu, history, summary};
use embed_migrations_tests::project::{TestProject, offline_cargo};

/// Where this program, in the place of rustc, notes what rustc took.
const NOTES: &str = "EMBED_MIGRATIONS_BENCH_NOTES";

/// Crates that take less are not printed, in seconds.
const LEAST: f64 = 0.1;

/// What is built, and how cargo is told to. Of what is only checked, cargo generates code for macros and build scripts alone: no way of
/// dividing or generating ours takes less.
const BUILDS: [(&str, &[&str]); 3] =
    [("debug", &["build"]), ("release", &["build", "--release"]), ("checked only", &["check"])];

/// Seconds of CPU by crate.
type Crates = BTreeMap<String, f64>;

/// Builds both applications in each way. `driver` is their line for rusqlite.
pub(crate) fn print(format: Format, driver: &str) {
    let program = |setup: &str, verb: &str| {
        format!(
            "{setup}fn main() {{\n    let mut connection = rusqlite::Connection::open_in_memory().unwrap();\n    \
             {verb};\n}}\n"
        )
    };
    let ours = TestProject::new("bench_first").features(&["sqlite"]).manifest(driver).file(
        "src/main.rs",
        program(
            "embed_migrations::embed_migrations!(\"migrations\");\n\n",
            "migrations::MIGRATIONS.sqlite(&mut connection).upgrade(\"head\").unwrap()",
        ),
    );
    for (name, text) in history(1).files() {
        ours.write(&format!("migrations/{name}"), text);
    }
    let manifest = ours.read("Cargo.toml").replace("bench_first", "bench_first_bare");
    let manifest: Vec<&str> =
        manifest.lines().filter(|line| !line.starts_with("embed-migrations ")).collect();
    let bare = TestProject::new("bench_first_bare")
        .file("Cargo.toml", manifest.join("\n"))
        .file("src/main.rs", program("", "connection.execute_batch(\"SELECT 1\").unwrap()"));
    for (profile, verb) in BUILDS {
        let (ours, crates) = build(&ours, profile, verb);
        let (bare, known) = build(&bare, profile, verb);
        format.print(&format!("CPU of the first build, {profile}"), 1, &summary(&[(ours, bare)]));
        for (name, seconds) in &crates {
            if *seconds >= LEAST && !known.contains_key(name) {
                format.print_value(&format!("s of the first build, {profile}: {name}"), 1, *seconds);
            }
        }
    }
}

/// Builds a project that was never built in this way: as an application that has us from a registry, of which cargo compiles
/// nothing incrementally.
fn build(project: &TestProject, profile: &str, verb: &[&str]) -> (Cost, Crates) {
    let notes = project.path(profile);
    let mut command = offline_cargo(&project.path(""));
    command
        .args(verb)
        .env("CARGO_TARGET_DIR", project.path("target").join(profile))
        .env_remove("CARGO_PROFILE_DEV_DEBUG")
        .env("RUSTC_WRAPPER", std::env::current_exe().expect("a process knows its program"))
        .env(NOTES, &notes);
    let (start, before) = (Instant::now(), children_cpu());
    project.run_command(&mut command).succeeded();
    let cpu = children_cpu().zip(before).map(|(after, before)| after - before);
    let mut crates = Crates::new();
    for line in fs::read_to_string(&notes).unwrap_or_default().lines() {
        let (name, seconds) = line.split_once(' ').expect("a note is a name and a number");
        *crates.entry(name.to_owned()).or_default() += seconds.parse::<f64>().expect("a note has a number");
    }
    (Cost { time: cpu.unwrap_or(start.elapsed()), cpu }, crates)
}

/// Where cargo called this program in the place of rustc: runs rustc, notes what it took, and ends as it did.
pub(crate) fn stand_in_for_rustc() {
    let Some(notes) = std::env::var_os(NOTES) else { return };
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let Some((rustc, arguments)) = arguments.split_first() else { return };
    let status = Command::new(rustc).args(arguments).status().expect("rustc can be started");
    let name = arguments.windows(2).find(|pair| pair[0] == "--crate-name").map(|pair| pair[1].as_os_str());
    if let (Some(name), Some(cpu)) = (name.and_then(OsStr::to_str), children_cpu()) {
        let mut file = OpenOptions::new().append(true).create(true).open(notes).expect("notes can be taken");
        // In one piece: others take notes as well.
        file.write_all(format!("{name} {}\n", cpu.as_secs_f64()).as_bytes()).expect("notes can be taken");
    }
    std::process::exit(status.code().unwrap_or(1));
}
