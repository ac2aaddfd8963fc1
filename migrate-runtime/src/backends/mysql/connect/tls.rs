//! TLS on connections of mysql_async.
//!
//! The driver's own TLS takes, and sets, the process's default of rustls, checks all of a certificate or nothing, and is a
//! feature of a crate that an application of PostgreSQL must not resolve. So the driver is given a socket, and what it says
//! there is relayed over a connection with TLS that is made here.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use mysql_async::{Conn, Opts, OptsBuilder};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinSet;

use super::relay::{Frame, Relay};
use super::{Connected, doing, plain};
use crate::Result;
use crate::backends::mysql::packet;
use crate::error::Fault;
use crate::tls::{HandshakeError, TlsClient};

/// A socket's path may have about 100 bytes; this leaves room for the names below the base.
const LONGEST_BASE: usize = 60;

/// Why the driver has no connection.
enum Refused {
    Handshake(HandshakeError),
    Driver(mysql_async::Error),
}

/// Connects with TLS, or without if that may be.
pub(super) async fn connect(opts: Opts, client: TlsClient) -> Result<Connected> {
    let doing = doing(&opts);
    let failed = |error: io::Error| Fault::new(error).while_doing(&doing);
    let mut server = reach(&opts).await.map_err(failed)?;
    let greeting = Frame::read(&mut server).await.map_err(failed)?;
    let required = client.required;
    if !greeting.offers_tls() && !greeting.is_error() {
        // Not through the relay: over a socket the driver sends passwords as they are.
        drop(server);
        return if required {
            Err(Fault::new("the server has no TLS").while_doing(&doing))
        } else {
            plain(opts).await
        };
    }
    let relay = Relay { server, greeting, client, host: host(&opts).to_owned() };
    match through(relay, &opts).await.map_err(failed)? {
        Ok(connected) => Ok(connected),
        // As libpq does it: a server may offer TLS and be unable to do it.
        Err(Refused::Handshake(_)) if !required => plain(opts).await,
        Err(Refused::Handshake(error)) => Err(Fault::new(error).while_doing(&doing)),
        Err(Refused::Driver(error)) => Err(packet::fault(error).while_doing(&doing)),
    }
}

/// An address of version 6 without its brackets.
fn host(opts: &Opts) -> &str {
    opts.ip_or_hostname().trim_start_matches('[').trim_end_matches(']')
}

async fn reach(opts: &Opts) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host(opts), opts.tcp_port())).await?;
    stream.set_nodelay(opts.tcp_nodelay())?;
    if let Some(time) = opts.tcp_keepalive() {
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(time))?;
    }
    Ok(stream)
}

/// Has the driver connect through the relay.
async fn through(relay: Relay, opts: &Opts) -> io::Result<Result<Connected, Refused>> {
    let usual = std::env::temp_dir();
    let base = if usual.as_os_str().len() <= LONGEST_BASE { usual.as_path() } else { Path::new("/tmp") };
    // Closed to other users, and gone once the driver has connected.
    let directory = tempfile::Builder::new().prefix("embed-migrations-").tempdir_in(base)?;
    let path = directory.path().join("mysql");
    let listener = UnixListener::bind(&path)?;

    let failure = Arc::new(Mutex::new(None));
    let told = Arc::clone(&failure);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let Ok((mut driver, _)) = listener.accept().await else { return };
        if let Err(error) = relay.run(&mut driver).await {
            // Told before the driver's connection is closed, which is how it learns that there is something.
            *told.lock().unwrap_or_else(PoisonError::into_inner) = error;
        }
    });
    let opts = OptsBuilder::from_opts(opts.clone()).socket(path.to_str());
    let connected = Conn::new(opts).await;
    let failure = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(match (connected, failure) {
        (Ok(conn), _) => Ok(Connected { relay: tasks, ..Connected::plain(conn) }),
        (Err(_), Some(error)) => Err(Refused::Handshake(error)),
        (Err(error), None) => Err(Refused::Driver(error)),
    })
}
