//! Between a driver that speaks without TLS and a server that is spoken to with it.
//!
//! A client asks for TLS with the beginning of its login, and sends the whole of it again once there is TLS. That request is one
//! packet more than the driver knows of, so until the login is over, packets are numbered differently on both sides. What
//! follows is relayed as it comes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpStream, UnixStream};

use crate::tls::{HandshakeError, TlsClient};

/// In the greeting: the server has TLS. In the login: the client wants it.
const CLIENT_SSL: u8 = 0x08;
/// Which of the bytes of capabilities holds that
const SSL_BYTE: usize = 1;
/// How much of the login asks for TLS
const REQUEST: usize = 32;
/// Longer than anything in a login
const LONGEST: usize = 1 << 18;

/// A server that has greeted, and how to have TLS with it.
pub(super) struct Relay {
    pub(super) server: TcpStream,
    pub(super) greeting: Frame,
    pub(super) client: TlsClient,
    pub(super) host: String,
}

/// Why a relay ended before its time: there was no TLS, or else a connection broke, which the driver notices by itself.
type Ended = Option<HandshakeError>;

impl Relay {
    /// Relays until both sides have closed the connection.
    pub(super) async fn run(self, driver: &mut UnixStream) -> Result<(), Ended> {
        let Self { mut server, mut greeting, client, host } = self;
        if let Some(at) = greeting.capabilities() {
            greeting.payload[at + SSL_BYTE] &= !CLIENT_SSL;
        }
        greeting.write(driver).await.map_err(broken)?;
        if greeting.is_error() {
            return Ok(());
        }
        let mut login = Frame::read(driver).await.map_err(broken)?;
        let Some(request) = login.payload.get_mut(..REQUEST) else { return Err(None) };
        request[SSL_BYTE] |= CLIENT_SSL;
        let request = Frame { number: login.number, payload: request.to_vec() };
        request.write(&mut server).await.map_err(broken)?;
        let mut server = client.connect(&host, server).await.map_err(Some)?;
        log_in(login, driver, &mut server).await.map_err(broken)?;
        copy_bidirectional(driver, &mut server).await.map(|_| ()).map_err(broken)
    }
}

fn broken(_: io::Error) -> Ended {
    None
}

/// Relays packets until the server has let the driver in or not.
async fn log_in<D, S>(mut login: Frame, driver: &mut D, server: &mut S) -> io::Result<()>
where
    D: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    login.number = login.number.wrapping_add(1);
    login.write(server).await?;
    loop {
        let mut answer = Frame::read(server).await?;
        answer.number = answer.number.wrapping_sub(1);
        answer.write(driver).await?;
        match answer.payload.as_slice() {
            // It is over.
            [0x00 | 0xFF, ..] => return Ok(()),
            // `caching_sha2_password` knew the password, and says next that it is over.
            [0x01, 0x03] => {}
            _ => {
                let mut reply = Frame::read(driver).await?;
                reply.number = reply.number.wrapping_add(1);
                reply.write(server).await?;
            }
        }
    }
}

/// A packet of the protocol.
pub(super) struct Frame {
    number: u8,
    payload: Vec<u8>,
}

impl Frame {
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let [a, b, c, number] = {
            let mut header = [0; 4];
            stream.read_exact(&mut header).await?;
            header
        };
        let length = u32::from_le_bytes([a, b, c, 0]) as usize;
        if length > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "what answers is not MySQL or MariaDB"));
        }
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await?;
        Ok(Self { number, payload })
    }

    async fn write(&self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let [a, b, c, ..] = (self.payload.len() as u32).to_le_bytes();
        let mut bytes = vec![a, b, c, self.number];
        bytes.extend(&self.payload);
        stream.write_all(&bytes).await?;
        stream.flush().await
    }

    pub(super) fn is_error(&self) -> bool {
        self.payload.first() == Some(&0xFF)
    }

    /// Whether this greeting says that the server has TLS.
    pub(super) fn offers_tls(&self) -> bool {
        self.capabilities().is_some_and(|at| self.payload[at + SSL_BYTE] & CLIENT_SSL != 0)
    }

    /// Where this greeting has its capabilities: after the protocol's version, the server's version, the connection's
    /// number, and the first part of the challenge with a zero.
    fn capabilities(&self) -> Option<usize> {
        let version = self.payload.get(1..)?.iter().position(|&byte| byte == 0)?;
        let at = 1 + version + 1 + 4 + 8 + 1;
        (self.payload[0] == 10 && self.payload.len() > at + SSL_BYTE).then_some(at)
    }
}
