//! The command line: what can be asked for, and which file does it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use migrate_cli::{Color, Error, Output};

use crate::commands::{self, Context};

/// Write, check and apply the database revisions of a cargo project.
#[derive(Debug, Parser)]
#[command(name = "cargo migrate", bin_name = "cargo migrate", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
struct Global {
    /// Cargo.toml of the package; without it, the nearest one upwards
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    manifest_path: Option<PathBuf>,
    /// How facts are printed
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Global options"
    )]
    format: Format,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Global options"
    )]
    color: Color,
}

/// How facts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: one object on standard output
    Json,
    /// A diagram of Mermaid's; for `graph`
    Mermaid,
    /// A graph for Graphviz; for `graph`
    Dot,
    /// A picture; for `graph`
    Svg,
    /// Annotations of GitHub's workflows; for `check`
    Github,
    /// Results for code scanning; for `check`
    Sarif,
}

impl Format {
    /// Whether it lists what is wrong, for a program that shows it beside the files.
    pub(crate) fn is_of_findings(self) -> bool {
        matches!(self, Self::Github | Self::Sarif)
    }

    /// The command that it is for, if it is not for all.
    fn only_for(self) -> Option<&'static str> {
        match self {
            Self::Text | Self::Json => None,
            Self::Mermaid | Self::Dot | Self::Svg => Some("graph"),
            Self::Github | Self::Sarif => Some("check"),
        }
    }
}

/// Declares the subcommands: each has its arguments and its `run` in a file of its own.
macro_rules! subcommands {
    ($($(#[$meta:meta])* $name:ident($module:ident) = $word:literal,)*) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($(#[$meta])* $name(commands::$module::Args),)*
        }

        impl Command {
            fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $word,)*
                }
            }

            fn run(&self, context: &Context) -> commands::Outcome {
                match self {
                    $(Self::$name(args) => commands::$module::run(args, context),)*
                }
            }
        }
    };
}

subcommands! {
    /// Make the directory for revisions
    Init(init) = "init",
    /// Write a new revision file
    #[command(alias = "revision")]
    New(new) = "new",
    /// Write a revision that joins branches
    Merge(merge) = "merge",
    /// Put the drafts into the lock file
    Lock(lock) = "lock",
    /// Check the revisions as a build does, and more: for CI
    Check(check) = "check",
    /// Print the revisions that nothing revises
    Heads(heads) = "heads",
    /// Print the revisions at which branches begin
    Branches(branches) = "branches",
    /// Print a revision
    Show(show) = "show",
    /// Print the revisions, newest first
    History(history) = "history",
    /// Draw the revisions
    Graph(graph) = "graph",
    /// Open a revision in an editor
    Edit(edit) = "edit",
    /// Move a branch of drafts on top of another head
    Rebase(rebase) = "rebase",
    /// Turn the migrations of another tool into revisions
    Adopt(adopt) = "adopt",
    /// Print the revisions that the database is at
    Current(current) = "current",
    /// Print where the database is, held against the revisions
    Status(status) = "status",
    /// Print the steps that an upgrade or a downgrade would take
    Plan(plan) = "plan",
    /// Apply what is missing to a target
    Upgrade(upgrade) = "upgrade",
    /// Undo what stands above a target
    Downgrade(downgrade) = "downgrade",
    /// Record that the database is at a target, without running anything
    Stamp(stamp) = "stamp",
    /// Accept edits of locked or applied revisions, with what changed shown first
    Repair(repair) = "repair",
    /// Try each revision's way down on a scratch database
    Verify(verify) = "verify",
    /// Say whether the statement at which a revision was interrupted is in force
    Resolve(resolve) = "resolve",
    /// Undo revisions that are not here, from the SQL that they left on record
    Undo(undo) = "undo",
    /// Print completions for a shell
    Completions(completions) = "completions",
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse_from(arguments(std::env::args_os()));
    cli.global.color.apply();
    let format = cli.global.format;
    let output =
        Output { json: format == Format::Json, command: cli.command.name(), program: "cargo migrate" };
    let context = Context { output, format, color: cli.global.color, manifest: cli.global.manifest_path };
    let outcome = match format.only_for() {
        Some(command) if command != output.command => {
            let name =
                format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            Err(Error::usage(format!("`--format {name}` is for `{command}`")))
        }
        _ => cli.command.run(&context),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => {
            output.error(&error);
            error.exit().into()
        }
    }
}

/// The arguments without the word that cargo puts before them: `cargo migrate new` runs `cargo-migrate migrate new`.
fn arguments(all: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    all.enumerate().filter(|(place, word)| *place != 1 || word != "migrate").map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_word_that_cargo_adds_is_taken_out() {
        let words = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            arguments(words.into_iter()).map(|word| word.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words("cargo-migrate migrate new"), "cargo-migrate new");
        assert_eq!(words("cargo-migrate new -m migrate"), "cargo-migrate new -m migrate");
    }
}
