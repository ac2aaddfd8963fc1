//! The private servers of one run, whatever their make: starting, telling, stopping.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use crate::backend::Backend;
use crate::folder::{RunFolder, ServerFolder};
use crate::process::{Process, Stop, Supervisor};
use crate::programs::Programs;
use crate::{mariadb, postgres};

/// The account in the databases that the tests use; it may do everything.
pub(crate) const USER: &str = "tester";
/// Its password, asked for on TCP connections.
pub(crate) const PASSWORD: &str = "s3rver-pa55";

const START_LIMIT: Duration = Duration::from_secs(120);
/// Another process may take a free port before the server does.
const PORT_ATTEMPTS: usize = 5;

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server<'a> {
    pub(crate) backend: Backend,
    /// Product and version, such as `postgres 15.18`.
    pub(crate) product: String,
    pub(crate) port: u16,
    pub(crate) url: String,
    /// The file that holds every statement the server was sent.
    pub(crate) log: PathBuf,
    /// The certificate of the authority that signed the server's.
    pub(crate) ca: PathBuf,
    /// The folder of the dump program and its relatives.
    pub(crate) bin: PathBuf,
    pub(crate) process: Process<'a>,
}

/// The servers of one run; dropping them stops them and removes their folders.
#[derive(Debug)]
pub(crate) struct Servers<'a> {
    // Before the folder, so that they stop before it is removed.
    servers: Vec<Server<'a>>,
    folder: RunFolder<'a>,
}

impl<'a> Servers<'a> {
    /// Starts all servers that there are programs for, at once.
    pub(crate) fn start(supervisor: &'a Supervisor, programs: &Programs) -> Result<Self> {
        let folder = RunFolder::create(supervisor)?;
        let servers = thread::scope(|scope| {
            let folder = &folder;
            let starting = [
                programs.postgres.as_ref().map(|programs| {
                    scope.spawn(move || {
                        postgres::start(supervisor, programs, folder, "postgres")
                            .context("PostgreSQL did not start")
                    })
                }),
                programs.mariadb.as_ref().map(|programs| {
                    scope.spawn(move || {
                        mariadb::start(supervisor, programs, folder).context("MariaDB did not start")
                    })
                }),
            ];
            let joined = starting.into_iter().flatten().map(|server| {
                server.join().unwrap_or_else(|_| Err(anyhow!("a thread that starts a server panicked")))
            });
            // All are joined before the first error is looked at.
            joined.collect::<Vec<_>>().into_iter().collect::<Result<Vec<_>>>()
        })?;
        Ok(Self { servers, folder })
    }

    /// The path of a file that is gone with the servers.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Server<'a>> {
        self.servers.iter()
    }

    /// An error if a server has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        for server in &mut self.servers {
            if let Some(status) = server.process.poll()? {
                bail!("{} ended by itself ({status})", server.product);
            }
        }
        Ok(())
    }
}

/// Starts a server on a free port and waits until it is ready.
///
/// `command` gets the port; `ready` gets the process's id. The log file is for the error message and for telling a
/// lost port from other failures.
pub(crate) fn launch<'a>(
    supervisor: &'a Supervisor,
    folder: &ServerFolder,
    log: &str,
    stop: Stop,
    command: impl Fn(u16) -> Result<Command>,
    ready: impl Fn(u32) -> bool,
) -> Result<(Process<'a>, u16)> {
    for _ in 0..PORT_ATTEMPTS {
        let port = free_port()?;
        let mut process = supervisor.spawn(&mut command(port)?, stop)?;
        let started = Instant::now();
        let status = loop {
            if ready(process.id()) {
                return Ok((process, port));
            }
            if let Some(status) = process.poll()? {
                break status;
            }
            if started.elapsed() > START_LIMIT {
                bail!("it was not ready after {} s; its log:\n{}", START_LIMIT.as_secs(), folder.read(log));
            }
            supervisor.pause()?;
        };
        let text = folder.read(log);
        if !text.contains("Address already in use") {
            bail!("it ended at once ({status}); its log:\n{}", text.trim_end());
        }
    }
    bail!("{PORT_ATTEMPTS} free ports were taken by others before it could have them");
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// So many ports that are free together.
pub(crate) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners: Vec<_> =
        (0..count).map(bind).collect::<Result<_, _>>().context("no free port on 127.0.0.1")?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// A program of a server or its client, in the server's folder, without the settings of the caller's environment.
pub(crate) fn program(path: &Path, folder: &ServerFolder) -> Command {
    let mut command = Command::new(path);
    command.env_clear().current_dir(folder.path()).env("HOME", folder.path()).env("LC_ALL", "C");
    // The search paths find libraries of programs that were unpacked somewhere.
    for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}
