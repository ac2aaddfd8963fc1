//! The front: a set, a database, options, and a verb.

use crate::event::{Event, Events};
use crate::options::{Options, option_setters};
use crate::report::Plan;
use crate::set::Migrations;

/// What the verbs of every backend are written with.
mod words {
    pub(super) use migrate_revision::{Direction, Target};

    pub(super) use super::{Migrations, Migrator};
    pub(super) use crate::Result;
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(super) use crate::engine::{Compiled, Run};
    pub(super) use crate::history::HistoryRow;
    pub(super) use crate::options::Resolution;
    pub(super) use crate::report::{EditedRevision, Plan, Report, Resolved, RevisionInfo, Status};
    pub(super) use crate::set::IntoTarget;
}

/// A set of migrations and a database to apply them to.
///
/// Made by [`Migrations::sqlite`], [`Migrations::postgres`], [`Migrations::mysql`] or [`Migrations::connect`]; each verb
/// takes it by value. On SQLite the verbs are plain functions, on the others they are async; otherwise they are the same.
///
/// An async verb's future may be dropped at any await: no transaction and no lock stay behind, and what was done is
/// recorded. A connection of mysql_async is of no more use after that.
#[must_use = "a migrator does nothing until one of its verbs is called"]
pub struct Migrator<'a, C> {
    set: &'a Migrations,
    connection: C,
    options: Options,
    events: Events<'a>,
}

impl<'a, C> Migrator<'a, C> {
    fn new(set: &'a Migrations, connection: C) -> Self {
        Self { set, connection, options: Options::default(), events: Events::default() }
    }

    option_setters!();

