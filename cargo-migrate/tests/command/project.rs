//! A throw-away cargo project, and the command run in it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A cargo project in a directory that goes with it.
pub(crate) struct Project {
    directory: TempDir,
}

impl Project {
    /// A package for SQLite, without revisions.
    pub(crate) fn new() -> Self {
        Self::with_manifest(
            "[package]\nname = \"app\"\nversion = \"0.0.0\"\n\n[dependencies]\n\
             embed-migrations = { version = \"0.1\", features = [\"sqlite-bundled\"] }\n",
        )
    }

    pub(crate) fn with_manifest(text: &str) -> Self {
        let project = Self { directory: tempfile::tempdir().unwrap() };
        project.write("Cargo.toml", text);
        project
    }

    /// A package with an empty directory of revisions.
    pub(crate) fn initialised() -> Self {
        let project = Self::new();
        project.run("init").ok();
        project
    }

    /// A package with revisions `a`, `b` on `a` and so on, each of which makes a table of its name.
    pub(crate) fn chain(ids: &[&str]) -> Self {
        let project = Self::initialised();
        for (place, id) in ids.iter().enumerate() {
            let parent = if place == 0 { "none" } else { ids[place - 1] };
            project.revision(id, parent);
        }
        project
    }

    /// Writes a revision that makes a table of its name.
    pub(crate) fn revision(&self, id: &str, revises: &str) {
        self.write(
            &format!("migrations/{id}_make.sql"),
            &format!(
                "-- Make {id}\n--\n-- revision: {id}\n-- revises: {revises}\n\n-- migrate:up\n\
                 CREATE TABLE t_{id} (x INTEGER);\n\n-- migrate:down\nDROP TABLE t_{id};\n"
            ),
        );
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// The names in the directory of revisions, sorted.
    pub(crate) fn migrations(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("migrations")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The command, as cargo starts it, without what the environment of the test would add.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-migrate"));
        command.arg("migrate").args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        for variable in ["DATABASE_URL", "NO_COLOR", "CLICOLOR_FORCE", "EDITOR", "VISUAL"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run_all(&self, arguments: &[&str]) -> Done {
        Done::new(self.command(arguments).output().unwrap())
    }

    /// Runs a line of arguments; single quotes keep words together.
    pub(crate) fn run(&self, line: &str) -> Done {
        self.run_all(&words(line))
    }

    /// The same on the project's SQLite file.
    pub(crate) fn on_database(&self, line: &str) -> Done {
        Done::new(self.command(&words(line)).env("DATABASE_URL", "sqlite:app.db").output().unwrap())
    }
}

fn words(line: &str) -> Vec<&str> {
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
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails the test unless the command succeeded; gives back its standard output.
    #[track_caller]
    pub(crate) fn ok(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        &self.stdout
    }

    /// Fails the test unless the command ended with this code; gives back its standard error.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{self:?}");
        &self.stderr
    }

    /// What it printed as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        let value: serde_json::Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(value["version"], 1);
        value
    }
}
