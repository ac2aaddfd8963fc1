//! Something between a client and a server that changes what the server says of itself.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::database::Kind;

/// What a server behind a [`Front`] seems to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seems {
    /// It has no TLS
    WithoutTls,
    /// It says that it has TLS, and then speaks something else
    BrokenTls,
    /// It is MySQL 8, as proxies say of any server
    Mysql,
}

/// An address at which a server seems to be other than it is, until the test ends.
pub struct Front {
    address: SocketAddr,
}

impl Front {
    /// Puts itself before the server of a URL.
    pub fn new(kind: Kind, url: &str, seems: Seems) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = place(url).to_owned();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                // A client may leave at any time.
                thread::spawn(move || match kind {
                    Kind::Postgres => postgres(client, server, seems),
                    _ => mysql(client, server, seems),
                });
            }
        });
        Self { address }
    }

    /// A URL of the server, by way of this.
    pub fn url(&self, url: &str) -> String {
        url.replace(place(url), &self.address.to_string())
    }
}

/// Host and port of a URL.
fn place(url: &str) -> &str {
    url.rsplit_once('@').unwrap().1.split('/').next().unwrap()
}

/// A client's request for TLS has eight bytes, and is answered with one letter.
fn postgres(mut client: TcpStream, mut server: TcpStream, seems: Seems) -> io::Result<()> {
    let mut first = [0; 8];
    client.read_exact(&mut first)?;
    if first[4..] == 80_877_103_u32.to_be_bytes() {
        if seems == Seems::BrokenTls {
            client.write_all(b"S")?;
            return nonsense(client);
        }
        client.write_all(b"N")?;
    } else {
        server.write_all(&first)?;
    }
    pass(client, server)
}

/// The server's greeting has a bit for TLS. A client that wants it answers with 36 bytes, and goes on with TLS.
fn mysql(mut client: TcpStream, mut server: TcpStream, seems: Seems) -> io::Result<()> {
    let mut greeting = vec![0; 4];
    server.read_exact(&mut greeting)?;
    let length = u32::from_le_bytes([greeting[0], greeting[1], greeting[2], 0]) as usize;
    greeting.resize(4 + length, 0);
    server.read_exact(&mut greeting[4..])?;
    let version = greeting[5..].iter().position(|&byte| byte == 0).unwrap();
    let capabilities = 5 + version + 1 + 4 + 8 + 1;
    if seems == Seems::WithoutTls {
        greeting[capabilities + 1] &= !0x08;
    }
    if seems == Seems::Mysql {
        greeting[5..5 + version].fill(b'-');
        greeting[5..11].copy_from_slice(b"8.0.36");
    }
    client.write_all(&greeting)?;
    if seems == Seems::BrokenTls {
        let mut request = [0; 36];
        client.read_exact(&mut request)?;
        if request[0] == 32 {
            return nonsense(client);
        }
        server.write_all(&request)?;
    }
    pass(client, server)
}

fn nonsense(mut client: TcpStream) -> io::Result<()> {
    client.write_all(b"this is not what TLS sounds like")?;
    client.shutdown(Shutdown::Write)?;
    io::copy(&mut client, &mut io::sink()).map(|_| ())
}

fn pass(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let (mut from, mut to) = (client, server);
    let _ = io::copy(&mut from, &mut to);
    to.shutdown(Shutdown::Write)
}
