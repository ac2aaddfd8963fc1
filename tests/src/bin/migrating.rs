//! A program that migrates, for tests that need processes: `migrating URL SET VERB TARGET [OPTION..]`.
//!
//! The set is a directory, or the name of one in [`sets`]. It waits for a line on its input
//! first, so that several can start at once, and prints the ids of the steps it took.
//!
//! | option | |
//! | --- | --- |
//! | `no-lock`, `lease` | without a lock; with a lease of two seconds |
//! | `lease=MS` | with a lease of so many milliseconds |
//! | `lock-timeout=MS` | how long to wait for others |
//! | `stop-at=N` | on SQLite: prints `stopped` at the n-th place, and goes no further |
//! | `tell-at=N` | the same, but goes on |
//! | `places` | on SQLite: prints how many such places there are |

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use embed_migrations::{Lock, Migrations, Report};
use embed_migrations_tests::revisions::resolve_all;
use embed_migrations_tests::sets;

/// After so many operations of SQLite's there is a place to stop.
const OPERATIONS: i32 = 4000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, set, verb, target, options @ ..] = arguments.as_slice() else {
        return Err("usage: migrating URL SET upgrade|downgrade|repair TARGET [OPTION..]".into());
    };
    let owned;
    let set = match sets::by_name(set) {
        Some(set) => set,
        None => {
            owned = Migrations::from_resolved(resolve_all(set.as_ref(), false), "main");
            &owned
        }
    };
    let has = |name: &str| options.iter().any(|option| option == name);
    let number = |name: &str| {
        options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('=')).map(str::parse::<u64>)
    };
    let lock = match () {
        () if has("no-lock") => Lock::None,
        () if has("lease") || number("lease").is_some() => Lock::Lease,
        () => Lock::Session,
    };
    let timeout = Duration::from_millis(number("lock-timeout").unwrap_or(Ok(60_000))?);
    let lease = Duration::from_millis(number("lease").unwrap_or(Ok(2000))?);
    std::io::stdin().read_line(&mut String::new())?;
    let stop = number("stop-at").transpose()?;
    let tell = number("tell-at").transpose()?;
    let report = if stop.is_some() || tell.is_some() || has("places") {
        let places = Places { stop, tell, passed: Arc::default() };
        let mut connection = rusqlite::Connection::open(url.strip_prefix("sqlite:").unwrap_or(url))?;
        connection.execute_batch(sets::NO_WAITING)?;
        places.watch(&connection)?;
        let migrator =
            set.sqlite(&mut connection).lock(lock).lock_timeout(timeout).on_event(|_| places.pass());
        let report = if verb == "upgrade" { migrator.upgrade(target) } else { migrator.downgrade(target) };
        if has("places") {
            println!("{}", places.passed.load(Ordering::Relaxed));
            return report.map(|_| ()).map_err(|error| error.to_string().into());
        }
        report
    } else {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let migrator = set.connect(url).await?.lock(lock).lock_timeout(timeout).lease(lease);
            match verb.as_str() {
                "upgrade" => migrator.upgrade(target).await,
                "repair" => migrator.repair(target.split(',')).await,
                _ => migrator.downgrade(target).await,
            }
        })
    };
    show(report)
}

fn show(report: embed_migrations::Result<Report>) -> Result<(), Box<dyn std::error::Error>> {
    match report {
        Ok(report) => {
            for step in report.steps {
                println!("{}", step.revision);
            }
            Ok(())
        }
        Err(error) => Err(error.to_string().into()),
    }
}

/// Where a run on SQLite can be stopped: at its events, inside of statements, and before commits.
#[derive(Clone)]
struct Places {
    stop: Option<u64>,
    tell: Option<u64>,
    passed: Arc<AtomicUsize>,
}

impl Places {
    fn watch(&self, connection: &rusqlite::Connection) -> rusqlite::Result<()> {
        let (inside, commit) = (self.clone(), self.clone());
        connection.progress_handler(
            OPERATIONS,
            Some(move || {
                inside.pass();
                false
            }),
        )?;
        connection.commit_hook(Some(move || {
            commit.pass();
            false
        }))?;
        Ok(())
    }

    fn pass(&self) {
        let place = Some(self.passed.fetch_add(1, Ordering::Relaxed) as u64);
        if place != self.stop && place != self.tell {
            return;
        }
        println!("stopped");
        let _ = std::io::stdout().flush();
        if place == self.stop {
            loop {
                std::thread::park();
            }
        }
    }
}
