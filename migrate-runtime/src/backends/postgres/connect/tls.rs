//! TLS on connections of tokio-postgres.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_postgres::{CancelToken, Config, NoTls, Socket};

use super::{Connected, doing, failed};
use crate::error::Fault;
use crate::tls::{HandshakeError, TlsClient};
use crate::{Error, Result};

/// Connects with TLS, or without if that may be.
pub(super) async fn connect(mut config: Config, client: TlsClient) -> Result<Connected> {
    let required = client.required;
    config.ssl_mode(if required { SslMode::Require } else { SslMode::Prefer });
    let error = match config.connect(Make(client.clone())).await {
        Ok(connected) => return Ok(Connected { tls: Some(client), ..Connected::new(connected) }),
        Err(error) => error,
    };
    // As libpq does it: a server may offer TLS and be unable to do it, or have rules that forbid it.
    if !required
        && (handshake(&error).is_some()
            || super::super::is(&error, &[SqlState::INVALID_AUTHORIZATION_SPECIFICATION]))
    {
        config.ssl_mode(SslMode::Disable);
        let connected = config.connect(NoTls).await;
        return connected.map(Connected::new).map_err(|error| failed(&config, error));
    }
    Err(refused(&config, error))
}

/// Cancels a statement of a connection that was made with TLS.
pub(super) async fn cancel(token: &CancelToken, client: TlsClient) -> Result<(), tokio_postgres::Error> {
    token.cancel_query(Make(client)).await
}

fn refused(config: &Config, error: tokio_postgres::Error) -> Error {
    match handshake(&error).map(ToString::to_string) {
        Some(text) => Fault { source: Box::new(error), text: Some(text) }.while_doing(&doing(config)),
        None => failed(config, error),
    }
}

/// The part of TLS in an error.
fn handshake(error: &tokio_postgres::Error) -> Option<&HandshakeError> {
    error.source()?.downcast_ref()
}

struct Make(TlsClient);

impl MakeTlsConnect<Socket> for Make {
    type Stream = TlsStream;
    type TlsConnect = Connect;
    type Error = HandshakeError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connect, HandshakeError> {
        Ok(Connect { client: self.0.clone(), host: host.to_owned() })
    }
}

struct Connect {
    client: TlsClient,
    host: String,
}

impl TlsConnect<Socket> for Connect {
    type Stream = TlsStream;
    type Error = HandshakeError;
    type Future = Pin<Box<dyn Future<Output = Result<TlsStream, HandshakeError>> + Send>>;

    fn connect(self, stream: Socket) -> Self::Future {
        Box::pin(async move { self.client.connect(&self.host, stream).await.map(TlsStream) })
    }
}

struct TlsStream(tokio_rustls::client::TlsStream<Socket>);

impl tokio_postgres::tls::TlsStream for TlsStream {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
