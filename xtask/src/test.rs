//! `cargo xtask test`: all tests, on private servers.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{ExitCode, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};

use crate::backend::Backend;
use crate::cargo::TestCall;
use crate::cli::TestArgs;
use crate::environment::variables;
use crate::install;
use crate::output::{note, result};
use crate::process::{Stop, Supervisor};
use crate::server::Servers;
use crate::signals::Interrupted;
use crate::summary::Summary;

/// Names the file that tests add their counts to.
const COUNTS: &str = "EMBED_MIGRATIONS_TEST_COUNTS";

/// Runs the tests, cleans up, and says how it went in one last line.
pub(crate) fn run(args: &TestArgs) -> ExitCode {
    let started = Instant::now();
    let backends = args.backends.chosen();
    let mut products = Vec::new();
    let ended = catch_unwind(AssertUnwindSafe(|| run_tests(args, &backends, &mut products)))
        .unwrap_or_else(|_| Err(anyhow!("cargo xtask panicked")));
    let (failure, code) = match ended {
        Ok(Ended::Passed) => (None, 0),
        Ok(Ended::Failed { what, status }) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
            (Some(failure_of(what, status)), code)
        }
        Err(error) => match error.downcast_ref::<Interrupted>() {
            Some(interrupted) => (Some(interrupted.to_string()), interrupted.exit_code()),
            None => {
                note(format_args!("error: {error:#}"));
                (Some("the reason is above".to_owned()), 1)
            }
        },
    };
    let summary =
        Summary { backends, products, arguments: args.cargo.clone(), failure, elapsed: started.elapsed() };
    result(summary.line());
    ExitCode::from(code)
}

/// How cargo ended.
enum Ended {
    Passed,
    Failed { what: &'static str, status: ExitStatus },
}

fn failure_of(what: &str, status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("{what} exited with {code}"),
        None => format!("{what} was ended by a {status}"),
    }
}

fn run_tests(args: &TestArgs, backends: &[Backend], products: &mut Vec<(Backend, String)>) -> Result<Ended> {
    let call = TestCall::new(&args.cargo, backends)?;
    let supervisor = Supervisor::start()?;
    let programs = install::ensure(&supervisor, backends)?;

    let no_servers = AtomicBool::new(false);
    let (servers, built) = thread::scope(|scope| {
        let servers = scope.spawn(|| {
            let servers = Servers::start(&supervisor, &programs);
            no_servers.store(servers.is_err(), Ordering::Relaxed);
            servers
        });
        let built = build(&supervisor, &call, &no_servers);
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
    show(&fs::read_to_string(counts).unwrap_or_default());
    servers.check().context("a server was lost while the tests ran")?;
    Ok(if status.success() { Ended::Passed } else { Ended::Failed { what: "cargo test", status } })
}

/// Shows what the tests have counted, which the test programs keep to themselves when all is well.
fn show(counts: &str) {
    let mut lines: Vec<&str> = counts.lines().collect();
    lines.sort_unstable();
    lines.into_iter().for_each(note);
}

/// Compiles the tests while the servers start; gives up when these cannot.
fn build(supervisor: &Supervisor, call: &TestCall, no_servers: &AtomicBool) -> Result<Option<Ended>> {
    if !call.can_be_built_first() {
        return Ok(None);
    }
    let mut cargo = supervisor.spawn(&mut call.build(), Stop::Terminate)?;
    while !no_servers.load(Ordering::Relaxed) {
        if let Some(status) = cargo.poll()? {
            return Ok((!status.success()).then_some(Ended::Failed { what: "cargo test --no-run", status }));
        }
        supervisor.pause()?;
    }
    Ok(None)
}
