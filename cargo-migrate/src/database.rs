//! The database that a command works on: where its URL comes from, and runs on it.

use std::io;
use std::path::Path;

use migrate_revision::Backend;
use migrate_revision::source::Resolved;
use migrate_runtime::{Connected, Event, Migrations, Migrator};

use crate::error::Error;
use crate::output::Output;
use crate::project::Project;
use crate::set;

const VARIABLE: &str = "DATABASE_URL";

/// Which database
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Database")]
pub(crate) struct DatabaseArgs {
    /// `sqlite:app.db`, `postgres://..` or `mysql://..`; without it `DATABASE_URL`, then that of `.env`, then
    /// `database-url` in Cargo.toml
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
}

/// A URL. It may hold a password, and is never printed.
struct Url(String);

impl Url {
    /// The URL to use: of the arguments, the environment, `.env`, the configuration.
    fn find(args: &DatabaseArgs, project: &Project) -> Result<Self, Error> {
        if let Some(url) = &args.database_url {
            return Ok(Self(escaped(url)));
        }
        if let Some(url) = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty()) {
            return Ok(Self(escaped(&url)));
        }
        for directory in [Some(&project.root), project.workspace.as_ref()].into_iter().flatten() {
            if let Some(url) = of_env_file(&directory.join(".env"))? {
                return Ok(Self(escaped(&below(directory, url))));
            }
        }
        match &project.config.database_url {
            Some((url, directory)) => Ok(Self(escaped(&below(directory, url.clone())))),
            None => Err(Error::NoDatabase(
                "no database is named\n\nhint: give `--database-url`, set `DATABASE_URL` in the environment or in \
                 `.env`, or write `database-url` into `[package.metadata.migrate]`"
                    .into(),
            )),
        }
    }

    fn backends(&self) -> Vec<Backend> {
        match self.0.split_once(':').map_or("", |(scheme, _)| scheme) {
            "sqlite" => vec![Backend::Sqlite],
            "postgres" | "postgresql" => vec![Backend::Postgres],
            // Which of the two it is shows when it is asked.
            "mysql" | "mariadb" => vec![Backend::Mysql, Backend::Mariadb],
            _ => Vec::new(),
        }
    }

    /// The URL for a command that only reads: an SQLite file that is not there is an empty database, and stays away.
    fn to_read(&self) -> &str {
        match sqlite_file(&self.0) {
            Some(path) if !Path::new(path).exists() => "sqlite::memory:",
            _ => &self.0,
        }
    }
}

/// A server's URL with the user and the password written as URLs want them, so that any character may be in a password and
/// no part of it is taken for a host. What is written as `%40` already stays.
fn escaped(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
        return url.to_owned();
    };
    // A `?` before any `@`, or without a parameter's name after it, is of the password.
    let begins_parameters = |&(at, _): &(usize, &str)| {
        let name = rest[at + 1..].split_once('=').map_or("", |(name, _)| name);
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        rest[..at].contains('@') && (rest.len() == at + 1 || (!name.is_empty() && is_name(name)))
    };
    let parameters = rest.match_indices('?').find(begins_parameters).map_or(rest.len(), |(at, _)| at);
    let Some((login, place)) = rest[..parameters].rsplit_once('@') else { return url.to_owned() };
    let login = match login.split_once(':') {
        Some((user, password)) => format!("{}:{}", percent(user), percent(password)),
        None => percent(login),
    };
    format!("{scheme}://{login}@{place}{}", &rest[parameters..])
}

fn percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_escape =
        |at: usize| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let mut out = String::new();
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'%' if is_escape(at) => out.push('%'),
            _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The path in an SQLite URL, if it is a plain one.
fn sqlite_file(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    (!path.is_empty() && !path.starts_with(':') && !path.starts_with("file:")).then_some(path)
}

/// An SQLite URL whose path is relative to a directory, as one relative to the current directory.
fn below(directory: &Path, url: String) -> String {
    match sqlite_file(&url) {
        Some(path) if Path::new(path).is_relative() && directory != Path::new(".") => {
            let parameters = url.split_once('?').map_or(String::new(), |(_, rest)| format!("?{rest}"));
            format!("sqlite:{}{parameters}", directory.join(path).display())
        }
        _ => url,
    }
}

