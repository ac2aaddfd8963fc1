//! The command on throw-away projects and real databases.

mod backup;
mod verify;
