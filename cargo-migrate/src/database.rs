//! The database that a command works on: where its URL comes from, and runs on it.

use std::path::Path;
use std::{fs, io};

use migrate_cli::{Database, DatabaseUrl, Error, Exit, History, LockArgs, SqliteFile, variable};
use migrate_revision::source::Resolved;
use migrate_revision::{Backend, Body};
use migrate_runtime::{Migrations, Plan};

use crate::project::Project;
use crate::set::{self, Refusal};

const VARIABLE: &str = "DATABASE_URL";

/// Which database
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Database")]
pub(crate) struct DatabaseArgs {
    /// `sqlite:app.db`, `postgres://..` or `mysql://..`; without it `DATABASE_URL`, then that of `.env`, then
    /// `database-url` in Cargo.toml
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<DatabaseUrl>,
    #[command(flatten)]
    lock: LockArgs,
}

/// The URL to use: of the arguments, the environment, `.env`, the configuration.
///
/// # Errors
/// When there is none, or the environment or `.env` cannot be read.
pub(crate) fn find(args: &DatabaseArgs, project: &Project) -> Result<DatabaseUrl, Error> {
    look_for(args, project)?.ok_or_else(none_named)
}

/// The error that there is no URL.
pub(crate) fn none_named() -> Error {
    Error::new(
        Exit::Database,
        "no database is named\n\nhint: give `--database-url`, set `DATABASE_URL` in the environment or in `.env`, or \
         write `database-url` into `[package.metadata.migrate]`",
    )
}

/// As [`find`], if a database is named.
///
/// # Errors
/// When the environment or `.env` cannot be read.
pub(crate) fn look_for(args: &DatabaseArgs, project: &Project) -> Result<Option<DatabaseUrl>, Error> {
    let found = |url: &str| Ok(Some(DatabaseUrl::from(migrate_runtime::escaped_url(url))));
    if let Some(url) = &args.database_url {
        return found(url.as_str());
    }
    if let Some(url) = variable(VARIABLE, Exit::Database)? {
        return found(&url);
    }
    for directory in [Some(&project.root), project.workspace.as_ref()].into_iter().flatten() {
        if let Some(url) = of_env_file(&directory.join(".env"))? {
            return found(&below(directory, url));
        }
    }
    match &project.config.database_url {
        Some((url, directory)) => found(&below(directory, url.clone())),
        None => Ok(None),
    }
}

/// The backends that a URL may lead to.
pub(crate) fn backends(url: &DatabaseUrl) -> Vec<Backend> {
    match url.as_str().split_once(':').map_or("", |(scheme, _)| scheme) {
        "sqlite" => vec![Backend::Sqlite],
        "postgres" | "postgresql" => vec![Backend::Postgres],
        // Which of the two it is shows when it is asked.
        "mysql" | "mariadb" => vec![Backend::Mysql, Backend::Mariadb],
        _ => Vec::new(),
    }
}

/// An SQLite URL whose path is relative to a directory, as one relative to the current directory.
fn below(directory: &Path, url: String) -> String {
    match SqliteFile::of(&url).filter(|_| directory != Path::new(".")) {
        Some(file) => file.below(directory).unwrap_or(url),
        None => url,
    }
}

fn of_env_file(path: &Path) -> Result<Option<String>, Error> {
    let shown = path.display();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        // Environments of other tools are directories of this name.
        Err(error) if error.kind() == io::ErrorKind::NotFound || path.is_dir() => return Ok(None),
        Err(error) => return Err(Error::project(format!("cannot read `{shown}`: {error}"))),
    };
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    for entry in dotenvy::from_read_iter(bytes) {
        match entry {
            Ok((name, url)) if name == VARIABLE && !url.is_empty() => return Ok(Some(url)),
            Ok(_) => {}
            // The error's text shows the line, which may hold a password.
            Err(error) => {
                let text = String::from_utf8_lossy(bytes);
                let place = match &error {
                    dotenvy::Error::LineParse(line, _) => text.find(line.trim()),
                    _ => None,
                };
                let line = place.map_or("a line".to_owned(), |at| {
                    format!("line {}", text[..at].matches('\n').count() + 1)
                });
                return Err(Error::project(format!(
                    "{line} of `{shown}` cannot be read\n\nhint: lines are `NAME=value`; put single quotes around a value \
                     with `$`, `#`, spaces or quotes"
                )));
            }
        }
    }
    Ok(None)
}

/// The project's revisions and the URL of a database.
pub(crate) struct Opened {
    set: Migrations,
    url: DatabaseUrl,
    lock: LockArgs,
    schema: Option<String>,
    table: Option<String>,
}

impl Opened {
    /// Reads the revisions, checked for the database that the arguments lead to.
    ///
    /// # Errors
    /// When no database is named, the revisions are not for it, or a build would refuse them.
    pub(crate) fn open(args: &DatabaseArgs, project: &Project) -> Result<Self, Error> {
        let url = find(args, project)?;
        let resolved = Self::checked(&url, project)?;
        Ok(Self::new(url, args, project, resolved))
    }

