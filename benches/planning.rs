//! What the macro, a program's start and a run do in one process before anything is sent: reading and checking revisions, loading
//! and planning them.
//!
//! `cargo bench -p embed-migrations-benches --bench planning` measures with criterion, which compares with the run before, takes a part of a
//! name, and `--save-baseline NAME`; with `--format text` or `json` the medians are printed as the other benches print theirs. With
//! `--profile dev` nothing is optimised, as in a macro.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, BenchmarkId, Criterion};
use embed_migrations_benches::table::Format;
use embed_migrations_benches::{filter, history, history_with, own_cpu};
use embed_migrations_tests::revisions::resolve_all;
use migrate_revision::graph::Graph;
use migrate_revision::source::{Checks, Resolved, resolve};
use migrate_revision::{Backend, Encoded, Links, Planner, Revision, Target, Window};
use serde_json::Value;

const COUNTS: [usize; 3] = [1000, 10_000, 100_000];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == ENCODE) {
        encode(arguments[at + 1].parse().expect("a count"), Path::new(&arguments[at + 2]));
    } else if let Some(at) = arguments.iter().position(|argument| argument == ONCE) {
        once(&arguments[at + 1], Path::new(&arguments[at + 2]));
    } else if arguments.iter().any(|argument| argument == "--format") {
        print(Format::of_arguments(), filter().as_deref());
    } else {
        let mut criterion = Criterion::default()
            .with_measurement(Cpu)
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2))
            .configure_from_args();
        plan(&mut criterion);
        read(&mut criterion);
        criterion.final_summary();
    }
}

/// Reads and checks growing histories for all dialects, and one for each.
fn read(criterion: &mut Criterion<Cpu>) {
    let mut group = criterion.benchmark_group("read and check");
    let mut bench = |what: &str, count: usize, directory: &Path, backends: &[Backend]| {
        group.bench_function(BenchmarkId::new(what, count), |bencher| {
            bencher.iter_batched(|| (), |()| check(directory, backends), BatchSize::PerIteration);
        });
    };
    for count in COUNTS {
        let directory = history(count).write();
        bench("all dialects", count, directory.path(), &Backend::ALL);
        if count == 10_000 {
            for backend in Backend::ALL {
                bench(backend.name(), count, directory.path(), &[backend]);
            }
            let directory = history_with(count, "/* which they read differently */ ").write();
            bench("all dialects, each by itself", count, directory.path(), &Backend::ALL);
        }
    }
    group.finish();
}

/// Loads and plans all of a history, and its last five steps.
fn plan(criterion: &mut Criterion<Cpu>) {
    let mut group = criterion.benchmark_group("load and plan");
    for count in COUNTS {
        let directory = tempfile::tempdir().expect("a folder can be made");
        // In another process, as in an application: what reading leaves of the heap makes every allocation slow.
        let status = this_program().arg(ENCODE).arg(count.to_string()).arg(directory.path()).status();
        assert!(status.expect("the program can be started").success(), "{count} revisions can be encoded");
        let [revisions, links] =
            [REVISIONS, LINKS].map(|name| fs::read(directory.path().join(name)).expect("it was written"));
        group.bench_function(BenchmarkId::new("load all", count), |bencher| {
            bencher.iter_batched(|| (), |()| load(&revisions), BatchSize::PerIteration);
        });
        let (decoded, graph) = load(&revisions);
        group.bench_function(BenchmarkId::new("plan all", count), |bencher| {
            bencher.iter(|| plan_all(&decoded, &graph));
        });
        let from = [count - 6];
        group.bench_function(BenchmarkId::new("load and plan the last five", count), |bencher| {
            bencher.iter(|| {
                let encoded = Encoded::open(&revisions).expect("they are what was encoded");
                let links = Links::open(&links).expect("they are what was encoded");
                let window =
                    Window::between(encoded, links, graph.heads(), &from).expect("they are what was encoded");
                let planner =
                    Planner { revisions: &window.revisions, graph: &window.graph, backend: Backend::Sqlite };
                let goal = planner.upgrade(&Target::Heads, &window.base).expect("there are heads");
                let steps = planner.steps(&goal, &window.base).expect("nothing is missing").len();
                assert!((5..8).contains(&steps), "{steps} steps are left");
            });
        });
    }
    group.finish();
}

fn check(directory: &Path, backends: &[Backend]) -> Resolved {
    let checks =
        Checks { backends: backends.to_vec(), cover_all: false, branches: false, require_down: false };
    let resolved = resolve(directory, "migrations", &checks);
    resolved.unwrap_or_else(|problems| panic!("{} problems", problems.len()))
}

fn load(bytes: &[u8]) -> (Vec<Revision>, Graph) {
    let revisions = migrate_revision::decode(bytes).expect("they are what was encoded");
    let graph = Graph::new(&revisions).expect("they were checked");
    (revisions, graph)
}

fn plan_all(revisions: &[Revision], graph: &Graph) {
    let planner = Planner { revisions, graph, backend: Backend::Sqlite };
    let applied = graph.closure([]);
    let goal = planner.upgrade(&Target::Head, &applied).expect("there is one head");
    let steps = planner.steps(&goal, &applied).expect("nothing is missing").len();
    assert_eq!(steps, revisions.len());
}

