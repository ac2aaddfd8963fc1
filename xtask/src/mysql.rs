//! A private MySQL, which is not MariaDB: other settings, and an account that it makes itself.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::backend::Backend;
use crate::certificates::Certificates;
use crate::folder::RunFolder;
use crate::mariadb::{self, ERROR_LOG, SOCKET, STATEMENT_LOG, server_program};
use crate::process::{Stop, Supervisor};
use crate::server::{Server, launch};

/// MySQL's programs, in the tree that they were unpacked into.
#[derive(Debug)]
pub(crate) struct MysqlPrograms {
    /// The root of the tree, such as `/usr`
    pub(crate) base: PathBuf,
}

pub(crate) fn start<'a>(
    supervisor: &'a Supervisor,
    programs: &MysqlPrograms,
    run: &RunFolder<'_>,
) -> Result<Server<'a>> {
    let folder = run.server("mysql", &mariadb::account()?)?;
    let certificates = Certificates::make(&folder)?;
    folder.write("my.cnf", &settings(folder.path(), &programs.base, &certificates))?;
    folder.write(ERROR_LOG, "")?;
    let server = programs.base.join("sbin/mysqld");
    let mut initialise = server_program(&server, &folder);
    supervisor
        .run(initialise.arg("--initialize-insecure"), Stop::Terminate)
        .with_context(|| format!("its log:\n{}", folder.read(ERROR_LOG)))?;
    let users = mariadb::users(&folder)?;
    let (process, port) = launch(
        supervisor,
        &folder,
        ERROR_LOG,
        Stop::Kill,
        |port| {
            folder.write(ERROR_LOG, "")?;
            folder.write(STATEMENT_LOG, "")?;
            let output = folder.output("output")?;
            let mut command = server_program(&server, &folder);
            command.arg(format!("--port={port}")).arg(format!("--init-file={}", users.display()));
            command.arg("--general-log=ON").stdout(output.try_clone()?).stderr(output);
            Ok(command)
        },
        |_| folder.join(SOCKET).exists() && folder.read(ERROR_LOG).contains("ready for connections"),
    )?;
    let bin = programs.base.join("bin");
    let version = mariadb::check_passwords(supervisor, &bin.join("mysql"), &folder, port)?;
    Ok(Server {
        backend: Backend::Mysql,
        product: format!("mysql {version}"),
        port,
        url: mariadb::url(port),
        log: folder.join(STATEMENT_LOG),
        ca: certificates.ca,
        bin,
        process,
    })
}

/// Nothing has to survive a crash of the machine.
fn settings(folder: &Path, base: &Path, certificates: &Certificates) -> String {
    let inside = |name: &str| folder.join(name).display().to_string();
    let shared = |name: &str| base.join(name).display().to_string();
    let mut text = String::from("[mysqld]\n");
    for (name, value) in [
        ("basedir", base.display().to_string()),
        ("lc_messages_dir", shared("share/mysql")),
        ("character_sets_dir", shared("share/mysql/charsets")),
        ("plugin_dir", shared("lib/mysql/plugin")),
        ("datadir", inside("data")),
        ("tmpdir", folder.display().to_string()),
        ("socket", inside(SOCKET)),
        ("pid_file", inside("pid")),
        ("log_error", inside(ERROR_LOG)),
        ("general_log_file", inside(STATEMENT_LOG)),
        ("log_output", "FILE".to_owned()),
        ("bind_address", "127.0.0.1".to_owned()),
        ("ssl_ca", certificates.ca.display().to_string()),
        ("ssl_cert", certificates.server.display().to_string()),
        ("ssl_key", certificates.key.display().to_string()),
        ("secure_file_priv", "NULL".to_owned()),
        ("mysqlx", "OFF".to_owned()),
        ("skip_log_bin", "ON".to_owned()),
        ("skip_name_resolve", "ON".to_owned()),
        ("max_connections", "200".to_owned()),
        ("innodb_buffer_pool_size", "32M".to_owned()),
        ("innodb_redo_log_capacity", "32M".to_owned()),
        ("innodb_flush_log_at_trx_commit", "0".to_owned()),
        ("innodb_flush_method", "nosync".to_owned()),
        ("innodb_doublewrite", "OFF".to_owned()),
        ("innodb_use_native_aio", "OFF".to_owned()),
    ] {
        let _ = writeln!(text, "{name}={value}");
    }
    text
}
