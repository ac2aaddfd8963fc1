//! `cargo migrate`: the command for the people who write revisions. It reads arguments, finds the project and prints;
//! what revisions mean is decided by `migrate-revision`, and what a database gets by `migrate-runtime`.

mod adopt;
mod application;
mod backup;
mod cli;
mod clock;
mod commands;
mod config;
mod conflict;
mod database;
mod error;
mod files;
mod findings;
mod fleet;
mod former;
mod project;
mod render;
mod revision;
mod runner;
mod schema;
mod scratch;
mod script;
mod seeds;
mod set;
mod svg;

fn main() -> std::process::ExitCode {
    cli::run()
}
