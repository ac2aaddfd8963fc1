//! A private MariaDB: system tables, start, and the proof that passwords are asked for.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::account::Account;
use crate::backend::Backend;
use crate::certificates::Certificates;
use crate::folder::{RunFolder, ServerFolder};
use crate::process::{Stop, Supervisor};
use crate::programs::MariadbPrograms;
use crate::server::{PASSWORD, Server, USER, launch, program};

pub(crate) const ERROR_LOG: &str = "error.log";
pub(crate) const STATEMENT_LOG: &str = "log";
pub(crate) const SOCKET: &str = "socket";

pub(crate) fn start<'a>(
    supervisor: &'a Supervisor,
    programs: &MariadbPrograms,
    run: &RunFolder<'_>,
) -> Result<Server<'a>> {
    let folder = run.server("mysql", &account()?)?;
    let certificates = Certificates::make(&folder)?;
    folder.write("my.cnf", &settings(folder.path(), &programs.base, &certificates))?;
    initialise(supervisor, programs, &folder)?;
    let users = users(&folder)?;
    let (process, port) = launch(
        supervisor,
        &folder,
        ERROR_LOG,
        Stop::Kill,
        |port| {
            folder.write(ERROR_LOG, "")?;
            // Made here, because the server would close it to others.
            folder.write(STATEMENT_LOG, "")?;
            let output = folder.output("output")?;
            let mut command = server_program(&programs.server, &folder);
            command.arg(format!("--port={port}")).arg(format!("--init-file={}", users.display()));
            command.arg("--general-log=ON");
            command.stdout(output.try_clone()?).stderr(output);
            Ok(command)
        },
        |_| folder.join(SOCKET).exists() && folder.read(ERROR_LOG).contains("ready for connections"),
    )?;
    let version = check_passwords(supervisor, &programs.clients.join("mariadb"), &folder, port)?;
    Ok(Server {
        backend: Backend::Mysql,
        product: format!("mariadb {version}"),
        port,
        url: url(port),
        log: folder.join(STATEMENT_LOG),
        ca: certificates.ca,
        bin: programs.clients.clone(),
        process,
    })
}

/// A program that reads the server's settings, under the server's account.
pub(crate) fn server_program(path: &Path, folder: &ServerFolder) -> Command {
    let mut command = program(path, folder);
    folder.account().apply(&mut command);
    command.arg(format!("--defaults-file={}", folder.join("my.cnf").display()));
    command
}

/// Whom a server of MariaDB or MySQL runs as.
pub(crate) fn account() -> Result<Account> {
    Account::for_server(&["mysql", "nobody"])
}

/// The URL of a server at this port.
pub(crate) fn url(port: u16) -> String {
    format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/mysql")
}

/// The statements that make the account of the tests.
pub(crate) fn users(folder: &ServerFolder) -> Result<PathBuf> {
    folder.write(
        "users.sql",
        &format!(
            "CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n\
             GRANT ALL ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
        ),
    )
}

/// Makes the system tables. The settings are there already.
pub(crate) fn initialise(
    supervisor: &Supervisor,
    programs: &MariadbPrograms,
    folder: &ServerFolder,
) -> Result<()> {
    let mut install = server_program(&programs.install, folder);
    install.arg(format!("--basedir={}", programs.base.display()));
    install.arg(format!("--datadir={}", folder.join("data").display()));
    install.args(["--skip-name-resolve", "--skip-test-db", "--auth-root-authentication-method=socket"]);
    install.arg(format!("--auth-root-socket-user={}", folder.account().name()?));
    supervisor.run(&mut install, Stop::Terminate)?;
    Ok(())
}

/// Nothing has to survive a crash of the machine. The character set is left at the server's own default.
pub(crate) fn settings(folder: &Path, base: &Path, certificates: &Certificates) -> String {
    let inside = |name: &str| folder.join(name).display().to_string();
    let mut text = String::from("[mariadbd]\n");
    let mut set = |name: &str, value: &str| {
        let _ = writeln!(text, "{name}={value}");
    };
    set("datadir", &inside("data"));
    set("tmpdir", &folder.display().to_string());
    set("socket", &inside(SOCKET));
    set("pid_file", &inside("pid"));
    set("log_error", &inside(ERROR_LOG));
    set("general_log_file", &inside(STATEMENT_LOG));
    set("log_output", "FILE");
    set("bind_address", "127.0.0.1");
    set("ssl_ca", &certificates.ca.display().to_string());
    set("ssl_cert", &certificates.server.display().to_string());
    set("ssl_key", &certificates.key.display().to_string());
    set("skip_name_resolve", "ON");
    set("skip_log_bin", "ON");
    set("max_connections", "200");
    set("table_open_cache", "400");
    set("innodb_buffer_pool_size", "32M");
    set("innodb_log_file_size", "8M");
    set("innodb_flush_log_at_trx_commit", "0");
    set("innodb_flush_method", "nosync");
    set("innodb_doublewrite", "OFF");
    set("innodb_use_native_aio", "OFF");
    set("aria_pagecache_buffer_size", "8M");
    set("key_buffer_size", "1M");
    // A tree that was unpacked elsewhere than it was built for has to be told where its own files are.
    set("basedir", &base.display().to_string());
    let own =
        |candidates: [&str; 2]| candidates.into_iter().map(|name| base.join(name)).find(|path| path.is_dir());
    for (name, found) in [
        (
            "lc_messages_dir",
            own(["share/mariadb/english", "share/mysql/english"]).map(|mut path| {
                path.pop();
                path
            }),
        ),
        ("character_sets_dir", own(["share/mariadb/charsets", "share/mysql/charsets"])),
        ("plugin_dir", own(["lib/mysql/plugin", "lib/plugin"])),
    ] {
        if let Some(path) = found {
            set(name, &path.display().to_string());
        }
    }
    text
}

/// The right password gives the version; a wrong one must be refused.
pub(crate) fn check_passwords(
    supervisor: &Supervisor,
    client: &Path,
    folder: &ServerFolder,
    port: u16,
) -> Result<String> {
    let sql = "SELECT VERSION()";
    if supervisor.run(&mut ask(client, folder, port, "wrong", sql), Stop::Terminate).is_ok() {
        bail!("it lets a wrong password in");
    }
    let version = supervisor.run(&mut ask(client, folder, port, PASSWORD, sql), Stop::Terminate)?;
    // A newer client may warn first.
    let version = version.lines().last().and_then(|line| line.trim().split('-').next());
    Ok(version.unwrap_or("of unknown version").to_owned())
}

/// The client with a query for the server at this port.
pub(crate) fn ask(client: &Path, folder: &ServerFolder, port: u16, password: &str, sql: &str) -> Command {
    let mut client = program(client, folder);
    client.args(["--no-defaults", "--protocol=TCP", "--host=127.0.0.1", "--connect-timeout=10"]);
    client.arg(format!("--port={port}")).arg(format!("--user={USER}"));
    client.args(["--batch", "--skip-column-names"]).arg(format!("--execute={sql}")).arg("mysql");
    client.env("MYSQL_PWD", password);
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_s_own_files_are_named_where_they_exist() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(tree.path().join("share/mysql/english")).unwrap();
        let certificates = Certificates { ca: "/ca".into(), server: "/server".into(), key: "/key".into() };
        let text = settings(Path::new("/run"), tree.path(), &certificates);
        assert!(text.contains(&format!("lc_messages_dir={}/share/mysql\n", tree.path().display())));
        assert!(!text.contains("plugin_dir"));
        assert!(text.contains("socket=/run/socket\n"));
    }
}