    /// Where events of the run go.
    pub fn on_event(mut self, listener: impl FnMut(&Event<'_>) + Send + 'a) -> Self {
        self.events.listener = Some(Box::new(listener));
        self
    }

    /// Has a downgrade take steps of its plan alone: where the database is somewhere else by now, from which others lead to the target, it
    /// fails with [`ErrorKind::Moved`](crate::ErrorKind::Moved). For cargo-migrate and migrate-cli; no part of the public interface.
    #[doc(hidden)]
    pub fn as_planned(mut self, plan: &Plan) -> Self {
        self.options.planned = Some(plan.into());
        self
    }
}

impl<C> std::fmt::Debug for Migrator<'_, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Migrator").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Writes the verbs once, for plain and for async functions. `$call` runs a verb of the engine on the connection.
///
/// Those that most programs use are compiled with the engine; the others, which are `#[inline]` or generic, by the programs
/// that use them.
macro_rules! verbs {
    ($connection:ty, $call:ident $(, $asynchronous:ident)?) => {
        impl<'a> Migrator<'a, $connection> {
            /// Applies what is missing to the target: `head`, a revision, `+1`.
            ///
            /// A start with nothing to do sends one statement that reads one row.
            ///
            /// # Errors
            /// When the target leads nowhere, a revision fails, the database has other revisions than this binary or
            /// edited ones, another run holds the lock for too long, or the database refuses.
            pub $($asynchronous)? fn upgrade(self, target: impl IntoTarget) -> Result<Report> {
                let target = target.into_target();
                $call!(self, boxed_upgrade(target))
            }

            /// Undoes what stands above the target: `base`, a revision, `-1`.
            ///
            /// # Errors
            /// As [`upgrade`](Self::upgrade), and when a revision on the way is irreversible; then nothing is touched.
            pub $($asynchronous)? fn downgrade(self, target: impl IntoTarget) -> Result<Report> {
                let target = target.into_target();
                $call!(self, boxed_downgrade(target))
            }

            /// Records that the database is at the target, without running anything.
            ///
            /// # Errors
            /// When the target leads nowhere, or the database refuses.
            pub $($asynchronous)? fn stamp(self, target: impl IntoTarget) -> Result<Report> {
                let target = target.into_target();
                $call!(self, boxed_stamp(target, false))
            }

            /// Records that the database is at the target and at nothing else, wherever it was: as a
            /// [`stamp`](Self::stamp) of a database without history, and one row as well.
            ///
            /// # Errors
            /// As [`stamp`](Self::stamp).
            pub $($asynchronous)? fn stamp_purged(self, target: impl IntoTarget) -> Result<Report> {
                let target = target.into_target();
                $call!(self, boxed_stamp(target, true))
            }

            /// The revisions that were edited after they were applied.
            ///
            /// # Errors
            /// When the database cannot be read, or has other revisions than this binary.
            #[inline]
            pub $($asynchronous)? fn edited(self) -> Result<Vec<EditedRevision>> {
                $call!(self, edited())
            }

            /// Accepts the edits of applied revisions: records that the database is as their files now say, without running
            /// anything. `repair(&edited)` accepts what [`edited`](Self::edited) has listed.
            ///
            /// All are accepted or none; what was accepted before is no error. A binary with the former text is refused afterwards, and so is every binary as long
            /// as another of its revisions is edited.
            ///
            /// # Errors
            /// When a target names no edited revision, the database has other revisions than this binary, a revision was
            /// interrupted, another run holds the lock for too long, or the database refuses.
            pub $($asynchronous)? fn repair(
                self,
                revisions: impl IntoIterator<Item = impl IntoTarget>,
            ) -> Result<Report> {
                let targets: Vec<Target> = revisions.into_iter().map(IntoTarget::into_target).collect();
                $call!(self, repair(targets))
            }

            /// Says what is true of the statement at which a revision was interrupted, where the next run could not tell:
            /// its error says so, and shows the statement. It must be known by looking at the database. Nothing is run.
            ///
            /// # Errors
            /// When no revision is half done, a run is still at work on it, or the database refuses.
            #[inline]
            pub $($asynchronous)? fn resolve(self, resolution: Resolution) -> Result<Resolved> {
                $call!(self, resolve(resolution))
            }

            /// What [`upgrade`](Self::upgrade) to the target would do.
            ///
            /// # Errors
            /// As [`status`](Self::status), when the database is ahead in a way that the verb refuses, and when the target leads nowhere.
            pub $($asynchronous)? fn plan(self, target: impl IntoTarget) -> Result<Plan> {
                let target = target.into_target();
                $call!(self, boxed_plan(target, Direction::Up))
            }

            /// What [`downgrade`](Self::downgrade) to the target would do.
            ///
            /// # Errors
            /// As [`status`](Self::status), when the database is ahead, and when the target leads nowhere or a revision is irreversible.
            pub $($asynchronous)? fn plan_downgrade(self, target: impl IntoTarget) -> Result<Plan> {
                let target = target.into_target();
                $call!(self, boxed_plan(target, Direction::Down))
            }

            /// Undoes what a newer binary has done and this one does not know, from the texts that it left on record, until
            /// the database is where this binary knows it. [`plan_undo_unknown`](Self::plan_undo_unknown) shows them.
            ///
            /// # Errors
            /// When one of them is irreversible, written in Rust, or half applied, when the database came there by a stamp, or
            /// what is below is not what this binary has; then nothing is touched. Otherwise as [`upgrade`](Self::upgrade).
            #[inline]
            pub $($asynchronous)? fn undo_unknown(self) -> Result<Report> {
                $call!(self, undo_unknown())
            }

            /// What [`undo_unknown`](Self::undo_unknown) would do, with the SQL that it would run.
            ///
            /// # Errors
            /// As [`undo_unknown`](Self::undo_unknown).
            #[inline]
            pub $($asynchronous)? fn plan_undo_unknown(self) -> Result<Plan> {
                $call!(self, plan_undo_unknown())
            }

            /// The heads that are in force, by what the database says alone.
            ///
            /// # Errors
            /// When the database cannot be read.
            #[inline]
            pub $($asynchronous)? fn current(self) -> Result<Vec<String>> {
                $call!(self, current())
            }

            /// What was ever done to the database, oldest first.
            ///
            /// # Errors
            /// When the database cannot be read.
            #[inline]
            pub $($asynchronous)? fn history(self) -> Result<Vec<HistoryRow>> {
                $call!(self, history())
            }

            /// Where the database is, held against this binary.
            ///
            /// # Errors
            /// When the database cannot be read, has gone another way than this binary, or has edited revisions. That it is ahead
            /// is no error: [`Status`] tells by what.
            pub $($asynchronous)? fn status(self) -> Result<Status> {
                $call!(self, boxed_status())
            }

            /// The revisions that [`upgrade`](Self::upgrade) to the heads would apply.
            ///
            /// # Errors
            /// As [`status`](Self::status).
            pub $($asynchronous)? fn pending(self) -> Result<Vec<RevisionInfo>> {
                let status: Result<Status> = $call!(self, boxed_status());
                Ok(status?.pending)
            }
        }
    };
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::words::*;
    use crate::backends::sqlite::Sqlite;

    impl Migrations {
        /// These migrations on a connection of rusqlite.
        pub fn sqlite<'a>(
            &'a self,
            connection: &'a mut rusqlite::Connection,
        ) -> Migrator<'a, SqliteConnection<'a>> {
            Migrator::new(self, SqliteConnection(connection))
        }
    }

