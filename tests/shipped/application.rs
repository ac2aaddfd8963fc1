//! `examples/app.rs` by itself: an application that brings the commands for its own schema with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use embed_migrations_tests::project::{Output, copy_executable, offline_cargo, workspace};
use serde_json::Value;
use tempfile::TempDir;

/// The example, built once.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut command = offline_cargo(workspace());
        command.args([
            "build",
            "--quiet",
            "--example",
            "app",
            "--features",
            "cli",
            "--message-format",
            "json",
        ]);
        let done = Output::of(&mut command, workspace());
        let messages = done.succeeded().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        // The path is given with the workspace's directory taken out.
        let paths = messages.filter(|message| message["target"]["name"] == "app");
        let path =
            paths.filter_map(|message| message["executable"].as_str().map(str::to_owned)).next().unwrap();
        PathBuf::from(path.replace("[PROJECT]", &workspace().display().to_string()))
    })
}

/// The executable in a directory where nothing else is.
struct App(TempDir);

impl App {
    fn new() -> Self {
        let app = Self(tempfile::tempdir().unwrap());
        copy_executable(built(), &app.path());
        app
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("app")
    }

    fn run(&self, line: &str) -> Output {
        let mut command = Command::new(self.path());
        command.args(line.split_whitespace()).current_dir(self.0.path()).stdin(Stdio::null()).env_clear();
        Output::of(command.env("DATABASE_URL", "sqlite:app.db"), self.0.path())
    }

