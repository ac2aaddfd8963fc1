//! A second process that cleans up when the first one was killed and could not.
//!
//! It reads what there is to clean up from a pipe. As long as the first process lives the pipe is open; a pipe that
//! ends without "done" means that it was killed (SIGKILL, out of memory), and then the watchdog stops the servers and
//! the test programs and removes the folders. It sits in a process group of its own, and ignores the signals that
//! the first process handles. What remains uncovered: both processes killed at once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::unistd::Pid;

use crate::output::note;
use crate::process::Stop;
use crate::signals::Signals;

/// The name of the hidden subcommand.
pub(crate) const COMMAND: &str = "internal-watchdog";

/// The handle of the first process; dropping it sends the watchdog home.
#[derive(Debug)]
pub(crate) struct Watchdog {
    child: Child,
    pipe: Mutex<Option<ChildStdin>>,
}

impl Watchdog {
    pub(crate) fn start() -> Result<Self> {
        let program = std::env::current_exe().context("this program's own path is unknown")?;
        let mut child = Command::new(program)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .current_dir("/")
            .spawn()
            .context("the watchdog process could not be started")?;
        let pipe = Mutex::new(child.stdin.take());
        Ok(Self { child, pipe })
    }

    /// The process is to be stopped.
    pub(crate) fn process(&self, leader: Pid, stop: Stop) {
        self.tell(&format!("process\t{leader}\t{}", stop.name()));
    }

    /// The process has ended; its number may soon be someone else's.
    pub(crate) fn process_ended(&self, leader: Pid) {
        self.tell(&format!("ended\t{leader}"));
    }

    /// The file or folder is to be removed.
    pub(crate) fn remove(&self, path: &Path) {
        self.tell(&format!("remove\t{}", path.display()));
    }

    /// The file was moved aside and is to be moved back.
    pub(crate) fn restore(&self, aside: &Path, home: &Path) {
        self.tell(&format!("restore\t{}\t{}", aside.display(), home.display()));
    }

    /// The file or folder was removed, or moved back, by its owner.
    pub(crate) fn settled(&self, path: &Path) {
        self.tell(&format!("settled\t{}", path.display()));
    }

    fn tell(&self, line: &str) {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        // A watchdog that is gone is no reason to end the tests.
        if let Some(pipe) = pipe.as_mut() {
            let _ = writeln!(pipe, "{line}");
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.tell("done");
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take();
        let _ = self.child.wait();
    }
}

/// The watchdog's side.
pub(crate) fn run() -> ExitCode {
    let _ignored = Signals::watch();
    let mut duties = Duties::default();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        duties.read(&line);
    }
    if !duties.done {
        note("cargo xtask was killed: stopping what it started");
        duties.clean_up();
    }
    ExitCode::SUCCESS
}

#[derive(Debug, Default, PartialEq)]
struct Duties {
    processes: BTreeMap<i32, Stop>,
    /// Path to remove, or to fill again from the path beside it.
    paths: BTreeMap<PathBuf, Option<PathBuf>>,
    done: bool,
}

impl Duties {
    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split('\t').collect();
        match words[..] {
            ["process", leader, stop] => {
                // 0 and 1 would address this process's own group and everybody.
                let leader = leader.parse().ok().filter(|leader| *leader > 1);
                if let (Some(leader), Some(stop)) = (leader, Stop::named(stop)) {
                    self.processes.insert(leader, stop);
                }
            }
            ["ended", leader] => {
                leader.parse().ok().and_then(|leader: i32| self.processes.remove(&leader));
            }
            ["remove", path] => {
                self.paths.insert(path.into(), None);
            }
            ["restore", aside, home] => {
                self.paths.insert(home.into(), Some(aside.into()));
            }
            ["settled", path] => {
                self.paths.remove(Path::new(path));
            }
            ["done"] => self.done = true,
            _ => {}
        }
    }

    fn clean_up(&self) {
        let processes: Vec<_> =
            self.processes.iter().map(|(leader, stop)| (Pid::from_raw(*leader), *stop)).collect();
        for (leader, stop) in &processes {
            stop.ask(*leader);
        }
        for (leader, stop) in &processes {
            stop.wait(*leader);
        }
        for (path, aside) in &self.paths {
            let settled = patiently(|| match aside {
                Some(aside) => fs::rename(aside, path).is_ok(),
                None => {
                    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
                    !path.exists()
                }
            });
            if !settled {
                note(format_args!("could not clean up {}", path.display()));
            }
        }
    }
}

/// Tries for up to five seconds.
fn patiently(mut attempt: impl FnMut() -> bool) -> bool {
    for _ in 0..100 {
        if attempt() {
            return true;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duties(lines: &[&str]) -> Duties {
        let mut duties = Duties::default();
        for line in lines {
            duties.read(line);
        }
        duties
    }

    #[test]
    fn what_has_ended_is_no_duty_any_more() {
        let left = duties(&[
            "process\t4711\tquit",
            "remove\t/tmp/a folder",
            "ended\t4711",
            "settled\t/tmp/a folder",
            "restore\t/etc/aside\t/etc/home",
            "settled\t/etc/home",
        ]);
        assert_eq!(left, Duties::default());
    }

    #[test]
    fn its_own_group_and_everybody_are_never_signalled() {
        let left = duties(&["process\t0\tkill", "process\t1\tkill", "process\t-1\tkill", "process\tx\tkill"]);
        assert_eq!(left, Duties::default());
    }

    #[test]
    fn done_is_noted() {
        assert!(duties(&["done"]).done);
        assert!(!duties(&["remove\t/tmp/x"]).done);
    }

    #[test]
    fn folders_and_files_are_removed_and_files_moved_back() {
        let base = tempfile::tempdir().unwrap();
        let path = |name: &str| base.path().join(name);
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("folder/inside"), "x").unwrap();
        fs::write(path("file"), "x").unwrap();
        fs::write(path("aside"), "the user's").unwrap();
        fs::write(path("home"), "ours").unwrap();
        duties(&[
            &format!("remove\t{}", path("folder").display()),
            &format!("remove\t{}", path("file").display()),
            &format!("restore\t{}\t{}", path("aside").display(), path("home").display()),
        ])
        .clean_up();
        assert!(!path("folder").exists() && !path("file").exists() && !path("aside").exists());
        assert_eq!(fs::read_to_string(path("home")).unwrap(), "the user's");
    }
}