/// The argument of a process that does one thing once, whose instructions are counted.
const ONCE: &str = "--once";

/// What is counted of the files or the encoded revisions in a folder. To plan includes to load.
const COUNTED: [&str; 3] = ["read and check", "load", "load and plan"];

fn once(what: &str, folder: &Path) {
    if what == COUNTED[0] {
        check(folder, &Backend::ALL);
        return;
    }
    let (revisions, graph) = load(&fs::read(folder.join(REVISIONS)).expect("it was written"));
    if what == COUNTED[2] {
        plan_all(&revisions, &graph);
    }
}

/// Prints how many instructions a revision takes, by what 2,000 of them take more than 1,000; nothing where there is no valgrind.
fn print_instructions(format: Format) {
    let folders = [1000, 2000].map(|count| {
        let folder = history(count).write();
        let encoded = tempfile::tempdir().expect("a folder can be made");
        encode(count, encoded.path());
        (folder, encoded)
    });
    for what in COUNTED {
        let taken = folders.each_ref().map(|(files, encoded)| {
            instructions(what, if what == COUNTED[0] { files.path() } else { encoded.path() })
        });
        let [Some(few), Some(many)] = taken else {
            eprintln!("no instructions are counted: valgrind cannot be started");
            return;
        };
        format.print_value(&format!("instructions per revision: {what}"), 2000, (many - few) / 1000.0);
    }
}

fn instructions(what: &str, folder: &Path) -> Option<f64> {
    let program = std::env::current_exe().expect("a process knows its program");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    let done = command.args([ONCE, what]).arg(folder).output().ok()?;
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}");
    let collected = told.lines().find_map(|line| line.split_once("Collected : ")).expect("it tells");
    Some(collected.1.trim().parse().expect("it tells a number"))
}

/// The argument of a process that only writes what the macro embeds of so many revisions into a folder.
const ENCODE: &str = "--encode";
const REVISIONS: &str = "revisions";
const LINKS: &str = "links";

fn encode(count: usize, folder: &Path) {
    let resolved = resolve_all(history(count).write().path(), false);
    let links = migrate_revision::encode_links(&resolved.revisions, &resolved.graph, &resolved.digests());
    for (name, bytes) in [(REVISIONS, migrate_revision::encode(&resolved.revisions)), (LINKS, links)] {
        fs::write(folder.join(name), bytes).expect("the file can be written");
    }
}

/// Runs criterion in another process, and prints what it found.
fn print(format: Format, filter: Option<&str>) {
    let found = tempfile::tempdir().expect("a folder can be made");
    let status = this_program()
        .args(["--bench", "--quiet", "--noplot"])
        .args(filter)
        .env("CRITERION_HOME", found.path())
        .stdout(Stdio::null())
        .status();
    assert!(status.expect("the program can be started").success(), "criterion failed");
    let mut rows = Vec::new();
    find(found.path(), &mut rows);
    rows.sort_by(|a, b| (&a.what, a.count).cmp(&(&b.what, b.count)));
    for Row { what, count, median, range } in rows {
        format.print_median(&format!("{what}, ms"), count, median, range);
    }
    if filter.is_none() {
        print_instructions(format);
    }
}

/// What one bench took, in milliseconds.
struct Row {
    what: String,
    count: usize,
    median: f64,
    /// Of the median, at 95 %
    range: (f64, f64),
}

/// Reads what criterion has written of each bench: `new/benchmark.json` and `new/estimates.json`, somewhere below.
fn find(folder: &Path, rows: &mut Vec<Row>) {
    let read = |name: &str| -> Option<Value> {
        serde_json::from_str(&fs::read_to_string(folder.join("new").join(name)).ok()?).ok()
    };
    if let Some((bench, estimates)) = read("benchmark.json").zip(read("estimates.json")) {
        let name = |of: &str| bench[of].as_str().expect("a bench has a name").to_owned();
        let median = &estimates["median"];
        let milliseconds = |nanoseconds: &Value| nanoseconds.as_f64().expect("a number") / 1e6;
        let interval = &median["confidence_interval"];
        rows.push(Row {
            what: format!("{}: {}", name("group_id"), name("function_id")),
            count: name("value_str").parse().expect("benches are named by their count"),
            median: milliseconds(&median["point_estimate"]),
            range: (milliseconds(&interval["lower_bound"]), milliseconds(&interval["upper_bound"])),
        });
        return;
    }
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            find(&path, rows);
        }
    }
}

fn this_program() -> Command {
    Command::new(std::env::current_exe().expect("a process knows its program"))
}

/// The time of this thread on a processor, which other load on the machine disturbs less than the time of day.
struct Cpu;

impl Measurement for Cpu {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        now()
    }

    fn end(&self, start: Duration) -> Duration {
        now().saturating_sub(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        *one + *other
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// The thread's CPU, or the time of day where the system does not tell.
fn now() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    own_cpu().unwrap_or_else(|| START.elapsed())
}
