//! The program `cargo-migrate`, run on a throw-away cargo project and a test's database.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::database::{Database, Kind, assert_hides_passwords};
use crate::project::workspace;
use crate::revisions::Revisions;

/// The program, built once in the target directory of the running test.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows its executable");
        // target/debug/deps/test-0123456789abcdef
        let profile =
            test.ancestors().nth(2).expect("cargo puts tests two levels below the profile's directory");
        let name = profile.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["build", "--quiet", "--offline", "--package", "cargo-migrate"])
            .args(["--profile", if name == "debug" { "dev" } else { name }])
            .env("CARGO_TARGET_DIR", profile.parent().expect("a profile is in a target directory"))
            .current_dir(workspace());
        let built = cargo.output().expect("cargo can be started");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        profile.join(format!("cargo-migrate{}", std::env::consts::EXE_SUFFIX))
    })
}

/// A value of `PATH` by which cargo finds the program.
pub fn path() -> OsString {
    let place = program().parent().expect("an executable is in a directory");
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(place.to_owned()).chain(std::env::split_paths(&rest)))
        .expect("the parts of a path can be joined again")
}

/// The variables of a person's environment that the program would heed.
pub const HEEDED: [&str; 5] = ["DATABASE_URL", "NO_COLOR", "CLICOLOR_FORCE", "EDITOR", "VISUAL"];

/// A cargo project with revisions for a database, in a directory that goes with it.
pub struct CommandProject {
    directory: TempDir,
    url: String,
}

impl CommandProject {
    /// A package with an empty directory of revisions.
    pub fn new(database: &Database) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let project = Self { directory, url: database.url() };
        let backend = match database.kind {
            Kind::Sqlite => "sqlite-bundled",
            Kind::Postgres => "postgres",
            Kind::Mysql => "mysql",
        };
        project.write(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"app\"\nversion = \"0.0.0\"\n\n[dependencies]\n\
                 embed-migrations = {{ version = \"0.1\", features = [\"{backend}\"] }}\n"
            ),
        );
        fs::create_dir(project.path("migrations")).unwrap();
        project
    }

    /// A package with these revisions.
    pub fn with(database: &Database, revisions: &Revisions) -> Self {
        let project = Self::new(database);
        for (name, text) in revisions.files() {
            project.write(&format!("migrations/{name}"), text);
        }
        project
    }

    /// The same project for another account, or another database.
    #[must_use]
    pub fn url(self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The command, without what the environment of the test would add; arguments follow.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.arg("migrate").current_dir(self.directory.path()).stdin(Stdio::null());
        for variable in HEEDED {
            command.env_remove(variable);
        }
        command.env("DATABASE_URL", &self.url);
        command
    }

    /// Runs a line of arguments; single quotes keep words together.
    pub fn run(&self, line: &str) -> Done {
        Done::new(self.command().args(words(line)).output().unwrap())
    }
}

/// The words of a line; single quotes keep words together.
pub fn words(line: &str) -> Vec<&str> {
    let parts = line.split('\'').enumerate();
    parts
        .flat_map(|(place, part)| match place % 2 {
            0 => part.split_whitespace().collect::<Vec<_>>(),
            _ => vec![part],
        })
        .collect()
}

/// What a run of the command left.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    #[track_caller]
    pub fn new(output: Output) -> Self {
        let done = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert_hides_passwords(&done.stdout);
        assert_hides_passwords(&done.stderr);
        done
    }

    /// Fails the test unless the command succeeded; gives back its standard output.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.stdout
    }

    /// Fails the test unless the command ended with this code; gives back its standard error.
    #[track_caller]
    pub fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{self:?}");
        &self.stderr
    }

    /// What it printed as JSON: `data`, or `error`.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        let mut value: serde_json::Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(value["version"], 1);
        let key = if value.get("error").is_some() { "error" } else { "data" };
        value[key].take()
    }
}
