//! Signals of unix, and the process group in which they find the application.

use std::fs::File;
use std::future::poll_fn;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use migrate_cli::signals::mask;
use rustix::process::{
    Pid, Signal, WaitOptions, getpgrp, kill_process, kill_process_group, test_kill_process_group, waitpgid,
};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{self, SignalKind};

/// Between two looks whether somebody is left of the group.
const PAUSE: Duration = Duration::from_millis(20);

/// For how long those are waited for that the application has left: one of them may not end at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the application is among the processes.
pub(super) struct Place {
    /// The session's terminal: the application is in this process's own group, so that it can ask there and is stopped and
    /// continued with it. Without one it leads a group, so that a signal finds those that it has started as well.
    terminal: Option<File>,
}

impl Place {
    /// The place of a program that is not started yet.
    pub(super) fn choose(command: &mut Command) -> Self {
        let terminal = File::open("/dev/tty").ok();
        if terminal.is_none() {
            command.process_group(0);
            // Those of the group whose parent ends can be waited for.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        }
        Self { terminal }
    }

    /// Gives the application a signal that this process got, unless it has it already, and says whether.
    pub(super) fn pass_on(&self, id: u32, received: Received) -> bool {
        let Some(application) = pid(id) else { return false };
        let sent = match &self.terminal {
            None => kill_process_group(application, received.signal),
            // From the terminal, which gives it to the whole group.
            Some(terminal) if received.is_interrupt() && is_in_foreground(terminal) => return false,
            Some(_) => kill_process(application, received.signal),
        };
        sent.is_ok()
    }

    /// Waits for those that the application has started, of which it may have been only the first, such as a shell.
    pub(super) fn wait_for_rest(&self, id: u32) {
        let Some(group) = pid(id).filter(|_| self.terminal.is_none()) else { return };
        let since = Instant::now();
        while test_kill_process_group(group).is_ok() && since.elapsed() < PATIENCE {
            let _ = waitpgid(group, WaitOptions::NOHANG);
            thread::sleep(PAUSE);
        }
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

fn is_in_foreground(terminal: &File) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

/// A signal that came.
#[derive(Clone, Copy)]
pub(super) struct Received {
    signal: Signal,
}

impl Received {
    /// Whether it is that of Ctrl-C.
    fn is_interrupt(self) -> bool {
        self.signal == Signal::INT
    }

    /// What shells give to a program that the signal ended.
    pub(super) fn exit_code(self) -> i32 {
        128 + self.signal.as_raw()
    }
}

/// What ends a program that does not handle it.
const ENDING: [(SignalKind, Signal); 3] = [
    (SignalKind::interrupt(), Signal::INT),
    (SignalKind::terminate(), Signal::TERM),
    (SignalKind::hangup(), Signal::HUP),
];

/// The signals that are handled so far. One that is ignored here, as under `nohup`, is left so: a program begins with that,
/// but would not begin with what is handled.
#[derive(Default)]
pub(super) struct Signals(Vec<(Received, unix::Signal)>);

impl Signals {
    pub(super) fn watch_before_start(&mut self) {
        self.watch(Some(false));
    }

    /// Where the system does not tell what is ignored, it is handled only when the program has begun with it.
    pub(super) fn watch_after_start(&mut self) {
        self.watch(None);
    }

    fn watch(&mut self, ignored: Option<bool>) {
        let chosen = ENDING.into_iter().filter(|(_, signal)| is_ignored(*signal) == ignored);
        let streams =
            chosen.filter_map(|(kind, signal)| Some((Received { signal }, unix::signal(kind).ok()?)));
        self.0.extend(streams);
    }

    /// The next one that comes.
    pub(super) async fn next(&mut self) -> Received {
        poll_fn(|context| {
            let came = self
                .0
                .iter_mut()
                .find_map(|(received, stream)| stream.poll_recv(context).is_ready().then_some(*received));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Whether this process ignores a signal, where the system tells.
fn is_ignored(signal: Signal) -> Option<bool> {
    mask("SigIgn").map(|ignored| ignored >> (signal.as_raw() - 1) & 1 == 1)
}
