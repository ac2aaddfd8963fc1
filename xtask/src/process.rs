//! Child processes that never outlive their owner.
//!
//! Each is the leader of a process group of its own, so that a Ctrl-C in the terminal reaches this process only,
//! which then stops the others in order, and so that a stop reaches the children's children too.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::signals::Signals;
use crate::watchdog::Watchdog;

const POLL: Duration = Duration::from_millis(10);

/// How a process is asked to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    signal: Signal,
    /// After this long it is killed.
    patience: Duration,
    /// The whole group is stopped, and the watchdog does so too; else the leader alone, by nobody but us.
    group: bool,
}

impl Stop {
    /// A program that ends by itself, in good time.
    pub(crate) const TERMINATE: Self = Self::with(Signal::SIGTERM);
    /// PostgreSQL's immediate shutdown: frees its shared memory, does not write the data.
    pub(crate) const QUIT: Self = Self::with(Signal::SIGQUIT);
    /// A server that has nothing to tidy up.
    pub(crate) const KILL: Self = Self::with(Signal::SIGKILL);
    /// A package manager: it may give up what it has not begun, and is left to end what it has.
    pub(crate) const AT_LEISURE: Self =
        Self { signal: Signal::SIGINT, patience: Duration::from_secs(900), group: false };

    const fn with(signal: Signal) -> Self {
        Self { signal, patience: Duration::from_secs(10), group: true }
    }
}

/// What every child process needs: a note of signals, and someone who cleans up if we cannot.
#[derive(Debug)]
pub(crate) struct Supervisor {
    signals: Signals,
    watchdog: Watchdog,
}

impl Supervisor {
    pub(crate) fn start() -> Result<Self> {
        let signals = Signals::watch().context("signals cannot be handled")?;
        Ok(Self { signals, watchdog: Watchdog::start()? })
    }

    pub(crate) fn watchdog(&self) -> &Watchdog {
        &self.watchdog
    }

    /// Waits a moment; an error once a signal has asked this process to end.
    pub(crate) fn pause(&self) -> Result<()> {
        thread::sleep(POLL);
        Ok(self.signals.check()?)
    }

    /// Starts a process that is stopped when its handle is dropped. Its input is empty.
    pub(crate) fn spawn(&self, command: &mut Command, stop: Stop) -> Result<Process<'_>> {
        self.signals.check()?;
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("{name} could not be started"))?;
        let leader = Pid::from_raw(child.id().cast_signed());
        if stop.group {
            self.watchdog.group(leader, stop.signal);
        }
        Ok(Process { name, child, leader, stop, ended: false, supervisor: self })
    }

    /// Runs a process to its end and gives what it printed; an error, with what it printed, if it failed.
    pub(crate) fn run(&self, command: &mut Command, stop: Stop) -> Result<String> {
        let mut output = tempfile::tempfile().context("no temporary file for a program's output")?;
        command.stdout(output.try_clone()?).stderr(output.try_clone()?);
        let mut process = self.spawn(command, stop)?;
        let status = process.wait()?;
        let text = read_all(&mut output)?;
        if !status.success() {
            bail!("{} failed ({status}):\n{}", process.name, text.trim_end());
        }
        Ok(text)
    }
}

fn read_all(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A running child process; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Process<'a> {
    name: String,
    child: Child,
    leader: Pid,
    stop: Stop,
    ended: bool,
    supervisor: &'a Supervisor,
}

impl Process<'_> {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn poll(&mut self) -> Result<Option<ExitStatus>> {
        let status = self.child.try_wait().with_context(|| format!("{} cannot be waited for", self.name))?;
        if status.is_some() {
            self.end();
        }
        Ok(status)
    }

    /// Waits for its end; an error once a signal has asked this process to end.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.poll()? {
                return Ok(status);
            }
            self.supervisor.pause()?;
        }
    }

    /// After the leader's end: nothing that it started stays behind.
    fn end(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        if self.stop.group {
            signal_group(self.leader, Signal::SIGKILL);
            // Bounded, because a zombie that nobody reaps counts as a member for ever.
            within(Duration::from_secs(2), || group_is_gone(self.leader));
            self.supervisor.watchdog.group_ended(self.leader);
        }
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if self.stop.group {
            signal_group(self.leader, self.stop.signal);
        } else {
            let _ = kill(self.leader, self.stop.signal);
        }
        if !within(self.stop.patience, || !matches!(self.child.try_wait(), Ok(None))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        self.end();
    }
}

/// Sends a signal to all members of a group; none is no error.
pub(crate) fn signal_group(leader: Pid, signal: Signal) {
    let _ = killpg(leader, signal);
}

/// Whether a group has no members left.
pub(crate) fn group_is_gone(leader: Pid) -> bool {
    killpg(leader, None) == Err(Errno::ESRCH)
}

fn within(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if started.elapsed() > time {
            return false;
        }
        thread::sleep(POLL);
    }
}
