//! `pg_dump`, `mariadb-dump` and `mysqldump`.
//!
//! They get what the URL says through the environment where it is secret, and nothing from option files and variables that
//! would lead them elsewhere.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use migrate_cli::Error;
use percent_encoding::percent_decode_str;

/// Writes an archive for `pg_restore`.
pub(super) fn postgres(url: &str, file: &Path) -> Result<(), Error> {
    let place = Place::read(url);
    let mut command = Command::new("pg_dump");
    command.args(["--format=custom", "--no-password", "--file"]).arg(file);
    for (name, _) in std::env::vars_os() {
        // They say where to connect; `PG_...` is of the packager's.
        let is_setting = name.to_str().is_some_and(|name| name.starts_with("PG") && !name.starts_with("PG_"));
        if is_setting {
            command.env_remove(name);
        }
    }
    command.envs(place.variables());
    run(&["pg_dump"], |_| command)
}

/// Writes the statements that make the database again.
pub(super) fn mysql(url: &str, file: &Path) -> Result<(), Error> {
    let place = Place::read(url);
    let programs = match url.starts_with("mariadb:") {
        true => ["mariadb-dump", "mysqldump"],
        false => ["mysqldump", "mariadb-dump"],
    };
    run(&programs, |program| {
        let mut command = Command::new(program);
        command.arg("--no-defaults").args([
            "--single-transaction",
            "--routines",
            "--triggers",
            "--events",
            "--hex-blob",
            "--no-tablespaces",
            "--default-character-set=utf8mb4",
        ]);
        let is_mariadb = says_mariadb(program);
        if !is_mariadb {
            // A copy of one database is not to set what the server counts by, and MariaDB has no such statistics.
            command.args(["--loose-set-gtid-purged=OFF", "--loose-column-statistics=0"]);
        }
        command.args(place.options(is_mariadb)).arg("--result-file").arg(file);
        command.arg("--").arg(place.database.as_deref().unwrap_or_default());
        command.env_remove("MYSQL_HOST").env_remove("MYSQL_TCP_PORT").env_remove("MYSQL_UNIX_PORT");
        command.env_remove("MYSQL_PWD").envs(place.password.as_ref().map(|password| ("MYSQL_PWD", password)));
        command
    })
}

/// Runs the first of some programs that is there.
fn run(programs: &[&str], command: impl FnOnce(&str) -> Command) -> Result<(), Error> {
    let is_there = |program: &&&str| {
        let asked = Command::new(program).arg("--version").stdin(Stdio::null()).output();
        !asked.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    let Some(program) = programs.iter().find(is_there) else {
        let named = programs.iter().map(|program| format!("`{program}`")).collect::<Vec<_>>().join(" or ");
        return Err(Error::program(format!(
            "cannot make a backup: there is no {named} on the PATH\n\nhint: install the client programs of the server, or leave \
             `--backup` away; nothing was changed"
        )));
    };
    let failed = |reason: &str| {
        Error::program(format!("cannot make a backup: `{program}` {reason}\n\nhint: nothing was changed"))
    };
    let done = command(program)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(&format!("does not run: {error}")))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(failed(&format!("failed: {}", String::from_utf8_lossy(&done.stderr).trim()))),
    }
}

/// Whether a program is MariaDB's, whatever its name: their options for TLS differ.
fn says_mariadb(program: &str) -> bool {
    let asked = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    asked.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("MariaDB"))
}

/// What a server's URL says, without escapes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Place {
    user: Option<String>,
    password: Option<String>,
    hosts: Vec<String>,
    ports: Vec<String>,
    database: Option<String>,
    parameters: Vec<(String, String)>,
}

