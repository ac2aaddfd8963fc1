//! The verbs that most programs use, compiled with this crate: as an async function is compiled where it is awaited, and
//! a generic one where its types are known, every program that calls a verb would otherwise compile the engine again. A box
//! has the code of its future where it is made.

use std::pin::Pin;

use migrate_revision::{Direction, Target};

use super::Run;
use crate::Result;
use crate::report::{Plan, Report, Status};

/// A verb on its way.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The verbs of [`Run`], boxed.
pub(crate) trait Compiled<'a> {
    fn boxed_upgrade(self, target: Target) -> Boxed<'a, Report>;
    fn boxed_downgrade(self, target: Target) -> Boxed<'a, Report>;
    fn boxed_stamp(self, target: Target, purge: bool) -> Boxed<'a, Report>;
    fn boxed_plan(self, target: Target, direction: Direction) -> Boxed<'a, Plan>;
    fn boxed_status(self) -> Boxed<'a, Status>;
}

/// Compiles the verbs for a database.
macro_rules! compiled {
    ($database:ty) => {
        impl<'a> Compiled<'a> for Run<'a, $database> {
            fn boxed_upgrade(self, target: Target) -> Boxed<'a, Report> {
                Box::pin(self.upgrade(target))
            }

            fn boxed_downgrade(self, target: Target) -> Boxed<'a, Report> {
                Box::pin(self.downgrade(target))
            }

            fn boxed_stamp(self, target: Target, purge: bool) -> Boxed<'a, Report> {
                Box::pin(self.stamp(target, purge))
            }

            fn boxed_plan(self, target: Target, direction: Direction) -> Boxed<'a, Plan> {
                Box::pin(self.plan(target, direction))
            }

            fn boxed_status(self) -> Boxed<'a, Status> {
                Box::pin(self.status())
            }
        }
    };
}

#[cfg(feature = "sqlite")]
compiled!(crate::backends::sqlite::Sqlite<'a>);
#[cfg(feature = "postgres")]
compiled!(crate::backends::postgres::Postgres<'a>);
#[cfg(feature = "mysql")]
compiled!(crate::backends::mysql::Mysql<'a>);
