//! What is killed, raced and cut off, on SQLite, PostgreSQL and MariaDB.

mod client;
mod crash;
mod pools;
mod proxy;
mod races;
mod server;
mod sqlite;
mod state;
mod walk;
