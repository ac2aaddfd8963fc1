//! The databases' own clients, which run scripts.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use embed_migrations::Backend;

use crate::database::{Database, Kind, advice};

impl Database {
    /// The backend that scripts for this database are made for.
    pub fn backend(&self) -> Backend {
        match self.kind {
            Kind::Sqlite => Backend::Sqlite,
            Kind::Postgres => Backend::Postgres,
            Kind::Mysql if self.is_mariadb() => Backend::Mariadb,
            Kind::Mysql => Backend::Mysql,
        }
    }

    /// Runs a script to its end.
    pub fn run_script(&self, script: &str) {
        let output = self.try_script(script);
        assert!(output.status.success(), "{}\n\n{script}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a script that fails, and gives what the client said of it.
    pub fn fail_script(&self, script: &str) -> String {
        let output = self.try_script(script);
        assert!(!output.status.success(), "{script}");
        String::from_utf8(output.stderr).unwrap()
    }

    pub fn try_script(&self, script: &str) -> Output {
        let mut command = self.client();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the client is installed");
        let mut stdin = child.stdin.take().unwrap();
        // A client that has failed reads no further.
        let script = script.to_owned();
        let writing = std::thread::spawn(move || drop(stdin.write_all(script.as_bytes())));
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        output
    }

    /// The database's client, as the head of a script says it is to be run.
    fn client(&self) -> Command {
        match self.kind {
            Kind::Sqlite => {
                let mut client = Command::new("sqlite3");
                client.args(["-init", "/dev/null"]).arg(self.sqlite_path());
                client
            }
            Kind::Postgres => {
                let mut client = tool("EMBED_MIGRATIONS_TEST_POSTGRES_BIN", &["psql"]);
                client.args(["-X", "-f", "-"]).arg(self.url());
                client
            }
            Kind::Mysql => {
                let mut client = tool("EMBED_MIGRATIONS_TEST_MYSQL_BIN", &["mariadb", "mysql"]);
                client.arg("--no-defaults").args(self.mysql_arguments()).args(["--comments", &self.name]);
                client
            }
        }
    }

    /// How a program of MariaDB's reaches the server.
    pub(crate) fn mysql_arguments(&self) -> [String; 5] {
        let url = mysql_async::Opts::from_url(&self.url()).unwrap();
        [
            "--protocol=tcp".to_owned(),
            format!("--host={}", url.ip_or_hostname()),
            format!("--port={}", url.tcp_port()),
            format!("--user={}", url.user().unwrap()),
            format!("--password={}", url.pass().unwrap()),
        ]
    }
}

/// A program of the server's, which has one of these names.
pub(crate) fn tool(variable: &str, names: &[&str]) -> Command {
    let directory = PathBuf::from(std::env::var(variable).unwrap_or_else(|_| panic!("{}", advice())));
    let found = names.iter().map(|name| directory.join(name)).find(|path| path.exists());
    Command::new(found.unwrap_or_else(|| panic!("none of {names:?} is in {}", directory.display())))
}
