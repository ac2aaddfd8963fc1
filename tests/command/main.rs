//! The command on throw-away projects and real databases.

mod backup;
mod fleet;
mod interrupt;
mod program;
mod question;
mod runner;
mod secrets;
mod seed;
mod verify;
