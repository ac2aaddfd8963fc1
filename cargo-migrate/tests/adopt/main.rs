//! Projects of other tools, adopted as a user does it, and gone on with.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod adopted;
mod again;
mod alembic;
mod backends;
mod dbmate;
mod diesel;
mod flyway;
mod golang_migrate;
mod goose;
#[path = "../command/project.rs"]
#[allow(dead_code, reason = "shared with the tests of the other commands")]
mod project;
mod refinery;
mod refusals;
mod servers;
mod sqlx;
mod stamps;
mod tools;
