//! A proxy between a client and a server, which reads along and stops at a place.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use embed_migrations_tests::database::Kind;

/// How long a client may take to come to a place.
const PATIENCE: Duration = Duration::from_secs(60);

/// What becomes of a message that the client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Forward,
    /// Nothing of it is forwarded, nor of what comes after it
    Hold,
    /// It is forwarded once the proxy is told to go on, and the client gets no answer
    Pause,
    /// Half of it is forwarded
    Halve,
    /// The server gets it, and the client gets no answer
    Unanswered,
    /// The server gets the first so many bytes, the text and the rest, and the client gets no answer
    Insert(usize, String),
}

/// Decides on a message by its number since the client was let in, and its text.
pub type Judge = Box<dyn FnMut(usize, &[u8]) -> Fate + Send>;

/// What a proxy tells.
#[derive(Debug)]
enum Note {
    /// What the server calls the session
    Session(u64),
    /// The message of the place has met its fate
    Stopped,
    /// The server began to answer it
    Answered,
    Closed,
}

/// A proxy for one connection.
pub struct Proxy {
    pub port: u16,
    notes: Receiver<Note>,
    go_on: Sender<()>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    /// What the server calls the session
    pub session: u64,
    answered: bool,
}

impl Proxy {
    pub fn start(kind: Kind, server: u16, judge: Judge) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, notes) = channel();
        let (go_on, wait) = channel();
        let streams: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let kept = streams.clone();
        std::thread::spawn(move || {
            let Ok((client, _)) = listener.accept() else { return };
            let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            kept.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
            let stopped = Arc::new(Mutex::new(false));
            let (from, to, back, answers) =
                (client.try_clone().unwrap(), server.try_clone().unwrap(), stopped.clone(), tell.clone());
            std::thread::spawn(move || {
                Answers { kind, stopped: back, tell: answers }.pass_on(server, client)
            });
            let mut requests = Requests { kind, judge, stopped, tell, wait, number: 0, started: false };
            requests.pass_on(from, to);
        });
        Self { port, notes, go_on, streams, session: 0, answered: false }
    }

    /// Waits until the client has come to the place; `false` if it went away without.
    pub fn stopped(&mut self) -> bool {
        loop {
            match self.notes.recv_timeout(PATIENCE) {
                Ok(Note::Session(session)) => self.session = session,
                Ok(Note::Stopped) => return true,
                Ok(Note::Answered) => self.answered = true,
                Ok(Note::Closed) | Err(RecvTimeoutError::Disconnected) => return false,
                Err(RecvTimeoutError::Timeout) => panic!("nothing moves"),
            }
        }
    }

    /// Whether the server has begun to answer what it was stopped at.
    pub fn is_answered(&mut self) -> bool {
        for note in self.notes.try_iter() {
            self.answered |= matches!(note, Note::Answered | Note::Closed);
        }
        self.answered
    }

    /// Forwards what is paused.
    pub fn go_on(&self) {
        self.go_on.send(()).unwrap();
    }

    /// Cuts the connection, on both sides.
    pub fn cut(&self) {
        for stream in self.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// From the client to the server.
struct Requests {
    kind: Kind,
    judge: Judge,
    stopped: Arc<Mutex<bool>>,
    tell: Sender<Note>,
    wait: Receiver<()>,
    number: usize,
    /// Whether PostgreSQL's first message, which has no type, is through
    started: bool,
}

impl Requests {
    fn pass_on(&mut self, mut from: TcpStream, mut to: TcpStream) {
        let mut waiting = Vec::new();
        let mut bytes = [0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            waiting.extend_from_slice(&bytes[..count]);
            while let Some((length, is_request)) = self.next(&waiting) {
                let rest = waiting.split_off(length);
                let message = std::mem::replace(&mut waiting, rest);
                let fate = if is_request { (self.judge)(self.number, &message) } else { Fate::Forward };
                self.number += usize::from(is_request);
                let stops = fate != Fate::Forward;
                *self.stopped.lock().unwrap() |= stops;
                let sent = match &fate {
                    Fate::Forward | Fate::Unanswered => to.write_all(&message),
                    Fate::Hold => Ok(()),
                    Fate::Pause => {
                        let _ = self.tell.send(Note::Stopped);
                        let _ = self.wait.recv();
                        to.write_all(&message)
                    }
                    Fate::Halve => to.write_all(&message[..message.len() / 2]),
                    Fate::Insert(at, text) => to.write_all(&self.with_text(&message, *at, text)),
                };
                if stops {
                    if fate != Fate::Pause {
                        let _ = self.tell.send(Note::Stopped);
                    }
                    // Whatever the client says now is not heard, but that it is gone is.
                    while matches!(from.read(&mut bytes), Ok(1..)) {}
                }
                if stops || sent.is_err() {
                    let _ = to.shutdown(Shutdown::Both);
                    return;
                }
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }

    /// The length of the next message or messages, and whether they ask for an answer of their own. `None` if they are not
    /// there as a whole yet.
    fn next(&mut self, bytes: &[u8]) -> Option<(usize, bool)> {
        if self.kind != Kind::Postgres {
            let header = bytes.get(..4)?;
            let length = 4 + u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize;
            let message = bytes.get(..length)?;
            // What is part of the greeting has a later place, and two commands have no answer.
            let is_request = header[3] == 0 && !matches!(message.get(4), Some(0x01 | 0x19));
            return Some((length, is_request));
        }
        let mut at = 0;
        loop {
            let typed = usize::from(self.started);
            let header = bytes.get(at + typed..at + typed + 4)?;
            let length = typed + u32::from_be_bytes(header.try_into().ok()?) as usize;
            bytes.get(at..at + length)?;
            let kind = bytes[at];
            at += length;
            if !std::mem::replace(&mut self.started, true) || matches!(kind, b'p' | b'X') {
                return Some((at, false));
            }
            if matches!(kind, b'Q' | b'S') {
                return Some((at, true));
            }
        }
    }

    /// A message of one text with another one in it.
    fn with_text(&self, message: &[u8], at: usize, text: &str) -> Vec<u8> {
        let mut message = message.to_owned();
        message.splice(at..at, text.bytes());
        if self.kind == Kind::Postgres {
            let length = (message.len() - 1) as u32;
            message[1..5].copy_from_slice(&length.to_be_bytes());
        } else {
            let length = (message.len() - 4) as u32;
            message[..3].copy_from_slice(&length.to_le_bytes()[..3]);
        }
        message
    }
}

/// From the server to the client.
struct Answers {
    kind: Kind,
    stopped: Arc<Mutex<bool>>,
    tell: Sender<Note>,
}

impl Answers {
    fn pass_on(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut first = Vec::new();
        let mut told = false;
        let mut bytes = [0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if !told {
                first.extend_from_slice(&bytes[..count]);
                if let Some(session) = session(self.kind, &first) {
                    let _ = self.tell.send(Note::Session(session));
                    told = true;
                }
            }
            if *self.stopped.lock().unwrap() {
                let _ = self.tell.send(Note::Answered);
            } else if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = self.tell.send(Note::Closed);
        let _ = to.shutdown(Shutdown::Both);
    }
}

/// What a server calls the session, by its first bytes.
fn session(kind: Kind, bytes: &[u8]) -> Option<u64> {
    let number = |at: usize, order: fn([u8; 4]) -> u32| Some(order(bytes.get(at..at + 4)?.try_into().ok()?));
    if kind != Kind::Postgres {
        let version = bytes.get(5..)?.iter().position(|byte| *byte == 0)?;
        return number(5 + version + 1, u32::from_le_bytes).map(u64::from);
    }
    let mut at = 0;
    loop {
        let length = number(at + 1, u32::from_be_bytes)? as usize;
        if bytes[at] == b'K' {
            return number(at + 5, u32::from_be_bytes).map(u64::from);
        }
        at += 1 + length;
    }
}
