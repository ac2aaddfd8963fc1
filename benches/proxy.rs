//! A link that takes its time: a proxy that hands on what it gets after a while, in order, as a long cable does.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Listens until the process ends.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    turns: Arc<Turns>,
}

/// How often the client went on after an answer.
#[derive(Debug, Default)]
struct Turns {
    count: AtomicUsize,
    answered: AtomicBool,
}

impl Proxy {
    /// To a server, each direction delayed by so much.
    pub fn new(server: &str, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let server = server.to_owned();
        let turns = Arc::new(Turns::default());
        let counted = Arc::clone(&turns);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                for end in [&client, &server] {
                    end.set_nodelay(true).expect("the socket is open");
                }
                let (asked, answered) = (Arc::clone(&counted), Arc::clone(&counted));
                hand_on(&client, &server, delay, move || {
                    if asked.answered.swap(false, Ordering::Relaxed) {
                        asked.count.fetch_add(1, Ordering::Relaxed);
                    }
                });
                hand_on(&server, &client, delay, move || answered.answered.store(true, Ordering::Relaxed));
            }
        });
        Self { address, turns }
    }

    /// To the server of a URL.
    pub fn of_url(url: &str, delay: Duration) -> Self {
        Self::new(&url[place(url)], delay)
    }

    /// The URL of the server by way of this.
    pub fn url(&self, url: &str) -> String {
        let place = place(url);
        format!("{}{}{}", &url[..place.start], self.address, &url[place.end..])
    }

    /// How often a client went on after an answer: without sending ahead, as often as it waited for one.
    pub fn turns(&self) -> usize {
        self.turns.count.load(Ordering::Relaxed)
    }
}

/// Where a URL has host and port.
fn place(url: &str) -> std::ops::Range<usize> {
    let start = url.rfind('@').map_or_else(|| url.find("://").map_or(0, |at| at + 3), |at| at + 1);
    start..start + url[start..].find('/').unwrap_or(url.len() - start)
}

fn hand_on(from: &TcpStream, to: &TcpStream, delay: Duration, seen: impl Fn() + Send + 'static) {
    let (mut from, mut to) =
        (from.try_clone().expect("the socket is open"), to.try_clone().expect("the socket is open"));
    let (on_the_way, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            seen();
            if on_the_way.send((Instant::now() + delay, buffer[..length].to_owned())).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, bytes) in arriving {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        // Whoever waits for the other end learns that it is gone.
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