    /// Reads the revisions, checked for the databases of these URLs, of which the first is opened. They need not be for all of
    /// them.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn all(urls: &[DatabaseUrl], args: &DatabaseArgs, project: &Project) -> Result<Self, Error> {
        let Some(first) = urls.first() else { return Self::open(args, project) };
        let mut wanted: Vec<Backend> = Vec::new();
        for url in urls {
            check_wanted(url, project)?;
            wanted.extend(
                backends(url).into_iter().filter(|backend| !wanted.contains(backend)).collect::<Vec<_>>(),
            );
        }
        let resolved = Self::read_for(wanted, project, set::checked)?;
        Ok(Self::new(first.clone(), args, project, resolved))
    }

    /// As [`open`](Self::open), and the upgrades of locked revisions may have been edited.
    ///
    /// # Errors
    /// When no database is named, the revisions are not for it, or a build would refuse them for more than edits.
    pub(crate) fn to_repair(args: &DatabaseArgs, project: &Project) -> Result<Self, Error> {
        let url = find(args, project)?;
        let resolved = Self::read(&url, project, set::edited)?;
        Ok(Self::new(url, args, project, resolved))
    }

    /// For what the database says by itself: the revisions are not checked, and there may be none.
    ///
    /// # Errors
    /// When no database is named, or the revisions cannot be read.
    pub(crate) fn to_ask(args: &DatabaseArgs, project: &Project) -> Result<Self, Error> {
        Ok(Self::new(find(args, project)?, args, project, set::outline(project)?))
    }

    /// The revisions, with everything that a build checks for the URL's database.
    ///
    /// # Errors
    /// When they are not for it, or a build would refuse them.
    pub(crate) fn checked(url: &DatabaseUrl, project: &Project) -> Result<Resolved, Error> {
        Self::read(url, project, set::checked)
    }

    fn read(
        url: &DatabaseUrl,
        project: &Project,
        read: impl Fn(&Project, (Vec<Backend>, bool), bool) -> Result<Resolved, Refusal>,
    ) -> Result<Resolved, Error> {
        check_wanted(url, project)?;
        Self::read_for(backends(url), project, read)
    }

    fn read_for(
        backends: Vec<Backend>,
        project: &Project,
        read: impl Fn(&Project, (Vec<Backend>, bool), bool) -> Result<Resolved, Refusal>,
    ) -> Result<Resolved, Error> {
        // A URL of no backend is an error of the runtime's, which knows what to say.
        let backends = if backends.is_empty() { project.backends().0 } else { backends };
        let resolved = read(project, (backends, false), true)?;
        if resolved.revisions.is_empty() {
            return Err(Error::target(format!(
                "there are no revisions in `{}`\n\nhint: `cargo migrate new -m \"what it does\"` writes the first",
                project.directory_name()
            )));
        }
        Ok(resolved)
    }

    fn new(url: DatabaseUrl, args: &DatabaseArgs, project: &Project, resolved: Resolved) -> Self {
        Self {
            set: Migrations::from_resolved(resolved, &project.config.namespace),
            url,
            lock: args.lock.clone(),
            schema: project.config.schema.clone(),
            table: project.config.table.clone(),
        }
    }

    /// The backend by the URL; MariaDB goes as MySQL.
    pub(crate) fn backend(&self) -> Option<Backend> {
        backends(&self.url).first().copied()
    }

    /// The URL of the database, the same whatever the current directory.
    pub(crate) fn absolute_url(&self) -> DatabaseUrl {
        let url = self.url.as_str().to_owned();
        DatabaseUrl::from(std::env::current_dir().map_or(url.clone(), |here| below(&here, url)))
    }

    /// What keeps runs apart.
    pub(crate) fn lock(&self) -> &LockArgs {
        &self.lock
    }

    /// The history that commands read and write.
    pub(crate) fn history(&self) -> History {
        History::new(self.set.namespace(), self.schema.as_deref(), self.table.as_deref())
    }

    /// The file of the first revision on the way that only the application can run, because it is written in Rust.
    pub(crate) fn rust_on_the_way(&self, plan: &Plan) -> Option<String> {
        let interrupted = plan.interrupted.iter().map(String::as_str);
        let steps = plan.steps.iter().map(|step| step.revision.as_str());
        let is_rust = |id: &str| {
            let found = self.set.revisions().iter().find(|revision| revision.id.as_str() == id);
            found.filter(|revision| matches!(revision.body, Body::Rust { .. }))
        };
        interrupted.chain(steps).find_map(is_rust).map(|revision| self.set.file_of(revision))
    }

    /// The file of the first revision that is written in Rust.
    pub(crate) fn rust(&self) -> Option<String> {
        let mut revisions = self.set.revisions().iter();
        revisions.find(|revision| matches!(revision.body, Body::Rust { .. })).map(|it| self.set.file_of(it))
    }

    /// The database, for commands.
    pub(crate) fn database(&self) -> Database<'_> {
        Database::new(&self.set, self.url.clone())
            .history_in(self.schema.clone(), self.table.clone())
            .locked_by(&self.lock)
    }
}

/// Refuses a database that the project's revisions are not for.
fn check_wanted(url: &DatabaseUrl, project: &Project) -> Result<(), Error> {
    let backends = backends(url);
    let (wanted, _) = project.backends();
    match backends.first() {
        Some(backend) if !backends.iter().any(|backend| wanted.contains(backend)) => {
            let names: Vec<&str> = wanted.iter().map(|backend| backend.name()).collect();
            Err(Error::unsupported(format!(
                "the database is {backend}, and the project's revisions are for {}\n\nhint: name another database, or \
                 add the backend to `backends` in `[package.metadata.migrate]`",
                names.join(", ")
            )))
        }
        _ => Ok(()),
    }
}

/// Waits for a command that is async because of the drivers.
///
/// # Errors
/// When the system gives no way to wait.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::program(format!("cannot start: {source}")))?;
    Ok(runtime.block_on(future))
}
