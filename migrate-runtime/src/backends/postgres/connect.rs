//! Connections from URLs.

#[cfg(feature = "tls")]
mod tls;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, Connection, NoTls, Socket};

use super::{fault, source};
use crate::tls::TlsOptions;
use crate::url::ServerUrl;
use crate::{Error, ErrorKind, Result};

/// A connection of a URL's.
pub(crate) struct Connected {
    pub(crate) client: Client,
    /// Ends by itself once the client is dropped and what it sent is answered
    _connection: JoinHandle<()>,
}

/// Connects to the database of a `postgres:` URL.
pub(crate) async fn connect(url: &str) -> Result<Connected> {
    let mut url = ServerUrl::parse(url)?;
    let options = TlsOptions::take_from(&mut url)?;
    let mut config: Config = url.to_string().parse().map_err(|error| {
        Error::new(ErrorKind::Url, "the URL is not one of PostgreSQL").with_source(source(error))
    })?;
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
        Self { client, _connection: connection }
    }
}

fn is_remote(host: &Host) -> bool {
    matches!(host, Host::Tcp(_))
}

fn failed(config: &Config, error: tokio_postgres::Error) -> Error {
    fault(error).while_doing(&format!("connect to PostgreSQL at {}", place(config)))
}

/// The hosts and the port, for errors.
fn place(config: &Config) -> String {
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{}:{port}", hosts.collect::<Vec<_>>().join(", "))
}