    /// A connection of rusqlite.
    #[derive(Debug)]
    pub struct SqliteConnection<'a>(&'a mut rusqlite::Connection);

    macro_rules! call {
        ($migrator:ident, $($verb:tt)*) => {{
            let Migrator { set, connection, options, events } = $migrator;
            let database = Sqlite::new(connection.0, options.lock_timeout);
            poll_once(Run::new(set, database, options, events).$($verb)*)
        }};
    }

    verbs!(SqliteConnection<'a>, call);

    /// The result of a future that never waits.
    pub(crate) fn poll_once<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(&mut context) {
            std::task::Poll::Ready(result) => result,
            std::task::Poll::Pending => {
                Err(crate::Error::new(crate::ErrorKind::Other, "the run waits, which none does on SQLite"))
            }
        }
    }
}
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteConnection;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::poll_once;

#[cfg(feature = "postgres")]
mod postgres {
    use super::words::*;
    use crate::backends::postgres::Postgres;

    impl Migrations {
        /// These migrations on a client of tokio-postgres. A pooled one is passed as `&mut pooled`.
        pub fn postgres<'a>(
            &'a self,
            client: &'a mut tokio_postgres::Client,
        ) -> Migrator<'a, PostgresConnection<'a>> {
            Migrator::new(self, PostgresConnection(client))
        }
    }

    /// A client of tokio-postgres.
    pub struct PostgresConnection<'a>(&'a mut tokio_postgres::Client);

    macro_rules! call {
        ($migrator:ident, $($verb:tt)*) => {{
            let Migrator { set, connection, options, events } = $migrator;
            Run::new(set, Postgres::new(connection.0, options.statement_lock_timeout), options, events).$($verb)*.await
        }};
    }

    verbs!(PostgresConnection<'a>, call, async);
}
#[cfg(feature = "postgres")]
pub use postgres::PostgresConnection;

#[cfg(feature = "mysql")]
mod mysql {
    use super::words::*;
    use crate::backends::mysql::Mysql;

    impl Migrations {
        /// These migrations on a connection of mysql_async. A pooled one is passed as `&mut pooled`.
        pub fn mysql<'a>(
            &'a self,
            connection: &'a mut mysql_async::Conn,
        ) -> Migrator<'a, MysqlConnection<'a>> {
            Migrator::new(self, MysqlConnection(connection))
        }
    }

    /// A connection of mysql_async.
    pub struct MysqlConnection<'a>(&'a mut mysql_async::Conn);

    macro_rules! call {
        ($migrator:ident, $($verb:tt)*) => {{
            let Migrator { set, connection, options, events } = $migrator;
            Run::new(set, Mysql::new(connection.0, options.statement_lock_timeout), options, events).$($verb)*.await
        }};
    }

    verbs!(MysqlConnection<'a>, call, async);
}
#[cfg(feature = "mysql")]
pub use mysql::MysqlConnection;

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod cancel;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod connect;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use cancel::Canceller;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use connect::Connected;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) use connect::Kind;

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
mod nowhere;
#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
pub(crate) use nowhere::no_backend;
#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
pub use nowhere::{Canceller, Connected};

/// Says in the compile error that the feature is off, where there would be only "no such method".
#[cfg(not(feature = "sqlite"))]
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the `sqlite` feature of embed-migrations is off",
    label = "this backend is not in the program",
    note = "turn it on in Cargo.toml: `embed-migrations = {{ version = \"0.1\", features = [\"sqlite\"] }}`"
)]
pub trait SqliteFeature {}

#[cfg(not(feature = "sqlite"))]
impl Migrations {
    #[doc(hidden)]
    pub fn sqlite<C: SqliteFeature>(&self, connection: C) -> C {
        connection
    }
}

/// Says in the compile error that the feature is off, where there would be only "no such method".
#[cfg(not(feature = "postgres"))]
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the `postgres` feature of embed-migrations is off",
    label = "this backend is not in the program",
    note = "turn it on in Cargo.toml: `embed-migrations = {{ version = \"0.1\", features = [\"postgres\"] }}`"
)]
pub trait PostgresFeature {}

#[cfg(not(feature = "postgres"))]
impl Migrations {
    #[doc(hidden)]
    pub fn postgres<C: PostgresFeature>(&self, connection: C) -> C {
        connection
    }
}

/// Says in the compile error that the feature is off, where there would be only "no such method".
#[cfg(not(feature = "mysql"))]
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the `mysql` feature of embed-migrations is off",
    label = "this backend is not in the program",
    note = "turn it on in Cargo.toml: `embed-migrations = {{ version = \"0.1\", features = [\"mysql\"] }}`"
)]
pub trait MysqlFeature {}

#[cfg(not(feature = "mysql"))]
impl Migrations {
    #[doc(hidden)]
    pub fn mysql<C: MysqlFeature>(&self, connection: C) -> C {
        connection
    }
}
