//! Child processes that never outlive their owner.
//!
//! Each is the leader of a process group of its own, so that a Ctrl-C in the terminal reaches this process only,
//! which then stops the others in order, and so that a stop reaches the children's children too.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::output::note;
use crate::signals::Signals;
use crate::watchdog::Watchdog;

const POLL: Duration = Duration::from_millis(10);

/// How a process is asked to end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Stop {
    /// For a program that ends by itself, in good time.
    Terminate,
    /// PostgreSQL's immediate shutdown: frees its shared memory, does not write the data.
    Quit,
    /// For a server that has nothing to tidy up.
    Kill,
    /// For a package manager: it may give up what it has not begun, and is left to end what it has.
    AtLeisure,
}

impl Stop {
    const ALL: [Self; 4] = [Self::Terminate, Self::Quit, Self::Kill, Self::AtLeisure];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Quit => "quit",
            Self::Kill => "kill",
            Self::AtLeisure => "at leisure",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stop| stop.name() == name)
    }

    /// Sends the signal: to the whole group, but for those that know better how to end their own children.
    pub(crate) fn ask(self, leader: Pid) {
        let _ = match self {
            Self::Terminate => killpg(leader, Signal::SIGTERM),
            Self::Quit => killpg(leader, Signal::SIGQUIT),
            Self::Kill => killpg(leader, Signal::SIGKILL),
            Self::AtLeisure => kill(leader, Signal::SIGINT),
        };
    }

    /// Waits for the end of a process that was asked, which is not this process's child, and of its group.
    pub(crate) fn wait(self, leader: Pid) {
        if !within(self.patience(), || group_is_gone(leader)) {
            self.finish(leader);
        }
    }

    /// After the leader's end, or the end of all patience: nothing that it started stays behind.
    fn finish(self, leader: Pid) {
        if self != Self::AtLeisure {
            let _ = killpg(leader, Signal::SIGKILL);
            within(Duration::from_secs(2), || group_is_gone(leader));
        }
    }

    fn patience(self) -> Duration {
        match self {
            Self::Terminate | Self::Quit | Self::Kill => Duration::from_secs(10),
            Self::AtLeisure => Duration::from_secs(900),
        }
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
        self.watchdog.process(leader, stop);
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

    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.stop.finish(self.leader);
            self.supervisor.watchdog.process_ended(self.leader);
        }
    }
}

impl Drop for Process<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if self.stop == Stop::AtLeisure {
            note(format_args!("waiting for {} to end what it has begun", self.name));
        }
        self.stop.ask(self.leader);
        if !within(self.stop.patience(), || !matches!(self.child.try_wait(), Ok(None))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        self.end();
    }
}

/// Whether a group has no members left, but for the dead that nobody has waited for yet.
fn group_is_gone(leader: Pid) -> bool {
    killpg(leader, None) == Err(Errno::ESRCH) || (cfg!(target_os = "linux") && !has_living_members(leader))
}

/// The adoptive parent of orphans may take its time to wait for them; `/proc` tells the dead from the living.
fn has_living_members(leader: Pid) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return true };
    processes.flatten().any(|process| {
        fs::read_to_string(process.path().join("stat")).is_ok_and(|stat| is_living_member(&stat, leader))
    })
}

/// From `/proc/<id>/stat`: id, name in parentheses (and with any character inside), state, parent, group.
fn is_living_member(stat: &str, leader: Pid) -> bool {
    let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let state = fields.next();
    !matches!(state, Some("Z" | "X") | None) && fields.nth(1) == Some(leader.to_string().as_str())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_and_other_groups_are_no_living_members() {
        let leader = Pid::from_raw(4711);
        assert!(is_living_member("4712 (a) Z 4711) S 1 4711 4711 0 -1", leader));
        assert!(!is_living_member("4712 (mariadbd) Z 1 4711 4711 0 -1", leader));
        assert!(!is_living_member("4712 (mariadbd) S 4711 4712 4712 0 -1", leader));
        assert!(!is_living_member("", leader));
    }
}