fn of_env_file(path: &Path) -> Result<Option<String>, Error> {
    let entries = match dotenvy::from_path_iter(path) {
        Ok(entries) => entries,
        Err(dotenvy::Error::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err(Error::Project(format!("cannot read `{}`", path.display()))),
    };
    for entry in entries {
        match entry {
            Ok((name, url)) if name == VARIABLE && !url.is_empty() => return Ok(Some(url)),
            Ok(_) => {}
            // The error's text shows the line, which may hold a password.
            Err(_) => {
                return Err(Error::Project(format!(
                    "a line of `{}` cannot be read\n\nhint: put single quotes around a value with `$`, `#`, spaces or \
                     quotes",
                    path.display()
                )));
            }
        }
    }
    Ok(None)
}

/// The project's revisions and a database.
pub(crate) struct Database {
    set: Migrations,
    url: Url,
    schema: Option<String>,
    table: Option<String>,
    heads: Vec<String>,
}

impl Database {
    /// Reads the revisions, checked for the database that the arguments lead to.
    ///
    /// # Errors
    /// When no database is named, the revisions are not for it, or a build would refuse them.
    pub(crate) fn open(args: &DatabaseArgs, project: &Project) -> Result<Self, Error> {
        let url = Url::find(args, project)?;
        let resolved = Self::checked(&url, project)?;
        Ok(Self::new(url, project, resolved))
    }

    /// For what the database says by itself: the revisions are not checked, and there may be none.
    ///
    /// # Errors
    /// When no database is named, or the revisions cannot be read.
    pub(crate) fn to_ask(args: &DatabaseArgs, project: &Project) -> Result<Self, Error> {
        Ok(Self::new(Url::find(args, project)?, project, set::outline(project)?))
    }

    fn checked(url: &Url, project: &Project) -> Result<Resolved, Error> {
        let backends = url.backends();
        let (wanted, _) = project.backends();
        if let Some(backend) = backends.first()
            && !backends.iter().any(|backend| wanted.contains(backend))
        {
            let names: Vec<&str> = wanted.iter().map(|backend| backend.name()).collect();
            return Err(Error::Unsupported(format!(
                "the database is {backend}, and the project's revisions are for {}\n\nhint: name another database, or \
                 add the backend to `backends` in `[package.metadata.migrate]`",
                names.join(", ")
            )));
        }
        // A URL of no backend is an error of the runtime's, which knows what to say.
        let backends = if backends.is_empty() { wanted } else { backends };
        let resolved = set::checked(project, (backends, false), true)?;
        if resolved.revisions.is_empty() {
            return Err(Error::Target(format!(
                "there are no revisions in `{}`\n\nhint: `cargo migrate new -m \"what it does\"` writes the first",
                project.directory_name()
            )));
        }
        Ok(resolved)
    }

    fn new(url: Url, project: &Project, resolved: Resolved) -> Self {
        let heads = resolved.heads().into_iter().map(ToString::to_string).collect();
        Self {
            set: Migrations::from_resolved(resolved, &project.config.namespace),
            url,
            schema: project.config.schema.clone(),
            table: project.config.table.clone(),
            heads,
        }
    }

    /// The ids of the heads of the whole set, as a database that has everything is at them.
    pub(crate) fn heads(&self) -> &[String] {
        &self.heads
    }

    /// The first line of a revision's prose, if the set has the revision.
    pub(crate) fn message(&self, id: &str) -> Option<&str> {
        let found = self.set.revisions().iter().find(|revision| revision.id.as_str() == id);
        found.map(|revision| revision.message.as_str())
    }

    /// Asks the database something.
    ///
    /// # Errors
    /// Those of the runtime.
    pub(crate) fn read<T>(
        &self,
        verb: impl AsyncFnOnce(Migrator<'_, Connected>) -> migrate_runtime::Result<T>,
    ) -> Result<T, Error> {
        block_on(async { verb(self.migrator(self.url.to_read()).await?).await })
    }

    /// Changes the database, and says what happens while it does.
    ///
    /// # Errors
    /// Those of the runtime.
    pub(crate) fn change<T>(
        &self,
        output: &Output,
        verb: impl AsyncFnOnce(Migrator<'_, Connected>) -> migrate_runtime::Result<T>,
    ) -> Result<T, Error> {
        let output = *output;
        block_on(async {
            let migrator = self.migrator(&self.url.0).await?;
            verb(migrator.on_event(move |event| match event {
                Event::Finished { .. } | Event::Waiting { .. } | Event::Overtaken => output.note(event),
                _ => {}
            }))
            .await
        })
    }

    async fn migrator(&self, url: &str) -> migrate_runtime::Result<Migrator<'_, Connected>> {
        let mut migrator = self.set.connect(url).await?;
        if let Some(schema) = &self.schema {
            migrator = migrator.schema(schema);
        }
        if let Some(table) = &self.table {
            migrator = migrator.table(table);
        }
        Ok(migrator)
    }
}

fn block_on<T>(future: impl Future<Output = migrate_runtime::Result<T>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Io { what: "start".into(), source })?;
    Ok(runtime.block_on(future)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_sqlite_path_is_below_the_directory_that_names_it() {
        let below = |url: &str| below(Path::new("/app"), url.to_owned());
        assert_eq!(below("sqlite:data/app.db"), "sqlite:/app/data/app.db");
        assert_eq!(below("sqlite://app.db?mode=rw"), "sqlite:/app/app.db?mode=rw");
        for url in ["sqlite:/srv/app.db", "sqlite::memory:", "sqlite:file:x?mode=memory", "postgres://h/db"] {
            assert_eq!(below(url), url);
        }
    }

    #[test]
    fn any_character_may_be_in_a_password() {
        for (url, expected) in [
            ("postgres://u:p@h/db", "postgres://u:p@h/db"),
            ("postgres://u:p%ss@w/o#rd?@h:1/db?a=b", "postgres://u:p%25ss%40w%2Fo%23rd%3F@h:1/db?a=b"),
            ("mysql://u:a%40b:c@h/db?x=y@z", "mysql://u:a%40b%3Ac@h/db?x=y@z"),
            ("mysql://u:a?b@h/db", "mysql://u:a%3Fb@h/db"),
            ("postgres://h/db", "postgres://h/db"),
            ("postgres://h/db?host=/run", "postgres://h/db?host=/run"),
            ("sqlite://a@b.db", "sqlite://a@b.db"),
        ] {
            assert_eq!(escaped(url), expected);
        }
    }
}
