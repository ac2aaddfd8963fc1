//! `cargo xtask bench`: the benches, on private servers.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cargo::bench;
use crate::cli::BenchArgs;
use crate::environment::variables;
use crate::install;
use crate::output::note;
use crate::process::{Stop, Supervisor};
use crate::server::Servers;
use crate::signals::Interrupted;

/// Runs the benches; what they print is all that goes to standard output.
pub(crate) fn run(args: &BenchArgs) -> ExitCode {
    match run_benches(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("error: {error:#}"));
            let interrupted = error.downcast_ref::<Interrupted>();
            ExitCode::from(interrupted.map_or(1, |interrupted| interrupted.exit_code()))
        }
    }
}

fn run_benches(args: &BenchArgs) -> Result<()> {
    let backends = args.backends.chosen();
    let supervisor = Supervisor::start()?;
    let programs = install::ensure(&supervisor, &backends)?;
    let mut servers = Servers::start(&supervisor, &programs)?;
    let mut command =
        bench(args.only.as_deref(), args.format.as_str(), &variables(&backends, servers.iter()));
    let status = supervisor.spawn(&mut command, Stop::Terminate)?.wait()?;
    servers.check()?;
    if !status.success() {
        bail!("cargo bench failed: {status}");
    }
    Ok(())
}
