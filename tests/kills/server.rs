//! A server of a test's own, which may be killed and started again.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use embed_migrations_tests::database::{Connection, Kind};
use tempfile::TempDir;

/// Whether what is committed is on the disk before the server says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    Safe,
    Fast,
}

/// Whose server it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Product {
    Postgres,
    Mariadb,
    Mysql,
}

pub struct Server {
    pub kind: Kind,
    pub product: Product,
    pub port: u16,
    folder: TempDir,
    programs: PathBuf,
    /// The account that it runs under, where this process is root's: servers refuse root
    account: Option<(u32, u32)>,
    disk: Disk,
    process: Option<Running>,
    databases: AtomicU32,
}

/// A server's process, and one that ends it should this one be killed.
struct Running {
    server: Child,
    guard: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

impl Server {
    pub fn start(kind: Kind, disk: Disk) -> Self {
        let folder = tempfile::Builder::new().prefix("kills-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let account = (fs::metadata(folder.path()).unwrap().uid() == 0).then(|| account(kind));
        if let Some((user, group)) = account {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let programs = if kind == Kind::Postgres { "POSTGRES" } else { "MYSQL" };
        let programs = std::env::var(format!("EMBED_MIGRATIONS_TEST_{programs}_BIN"));
        let programs: PathBuf =
            programs.expect("run `cargo xtask test`, or set what `cargo xtask servers` prints").into();
        let product = match kind {
            Kind::Postgres => Product::Postgres,
            _ if programs.join("mariadb-dump").exists() => Product::Mariadb,
            _ => Product::Mysql,
        };
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let databases = AtomicU32::new(0);
        let mut server =
            Self { kind, product, port, folder, programs, account, disk, process: None, databases };
        server.initialise();
        server.start_again();
        server
    }

    /// A program under the server's account.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env("LC_ALL", "C").stdin(Stdio::null());
        // MariaDB removes the temporary tables of others that it finds there when it starts.
        command.env("TMPDIR", self.folder.path());
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    fn initialise(&self) {
        let data = self.folder.path().join("data");
        let mut command = match self.product {
            Product::Postgres => {
                let mut initdb = self.command(&self.programs.join("initdb"));
                initdb.arg("-D").arg(&data);
                initdb.args(["-U", "tester", "-E", "UTF8", "--locale=C", "--no-sync", "-A", "trust"]);
                initdb
            }
            Product::Mariadb => {
                let mut install = self.command(&self.in_tree(&["bin", "scripts"], "mariadb-install-db"));
                install.arg("--no-defaults").arg(format!("--basedir={}", self.tree().display()));
                install.arg(format!("--datadir={}", data.display()));
                install.args([
                    "--skip-name-resolve",
                    "--skip-test-db",
                    "--auth-root-authentication-method=normal",
                ]);
                install
            }
            Product::Mysql => {
                let mut install = self.mysqld();
                install.arg("--initialize-insecure").arg(format!("--datadir={}", data.display()));
                install
            }
        };
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // A statement per line, at every start.
        let users = "CREATE USER IF NOT EXISTS 'tester'@'%' IDENTIFIED BY 'secret';\nGRANT ALL ON *.* TO 'tester'@'%';\n";
        fs::write(self.folder.path().join("users.sql"), users).unwrap();
    }

    /// The root of the tree that the programs are in.
    fn tree(&self) -> &Path {
        self.programs.parent().unwrap()
    }

    /// A program of the tree, in one of these folders.
    fn in_tree(&self, folders: &[&str], name: &str) -> PathBuf {
        let mut paths = folders.iter().map(|folder| self.tree().join(folder).join(name));
        paths
            .find(|path| path.exists())
            .unwrap_or_else(|| panic!("{name} is not in {}", self.tree().display()))
    }

    /// MySQL's server, which looks for its files where it was built for unless it is told.
    fn mysqld(&self) -> Command {
        let mut command = self.command(&self.in_tree(&["sbin", "bin", "libexec"], "mysqld"));
        let shared = |name: &str| self.tree().join(name).display().to_string();
        command.arg("--no-defaults").arg(format!("--basedir={}", self.tree().display()));
        command.arg(format!("--lc-messages-dir={}", shared("share/mysql")));
        command.arg(format!("--character-sets-dir={}", shared("share/mysql/charsets")));
        command.arg(format!("--plugin-dir={}", shared("lib/mysql/plugin"))).arg("--secure-file-priv=NULL");
        command
    }

    fn server_command(&self) -> Command {
        let inside = |name: &str| self.folder.path().join(name).display().to_string();
        let safe = self.disk == Disk::Safe;
        match self.product {
            Product::Postgres => {
                let mut command = self.command(&self.programs.join("postgres"));
                let on = if safe { "on" } else { "off" };
                command.args(["-D", &inside("data"), "-p", &self.port.to_string(), "-k", &inside("")]);
                for setting in [
                    "listen_addresses=127.0.0.1",
                    "max_connections=100",
                    "shared_buffers=16MB",
                    "autovacuum=off",
                    "dynamic_shared_memory_type=posix",
                    &format!("fsync={on}"),
                    &format!("synchronous_commit={on}"),
                    &format!("full_page_writes={on}"),
                ] {
                    command.args(["-c", setting]);
                }
                command
            }
            Product::Mariadb | Product::Mysql => {
                let (mut command, own) = if self.product == Product::Mariadb {
                    let mut command = self.command(&self.in_tree(&["sbin", "bin", "libexec"], "mariadbd"));
                    command.arg("--no-defaults").arg(format!("--basedir={}", self.tree().display()));
                    (command, ["--innodb-log-file-size=8M", "--aria-pagecache-buffer-size=8M"])
                } else {
                    (self.mysqld(), ["--innodb-redo-log-capacity=16M", "--mysqlx=OFF"])
                };
                command.args(own);
                for (name, value) in [
                    ("datadir", inside("data")),
                    ("tmpdir", inside("")),
                    ("socket", inside("socket")),
                    ("pid-file", inside("pid")),
                    ("init-file", inside("users.sql")),
                    ("port", self.port.to_string()),
                    ("bind-address", "127.0.0.1".to_owned()),
                    ("innodb-buffer-pool-size", "32M".to_owned()),
                    ("innodb-flush-log-at-trx-commit", u8::from(safe).to_string()),
                    ("innodb-flush-method", if safe { "fsync" } else { "nosync" }.to_owned()),
                    ("innodb-doublewrite", u8::from(safe).to_string()),
                    ("innodb-use-native-aio", "0".to_owned()),
                    ("key-buffer-size", "1M".to_owned()),
                ] {
                    command.arg(format!("--{name}={value}"));
                }
                command.args(["--skip-name-resolve", "--skip-log-bin"]);
                command
            }
        }
    }

    /// Starts it on its data, whatever state they are in, and waits until it answers.
    pub fn start_again(&mut self) {
        let begun = Instant::now();
        loop {
            let log = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(self.folder.path().join("log"))
                .unwrap();
            let mut command = self.server_command();
            let server = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
            let guard = Command::new("sh")
                .args(["-c", &format!("read -r line; kill -9 {}", server.id())])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let mut process = Running { server, guard };
            while process.server.try_wait().unwrap().is_none() {
                if Connection::try_new(self.kind, &self.url(self.first_database())).is_ok() {
                    self.process = Some(process);
                    return;
                }
                self.in_time(begun);
                sleep(Duration::from_millis(20));
            }
            // What the killed one left behind, such as its memory, is still held by processes that are about to end.
            self.in_time(begun);
            sleep(Duration::from_millis(50));
        }
    }

    fn in_time(&self, begun: Instant) {
        let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(begun.elapsed() < Duration::from_secs(60), "the server does not start:\n{}", log());
    }

    /// Lets it end in its own time, and starts it again with nothing to recover.
    pub fn rest(&mut self) {
        let mut running = self.process.take().expect("it runs");
        let asked = Command::new("kill").arg(running.server.id().to_string()).status().unwrap();
        assert!(
            asked.success() && running.server.wait().unwrap().success(),
            "the server ends when it is told to"
        );
        drop(running);
        self.start_again();
    }

    /// Kills it as it is: SIGKILL.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs");
    }

    fn first_database(&self) -> &'static str {
        if self.kind == Kind::Postgres { "postgres" } else { "mysql" }
    }

