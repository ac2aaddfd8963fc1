//! A private PostgreSQL: initdb, start, and the proof that passwords are asked for.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;

use crate::account::Account;
use crate::backend::Backend;
use crate::certificates::Certificates;
use crate::folder::{RunFolder, ServerFolder};
use crate::process::{Process, Stop, Supervisor};
use crate::programs::PostgresPrograms;
use crate::server::{PASSWORD, Server, USER, launch, program};

const LOG: &str = "log";

/// Starts a new server in a folder of that name.
pub(crate) fn start<'a>(
    supervisor: &'a Supervisor,
    programs: &PostgresPrograms,
    run: &RunFolder<'_>,
    name: &str,
) -> Result<Server<'a>> {
    let folder = run.server(name, &account()?)?;
    let certificates = Certificates::make(&folder)?;
    initialise(supervisor, programs, &folder, &certificates)?;
    let (process, port) = serve(supervisor, programs, &folder)?;
    let version = check_passwords(supervisor, programs, &folder, port)?;
    Ok(Server {
        backend: Backend::Postgres,
        product: format!("postgres {version}"),
        port,
        url: url(port),
        log: folder.join(LOG),
        ca: certificates.ca,
        bin: programs.dir.clone(),
        process,
    })
}

/// Whom a server of PostgreSQL runs as.
pub(crate) fn account() -> Result<Account> {
    Account::for_server(&["postgres", "nobody"])
}

/// The URL of a server at this port.
pub(crate) fn url(port: u16) -> String {
    format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres")
}

/// Starts the server whose data is in the folder's `data`.
pub(crate) fn serve<'a>(
    supervisor: &'a Supervisor,
    programs: &PostgresPrograms,
    folder: &ServerFolder,
) -> Result<(Process<'a>, u16)> {
    launch(
        supervisor,
        folder,
        LOG,
        Stop::Quit,
        |port| {
            let output = folder.output(LOG)?;
            let mut command = program(&programs.path("postgres"), folder);
            folder.account().apply(&mut command);
            command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
            command.arg("-k").arg(folder.path());
            command.stdout(output.try_clone()?).stderr(output);
            Ok(command)
        },
        |pid| is_ready(&folder.read("data/postmaster.pid"), pid),
    )
}

fn initialise(
    supervisor: &Supervisor,
    programs: &PostgresPrograms,
    folder: &ServerFolder,
    certificates: &Certificates,
) -> Result<()> {
    let password = folder.write("password", &format!("{PASSWORD}\n"))?;
    let mut initdb = program(&programs.path("initdb"), folder);
    folder.account().apply(&mut initdb);
    initdb.arg("-D").arg(folder.join("data")).args(["-U", USER, "-E", "UTF8", "--locale=C", "--no-sync"]);
    initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256"]).arg("--pwfile").arg(password);
    supervisor.run(&mut initdb, Stop::Terminate)?;

    let settings = settings(certificates);
    let path = folder.join("data/postgresql.conf");
    let text = folder.read("data/postgresql.conf") + &settings;
    std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// Nothing has to survive a crash of the machine, and every statement is to be found in the log.
fn settings(certificates: &Certificates) -> String {
    let quoted = |path: &Path| format!("'{}'", path.to_string_lossy().replace('\'', "''"));
    format!(
        "
listen_addresses = '127.0.0.1'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = '16MB'
max_wal_size = '64MB'
min_wal_size = '32MB'
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
dynamic_shared_memory_type = posix
logging_collector = off
log_statement = 'all'
log_line_prefix = '%m [%p] %d '
ssl = on
ssl_ca_file = {}
ssl_cert_file = {}
ssl_key_file = {}
",
        quoted(&certificates.ca),
        quoted(&certificates.server),
        quoted(&certificates.key),
    )
}

/// Whether the server's status file says that our process accepts connections.
fn is_ready(status: &str, pid: u32) -> bool {
    let mut lines = status.lines();
    lines.next().is_some_and(|line| line.trim() == pid.to_string())
        && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

/// The right password gives the version; a wrong one must be refused.
fn check_passwords(
    supervisor: &Supervisor,
    programs: &PostgresPrograms,
    folder: &ServerFolder,
    port: u16,
) -> Result<String> {
    let sql = "SHOW server_version";
    if supervisor.run(&mut psql(programs, folder, port, "wrong", sql), Stop::Terminate).is_ok() {
        bail!("it lets a wrong password in");
    }
    let version = ask(supervisor, programs, folder, port, sql)?;
    Ok(version.split_whitespace().next().unwrap_or("of unknown version").to_owned())
}

/// The answer to a query, as psql prints it.
pub(crate) fn ask(
    supervisor: &Supervisor,
    programs: &PostgresPrograms,
    folder: &ServerFolder,
    port: u16,
    sql: &str,
) -> Result<String> {
    supervisor.run(&mut psql(programs, folder, port, PASSWORD, sql), Stop::Terminate)
}

fn psql(programs: &PostgresPrograms, folder: &ServerFolder, port: u16, password: &str, sql: &str) -> Command {
    let mut psql = program(&programs.path("psql"), folder);
    psql.args(["-X", "-w", "-A", "-t", "-h", "127.0.0.1", "-U", USER, "-d", "postgres"]);
    psql.args(["-p", &port.to_string(), "-c", sql]);
    psql.env("PGPASSWORD", password).env("PGCONNECT_TIMEOUT", "10");
    psql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_what_our_own_process_says() {
        let status = "4711\n/data\n1763920000\n5432\n/sockets\n127.0.0.1\n  5432001  98304\nready   \n";
        assert!(is_ready(status, 4711));
        assert!(!is_ready(status, 4712));
        assert!(!is_ready(&status.replace("ready", "starting"), 4711));
        assert!(!is_ready("4711\n/data\n", 4711));
        assert!(!is_ready("", 4711));
    }

    #[test]
    fn a_quote_in_the_folder_stays_inside_the_setting() {
        let certificates =
            Certificates { ca: "/tmp/it's/ca".into(), server: "/server".into(), key: "/key".into() };
        assert!(settings(&certificates).contains("ssl_ca_file = '/tmp/it''s/ca'\n"));
    }
}