impl Place {
    fn read(url: &str) -> Self {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let some = |text: &str| Some(plain(text)).filter(|text| !text.is_empty());
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) =
            login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
        let mut place = Self {
            user: some(user),
            password: password.and_then(some),
            database: some(path),
            ..Self::default()
        };
        for host in hosts.split(',').filter(|host| !host.is_empty()) {
            // An address of IPv6 is in brackets, and has colons.
            let end = host.rfind(']').unwrap_or(0);
            let (host, port) = match host[end..].rfind(':') {
                Some(colon) => (&host[..end + colon], &host[end + colon + 1..]),
                None => (host, ""),
            };
            place.hosts.push(plain(host.trim_start_matches('[').trim_end_matches(']')));
            place.ports.push(port.to_owned());
        }
        for (name, value) in parameters.split('&').filter_map(|parameter| parameter.split_once('=')) {
            let value = plain(value);
            match name {
                "user" => place.user = Some(value),
                "password" => place.password = Some(value),
                "dbname" => place.database = Some(value),
                "host" => place.hosts = value.split(',').map(str::to_owned).collect(),
                "port" => place.ports = value.split(',').map(str::to_owned).collect(),
                _ => place.parameters.push(in_words_of_libpq(&plain(name), value)),
            }
        }
        place.settle_mode();
        place
    }

    /// Says which mode is meant where none is said, or more than is said, as connections take it.
    fn settle_mode(&mut self) {
        let Some(roots) = self.parameter("sslrootcert") else { return };
        let meant = match (self.parameter("sslmode"), roots) {
            (None, "system") => "verify-full",
            (None | Some("require"), _) => "verify-ca",
            _ => return,
        };
        self.parameters.retain(|(name, _)| name != "sslmode");
        self.parameters.push(("sslmode".into(), meant.into()));
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// For libpq.
    fn variables(&self) -> Vec<(&'static str, String)> {
        const PASSED: [(&str, &str); 8] = [
            ("sslmode", "PGSSLMODE"),
            ("sslrootcert", "PGSSLROOTCERT"),
            ("sslcert", "PGSSLCERT"),
            ("sslkey", "PGSSLKEY"),
            ("channel_binding", "PGCHANNELBINDING"),
            ("connect_timeout", "PGCONNECT_TIMEOUT"),
            ("target_session_attrs", "PGTARGETSESSIONATTRS"),
            ("options", "PGOPTIONS"),
        ];
        let joined = |list: &[String]| Some(list.join(",")).filter(|list| list.contains(|c| c != ','));
        let own = [
            ("PGUSER", self.user.clone()),
            ("PGPASSWORD", self.password.clone()),
            ("PGHOST", joined(&self.hosts)),
            ("PGPORT", joined(&self.ports)),
            ("PGDATABASE", self.database.clone()),
        ];
        let passed =
            PASSED.iter().map(|&(name, variable)| (variable, self.parameter(name).map(str::to_owned)));
        own.into_iter().chain(passed).filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// For the clients of MySQL and MariaDB; all but the password. They know no authorities by themselves.
    fn options(&self, is_mariadb: bool) -> Vec<String> {
        let mut options = Vec::new();
        if let Some(socket) = self.parameter("socket") {
            options.push(format!("--socket={socket}"));
        } else {
            // `localhost` would stand for a socket that the URL does not name.
            options.push("--protocol=tcp".into());
            options.push(format!("--host={}", self.hosts.first().map_or("127.0.0.1", String::as_str)));
        }
        if let Some(port) = self.ports.first().filter(|port| !port.is_empty()) {
            options.push(format!("--port={port}"));
        }
        options.extend(self.user.as_ref().map(|user| format!("--user={user}")));
        let require = self.parameter("require_ssl") == Some("true");
        let mode = self.parameter("sslmode").or(require.then_some("require"));
        let flags: &[&str] = match (mode, is_mariadb) {
            (Some("disable"), true) => &["--skip-ssl"],
            (Some("disable"), false) => &["--ssl-mode=DISABLED"],
            (Some("prefer"), false) => &["--ssl-mode=PREFERRED"],
            (Some("require"), true) => &["--ssl", "--skip-ssl-verify-server-cert"],
            (Some("require"), false) => &["--ssl-mode=REQUIRED"],
            // MariaDB's client cannot check the authority alone; it checks the name with it.
            (Some("verify-ca" | "verify-full"), true) => &["--ssl", "--ssl-verify-server-cert"],
            (Some("verify-ca"), false) => &["--ssl-mode=VERIFY_CA"],
            (Some("verify-full"), false) => &["--ssl-mode=VERIFY_IDENTITY"],
            _ => &[],
        };
        options.extend(flags.iter().map(|&flag| flag.to_owned()));
        for (name, option) in [("sslrootcert", "ca"), ("sslcert", "cert"), ("sslkey", "key")] {
            let path = self.parameter(name).filter(|path| (name, *path) != ("sslrootcert", "system"));
            options.extend(path.map(|path| format!("--ssl-{option}={path}")));
        }
        options
    }
}

/// A parameter of TLS that is in MySQL's words, in those of libpq; others as they are.
fn in_words_of_libpq(name: &str, value: String) -> (String, String) {
    let name = match name {
        "ssl-mode" => "sslmode",
        "ssl-ca" => "sslrootcert",
        "ssl-cert" => "sslcert",
        "ssl-key" => "sslkey",
        other => other,
    };
    if name != "sslmode" {
        return (name.to_owned(), value);
    }
    let mode = match value.to_ascii_lowercase().replace('_', "-").as_str() {
        "disabled" => "disable".to_owned(),
        "preferred" => "prefer".to_owned(),
        "required" => "require".to_owned(),
        "verify-identity" => "verify-full".to_owned(),
        mode => mode.to_owned(),
    };
    (name.to_owned(), mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_and_its_escapes_are_gone() {
        let place = Place::read(
            "postgres://u%40x:p%25%3A%2F%3F%23%27%22%20@[::1]:5433,b.example/d%2Fb?sslmode=verify-full",
        );
        assert_eq!(place.password.as_deref(), Some("p%:/?#'\" "));
        assert_eq!(
            place.variables(),
            [
                ("PGUSER", "u@x"),
                ("PGPASSWORD", "p%:/?#'\" "),
                ("PGHOST", "::1,b.example"),
                ("PGPORT", "5433,"),
                ("PGDATABASE", "d/b"),
                ("PGSSLMODE", "verify-full")
            ]
            .map(|(name, value)| (name, value.to_owned()))
        );
        let place = Place::read("postgres:///db?host=%2Frun%2Fpg&user=me");
        assert_eq!(
            (place.hosts, place.ports, place.user),
            (vec!["/run/pg".into()], Vec::new(), Some("me".into()))
        );
    }

    #[test]
    fn no_option_holds_the_password_and_each_client_gets_its_own_words_for_tls() {
        let options = |url: &str, is_mariadb| Place::read(url).options(is_mariadb).join(" ");
        let url = "mysql://me:s3cr3t@localhost:3307/db?sslmode=verify-full&sslrootcert=/ca.pem";
        let common = "--protocol=tcp --host=localhost --port=3307 --user=me";
        assert_eq!(options(url, true), format!("{common} --ssl --ssl-verify-server-cert --ssl-ca=/ca.pem"));
        assert_eq!(options(url, false), format!("{common} --ssl-mode=VERIFY_IDENTITY --ssl-ca=/ca.pem"));
        assert_eq!(options("mysql://me:s3cr3t@h/db", true), "--protocol=tcp --host=h --user=me");
        let own_words =
            "mysql://me:s3cr3t@h/db?ssl-mode=VERIFY_IDENTITY&ssl-ca=/ca.pem&ssl-cert=/c.pem&ssl-key=/k.pem";
        assert_eq!(
            options(own_words, false),
            "--protocol=tcp --host=h --user=me --ssl-mode=VERIFY_IDENTITY --ssl-ca=/ca.pem --ssl-cert=/c.pem --ssl-key=/k.pem"
        );
    }

    #[test]
    fn a_dump_checks_the_server_no_less_than_a_connection_does() {
        let options =
            |parameters: &str| Place::read(&format!("mysql://me@h/db?{parameters}")).options(false).join(" ");
        assert!(options("sslrootcert=/ca.pem").ends_with("--ssl-mode=VERIFY_CA --ssl-ca=/ca.pem"));
        assert!(
            options("sslmode=require&sslrootcert=/ca.pem").ends_with("--ssl-mode=VERIFY_CA --ssl-ca=/ca.pem")
        );
        assert!(options("sslmode=verify-full&ssl-ca=system").ends_with("--ssl-mode=VERIFY_IDENTITY"));
        let place = Place::read("postgres://me@h/db?sslrootcert=system");
        assert!(place.variables().contains(&("PGSSLMODE", "verify-full".to_owned())));
    }
}
