//! Where the targets of a command come from: a pattern, or a file of URLs.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use migrate_runtime::FleetTarget;

use crate::database::DatabaseUrl;
use crate::exit::Exit;
use crate::{Error, SqliteFile};

/// Where the targets come from.
#[derive(Debug)]
pub struct Source(From);

#[derive(Debug)]
enum From {
    Schemas(String),
    Databases(String),
    Urls(PathBuf, Urls),
}

/// The URLs of a file, and the lines that they are on.
#[derive(Debug, Default)]
struct Urls {
    urls: Vec<DatabaseUrl>,
    lines: Vec<usize>,
}

impl Source {
    /// The schemas of a database whose names are like this.
    pub(super) fn schemas(pattern: &str) -> Self {
        Self(From::Schemas(pattern.to_owned()))
    }

    /// The databases of a server whose names are like this.
    pub(super) fn databases(pattern: &str) -> Self {
        Self(From::Databases(pattern.to_owned()))
    }

    /// The databases of a file, which is read.
    ///
    /// # Errors
    /// When it cannot be read or a line of it is not a URL.
    pub(super) fn file(file: &Path) -> Result<Self, Error> {
        Ok(Self(From::Urls(file.to_owned(), read(file)?)))
    }

    /// The URLs of the file; none if the targets are what a server has.
    #[must_use]
    pub fn urls(&self) -> &[DatabaseUrl] {
        match &self.0 {
            From::Urls(_, urls) => &urls.urls,
            From::Schemas(_) | From::Databases(_) => &[],
        }
    }

    /// The lines that the targets are on, where they are of a file.
    pub(super) fn lines(&self) -> &[usize] {
        match &self.0 {
            From::Urls(_, urls) => &urls.lines,
            From::Schemas(_) | From::Databases(_) => &[],
        }
    }

    pub(super) async fn targets(&self, url: &DatabaseUrl, to_read: bool) -> Result<Vec<FleetTarget>, Error> {
        let (targets, none) = match &self.0 {
            From::Schemas(pattern) => {
                let scheme = url.as_str().split_once(':').map_or("", |(scheme, _)| scheme);
                let instead = match scheme {
                    "sqlite" => Some(
                        "SQLite, which has none\n\nhint: write the files' URLs into a file, for `--urls`",
                    ),
                    "mysql" | "mariadb" => {
                        Some("MySQL or MariaDB, where schemas are databases\n\nhint: use `--all-databases`")
                    }
                    _ => None,
                };
                if let Some(instead) = instead {
                    return Err(Error::unsupported(format!(
                        "`--all-schemas` is for PostgreSQL, and the URL is of {instead}"
                    )));
                }
                (
                    FleetTarget::schemas_like(url.as_str(), pattern).await?,
                    format!("schema of the database is like `{pattern}`"),
                )
            }
            From::Databases(pattern) => {
                if url.as_str().starts_with("sqlite:") {
                    return Err(Error::unsupported(
                        "`--all-databases` is for servers, and the URL is of SQLite\n\nhint: write the files' URLs into a \
                         file, for `--urls`",
                    ));
                }
                (
                    FleetTarget::databases_like(url.as_str(), pattern).await?,
                    format!("database of the server is like `{pattern}`"),
                )
            }
            From::Urls(file, urls) => (urls.targets(to_read), format!("URL is in `{}`", file.display())),
        };
        if targets.is_empty() {
            let hint = match self.0 {
                From::Urls(..) => "write one URL per line",
                _ => "`%` is any text, `_` any character, and a backslash takes the next one for itself",
            };
            return Err(Error::target(format!("no {none}\n\nhint: {hint}")));
        }
        Ok(targets)
    }
}

impl Urls {
    /// The targets; those whose names do not tell them apart are called by their lines as well.
    fn targets(&self, to_read: bool) -> Vec<FleetTarget> {
        let names: Vec<String> =
            self.urls.iter().map(|url| FleetTarget::new(url.as_str()).name().to_owned()).collect();
        let mut counts = HashMap::new();
        names.iter().for_each(|name| *counts.entry(name.as_str()).or_insert(0) += 1);
        let target = |((url, line), name): ((&DatabaseUrl, &usize), &String)| {
            let url = if to_read { url.to_read() } else { url.as_str() };
            let name = if counts[name.as_str()] > 1 { format!("{name} (line {line})") } else { name.clone() };
            FleetTarget::new(url).named(name)
        };
        self.urls.iter().zip(&self.lines).zip(&names).map(target).collect()
    }
}

/// The URLs of a file. No error shows a line, which may hold a password.
fn read(file: &Path) -> Result<Urls, Error> {
    let text = fs::read_to_string(file).map_err(|error| Error::io("read", file, error))?;
    let lines = text.strip_prefix('\u{feff}').unwrap_or(&text).split('\n').map(str::trim);
    let mut read = Urls::default();
    for (number, line) in (1..).zip(lines).filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if let Some(problem) = problem(line) {
            let message = format!("line {number} of `{}` {problem}", file.display());
            return Err(Error::new(Exit::Database, message));
        }
        read.urls.push(DatabaseUrl::from(beside(file, line)));
        read.lines.push(number);
    }
    Ok(read)
}

/// What is wrong with a line that is to be a URL, and what to do.
fn problem(line: &str) -> Option<&'static str> {
    if !FleetTarget::new(line).is_readable() {
        return Some(
            "cannot be read as the URL of a database\n\n\
             hint: it is `sqlite:file`, or `scheme://user:password@host/database?name=value`, where `@`, `/`, `?` and \
             `#` in a password are `%40`, `%2F`, `%3F` and `%23`",
        );
    }
    // SQLite would make a file of that name.
    let is_comment = line.match_indices('#').any(|(at, _)| line[..at].ends_with(char::is_whitespace));
    (line.starts_with("sqlite:") && is_comment).then_some(
        "has a `#` behind a space, which SQLite would take for a part of the file's name\n\n\
         hint: write a comment on a line of its own; of the name of a file write them as `%20%23`, as in `sqlite:file:a%20%23b.db`",
    )
}

/// An SQLite URL whose path is relative to the directory of the file that names it.
fn beside(file: &Path, url: &str) -> String {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    let below = directory.and_then(|directory| SqliteFile::of(url)?.below(directory));
    below.unwrap_or_else(|| url.to_owned())
}
