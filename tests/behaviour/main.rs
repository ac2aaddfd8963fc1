//! What the runtime does, each behaviour written once and shown on SQLite, PostgreSQL and MariaDB.

mod applying;
mod blocked;
mod connections;
mod count;
mod failing;
mod fleet;
mod hostile;
mod lease;
mod long;
mod narrowed;
mod nothing_to_do;
mod offline;
mod passwords;
mod races;
mod recorded_down;
mod repair;
mod resolve;
mod rust_blocked;
mod rust_revisions;
mod sample;
mod sent_ahead;
mod separation;
mod session;
mod sqlite;
mod state;
mod tls;
