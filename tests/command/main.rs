//! The command on throw-away projects and real databases.

mod backup;
mod interrupt;
mod program;
mod seed;
mod verify;
