//! The command line: what can be asked for, and which file does it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::backend::Backend;
use crate::place::Place;
use crate::{bench, serve, test, watchdog};

/// Commands for working on embed-migrations.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start private database servers and run all tests on them.
    ///
    /// The last line says what was tested. The exit code is that of `cargo test`, 1 when it could not be run,
    /// and 128 plus the signal's number after a signal.
    Test(TestArgs),
    /// Start the same servers, print their environment, and keep them until Ctrl-C.
    Servers(ServersArgs),
    /// Run the benches on such servers: see docs/performance.md for what they say.
    Bench(BenchArgs),
    /// Internal: cleans up when the process that started it was killed.
    #[command(hide = true, name = watchdog::COMMAND)]
    Watchdog,
}

/// What `cargo xtask test` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) backends: Backends,

    /// Then go on to pgbouncer, a standby, a Galera cluster, PostgreSQL 18, MariaDB 11 and MySQL 9, which are downloaded.
    #[arg(long, conflicts_with_all = ["names", "on"])]
    pub(crate) all: bool,

    /// Test at these of the places of `--all` only, separated by commas.
    ///
    /// Arguments after `--` are then for the test programs, and choose among their tests.
    #[arg(long, value_name = "PLACES", value_delimiter = ',', conflicts_with = "names")]
    pub(crate) on: Vec<Place>,

    /// Arguments for `cargo test`; a second `--` ends them and begins those of the test programs.
    ///
    /// `--workspace`, `--all-features` and `--no-fail-fast` are added unless the arguments choose for themselves.
    #[arg(last = true, value_name = "CARGO TEST ARGUMENTS")]
    pub(crate) cargo: Vec<String>,
}

/// What `cargo xtask servers` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct ServersArgs {
    #[command(flatten)]
    pub(crate) backends: Backends,

    /// Write the `export` lines to this file once the servers are up; it is removed at the end.
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
}

/// What `cargo xtask bench` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(flatten)]
    pub(crate) backends: Backends,

    /// Run only this one: `runtime`, `planning`, `projects`, `fleet`, or `peers`, which no other call runs and which
    /// downloads other tools.
    #[arg(long, value_name = "BENCH")]
    pub(crate) only: Option<String>,

    /// How to print what was measured.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// How the benches print.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// A table
    Text,
    /// One object per line
    Json,
}

impl Format {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// The backends to work with.
#[derive(Debug, Args)]
pub(crate) struct Backends {
    /// Backends to test on, separated by commas; all when absent.
    #[arg(
        long = "backends",
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "sqlite,postgres,mysql"
    )]
    names: Vec<Backend>,
}

impl Backends {
    /// In the house's order, each once.
    pub(crate) fn chosen(&self) -> Vec<Backend> {
        Backend::ALL.into_iter().filter(|backend| self.names.contains(backend)).collect()
    }
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Servers(args) => serve::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Watchdog => watchdog::run(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn test_args(line: &[&str]) -> TestArgs {
        match Cli::try_parse_from([&["xtask", "test"], line].concat()).unwrap().command {
            Command::Test(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn all_backends_are_chosen_when_none_is_named() {
        assert_eq!(test_args(&[]).backends.chosen(), Backend::ALL);
    }

    #[test]
    fn backends_are_ordered_and_taken_once() {
        let args = test_args(&["--backends", "mysql,sqlite,mysql"]);
        assert_eq!(args.backends.chosen(), [Backend::Sqlite, Backend::Mysql]);
    }

    #[test]
    fn an_unknown_backend_is_refused() {
        assert!(Cli::try_parse_from(["xtask", "test", "--backends", "oracle"]).is_err());
        assert!(Cli::try_parse_from(["xtask", "test", "--backends", ""]).is_err());
    }

    #[test]
    fn what_follows_the_dashes_is_kept_with_the_second_dashes() {
        let args = test_args(&["--backends=sqlite", "--", "-p", "xtask", "--", "--nocapture"]);
        assert_eq!(args.cargo, ["-p", "xtask", "--", "--nocapture"]);
    }
}
