//! Connections that a URL leads to.

use super::words::*;
use crate::{Error, ErrorKind};

impl Migrations {
    /// These migrations on the database of a URL, over a connection of their own that ends with the verb:
    /// `sqlite:app.db`, `postgres://user:password@host/database`, `mysql://user:password@host/database`.
    ///
    /// SQLite's work is done on the calling thread. A SQLite file is made if it is not there.
    ///
    /// Any character may be in a password. Where a URL could be read in two ways it is refused, and `@`, `/`, `?` and `#` have
    /// to be written as `%40`, `%2F`, `%3F` and `%23`.
    ///
    /// `connect_timeout` in the URL is how many seconds the whole way to a connection may take, of PostgreSQL for each address of its
    /// hosts and once more for what follows; 0 is no limit. Without it there are 30 for each address of PostgreSQL, and 300 for
    /// MySQL and MariaDB. The runtime of tokio must have its timers enabled.
    ///
    /// # TLS
    /// With the feature `tls`, `sslmode` is one of these, and means what it means to PostgreSQL's own programs:
    ///
    /// | `sslmode` | |
    /// | --- | --- |
    /// | `disable` | no TLS |
    /// | `prefer` | TLS if the server has it, whoever the server is; so it is without `sslmode` |
    /// | `require` | TLS or nothing. With `sslrootcert` as `verify-ca` |
    /// | `verify-ca` | and the server's certificate is signed by one of `sslrootcert` |
    /// | `verify-full` | and it is for the host that the URL names |
    ///
    /// `sslrootcert` is the path of a PEM file, or `system` for the authorities that the operating system knows, with
    /// `verify-full` alone. A root certificate without a mode means `verify-ca`, and `system` means `verify-full`. `sslcert` and
    /// `sslkey` are PEM files of a certificate for the client. `ssl-mode`, `ssl-ca`, `ssl-cert` and `ssl-key` are the same, with
    /// MySQL's words `DISABLED`, `PREFERRED`, `REQUIRED`, `VERIFY_CA` and `VERIFY_IDENTITY`.
    ///
    /// Without the feature `prefer` connects plainly, and whatever asks for more is an error. There is no TLS on a Unix socket,
    /// whatever the URL says, and none to MySQL and MariaDB where there are no Unix sockets.
    ///
    /// # Errors
    /// When the URL is none of these, its backend's feature is off, or the database cannot be reached. No error shows the
    /// URL or a password.
    pub async fn connect(&self, url: &str) -> Result<Migrator<'_, Connected>> {
        Ok(Migrator::new(self, Connected::new(url).await?))
    }
}

/// A connection that a URL led to.
pub struct Connected(pub(crate) Kind);

pub(crate) enum Kind {
    #[cfg(feature = "sqlite")]
    Sqlite(rusqlite::Connection),
    #[cfg(feature = "postgres")]
    Postgres(crate::backends::postgres::Connected),
    #[cfg(feature = "mysql")]
    Mysql(crate::backends::mysql::Connected),
}

impl Kind {
    /// Says goodbye, and waits until that is sent: a connection that is merely dropped may leave the server with an error in its log, and
    /// counts there for longer.
    pub(crate) async fn close(self) {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(connected) => connected.close().await,
            #[cfg(feature = "mysql")]
            Self::Mysql(connected) => connected.close().await,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => {}
        }
    }
}

const SCHEMES: [&str; 5] = ["sqlite", "postgres", "postgresql", "mysql", "mariadb"];

impl Connected {
    pub(crate) async fn new(url: &str) -> Result<Self> {
        let (scheme, _rest) = url.split_once(':').unwrap_or(("", url));
        match scheme {
            #[cfg(feature = "sqlite")]
            "sqlite" => Ok(Self(Kind::Sqlite(crate::backends::sqlite::connect(_rest)?))),
            #[cfg(feature = "postgres")]
            "postgres" | "postgresql" => {
                Ok(Self(Kind::Postgres(crate::backends::postgres::connect(url).await?)))
            }
            #[cfg(feature = "mysql")]
            "mysql" | "mariadb" => {
                Ok(Self(Kind::Mysql(crate::backends::mysql::connect(&format!("mysql:{_rest}")).await?)))
            }
            _ if SCHEMES.contains(&scheme) => Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the URL is one of {scheme}, and that feature of embed-migrations is off in this program"
                ),
            )),
            // The rest of the text may hold a password.
            _ => Err(Error::new(
                ErrorKind::Url,
                "the URL is not one of a database\n\nhint: it begins with `sqlite:`, `postgres://` or `mysql://`",
            )),
        }
    }
}

macro_rules! call {
    ($migrator:ident, $($verb:tt)*) => {{
        let Migrator { set, connection: Connected(mut kind), options, events } = $migrator;
        let result = match &mut kind {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(connection) => {
                let database = crate::backends::sqlite::Sqlite::new(connection, options.lock_timeout)
                    .until(&options.cancelled);
                Run::new(set, database, options, events).$($verb)*.await
            }
            #[cfg(feature = "postgres")]
            Kind::Postgres(connected) => {
                let timeout = options.statement_lock_timeout;
                let database = crate::backends::postgres::Postgres::new(&mut connected.client, timeout);
                Run::new(set, database, options, events).$($verb)*.await
            }
            #[cfg(feature = "mysql")]
            Kind::Mysql(connected) => {
                let timeout = options.statement_lock_timeout;
                let database = crate::backends::mysql::Mysql::new(&mut connected.conn, timeout);
                Run::new(set, database, options, events).$($verb)*.await
            }
        };
        kind.close().await;
        result
    }};
}

verbs!(Connected, call, async);

#[cfg(feature = "_source")]
impl Migrator<'_, Connected> {
    /// The rows of a query, every value as text. For cargo-migrate; no part of the public interface.
    ///
    /// # Errors
    /// When the database refuses.
    #[doc(hidden)]
    pub async fn query(self, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
        let Connected(mut kind) = self.connection;
        let _timeout = self.options.statement_lock_timeout;
        let rows = match &mut kind {
            #[cfg(feature = "sqlite")]
            Kind::Sqlite(connection) => {
                crate::backends::sqlite::Sqlite::new(connection, self.options.lock_timeout).query(sql)
            }
            #[cfg(feature = "postgres")]
            Kind::Postgres(connected) => {
                crate::backends::postgres::Postgres::new(&mut connected.client, _timeout).query(sql).await
            }
            #[cfg(feature = "mysql")]
            Kind::Mysql(connected) => {
                crate::backends::mysql::Mysql::new(&mut connected.conn, _timeout).query(sql).await
            }
        };
        kind.close().await;
        rows.map_err(|fault| fault.while_doing("read what another tool recorded"))
    }
}
