//! pgbouncer in transaction mode: each transaction of a client gets one of a few sessions of the server.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::folder::{RunFolder, ServerFolder};
use crate::postgres;
use crate::process::{Process, Stop, Supervisor};
use crate::server::{PASSWORD, Server, USER, launch, program};

const LOG: &str = "log";

/// A pooler in front of a server.
#[derive(Debug)]
pub(crate) struct Pooler<'a> {
    /// Product and version, such as `pgbouncer 1.18.0`.
    pub(crate) product: String,
    pub(crate) url: String,
    pub(crate) process: Process<'a>,
}

/// Starts a pooler in front of the server.
pub(crate) fn start<'a>(
    supervisor: &'a Supervisor,
    pgbouncer: &Path,
    run: &RunFolder<'_>,
    server: &Server<'_>,
) -> Result<Pooler<'a>> {
    let folder = run.server("pgbouncer", &postgres::account()?)?;
    let users = folder.write_secret("users", &format!("\"{USER}\" \"{PASSWORD}\"\n"))?;
    let version = supervisor.run(program(pgbouncer, &folder).arg("--version"), Stop::Terminate)?;
    let (process, port) = launch(
        supervisor,
        &folder,
        LOG,
        Stop::Kill,
        |port| {
            let settings = folder.write("pgbouncer.ini", &settings(&folder, &users, port, server.port))?;
            let output = folder.output(LOG)?;
            let mut command: Command = program(pgbouncer, &folder);
            folder.account().apply(&mut command);
            command.arg(settings).stdout(output.try_clone()?).stderr(output);
            Ok(command)
        },
        |_| folder.read(LOG).contains("process up"),
    )
    .context("pgbouncer did not start")?;
    let version = version.split_whitespace().nth(1).unwrap_or("of unknown version").to_owned();
    Ok(Pooler { product: format!("pgbouncer {version}"), url: postgres::url(port), process })
}

/// Fewer sessions than the tests have clients, so that these have to share them.
fn settings(folder: &ServerFolder, users: &Path, port: u16, server: u16) -> String {
    format!(
        "[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {}
auth_type = scram-sha-256
auth_file = {}
stats_users = {USER}
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
",
        folder.path().display(),
        users.display(),
    )
}
