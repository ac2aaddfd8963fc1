//! `cargo xtask test`: all tests, on private servers.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use crate::backend::Backend;
use crate::cargo::TestCall;
use crate::cli::TestArgs;
use crate::environment::variables;
use crate::inputs::{self, Inputs};
use crate::install;
use crate::output::{note, result};
use crate::place::Place;
use crate::process::{Stop, Supervisor};
use crate::server::Servers;
use crate::signals::Interrupted;
use crate::summary::Summary;

/// Names the file that tests add their counts to.
pub(crate) const COUNTS: &str = "EMBED_MIGRATIONS_TEST_COUNTS";

/// Runs the tests, cleans up, and says how it went in one last line.
pub(crate) fn run(args: &TestArgs) -> ExitCode {
    let started = Instant::now();
    let backends = if args.on.is_empty() { args.backends.chosen() } else { Vec::new() };
    let (mut products, mut places) = (Vec::new(), Vec::new());
    let ended = catch_unwind(AssertUnwindSafe(|| run_tiers(args, &backends, &mut products, &mut places)))
        .unwrap_or_else(|_| Err(anyhow!("cargo xtask panicked")));
    let (failure, code) = match ended {
        Ok(Ended::Passed) => (None, 0),
        Ok(Ended::Failed { what, status }) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            (Some(failure_of(&what, status)), code)
        }
        Err(error) => match error.downcast_ref::<Interrupted>() {
            Some(interrupted) => (Some(interrupted.to_string()), interrupted.exit_code()),
            None => {
                note(format_args!("error: {error:#}"));
                (Some("the reason is above".to_owned()), 1)
            }
        },
    };
    let arguments = args.cargo.clone();
    let summary = Summary { backends, products, places, arguments, failure, elapsed: started.elapsed() };
    result(summary.line());
    ExitCode::from(code)
}

/// How cargo ended.
enum Ended {
    Passed,
    Failed { what: String, status: ExitStatus },
}

fn failure_of(what: &str, status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("{what} exited with {code}"),
        None => format!("{what} was ended by a {status}"),
    }
}

/// The suite, and then the places of the second tier as far as they were asked for. The first failure ends it.
fn run_tiers(
    args: &TestArgs,
    backends: &[Backend],
    products: &mut Vec<(Backend, String)>,
    places: &mut Vec<String>,
) -> Result<Ended> {
    let supervisor = Supervisor::start()?;
    if args.on.is_empty()
        && let failed @ Ended::Failed { .. } = run_suite(&supervisor, args, backends, products)?
    {
        return Ok(failed);
    }
    let chosen = if args.all { Place::ALL.to_vec() } else { args.on.clone() };
    for place in chosen {
        let (product, status) = place.test(&supervisor, if args.all { &[] } else { &args.cargo })?;
        places.push(product);
        if !status.success() {
            return Ok(Ended::Failed { what: format!("cargo test on {place}"), status });
        }
    }
    Ok(Ended::Passed)
}

fn run_suite(
    supervisor: &Supervisor,
    args: &TestArgs,
    backends: &[Backend],
    products: &mut Vec<(Backend, String)>,
) -> Result<Ended> {
    let call = TestCall::new(&args.cargo, backends)?;
    let programs = install::ensure(supervisor, backends)?;

    let no_servers = AtomicBool::new(false);
    let (servers, built) = thread::scope(|scope| {
        let servers = scope.spawn(|| {
            let servers = Servers::start(supervisor, &programs);
            no_servers.store(servers.is_err(), Ordering::Relaxed);
            servers
        });
        let built = build(supervisor, &call, &no_servers);
        (
            servers.join().unwrap_or_else(|_| Err(anyhow!("the thread that starts the servers panicked"))),
            built,
        )
    });
    let mut servers = servers?;
    products.extend(servers.iter().map(|server| (server.backend, server.product.clone())));
    if let Some(failed) = built? {
        return Ok(failed);
    }

    let counts = servers.file("counts");
    let mut command = call.run(&variables(backends, servers.iter()));
    command.env(COUNTS, &counts);
    let status = supervisor.spawn(&mut command, Stop::Terminate)?.wait()?;
    let inputs = show(&counts);
    servers.check().context("a server was lost while the tests ran")?;
    if status.success() && args.cargo.is_empty() {
        inputs::hold(&inputs)?;
    }
    Ok(if status.success() { Ended::Passed } else { Ended::Failed { what: "cargo test".to_owned(), status } })
}

/// Shows what the tests have counted, which the test programs keep to themselves when all is well.
pub(crate) fn show(counts: &Path) -> Inputs {
    let counts = fs::read_to_string(counts).unwrap_or_default();
    let mut lines: Vec<&str> = counts.lines().collect();
    let inputs = inputs::add_up(&mut lines);
    lines.sort_unstable();
    lines.into_iter().for_each(note);
    inputs.iter().for_each(|(row, count)| note(format_args!("{row}: inputs {count}")));
    inputs
}

/// Compiles the tests while the servers start; gives up when these cannot.
fn build(supervisor: &Supervisor, call: &TestCall, no_servers: &AtomicBool) -> Result<Option<Ended>> {
    if !call.can_be_built_first() {
        return Ok(None);
    }
    let mut cargo = supervisor.spawn(&mut call.build(), Stop::Terminate)?;
    while !no_servers.load(Ordering::Relaxed) {
        if let Some(status) = cargo.poll()? {
            return Ok((!status.success())
                .then_some(Ended::Failed { what: "cargo test --no-run".to_owned(), status }));
        }
        supervisor.pause()?;
    }
    Ok(None)
}