    pub fn url(&self, database: &str) -> String {
        url(self.kind, self.port, database)
    }

    /// A new connection for what is not about a database.
    pub fn connect(&self) -> Connection {
        Connection::new(self.kind, &self.url(self.first_database()))
    }

    /// Makes a new, empty database, and tells its name.
    pub fn database(&self) -> String {
        let name = format!("db{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.connect().run(&format!("CREATE DATABASE {name}"));
        name
    }
}

/// The URL of a server's database behind a port of this machine.
pub fn url(kind: Kind, port: u16, database: &str) -> String {
    match kind {
        Kind::Postgres => format!("postgres://tester@127.0.0.1:{port}/{database}"),
        // Over the network also where there is a socket, which would lead past a proxy.
        _ => format!("mysql://tester:secret@127.0.0.1:{port}/{database}?prefer_socket=false"),
    }
}

/// The numbers of the user, and of its group, that a server may run as.
fn account(kind: Kind) -> (u32, u32) {
    let names = if kind == Kind::Postgres { ["postgres", "nobody"] } else { ["mysql", "nobody"] };
    let number = |option: &str, name: &str| {
        let output = Command::new("id").args([option, name]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    let found = names.iter().find_map(|name| Some((number("-u", name)?, number("-g", name)?)));
    found.expect("there is an account for the server")
}
