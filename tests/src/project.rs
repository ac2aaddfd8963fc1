//! Throw-away cargo projects that depend on embed-migrations the way an application does.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::database::assert_hides_passwords;

/// The root of the workspace under test.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/"))
}

/// Where projects live and build: below the target directory of the running test, so that they end with it.
fn projects() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its executable");
    // target/debug/deps/test-0123456789abcdef
    let target = test.ancestors().nth(3).expect("cargo puts tests three levels below the target directory");
    target.join("projects")
}

/// A cargo project of its own, outside of the workspace, with the workspace's versions of everything.
///
/// All projects share one target directory: what they depend on is built once. A project's name is that of its package
/// and of its directory; every test uses another.
#[derive(Debug)]
pub struct TestProject {
    name: String,
    root: PathBuf,
    features: Vec<String>,
    dependency: String,
    rest: String,
}

impl TestProject {
    /// An empty project that depends on embed-migrations without features.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let root = projects().join(name);
        if root.exists() {
            fs::remove_dir_all(&root).expect("the remains of the last run can be removed");
        }
        fs::create_dir_all(&root).expect("the project's directory can be made");
        let project = Self {
            name: name.to_owned(),
            root,
            features: Vec::new(),
            dependency: "embed-migrations = {".to_owned(),
            rest: String::new(),
        };
        project.write_manifest();
        fs::copy(workspace().join("Cargo.lock"), project.path("Cargo.lock"))
            .expect("the lock file is copied");
        project
    }

    /// Depends on embed-migrations with these features.
    #[must_use]
    pub fn features(mut self, features: &[&str]) -> Self {
        self.features = features.iter().map(|feature| (*feature).to_owned()).collect();
        self.write_manifest();
        self
    }

    /// Depends on embed-migrations under another name.
    #[must_use]
    pub fn renamed(mut self, name: &str) -> Self {
        self.dependency = format!("{name} = {{ package = \"embed-migrations\",");
        self.write_manifest();
        self
    }

    /// Adds lines to the manifest; the first ones belong to `[dependencies]`.
    #[must_use]
    pub fn manifest(mut self, lines: &str) -> Self {
        self.rest.push_str(lines);
        self.rest.push('\n');
        self.write_manifest();
        self
    }

    /// Adds a file, or replaces it.
    #[must_use]
    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        self.write(path, text);
        self
    }

    /// Writes a file; directories are made as needed.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        let parent = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, text)).expect("the file can be written");
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).expect("the file can be removed");
    }

    /// Reads a file.
    #[must_use]
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).expect("the file can be read")
    }

    /// Where a file of the project is.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The executable that a build in a profile's directory has made.
    #[must_use]
    pub fn executable(&self, profile: &str) -> PathBuf {
        let file = format!("{}{}", self.name, std::env::consts::EXE_SUFFIX);
        projects().join("target").join(profile).join(file)
    }

    /// The manifest's line for embed-migrations, for a manifest that is written by hand.
    #[must_use]
    pub fn dependency(&self) -> String {
        let path = workspace().display().to_string().replace('\\', "/");
        format!("{} path = \"{path}\", features = {:?} }}", self.dependency, self.features)
    }

    fn write_manifest(&self) {
        let Self { name, rest, .. } = self;
        // A workspace of its own: the directory may lie inside of the one under test.
        self.write(
            "Cargo.toml",
            format!(
                "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
                 [workspace]\n\n[dependencies]\n{}\n{rest}",
                self.dependency()
            ),
        );
    }

    /// Runs cargo on what is downloaded already, in the project's directory.
    pub fn cargo<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.run_command(offline_cargo(&self.root).args(arguments))
    }

    /// Builds and runs the project's program.
    pub fn run(&self) -> Output {
        self.cargo(["run", "--quiet"])
    }

    /// Runs a command and takes what it prints.
    pub fn run_command(&self, command: &mut Command) -> Output {
        Output::of(command, &self.root)
    }
}

/// Cargo as projects use it: quiet about colours, small in what it writes, one target directory for all.
#[must_use]
pub fn cargo(directory: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", projects().join("target"))
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER");
    command
}

/// The same on what is downloaded already.
#[must_use]
pub fn offline_cargo(directory: &Path) -> Command {
    fetch();
    let mut command = cargo(directory);
    command.env("CARGO_NET_OFFLINE", "true");
    command
}

/// Copies an executable, ready to be started.
///
/// Another process does it: a file that is open for writing here may be so in a child of another test as well, for the
/// moment before that child becomes its program, and what is open for writing cannot be started.
pub fn copy_executable(from: &Path, to: &Path) {
    let done = Command::new("cp").args([from, to]).status().expect("`cp` can be started");
    assert!(done.success(), "{} cannot be copied", from.display());
}

/// Has all crates of the workspace's lock file at hand, also those for other platforms, which resolving asks for.
fn fetch() {
    static FETCHED: std::sync::Once = std::sync::Once::new();
    FETCHED.call_once(|| {
        let fetched = |arguments: &[&str]| {
            let done = cargo(workspace()).args(arguments).output();
            done.is_ok_and(|done| done.status.success())
        };
        assert!(
            fetched(&["fetch", "--locked", "--offline"]) || fetched(&["fetch", "--locked"]),
            "`cargo fetch --locked` failed in {}",
            workspace().display()
        );
    });
}

/// What a command printed, the project's directory as `[PROJECT]`, and whether it succeeded.
#[derive(Debug)]
pub struct Output {
    command: String,
    /// Its exit code; none if a signal ended it
    pub code: Option<i32>,
    /// Whether that was zero
    pub success: bool,
    /// Standard output
    pub stdout: String,
    /// Standard error
    pub stderr: String,
}

impl Output {
    /// Runs a command that belongs to a project's directory.
    pub fn of(command: &mut Command, root: &Path) -> Self {
        let done = command.output().expect("the command can be started");
        let root = root.display().to_string();
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            assert_hides_passwords(&text);
            text.replace(&root, "[PROJECT]")
        };
        Self {
            command: format!("{command:?}"),
            code: done.status.code(),
            success: done.status.success(),
            stdout: text(&done.stdout),
            stderr: text(&done.stderr),
        }
    }

    /// Fails the test unless the command succeeded; gives back what it printed to standard output.
    #[track_caller]
    pub fn succeeded(&self) -> &str {
        assert!(self.success, "failed: {}\n{}\n{}", self.command, self.stdout, self.stderr);
        &self.stdout
    }

    /// Fails the test unless the command failed; gives back what it printed to standard error.
    #[track_caller]
    pub fn failed(&self) -> &str {
        assert!(!self.success, "succeeded: {}\n{}\n{}", self.command, self.stdout, self.stderr);
        &self.stderr
    }

    /// Fails the test unless the command ended with this code; gives back what it printed to standard error.
    #[track_caller]
    pub fn exited(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{}\n{}\n{}", self.command, self.stdout, self.stderr);
        &self.stderr
    }
}
