//! A clone of a project, and what its developer types there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use embed_migrations_tests::command::{self, HEEDED, words};
use embed_migrations_tests::database::Database;
use embed_migrations_tests::project::{Output, TestProject, offline_cargo};

/// What the application does: it brings its database up to date.
const MAIN: &str = r#"
use embed_migrations::{Result, embed_migrations};

embed_migrations!("migrations");

fn main() -> Result<()> {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL is set");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio starts");
    let upgraded = async { migrations::MIGRATIONS.connect(&url).await?.upgrade("head").await };
    println!("{}", runtime.block_on(upgraded)?);
    Ok(())
}
"#;

/// A clone of a repository with one cargo project, an application for all databases.
pub(crate) struct Program {
    directory: PathBuf,
    url: String,
}

impl Program {
    /// A project without revisions, in a repository of its own.
    pub(crate) fn new(name: &str, database: &Database) -> Self {
        let project = TestProject::new(name)
            .features(&["sqlite-bundled", "postgres", "mysql"])
            .manifest("tokio = { version = \"1\", features = [\"rt\", \"net\", \"time\"] }\n")
            .file("src/main.rs", MAIN);
        let program = Self { directory: project.path(""), url: database.url() };
        program.git("init --quiet --initial-branch main").succeeded();
        program.commit("begin");
        program
    }

    /// Another developer's clone.
    pub(crate) fn clone_as(&self, name: &str) -> Self {
        let directory = TestProject::new(name).path("");
        std::fs::remove_dir_all(&directory).unwrap();
        self.git(&format!("clone --quiet . {}", directory.display())).succeeded();
        Self { directory, url: self.url.clone() }
    }

    /// `cargo migrate`, with a line of arguments; single quotes keep words together.
    pub(crate) fn migrate(&self, line: &str) -> Output {
        let mut command = offline_cargo(&self.directory);
        command.arg("migrate").args(words(line)).env("PATH", command::path());
        for variable in HEEDED {
            command.env_remove(variable);
        }
        self.run(command.env("DATABASE_URL", &self.url))
    }

    pub(crate) fn cargo(&self, line: &str) -> Output {
        self.run(offline_cargo(&self.directory).args(words(line)).env("DATABASE_URL", &self.url))
    }

    pub(crate) fn git(&self, line: &str) -> Output {
        let person = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
        self.run(Command::new("git").args(person).args(words(line)).current_dir(&self.directory))
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git("add --all").succeeded();
        self.git(&format!("commit --quiet -m '{message}'")).succeeded();
    }

    fn run(&self, command: &mut Command) -> Output {
        Output::of(command.stdin(Stdio::null()), &self.directory)
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    /// Writes a revision that makes a table, as a developer does; gives back its id.
    pub(crate) fn add_table(&self, table: &str) -> String {
        let done = self.migrate(&format!("new -m 'Add {table}'"));
        let file = done.succeeded().trim_end().strip_prefix("created ").unwrap().to_owned();
        let text = self
            .read(&file)
            .replace(
                "-- migrate:up\n",
                &format!("-- migrate:up\nCREATE TABLE {table} (id INTEGER PRIMARY KEY);\n"),
            )
            .replace("-- migrate:down\n", &format!("-- migrate:down\nDROP TABLE {table};\n"));
        std::fs::write(self.path(&file), text).unwrap();
        let name = Path::new(&file).file_name().unwrap().to_str().unwrap();
        name.split_once('_').unwrap().0.to_owned()
    }
}
