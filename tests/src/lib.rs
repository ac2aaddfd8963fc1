//! What the tests share: databases of their own on real servers, sets of revisions from text, throw-away projects.

mod client;
pub mod command;
pub mod database;
pub mod front;
pub mod guarantees;
pub mod log;
pub mod project;
pub mod revisions;
pub mod sets;

/// Writes a behaviour once and makes a test of it on every backend: `behaviour_name::sqlite`, `::postgres`, `::mysql`.
///
/// The function is given a [`database::Database`] of its own, which is gone when it returns.
#[macro_export]
macro_rules! behaviours {
    ($($(#[$attribute:meta])* fn $name:ident($db:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            fn behaviour($db: &$crate::database::Database) $body

            #[test]
            fn sqlite() {
                behaviour(&$crate::database::Database::new($crate::database::Kind::Sqlite));
            }

            #[test]
            fn postgres() {
                behaviour(&$crate::database::Database::new($crate::database::Kind::Postgres));
            }

            #[test]
            fn mysql() {
                behaviour(&$crate::database::Database::new($crate::database::Kind::Mysql));
            }
        }
    )*};
}

/// As [`behaviours!`], of servers alone.
#[macro_export]
macro_rules! server_behaviours {
    ($($(#[$attribute:meta])* fn $name:ident($db:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            fn behaviour($db: &$crate::database::Database) $body

            #[test]
            fn postgres() {
                behaviour(&$crate::database::Database::new($crate::database::Kind::Postgres));
            }

            #[test]
            fn mysql() {
                behaviour(&$crate::database::Database::new($crate::database::Kind::Mysql));
            }
        }
    )*};
}

/// Calls a verb on a connection, with options before it: `migrate!(connection, set, lock(Lock::None).upgrade("head"))`.
#[macro_export]
macro_rules! migrate {
    ($connection:expr, $set:expr, $($call:tt)*) => {{
        let $crate::database::Connection { native, runtime, .. } = &mut $connection;
        match native {
            $crate::database::Native::Sqlite(connection) => $set.sqlite(connection).$($call)*,
            $crate::database::Native::Postgres(client) => runtime.block_on($set.postgres(client).$($call)*),
            $crate::database::Native::Mysql(conn) => runtime.block_on($set.mysql(conn).$($call)*),
        }
    }};
}
