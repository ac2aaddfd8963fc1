//! Connections from URLs.

#[cfg(all(feature = "tls", unix))]
mod relay;
#[cfg(all(feature = "tls", unix))]
mod tls;

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
#[cfg(all(feature = "tls", unix))]
use tokio::task::JoinSet;

use super::packet;
use crate::tls::TlsOptions;
use crate::url::{ServerUrl, within};
use crate::{Error, ErrorKind, Result};

/// How mysql_async itself calls what `sslmode` says.
const DRIVER_PARAMETERS: [&str; 4] = ["require_ssl", "verify_ca", "verify_identity", "built_in_roots"];

/// How long the whole way to a connection may take, where the URL does not say: an address that is dead is left to the
/// system, which goes on to the next after some two minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(300);

/// A connection of a URL's.
pub(crate) struct Connected {
    pub(crate) conn: Conn,
    /// How to get another one
    url: String,
    /// What goes on between the connection and the server, if anything does. It ends with either of them
    #[cfg(all(feature = "tls", unix))]
    relay: JoinSet<()>,
}

impl Connected {
    fn plain(conn: Conn) -> Self {
        Self {
            conn,
            url: String::new(),
            #[cfg(all(feature = "tls", unix))]
            relay: JoinSet::new(),
        }
    }

    /// What stops the statement that the connection is at.
    pub(crate) fn canceller(&self) -> Canceller {
        Canceller { url: self.url.clone(), connection: self.conn.id() }
    }

    /// Says goodbye, without which the server would have an error in its log.
    pub(crate) async fn close(self) {
        let _ = self.conn.disconnect().await;
        #[cfg(all(feature = "tls", unix))]
        {
            let mut relay = self.relay;
            let _ = tokio::time::timeout(Duration::from_secs(1), relay.join_next()).await;
        }
    }
}

/// Has the server give up a statement, over a connection made for that.
#[derive(Clone)]
pub(crate) struct Canceller {
    url: String,
    connection: u32,
}

impl Canceller {
    /// Whether there was a statement is not told.
    pub(crate) async fn cancel(&self) -> Result<()> {
        let mut connected = connect(&self.url).await?;
        connected.conn.query_drop(format!("KILL QUERY {}", self.connection)).await?;
        connected.close().await;
        Ok(())
    }
}

/// Connects to the database of a `mysql:` URL.
pub(crate) async fn connect(url: &str) -> Result<Connected> {
    let connected = reach(url).await?;
    Ok(Connected { url: url.to_owned(), ..connected })
}

async fn reach(url: &str) -> Result<Connected> {
    let mut url = ServerUrl::parse(url)?;
    for name in DRIVER_PARAMETERS {
        if url.take([name, name])?.is_some() {
            let message = format!(
                "the URL has `{name}`\n\nhint: what it says is said with `sslmode` and `sslrootcert`"
            );
            return Err(Error::new(ErrorKind::Url, message));
        }
    }
    let options = TlsOptions::take_from(&mut url)?;
    let limit = url.take_connect_timeout()?;
    let opts = Opts::from_url(&url.to_string()).map_err(|error| {
        Error::new(ErrorKind::Url, format!("the URL is not one of MySQL: {error}")).with_source(error)
    })?;
    let doing = doing(&opts);
    within(limit.unwrap_or(CONNECT_TIMEOUT), &doing, connect_by(opts, options)).await
}

async fn connect_by(opts: Opts, options: TlsOptions) -> Result<Connected> {
    // As with PostgreSQL: no TLS on the sockets of the own machine, whatever the URL asks for.
    if opts.socket().is_none() {
        #[cfg(all(feature = "tls", unix))]
        if let Some(client) = options.client()? {
            return tls::connect(opts, client).await;
        }
        #[cfg(not(all(feature = "tls", unix)))]
        options.refuse()?;
    }
    plain(opts).await
}

async fn plain(opts: Opts) -> Result<Connected> {
    let doing = doing(&opts);
    Conn::new(opts).await.map(Connected::plain).map_err(|error| packet::fault(error).while_doing(&doing))
}

/// What fails when it does.
fn doing(opts: &Opts) -> String {
    format!("connect to MySQL at {}:{}", opts.ip_or_hostname(), opts.tcp_port())
}
