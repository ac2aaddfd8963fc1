//! Signals while a runner's application does the run, in sessions with a terminal and without one.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use nix::pty::openpty;

use crate::project::{Done, Project};
use crate::runner::with_application;

/// Many short sleeps: a shell looks for what is trapped between its commands.
const WORK: &str = "echo begun >&2\nwhile :; do sleep 0.1; done\n";

/// An upgrade by the application that is at work.
struct Running {
    child: Child,
    errors: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    /// Starts the upgrade in a session of its own, and waits until the application says that it has begun.
    fn start(project: &Project, script: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        project.write("app.sh", script);
        let upgrade = project.command(&["upgrade", "--database-url", "sqlite:app.db"]);
        let mut command = Command::new("setsid");
        prepare(&mut command);
        command.arg(upgrade.get_program()).args(upgrade.get_args());
        for (variable, _) in upgrade.get_envs() {
            command.env_remove(variable);
        }
        command.current_dir(project.path("")).stderr(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let mut running = Self { child, errors, said: String::new() };
        running.wait_for("begun\n");
        running
    }

    /// The same where there is no terminal.
    fn apart(project: &Project, script: &str) -> Self {
        Self::start(project, script, |command| {
            command.stdin(Stdio::null());
        })
    }

    /// The same on a terminal, at which one can type.
    fn on_terminal(project: &Project, script: &str) -> (Self, File) {
        let pair = openpty(None, None).unwrap();
        let prepare = |command: &mut Command| {
            command.arg("--ctty").stdin(Stdio::from(pair.slave));
        };
        (Self::start(project, script, prepare), File::from(pair.master))
    }

    fn wait_for(&mut self, text: &str) {
        while !self.said.contains(text) {
            let read = self.errors.read_line(&mut self.said).unwrap();
            assert!(read > 0, "`{text}` is not in: {}", self.said);
        }
    }

    /// Sends a signal to the command alone, as a supervisor does.
    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    fn end(mut self) -> Done {
        self.errors.read_to_string(&mut self.said).unwrap();
        let mut done = Done::new(self.child.wait_with_output().unwrap());
        done.stderr = self.said;
        done
    }
}

#[test]
fn signals_are_for_the_application_which_is_waited_for() {
    let project = with_application("");
    for (name, number) in [("INT", 2), ("TERM", 15), ("HUP", 1)] {
        let running = Running::apart(&project, &format!("trap 'echo told >&2; exit 12' {name}\n{WORK}"));
        running.signal(name);
        let done = running.end();
        assert!(
            done.failed(12).contains("told\nerror: `sh app.sh migrate` failed (exit status: 12)"),
            "{done:?}"
        );
        // One that does not handle it ends by it.
        let running = Running::apart(&project, WORK);
        running.signal(name);
        let done = running.end();
        let ended = format!("error: `sh app.sh migrate` failed (signal: {number} (SIG{name}))");
        assert!(done.failed(130).contains(&ended), "{done:?}");
    }
}

#[test]
fn every_signal_is_given_to_the_application_and_not_the_first_alone() {
    let project = with_application("");
    for name in ["INT", "TERM", "HUP"] {
        let trap = format!("trap 'n=1$n; echo told $n >&2; [ $n = 11 ] && exit 12' {name}\n");
        let mut running = Running::apart(&project, &format!("{trap}{WORK}"));
        running.signal(name);
        running.wait_for("told 1\n");
        running.signal(name);
        assert!(running.end().failed(12).contains("told 11\n"));
    }
}

#[test]
fn those_that_a_shell_has_started_are_told_and_waited_for_as_well() {
    let project = with_application("");
    project.write("rest.sh", &format!("trap 'sleep 1; echo > rest; exit' TERM\n{WORK}"));
    let mut running = Running::apart(&project, "sh rest.sh\necho not here\n");
    running.signal("TERM");
    assert_eq!(running.child.wait().unwrap().code(), Some(130));
    assert!(project.path("rest").exists());
    assert!(running.end().failed(130).contains("failed (signal: 15 (SIGTERM))"));
}

#[test]
fn those_that_do_not_end_are_waited_for_no_longer_than_ten_seconds() {
    let project = with_application("");
    // The signal may not come before it is ignored.
    project.write("rest.sh", "trap '' TERM\n: > ignoring\nexec sleep 40\n");
    let wait = "while [ ! -e ignoring ]; do sleep 0.1; done";
    let running = Running::apart(&project, &format!("sh rest.sh > /dev/null 2>&1 &\n{wait}\n{WORK}"));
    let since = Instant::now();
    running.signal("TERM");
    assert!(running.end().failed(130).contains("failed (signal: 15 (SIGTERM))"));
    assert!((9..25).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());
}

#[test]
fn an_application_may_ignore_what_the_command_is_started_to_ignore() {
    let project = with_application("");
    let ignoring = |command: &mut Command| {
        command.args(["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]).stdin(Stdio::null());
    };
    let running = Running::start(&project, "echo begun >&2\nsleep 1\nexit 12\n", ignoring);
    running.signal("HUP");
    running.end().failed(12);
}

#[test]
fn an_application_can_ask_on_the_terminal() {
    let project = with_application("");
    let script = "echo begun >&2\nread answer < /dev/tty\necho \"told $answer\" >&2\nexit 12\n";
    let (running, mut terminal) = Running::on_terminal(&project, script);
    terminal.write_all(b"the passphrase\n").unwrap();
    assert!(running.end().failed(12).contains("told the passphrase\n"));
}

#[test]
fn ctrl_c_on_a_terminal_reaches_the_application_once_each_time() {
    let project = with_application("");
    // How often it was told shows a while after the last time.
    let script = "trap 'n=1$n; i=0; echo told >&2' INT\necho begun >&2\ni=0\n\
                  while [ $i -lt 5 ]; do sleep 0.2; i=$((i + 1)); done\necho \"in all $n\" >&2\nexit 12\n";
    for times in 1..=2 {
        let (mut running, mut terminal) = Running::on_terminal(&project, script);
        for _ in 0..times {
            std::thread::sleep(Duration::from_millis(300));
            terminal.write_all(b"\x03").unwrap();
        }
        running.wait_for("in all");
        let done = running.end();
        assert!(done.failed(12).contains(&format!("in all {}\n", "1".repeat(times))), "{done:?}");
    }
}

#[test]
fn other_signals_reach_an_application_that_is_on_a_terminal() {
    let project = with_application("");
    for name in ["TERM", "HUP"] {
        let (running, _terminal) = Running::on_terminal(&project, "echo begun >&2\nexec sleep 60\n");
        running.signal(name);
        let done = running.end();
        assert!(done.failed(130).contains(&format!("(SIG{name}))")), "{done:?}");
    }
}
