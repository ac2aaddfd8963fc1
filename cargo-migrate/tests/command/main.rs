//! The command on throw-away projects, as a user meets it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backup;
mod branches;
mod ci;
mod database;
mod files;
mod hostile;
mod mistakes;
mod project;
mod repair;
mod runner;
mod script;
#[cfg(target_os = "linux")]
mod signals;
mod verify;
mod workflow;
