//! What the runtime does, each behaviour written once and shown on SQLite, PostgreSQL and MariaDB.

mod applying;
mod connections;
mod failing;
mod nothing_to_do;
mod races;
mod rust_revisions;
mod sample;
mod separation;
mod session;
mod sqlite;
mod state;
