//! Connections of the drivers' own, made as [`connect`](crate::Migrations::connect) makes them. For cargo-migrate; no part
//! of the public interface.

use crate::Result;
use crate::url::ServerUrl;

/// The database that a server's URL names.
///
/// # Errors
/// When the URL is not one of a server.
pub fn database_of(url: &str) -> Result<Option<String>> {
    Ok(ServerUrl::parse(url)?.database())
}

fn on_database(url: &str, database: Option<&str>) -> Result<String> {
    let mut url = ServerUrl::parse(url)?;
    url.set_database(database);
    Ok(url.to_string())
}

/// A connection to an SQLite file, which is made if it is not there.
///
/// # Errors
/// Those of [`connect`](crate::Migrations::connect).
#[cfg(feature = "sqlite")]
pub fn sqlite(url: &str) -> Result<rusqlite::Connection> {
    crate::backends::sqlite::connect(url.strip_prefix("sqlite:").unwrap_or(url))
}

/// A client of a PostgreSQL server, on another database than the URL's if one is named.
///
/// # Errors
/// Those of [`connect`](crate::Migrations::connect).
#[cfg(feature = "postgres")]
pub async fn postgres(url: &str, database: Option<&str>) -> Result<tokio_postgres::Client> {
    let url = match database {
        None => url.to_owned(),
        some => on_database(url, some)?,
    };
    Ok(crate::backends::postgres::connect(&url).await?.client)
}

/// A connection to a MySQL or MariaDB server, and what stands between the two.
#[cfg(feature = "mysql")]
pub struct MysqlConn(crate::backends::mysql::Connected);

/// A connection to a MySQL or MariaDB server, with this database selected, or none.
///
/// # Errors
/// Those of [`connect`](crate::Migrations::connect).
#[cfg(feature = "mysql")]
pub async fn mysql(url: &str, database: Option<&str>) -> Result<MysqlConn> {
    let rest = url.split_once(':').map_or(url, |(_, rest)| rest);
    let url = on_database(&format!("mysql:{rest}"), database)?;
    Ok(MysqlConn(crate::backends::mysql::connect(&url).await?))
}

#[cfg(feature = "mysql")]
impl MysqlConn {
    /// Says goodbye to the server.
    pub async fn close(self) {
        self.0.close().await;
    }
}

#[cfg(feature = "mysql")]
impl std::ops::Deref for MysqlConn {
    type Target = mysql_async::Conn;

    fn deref(&self) -> &mysql_async::Conn {
        &self.0.conn
    }
}

#[cfg(feature = "mysql")]
impl std::ops::DerefMut for MysqlConn {
    fn deref_mut(&mut self) -> &mut mysql_async::Conn {
        &mut self.0.conn
    }
}