    /// The data that a command prints for programs.
    fn json(&self, line: &str) -> Value {
        let done = self.run(&format!("{line} --format json"));
        let printed: Value = serde_json::from_str(done.succeeded()).unwrap();
        assert_eq!(printed["version"], 1);
        printed["data"].clone()
    }

    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn an_application_migrates_its_own_database_and_then_serves() {
    let app = App::new();
    let refused = app.run("serve");
    assert!(refused.exited(1).contains("hint: run `app migrate upgrade head` first"), "{refused:?}");
    app.run("migrate upgrade head").succeeded();
    assert_eq!(app.run("serve").succeeded(), "0 users\n");
    app.run("migrate downgrade -1 --yes").succeeded();
    app.run("serve").exited(1);
    assert_eq!(app.files(), ["app", "app.db"]);
}

#[test]
fn every_command_is_on_the_page() {
    let help = App::new().run("migrate --help");
    let help = help.succeeded();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let page = std::fs::read_to_string(workspace().join("docs/application.md")).unwrap();
    let (list, _) = page.split_once("with it.").unwrap();
    let names = commands.lines().take_while(|line| !line.is_empty());
    let names: Vec<_> = names.map(|line| line.split_whitespace().next().unwrap()).collect();
    let missing: Vec<_> =
        names.iter().filter(|name| **name != "help" && !list.contains(&format!("`{name}`"))).collect();
    assert!(names.contains(&"resolve") && missing.is_empty(), "{missing:?} of {names:?}");
}

#[test]
fn every_command_works_without_a_file_beside_the_application() {
    let app = App::new();
    assert_eq!(
        app.run("migrate heads").succeeded(),
        "0891a9178087 (head), Keep the balance of every account\n"
    );
    let history = app.run("migrate history");
    assert_eq!(history.succeeded().lines().count(), 12);
    assert!(app.run("migrate show 9b4c770c9eec").succeeded().contains("CREATE TABLE users"));
    assert!(
        app.run("migrate show 6aa9").succeeded().contains("Fill in the merchants of existing transactions")
    );
    assert_eq!(app.run("migrate current").succeeded(), "");
    let plan = app.run("migrate plan +2");
    assert_eq!(plan.succeeded().lines().count(), 3, "{plan:?}");
    assert_eq!(app.files(), ["app"], "what only reads makes no database");

    assert!(
        app.run("migrate check")
            .exited(7)
            .contains("hint: `app migrate upgrade heads` applies what is missing")
    );
    let upgraded = app.run("migrate upgrade");
    assert!(upgraded.succeeded().starts_with("12 steps, now at 0891a9178087 ("), "{upgraded:?}");
    assert_eq!(upgraded.stderr.lines().count(), 12, "a line for each step: {upgraded:?}");
    assert!(app.run("migrate upgrade").succeeded().starts_with("nothing to do"));
    assert_eq!(app.run("migrate status").succeeded(), "at 0891a9178087: 12 applied, 0 pending\n");
    app.run("migrate check").succeeded();
    app.run("migrate current --check-heads").succeeded();
    assert!(app.run("migrate history -i").succeeded().lines().next().unwrap().contains("(current)"));

    assert!(app.run("migrate downgrade -1").exited(17).contains("hint: add `--yes`"));
    app.run("migrate current --check-heads").succeeded();
    assert!(app.run("migrate downgrade -1 --dry-run").succeeded().contains("down 0891a9178087"));
    assert!(app.run("migrate downgrade -1 --yes").succeeded().starts_with("1 step, now at "));
    app.run("migrate current --check-heads").exited(7);
    app.run("migrate stamp head").succeeded();
    app.run("migrate check").succeeded();
}

#[test]
fn an_application_leads_many_databases_up_and_down_and_tells_of_them() {
    let app = App::new();
    std::fs::write(app.0.path().join("tenants"), "sqlite:one.db\nsqlite:two.db\n").unwrap();
    let told = |line: &str, counts: &str| {
        let done = app.run(&format!("migrate {line} --urls tenants"));
        assert!(done.succeeded().contains(&format!("2 targets: {counts} (")), "{done:?}");
    };
    told("status", "2 not current");
    assert_eq!(app.files(), ["app", "tenants"]);
    told("downgrade base --yes", "2 with nothing to do");
    assert_eq!(app.files(), ["app", "tenants"]);
    told("upgrade +2 --dry-run", "2 with something to do");
    told("upgrade +2", "2 changed");
    let refused = app.run("migrate downgrade -1 --urls tenants");
    assert!(refused.exited(17).contains("hint: add `--yes`"), "{refused:?}");
    told("downgrade -1 --dry-run", "2 with something to do");
    told("downgrade -1 --yes", "2 changed");
    told("downgrade base --yes", "2 changed");
    told("downgrade base", "2 with nothing to do");
    assert_eq!(app.files(), ["app", "one.db", "tenants", "two.db"]);
}

#[test]
fn an_application_prints_for_programs_as_the_command_does() {
    let app = App::new();
    assert_eq!(app.json("migrate heads")[0]["revision"], "0891a9178087");
    assert_eq!(app.json("migrate plan")["steps"].as_array().unwrap().len(), 12);
    assert_eq!(app.json("migrate upgrade +3")["steps"].as_array().unwrap().len(), 3);
    assert_eq!(app.json("migrate status")["pending"].as_array().unwrap().len(), 9);
    assert_eq!(app.json("migrate current")[0]["head"], false);
    let failed = app.run("migrate upgrade nosuch --format json");
    failed.exited(11);
    let printed: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!((&printed["command"], &printed["error"]["exit"]), (&"upgrade".into(), &11.into()));
}

#[test]
fn ctrl_c_ends_an_application_s_wait_for_another_program_and_the_next_run_goes_on() {
    let app = App::new();
    app.run("migrate upgrade +3").succeeded();
    let other = rusqlite::Connection::open(app.0.path().join("app.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut command = Command::new(app.path());
    command.args(["migrate", "upgrade"]).current_dir(app.0.path()).env_clear();
    let command = command.env("DATABASE_URL", "sqlite:app.db").stdin(Stdio::null());
    let waiting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let pressed = Instant::now();
    let killed = Command::new("kill").args(["-INT", &waiting.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let ended = waiting.wait_with_output().unwrap();
    assert!(pressed.elapsed() < Duration::from_secs(20), "{:?}", pressed.elapsed());
    let told = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{told}");
    assert!(told.contains("error: stopped by a signal: the run was told to stop"), "{told}");
    assert!(told.contains("3 applied, 9 pending"), "{told}");
    other.execute_batch("ROLLBACK").unwrap();
    app.run("migrate upgrade").succeeded();
    assert_eq!(app.run("migrate status").succeeded(), "at 0891a9178087: 12 applied, 0 pending\n");
}

/// The system keeps from the first process of a container what that does not handle.
#[cfg(target_os = "linux")]
#[test]
fn sigterm_ends_a_command_that_is_the_first_process_of_a_container_before_it_changes_anything_as_well() {
    let container = || {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--pid", "--fork"]);
        command
    };
    if !container().arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("not tried: this system lets nobody make a namespace of processes");
        return;
    }
    let app = App::new();
    app.run("migrate upgrade +3").succeeded();
    let other = rusqlite::Connection::open(app.0.path().join("app.db")).unwrap();
    // To read is waited for, before anything is changed.
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut container = container();
    container.arg(app.path()).args(["migrate", "upgrade"]);
    container.current_dir(app.0.path()).env("DATABASE_URL", "sqlite:app.db").stdin(Stdio::null());
    let mut container = container.stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let id = container.id();
    let first = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let sent = Instant::now();
    assert!(Command::new("kill").args(["-TERM", first.trim()]).status().unwrap().success());
    assert_eq!(container.wait().unwrap().code(), Some(143));
    assert!(sent.elapsed() < Duration::from_secs(20), "{:?}", sent.elapsed());
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(
        app.run("migrate status").succeeded().lines().next().unwrap().split(": ").last(),
        Some("3 applied, 9 pending")
    );
}

#[test]
fn mistakes_have_the_codes_of_the_command() {
    let app = App::new();
    app.run("migrate heads --bogus").exited(2);
    app.run("migrate new -m Next").exited(2);
    app.run("migrate upgrade nosuch").exited(11);
    let other = app.run("migrate status --database-url postgres://user:s3cr3t@localhost/db");
    assert!(!other.exited(16).contains("s3cr3t"), "{other:?}");
    let mut without = Command::new(app.path());
    let done = Output::of(without.args(["migrate", "current"]).env_clear(), app.0.path());
    assert!(done.exited(13).contains("no database is named"), "{done:?}");
}
