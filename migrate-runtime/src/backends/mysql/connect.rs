//! Connections from URLs.

#[cfg(all(feature = "tls", unix))]
mod relay;
#[cfg(all(feature = "tls", unix))]
mod tls;

use mysql_async::{Conn, Opts};

use super::packet;
use crate::tls::TlsOptions;
use crate::url::ServerUrl;
use crate::{Error, ErrorKind, Result};

/// How mysql_async itself calls what `sslmode` says.
const DRIVER_PARAMETERS: [&str; 4] = ["require_ssl", "verify_ca", "verify_identity", "built_in_roots"];

/// Connects to the database of a `mysql:` URL.
pub(crate) async fn connect(url: &str) -> Result<Conn> {
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
    let opts = Opts::from_url(&url.to_string()).map_err(|error| {
        Error::new(ErrorKind::Url, format!("the URL is not one of MySQL: {error}")).with_source(error)
    })?;
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

async fn plain(opts: Opts) -> Result<Conn> {
    let doing = doing(&opts);
    Conn::new(opts).await.map_err(|error| packet::fault(error).while_doing(&doing))
}

/// What fails when it does.
fn doing(opts: &Opts) -> String {
    format!("connect to MySQL at {}:{}", opts.ip_or_hostname(), opts.tcp_port())
}
