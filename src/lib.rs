//! Compiled database migrations: a directory of revisions is checked while the application compiles, put into its binary,
//! and applied from there to SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! # Example
//!
//! `migrations/1f3a9c0d27be_add_users.sql`:
//!
//! ```sql
//! -- Add users
//! --
//! -- revision: 1f3a9c0d27be
//!
//! -- migrate:up
//! CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
//!
//! -- migrate:down
//! DROP TABLE users;
//! ```
//!
//! `src/main.rs`:
//!
#![cfg_attr(feature = "sqlite", doc = "```no_run")]
#![cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
//! use embed_migrations::{Result, Target, embed_migrations};
//!
//! embed_migrations!("migrations");
//!
//! fn main() -> Result<()> {
//!     let mut connection = rusqlite::Connection::open("app.db")?;
//!     let report = migrations::MIGRATIONS.sqlite(&mut connection).upgrade(Target::Head)?;
//!     println!("{report}");
//!     Ok(())
//! }
//! ```
//!
//! # Behaviour
//!
//! [`embed_migrations!`] refuses a directory whose history is not sound, with every problem of it as a compile error of its own. What
//! it accepts it embeds as data: a start runs no code for it, and one with nothing to do decodes nothing and sends one statement that
//! reads one row.
//!
//! A [`Migrator`] joins the embedded [`Migrations`] with a database and runs a verb: [`upgrade`](Migrator::upgrade),
//! [`downgrade`](Migrator::downgrade), [`stamp`](Migrator::stamp), [`plan`](Migrator::plan), [`status`](Migrator::status) and others. They
//! are plain functions on SQLite and async on the others. A [`Fleet`] does the same to many databases or schemas.
//!
//! # Guarantees
//!
//! - Of any number of processes that start at once each revision is applied by one. The primary key of the history table sees to
//!   that; a [`Lock`] only spares the others the work, but for one limit that [`Lock`] tells.
//! - A revision that fails leaves nothing on PostgreSQL and SQLite. On MySQL and MariaDB, and in `no-transaction` sections, each
//!   statement is recorded, and the next run goes on after the last one; of a DDL statement that was interrupted before its record, the
//!   definitions of the objects that it names tell whether it was done.
//! - What a revision changes in its session reaches neither the next revision nor the caller.
//! - A dropped future leaves no transaction open and no lock. A connection of mysql_async is of no more use then; take another.
//! - A database that has other revisions than the binary, or edited ones, is told apart and refused; see [`ErrorKind`] and [`Ahead`].
//!
//! # Runtime and TLS
//!
//! PostgreSQL and MySQL need tokio, as their drivers do. TLS is that of the connection that you bring. What
//! [`Migrations::connect`] makes has TLS with the feature `tls`, by rustls with ring; the process's default provider of rustls is
//! neither used nor set.
//!
//! # Features
//!
//! | feature | for |
//! | --- | --- |
//! | `sqlite` | SQLite through the application's own rusqlite |
//! | `sqlite-bundled` | the same, with SQLite built from source |
//! | `postgres` | PostgreSQL through tokio-postgres |
//! | `mysql` | MySQL and MariaDB through mysql_async |
//! | `tls` | TLS for connections made from URLs; see [`Migrations::connect`] |
//! | `tracing` | events of `tracing` for every step |
//! | `serde` | `Serialize` for [`Plan`], [`Report`], [`Status`], [`FleetReport`] and [`HistoryRow`] |
//! | `cli` | `upgrade`, `current`, `history` and others as subcommands of the application's own, with clap |

#[doc(inline)]
pub use migrate_runtime::*;

/// The commands of `cargo migrate` on the embedded set, as subcommands of an application's own.
///
/// ```no_run
/// use clap::Parser;
/// use embed_migrations::cli::{Cli, Command};
///
/// #[derive(Parser)]
/// enum App {
///     /// Serve
///     Serve,
///     /// Work on the database's schema
///     #[command(subcommand)]
///     Migrate(Command),
/// }
///
/// # const MIGRATIONS: fn() -> &'static embed_migrations::Migrations = || unreachable!();
/// # async fn example() -> std::process::ExitCode {
/// match App::parse() {
///     App::Serve => std::process::ExitCode::SUCCESS,
///     App::Migrate(command) => Cli::new(MIGRATIONS()).program("app migrate").run(&command).await,
/// }
/// # }
/// ```
#[cfg(feature = "cli")]
pub mod cli {
    pub use migrate_cli::{Cli, Command, With};
}

/// For the code that [`embed_migrations!`] writes. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use migrate_macros::embed;
    pub use migrate_runtime::__private::*;
}

/// Checks a directory of revisions while the crate compiles, and embeds it as a module.
///
/// The module is `migrations` unless named otherwise, and has `MIGRATIONS`, the set, and an enum `Revision` with a variant per
/// revision, named after its slug: `migrations::AddUsers`, which is accepted wherever a target is.
///
/// ```text
/// embed_migrations!("migrations");
///
/// embed_migrations!(
///     "../billing/migrations",          // relative to the crate's Cargo.toml
///     module = billing,                 // the module's name
///     namespace = "billing",            // keeps the set's rows apart from those of other sets
///     backends = [postgres, sqlite],    // every revision must cover these
///     branches = allow,                 // more than one head is fine
///     drafts = allow,                   // so are unlocked revisions where debug assertions are off
///     require(down),                    // every revision must be reversible
/// );
/// ```
///
/// Without `backends`, those are checked whose features are on. A library names its own, and a `namespace`: else it shares
/// `main` with the application. The call stands at the level of a module, not inside a function, and is no expression.
///
/// Every problem of the directory is a compile error that names the file, line and column, shows the line, and says what
/// to do. Files that change or disappear lead to a rebuild; for files that are added by hand, cargo needs a `build.rs` with
/// `println!("cargo::rerun-if-changed=migrations")`.
#[macro_export]
macro_rules! embed_migrations {
    ($($call:tt)*) => {
        $crate::__private::embed! { $crate; $($call)* }
    };
}
