//! `cargo migrate completions`

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use migrate_cli::Exit;

use super::{Context, Outcome};
use crate::cli::Cli;

/// Print the completions of `cargo-migrate` for a shell
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, _: &Context) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cargo-migrate", &mut script);
    let _ = std::io::stdout().write_all(&script);
    Ok(Exit::Success)
}
