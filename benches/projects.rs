//! What embedding costs: rebuilding an application after an edit of `main.rs` beside the same application with its revision
//! files in an array of `include_str!`, building it for the first time, and what a revision adds to its binary.
//!
//! `cargo bench -p embed-migrations-benches --bench projects`, for which the facade and rusqlite are built in debug and release.

mod first_build;

use std::fs;
use std::time::Instant;

use embed_migrations_benches::table::Format;
use embed_migrations_benches::{Comparison, Cost, children_cpu, history, summary};
use embed_migrations_tests::project::TestProject;
use embed_migrations_tests::revisions::Revisions;

/// The application's own driver, in both.
const DRIVER: &str =
    "rusqlite = { version = \">=0.32, <0.44\", default-features = false, features = [\"bundled\"] }";

fn main() {
    first_build::stand_in_for_rustc();
    let format = Format::of_arguments();
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
