//! What embedding costs: rebuilding an application after an edit of `main.rs` beside the same application with its revision
//! files in an array of `include_str!`, building it for the first time, what a revision adds to its binary, and reading,
//! checking, loading and planning.
//!
//! `cargo bench -p embed-migrations-benches --bench projects`, for which the facade and rusqlite are built in debug and release.

mod first_build;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use embed_migrations_benches::table::Format;
use embed_migrations_benches::{Comparison, Cost, children_cpu, history, summary};
use embed_migrations_tests::project::TestProject;
use embed_migrations_tests::revisions::{Revisions, resolve_all};
use migrate_revision::graph::Graph;
use migrate_revision::{Backend, Encoded, Links, Planner, Target, Window};

/// The application's own driver, in both.
const DRIVER: &str =
    "rusqlite = { version = \">=0.32, <0.44\", default-features = false, features = [\"bundled\"] }";

fn main() {
    first_build::stand_in_for_rustc();
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == LOAD) {
        return load(&arguments[at + 1], &arguments[at + 2]);
    }
    let format = Format::of_arguments();
    for count in [1000, 10_000, 100_000] {
        plan(format, count);
    }
    format.print_head();
    first_build::print(format, DRIVER);
    let mut sizes = Vec::new();
    let mut single: [Option<Comparison>; 2] = [None, None];
    for count in [1, 1000, 5000] {
        let files = history(count);
        let ours = embedding(&files, count);
        let bare = including(&files, count);
        for (profile, single) in ["debug", "release"].into_iter().zip(&mut single) {
            let result = rebuild(&ours, &bare, profile);
            format.print(&format!("CPU of a rebuild, {profile}"), count, &result);
            match single {
                None => *single = Some(result),
                Some(single) => {
                    let growth = |more: Cost, one: Cost| more.time.as_secs_f64() - one.time.as_secs_f64();
                    for (whose, growth) in [
                        ("ours", growth(result.ours, single.ours)),
                        ("bare", growth(result.bare, single.bare)),
                    ] {
                        let what = format!("more than for one revision, {profile}, ms: {whose}");
                        format.print_value(&what, count, growth * 1000.0);
                    }
                }
            }
        }
        let text: usize = files.files().map(|(_, text)| text.len()).sum();
        let size = fs::metadata(ours.executable("release")).expect("the program is built").len();
        sizes.push((count as f64, size as f64 - text as f64));
    }
    if let [_, (few, small), (many, large)] = sizes[..] {
        let each = (large - small) / (many - few);
        format.print_value("bytes of a release binary beyond its text, per revision", 5000, each);
    }
}

fn embedding(files: &Revisions, count: usize) -> TestProject {
    let program = "embed_migrations::embed_migrations!(\"migrations\");\n\nfn main() {\n    \
                   let connection = rusqlite::Connection::open_in_memory().unwrap();\n    \
                   println!(\"{} {}\", connection.is_autocommit(), migrations::MIGRATIONS.revisions().len());\n}\n";
    let project =
        TestProject::new(&format!("bench_embedding_{count}")).features(&["sqlite"]).manifest(DRIVER);
    with_files(project, files).file("src/main.rs", program)
}

fn including(files: &Revisions, count: usize) -> TestProject {
    let texts: String =
        files.files().map(|(name, _)| format!("    include_str!(\"../migrations/{name}\"),\n")).collect();
    let program = format!(
        "static TEXTS: [&str; {count}] = [\n{texts}];\n\nfn main() {{\n    \
         let connection = rusqlite::Connection::open_in_memory().unwrap();\n    \
         println!(\"{{}} {{}}\", connection.is_autocommit(), std::hint::black_box(&TEXTS).len());\n}}\n"
    );
    let name = format!("bench_including_{count}");
    let project = TestProject::new(&name).file(
        "Cargo.toml",
        format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{DRIVER}\n"),
    );
    with_files(project, files).file("src/main.rs", program)
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
    let directory = history(count).write();
    let (read, resolved) = time(|| resolve_all(directory.path(), false));
    format.print_value("read and check, ms", count, read.as_secs_f64() * 1000.0);
    let [file, links] = ["encoded", "links"].map(|name| directory.path().join(name));
    fs::write(&file, migrate_revision::encode(&resolved.revisions)).expect("the file can be written");
    let encoded = migrate_revision::encode_links(&resolved.revisions, &resolved.graph, &resolved.digests());
    fs::write(&links, encoded).expect("the file can be written");
    // In a process of its own, as in an application: what reading has left of the heap makes every allocation slow.
    let program = std::env::current_exe().expect("a process knows its program");
    let done =
        Command::new(program).arg(LOAD).args([&file, &links]).output().expect("the program can be started");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let printed = String::from_utf8_lossy(&done.stdout);
    for (what, took) in
        ["load, ms", "plan, ms", "load and plan the last five, ms"].into_iter().zip(printed.lines())
    {
        format.print_value(what, count, took.parse().expect("it printed a number"));
    }
}

/// The argument of a process that loads and plans all of a history, then what the last five steps take, and prints how many
/// milliseconds each took.
const LOAD: &str = "--load";

fn load(file: &str, links: &str) {
    let bytes = fs::read(file).expect("the file can be read");
    let (load, (revisions, graph)) = time(|| {
        let revisions = migrate_revision::decode(&bytes).expect("they are what was encoded");
        let graph = Graph::new(&revisions).expect("they were checked");
        (revisions, graph)
    });
    let planner = Planner { revisions: &revisions, graph: &graph, backend: Backend::Sqlite };
    let (plan, steps) = time(|| {
        let applied = graph.closure([]);
        let goal = planner.upgrade(&Target::Head, &applied).expect("there is one head");
        planner.steps(&goal, &applied).expect("nothing is missing").len()
    });
    assert_eq!(steps, revisions.len());
    let links = fs::read(links).expect("the file can be read");
    let (heads, from) = (graph.heads(), [revisions.len() - 6]);
    let (few, steps) = time(|| {
        let encoded = Encoded::open(&bytes).expect("they are what was encoded");
        let links = Links::open(&links).expect("they are what was encoded");
        let window = Window::between(encoded, links, heads, &from).expect("they are what was encoded");
        let planner =
            Planner { revisions: &window.revisions, graph: &window.graph, backend: Backend::Sqlite };
        let goal = planner.upgrade(&Target::Heads, &window.base).expect("there are heads");
        planner.steps(&goal, &window.base).expect("nothing is missing").len()
    });
    assert!((5..8).contains(&steps), "{steps} steps are left");
    for took in [load, plan, few] {
        println!("{}", took.as_secs_f64() * 1000.0);
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
