//! The calls of `cargo test` and `cargo bench`: their arguments, their environment.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::backend::Backend;
use crate::environment::{Variables, is_ours};

/// The arguments of `cargo test` and those of the test programs.
#[derive(Debug, PartialEq)]
pub(crate) struct TestCall {
    cargo: Vec<String>,
    programs: Vec<String>,
}

impl TestCall {
    /// Adds to the user's arguments what makes it the whole suite, as far as they do not choose for themselves, and
    /// leaves out the tests of other backends.
    pub(crate) fn new(user: &[String], backends: &[Backend]) -> Result<Self> {
        let end = user.iter().position(|argument| argument == "--");
        let (users, program) = user.split_at(end.unwrap_or(user.len()));
        if users.iter().any(|argument| ["--no-run", "--help", "-h"].contains(&argument.as_str())) {
            bail!("this command runs tests; use `cargo test` itself for `--no-run` and `--help`");
        }
        let given =
            |names: &[&str]| users.iter().any(|argument| names.iter().any(|name| is_option(argument, name)));
        let mut cargo = Vec::new();
        if !given(&["-p", "--package", "--workspace", "--all", "--manifest-path"]) {
            cargo.push("--workspace".to_owned());
        }
        if !given(&["-F", "--features", "--all-features", "--no-default-features"]) {
            cargo.push("--all-features".to_owned());
        }
        if !given(&["--no-fail-fast"]) {
            cargo.push("--no-fail-fast".to_owned());
        }
        cargo.extend_from_slice(users);

        let mut programs: Vec<_> = skip_others(backends).collect();
        programs.extend(program.iter().skip(1).cloned());
        Ok(Self { cargo, programs })
    }

    /// Targets of the package of tests: of their tests those with this in their name, unless the user's arguments choose,
    /// and none of other backends.
    pub(crate) fn of_targets(targets: &[&str], filter: &str, backends: &[Backend], user: &[String]) -> Self {
        let mut cargo = vec!["--package", "embed-migrations-tests", "--no-fail-fast"];
        cargo.extend(targets.iter().flat_map(|target| ["--test", target]));
        let chosen = if user.is_empty() { &[filter.to_owned()] } else { user };
        let programs = skip_others(backends).chain(chosen.iter().cloned());
        Self { cargo: cargo.into_iter().map(str::to_owned).collect(), programs: programs.collect() }
    }

    /// Whether all that is to be tested can be compiled beforehand; cargo refuses for documentation tests.
    pub(crate) fn can_be_built_first(&self) -> bool {
        !self.cargo.iter().any(|argument| argument == "--doc")
    }

    /// `cargo test --no-run`
    pub(crate) fn build(&self) -> Command {
        let mut command = cargo();
        command.arg("test").args(&self.cargo).arg("--no-run");
        command
    }

    /// `cargo test`
    pub(crate) fn run(&self, variables: &Variables) -> Command {
        let mut command = cargo();
        command.arg("test").args(&self.cargo).envs(variables.iter().map(|(name, value)| (name, value)));
        if !self.programs.is_empty() {
            command.arg("--").args(&self.programs);
        }
        command
    }
}

/// Leaves out the tests of other backends. A behaviour's tests end in the backend's name: `upgrade_is_idempotent::postgres`.
fn skip_others(backends: &[Backend]) -> impl Iterator<Item = String> {
    Backend::without(backends).into_iter().flat_map(|backend| ["--skip".to_owned(), format!("::{backend}")])
}

/// `cargo bench` of one of the benches, or of all.
pub(crate) fn bench(only: Option<&str>, format: &str, variables: &Variables) -> Command {
    let mut command = cargo();
    command.args(["bench", "--package", "embed-migrations-benches"]);
    if let Some(name) = only {
        command.args(["--bench", name]);
    }
    command.args(["--", "--format", format]).envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Whether the argument is the option, alone or with its value.
fn is_option(argument: &str, name: &str) -> bool {
    argument.strip_prefix(name).is_some_and(|rest| {
        // A short option's value may follow directly: `-pxtask`.
        rest.is_empty() || rest.starts_with('=') || !name.starts_with("--")
    })
}

/// The cargo that runs this program, in the workspace's folder, as if called by the user: without the variables that
/// it has set for this program, which could be taken for those of the tested packages.
fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    if let Some(workspace) = PathBuf::from(package).parent() {
        command.current_dir(workspace);
    }
    for (name, _) in env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        let of_this_program = name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if of_this_program || is_ours(name) {
            command.env_remove(name);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(user: &str, backends: &[Backend]) -> (String, String) {
        let user: Vec<_> = user.split_whitespace().map(str::to_owned).collect();
        let call = TestCall::new(&user, backends).unwrap();
        (call.cargo.join(" "), call.programs.join(" "))
    }

    fn expect(user: &str, backends: &[Backend], cargo: &str, programs: &str) {
        assert_eq!(call(user, backends), (cargo.to_owned(), programs.to_owned()), "{user}");
    }

    #[test]
    fn nothing_given_is_the_whole_suite() {
        expect("", &Backend::ALL, "--workspace --all-features --no-fail-fast", "");
    }

    #[test]
    fn tests_of_backends_that_were_not_chosen_are_skipped() {
        let all = "--workspace --all-features --no-fail-fast";
        expect("", &[Backend::Sqlite], all, "--skip ::postgres --skip ::mysql");
        expect("", &[Backend::Sqlite, Backend::Mysql], all, "--skip ::postgres");
    }

    #[test]
    fn a_chosen_package_replaces_the_workspace() {
        for user in ["-p xtask", "-pxtask", "--package xtask", "--package=xtask"] {
            expect(user, &Backend::ALL, &format!("--all-features --no-fail-fast {user}"), "");
        }
    }

    #[test]
    fn options_are_not_given_twice() {
        expect(
            "--workspace --all-features --no-fail-fast",
            &Backend::ALL,
            "--workspace --all-features --no-fail-fast",
            "",
        );
        expect("--features=sqlite", &Backend::ALL, "--workspace --no-fail-fast --features=sqlite", "");
    }

    #[test]
    fn a_longer_option_is_not_taken_for_its_beginning() {
        expect("--allow-x", &Backend::ALL, "--workspace --all-features --no-fail-fast --allow-x", "");
    }

    #[test]
    fn what_follows_the_dashes_goes_to_the_test_programs() {
        expect(
            "-p a name -- --nocapture -p",
            &[Backend::Sqlite, Backend::Postgres],
            "--all-features --no-fail-fast -p a name",
            "--skip ::mysql --nocapture -p",
        );
    }

    #[test]
    fn a_target_s_tests_are_those_of_its_place_and_backend_unless_the_user_chooses() {
        let of = |user: &[String]| {
            TestCall::of_targets(&["behaviour"], "::mysql", &[Backend::Mysql], user).programs.join(" ")
        };
        assert_eq!(of(&[]), "--skip ::sqlite --skip ::postgres ::mysql");
        assert_eq!(of(&["races".to_owned()]), "--skip ::sqlite --skip ::postgres races");
    }

    #[test]
    fn a_call_that_runs_no_test_is_refused() {
        assert!(TestCall::new(&["--no-run".to_owned()], &Backend::ALL).is_err());
    }
}
