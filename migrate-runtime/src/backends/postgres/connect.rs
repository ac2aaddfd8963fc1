//! Connections from URLs.

#[cfg(feature = "tls")]
mod tls;

use std::time::Duration;

use migrate_revision::Backend;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{CancelToken, Client, Config, Connection, NoTls, SimpleQueryMessage, Socket};

use super::{fault, source};
use crate::history::quote_name;
#[cfg(feature = "tls")]
use crate::tls::TlsClient;
use crate::tls::TlsOptions;
use crate::url::{ServerUrl, within};
use crate::{Error, ErrorKind, Result};

/// How long one address may take to let a connection in, where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// What ends by itself with a session.
const FORGET: &str = "CLOSE ALL; UNLISTEN *; DISCARD TEMP; DISCARD SEQUENCES; \
                      RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; ";

/// What `PREPARE` has prepared.
const PREPARED: &str = "SELECT name AS prepared FROM pg_catalog.pg_prepared_statements WHERE from_sql";

/// A connection of a URL's.
pub(crate) struct Connected {
    pub(crate) client: Client,
    #[cfg(feature = "tls")]
    tls: Option<TlsClient>,
    /// Ends by itself once the client is dropped and what it sent is answered
    connection: JoinHandle<()>,
}

/// Connects to the database of a `postgres:` URL.
pub(crate) async fn connect(url: &str) -> Result<Connected> {
    let mut url = ServerUrl::parse(url)?;
    let options = TlsOptions::take_from(&mut url)?;
    let limit = url.take_connect_timeout()?;
    let mut config: Config = url.to_string().parse().map_err(|error| {
        Error::new(ErrorKind::Url, "the URL is not one of PostgreSQL").with_source(source(error))
    })?;
    let limit = limit.unwrap_or(CONNECT_TIMEOUT);
    let doing = doing(&config);
    if !limit.is_zero() {
        config.connect_timeout(limit);
    }
    let whole = limit.saturating_mul(addresses(&config, limit).await.saturating_add(1));
    within(whole, &doing, connect_by(config, options)).await
}

/// How many addresses the hosts have. The driver gives each of them the time of one; one more is for what follows.
async fn addresses(config: &Config, limit: Duration) -> u32 {
    let ports = config.get_ports();
    let mut count = 0_u32;
    for (place, host) in config.get_hosts().iter().enumerate() {
        let port = ports.get(place).or(ports.first()).copied().unwrap_or(5432);
        let found = match host {
            Host::Tcp(name) if config.get_hostaddrs().is_empty() && !limit.is_zero() => {
                let looking = tokio::net::lookup_host((name.as_str(), port));
                tokio::time::timeout(limit, looking)
                    .await
                    .ok()
                    .and_then(std::io::Result::ok)
                    .map_or(1, Iterator::count)
            }
            _ => 1,
        };
        count = count.saturating_add(u32::try_from(found).unwrap_or(u32::MAX));
    }
    count
}

async fn connect_by(mut config: Config, options: TlsOptions) -> Result<Connected> {
    // PostgreSQL has no TLS on the sockets of its own machine, whatever a URL asks for.
    if config.get_hosts().iter().any(is_remote) || config.get_hosts().is_empty() {
        #[cfg(feature = "tls")]
        if let Some(client) = options.client()? {
            return tls::connect(config, client).await;
        }
        #[cfg(not(feature = "tls"))]
        options.refuse()?;
    }
    config.ssl_mode(SslMode::Disable);
    let connected = config.connect(NoTls).await;
    connected.map(Connected::new).map_err(|error| failed(&config, error))
}

impl Connected {
    fn new<T>((client, connection): (Client, Connection<Socket, T>)) -> Self
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let connection = tokio::spawn(async move {
            // Whatever ends it, the client's next call fails with the reason.
            let _ = connection.await;
        });
        Self {
            client,
            #[cfg(feature = "tls")]
            tls: None,
            connection,
        }
    }

    /// Says goodbye, and waits for a moment until it is said.
    pub(crate) async fn close(self) {
        drop(self.client);
        let _ = tokio::time::timeout(Duration::from_secs(1), self.connection).await;
    }

    /// Has the session forget what the revisions of one target left in it, before those of another run there: all that
    /// `DISCARD ALL` clears but for what a driver or a pooler has prepared, which they know by names of their own, and for the
    /// role that a login begins with. Advisory locks are let go only where `locks` says that the session is this run's alone.
    pub(crate) async fn forget(&self, locks: bool) -> Result<(), tokio_postgres::Error> {
        let unlock = if locks { "SELECT pg_catalog.pg_advisory_unlock_all(); " } else { "" };
        let messages = self.client.simple_query(&format!("{FORGET}{unlock}{PREPARED}")).await?;
        let names = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.try_get("prepared").ok().flatten(),
            _ => None,
        });
        let deallocate = |name| format!("DEALLOCATE {};", quote_name(name, Backend::Postgres));
        let sql: String = names.map(deallocate).collect();
        if sql.is_empty() { Ok(()) } else { self.client.batch_execute(&sql).await }
    }

    /// What stops the statement that the connection is at.
    pub(crate) fn canceller(&self) -> Canceller {
        Canceller {
            token: self.client.cancel_token(),
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
        }
    }
}

/// Has the server give up a statement, over a connection made for that.
#[derive(Clone)]
pub(crate) struct Canceller {
    token: CancelToken,
    #[cfg(feature = "tls")]
    tls: Option<TlsClient>,
}

impl Canceller {
    /// Whether there was a statement is not told.
    pub(crate) async fn cancel(&self) -> Result<(), tokio_postgres::Error> {
        #[cfg(feature = "tls")]
        if let Some(client) = &self.tls {
            return tls::cancel(&self.token, client.clone()).await;
        }
        self.token.cancel_query(NoTls).await
    }
}

fn is_remote(host: &Host) -> bool {
    matches!(host, Host::Tcp(_))
}

fn failed(config: &Config, error: tokio_postgres::Error) -> Error {
    fault(error).while_doing(&doing(config))
}

/// What fails when it does, with the hosts and the port.
fn doing(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("connect to PostgreSQL at {}:{port}", hosts.collect::<Vec<_>>().join(", "))
}
