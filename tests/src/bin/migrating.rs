//! A program that migrates, for tests that need processes: `migrating URL DIRECTORY VERB TARGET [no-lock|lease]`.
//!
//! It waits for a line on its input first, so that several can start at once, and prints the ids of the steps it took.

use std::time::Duration;

use embed_migrations::{Lock, Migrations};
use embed_migrations_tests::revisions::resolve_all;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, directory, verb, target, options @ ..] = arguments.as_slice() else {
        return Err("usage: migrating URL DIRECTORY upgrade|downgrade|repair TARGET [no-lock|lease]".into());
    };
    let set = Migrations::from_resolved(resolve_all(directory.as_ref(), false), "main");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::io::stdin().read_line(&mut String::new())?;
    let report = runtime.block_on(async {
        let lock = match options.first().map(String::as_str) {
            Some("no-lock") => Lock::None,
            Some("lease") => Lock::Lease,
            _ => Lock::Session,
        };
        let migrator = set.connect(url).await?.lock(lock).lease(Duration::from_secs(2));
        match verb.as_str() {
            "upgrade" => migrator.upgrade(target).await,
            "repair" => migrator.repair(target.split(',')).await,
            _ => migrator.downgrade(target).await,
        }
    });
    match report {
        Ok(report) => {
            for step in report.steps {
                println!("{}", step.revision);
            }
            Ok(())
        }
        Err(error) => Err(format!("{error}").into()),
    }
}
