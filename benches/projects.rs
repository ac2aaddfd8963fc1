//! What embedding costs: rebuilding an application after an edit of `main.rs` beside one that only has its revision files
//! as an array of `include_str!`, what a revision adds to its binary, and reading, checking, loading and planning.
//!
//! `cargo bench -p embed-migrations-benches --bench projects`, for which a debug build of the facade and a release build of
//! it are made once.

use std::fs;
use std::time::{Duration, Instant};

use embed_migrations_benches::table::Format;
use embed_migrations_benches::{Comparison, Cost, children_cpu, summary};
use embed_migrations_tests::project::TestProject;
use embed_migrations_tests::revisions::{Revisions, resolve_all};
use migrate_revision::{Backend, Planner, Target};

fn main() {
    let format = Format::of_arguments();
    for count in [1000, 10_000, 100_000] {
        plan(format, count);
    }
    format.print_head();
    let mut sizes = Vec::new();
    for count in [1000, 5000] {
        let files = tables(count);
        let ours = embedding(&files, count);
        let bare = including(&files, count);
        for profile in ["debug", "release"] {
            let result = rebuild(&ours, &bare, profile);
            format.print(&format!("CPU of a rebuild, {profile}"), count, &result);
        }
        let text: usize = files.files().map(|(_, text)| text.len()).sum();
        let size = fs::metadata(ours.executable("release")).expect("the program is built").len();
        sizes.push((count as f64, size as f64 - text as f64));
    }
    if let [(few, small), (many, large)] = sizes[..] {
        let each = (large - small) / (many - few);
        format.print_value("bytes of a release binary beyond its text, per revision", 5000, each);
    }
}

/// A line of revisions that forks and merges now and then.
fn tables(count: usize) -> Revisions {
    let mut revisions = Revisions::new();
    let mut heads = vec!["none".to_owned()];
    for n in 0..count {
        let id = format!("{n:06}");
        let sections = format!(
            "-- migrate:up\nCREATE TABLE table{n} (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\n\
             -- migrate:down\nDROP TABLE table{n};\n"
        );
        let forks = n % 10 == 8;
        let revises = if forks { heads[0].clone() } else { heads.join(", ") };
        let before = heads.pop().unwrap_or_default();
        heads = if n % 10 == 7 || !forks { vec![id.clone()] } else { vec![before, id.clone()] };
        revisions = revisions.on(&id, &revises, "", &sections);
    }
    revisions
}

fn embedding(files: &Revisions, count: usize) -> TestProject {
    let program = "embed_migrations::embed_migrations!(\"migrations\");\n\nfn main() {\n    \
                   println!(\"{}\", migrations::MIGRATIONS.revisions().len());\n}\n";
    with_files(TestProject::new(&format!("bench_embedding_{count}")), files).file("src/main.rs", program)
}

fn including(files: &Revisions, count: usize) -> TestProject {
    let texts: String =
        files.files().map(|(name, _)| format!("    include_str!(\"../migrations/{name}\"),\n")).collect();
    let program = format!(
        "static TEXTS: [&str; {count}] = [\n{texts}];\n\nfn main() {{\n    \
         println!(\"{{}}\", std::hint::black_box(&TEXTS).len());\n}}\n"
    );
    with_files(TestProject::new(&format!("bench_including_{count}")), files).file("src/main.rs", program)
}

fn with_files(project: TestProject, files: &Revisions) -> TestProject {
    files.files().fold(project, |project, (name, text)| project.file(&format!("migrations/{name}"), text))
}

/// The CPU of cargo and rustc once `main.rs` was edited.
fn rebuild(ours: &TestProject, bare: &TestProject, profile: &str) -> Comparison {
    let arguments: &[&str] = if profile == "release" { &["build", "--release"] } else { &["build"] };
    let build = |project: &TestProject, edit: usize| {
        let program = project.read("src/main.rs");
        project.write("src/main.rs", format!("{program}// {edit}\n"));
        let (start, before) = (Instant::now(), children_cpu());
        project.cargo(arguments).succeeded();
        let cpu = children_cpu().zip(before).map(|(after, before)| after - before);
        let time = start.elapsed();
        // What the time says depends on how many cores are free.
        Cost { time: cpu.unwrap_or(time), cpu }
    };
    build(ours, 0);
    build(bare, 0);
    let pairs: Vec<(Cost, Cost)> = (1..=5).map(|edit| (build(ours, edit), build(bare, edit))).collect();
    summary(&pairs)
}

/// What the macro, a program's start and a run do before anything is sent.
fn plan(format: Format, count: usize) {
    let directory = tables(count).write();
    let (read, resolved) = time(|| resolve_all(directory.path(), false));
    let (load, _) = {
        let bytes = migrate_revision::encode(&resolved.revisions);
        time(|| migrate_revision::decode(&bytes).expect("they are what was encoded").len())
    };
    let planner =
        Planner { revisions: &resolved.revisions, graph: &resolved.graph, backend: Backend::Sqlite };
    let (plan, steps) = time(|| {
        let applied = resolved.graph.closure([]);
        let goal = planner.upgrade(&Target::Head, &applied).expect("there is one head");
        planner.steps(&goal, &applied).expect("nothing is missing").len()
    });
    assert_eq!(steps, count);
    for (what, took) in [("read and check, ms", read), ("load, ms", load), ("plan, ms", plan)] {
        format.print_value(what, count, took.as_secs_f64() * 1000.0);
    }
}

/// The least of three.
fn time<T>(mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut once = || {
        let start = Instant::now();
        let result = work();
        (start.elapsed(), result)
    };
    let (first, result) = once();
    (first.min(once().0).min(once().0), result)
}
