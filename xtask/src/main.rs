//! Commands for working on this repository.
//!
//! `cargo xtask test` runs the whole suite against private database servers, with `--all` also where there are poolers,
//! clusters and other versions of the servers. `cargo xtask servers` keeps servers up for work on single tests. Everything is made for Unix; on Windows use WSL.

#[cfg(unix)]
mod account;
#[cfg(unix)]
mod backend;
#[cfg(unix)]
mod bench;
#[cfg(unix)]
mod cargo;
#[cfg(unix)]
mod certificates;
#[cfg(unix)]
mod cli;
#[cfg(unix)]
mod debian;
#[cfg(unix)]
mod environment;
#[cfg(unix)]
mod folder;
#[cfg(unix)]
mod galera;
#[cfg(unix)]
mod inputs;
#[cfg(unix)]
mod install;
#[cfg(unix)]
mod mariadb;
#[cfg(unix)]
mod mysql;
#[cfg(unix)]
mod output;
#[cfg(unix)]
mod pgbouncer;
#[cfg(unix)]
mod place;
#[cfg(unix)]
mod platform;
#[cfg(unix)]
mod postgres;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod serve;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod standby;
#[cfg(unix)]
mod summary;
#[cfg(unix)]
mod test;
#[cfg(unix)]
mod watchdog;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    cli::run()
}

#[cfg(not(unix))]
fn main() -> std::process::ExitCode {
    eprintln!("error: cargo xtask starts database servers and needs a Unix; on Windows use WSL");
    std::process::ExitCode::FAILURE
}
