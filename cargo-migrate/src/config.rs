//! `[package.metadata.migrate]` and `[workspace.metadata.migrate]`.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use migrate_revision::Backend;
use serde::Deserialize;

use crate::clock;
use migrate_cli::Error;

/// What Cargo.toml says. A key that the package does not have is taken from the workspace.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Keys {
    directory: Option<String>,
    backends: Option<Vec<String>>,
    namespace: Option<String>,
    schema: Option<String>,
    table: Option<String>,
    branches: Option<Branches>,
    database_url: Option<String>,
    file_template: Option<String>,
    time_zone: Option<String>,
    post_write: Option<Vec<Vec<String>>>,
    runner: Option<Vec<String>>,
}

/// Whether there may be several heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Branches {
    /// There may
    Allow,
    /// There may not
    #[default]
    Refuse,
}

/// The configuration, read.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Where the revisions are
    pub(crate) directory: PathBuf,
    /// The backends that every revision covers, if they are named
    pub(crate) backends: Option<Vec<Backend>>,
    /// Where the set's rows are kept apart from those of others
    pub(crate) namespace: String,
    /// Schema of the history table
    pub(crate) schema: Option<String>,
    /// Name of the history table
    pub(crate) table: Option<String>,
    /// Whether there may be several heads
    pub(crate) branches: Branches,
    /// The database, with the directory to which a file's path is relative
    pub(crate) database_url: Option<(String, PathBuf)>,
    /// How the part of a new file's name before the extension is made
    pub(crate) file_template: String,
    /// The zone of the time that a new revision carries
    pub(crate) zone: TimeZone,
    /// Commands that are run on a new file
    pub(crate) post_write: Vec<Vec<String>>,
    /// The application's command, up to the subcommand; empty if it has none
    pub(crate) runner: Vec<String>,
}

/// A manifest that may hold configuration, and where it is.
pub(crate) struct Source<'a> {
    pub(crate) manifest: &'a Path,
    pub(crate) table: &'a toml::Table,
    /// `package` or `workspace`
    pub(crate) section: &'static str,
}

impl Config {
    /// Reads the configuration out of the manifests, the first before the others.
    ///
    /// # Errors
    /// When a key is unknown or a value is not one.
    pub(crate) fn read(sources: &[Source<'_>], root: &Path) -> Result<Self, Error> {
        let mut merged = Keys::default();
        let mut directory = None;
        let mut url = None;
        for source in sources {
            let keys = keys(source)?;
            let base = source.manifest.parent().unwrap_or(root);
            directory = directory.or_else(|| keys.directory.as_ref().map(|path| base.join(path)));
            url = url.or_else(|| keys.database_url.clone().map(|url| (url, base.to_owned())));
            merged.backends = merged.backends.or(keys.backends);
            merged.namespace = merged.namespace.or(keys.namespace);
            merged.schema = merged.schema.or(keys.schema);
            merged.table = merged.table.or(keys.table);
            merged.branches = merged.branches.or(keys.branches);
            merged.file_template = merged.file_template.or(keys.file_template);
            merged.time_zone = merged.time_zone.or(keys.time_zone);
            merged.post_write = merged.post_write.or(keys.post_write);
            merged.runner = merged.runner.or(keys.runner);
        }
        let zone = merged.time_zone.as_deref().map_or(Ok(TimeZone::UTC), |text| {
            clock::zone(text).ok_or_else(|| {
                Error::project(format!(
                    "`{text}` is no time zone for `time-zone`\n\nhint: write `UTC`, an offset such as `+02:00`, or a name \
                     such as `Europe/Vienna`"
                ))
            })
        })?;
        Ok(Self {
            directory: directory.unwrap_or_else(|| root.join("migrations")),
            backends: merged.backends.as_deref().map(backends).transpose()?,
            namespace: merged.namespace.unwrap_or_else(|| "main".into()),
            schema: merged.schema,
            table: merged.table,
            branches: merged.branches.unwrap_or_default(),
            database_url: url,
            file_template: merged.file_template.unwrap_or_else(|| "{revision}_{slug}".into()),
            zone,
            post_write: merged.post_write.unwrap_or_default(),
            runner: merged.runner.unwrap_or_default(),
        })
    }
}

fn keys(source: &Source<'_>) -> Result<Keys, Error> {
    let metadata = source.table.get(source.section).and_then(|section| section.get("metadata"));
    let Some(value) = metadata.and_then(|metadata| metadata.get("migrate")) else {
        return Ok(Keys::default());
    };
    // Not the error's whole text: it shows the lines, and one of them may hold a password.
    value.clone().try_into().map_err(|error: toml::de::Error| {
        Error::project(format!(
            "`[{}.metadata.migrate]` in `{}` cannot be read: {}",
            source.section,
            source.manifest.display(),
            error.message()
        ))
    })
}

/// Names as backends; where MySQL is, MariaDB is, as in `embed_migrations!`.
fn backends(names: &[String]) -> Result<Vec<Backend>, Error> {
    if names.is_empty() {
        return Err(Error::project(
            "`backends` of `metadata.migrate` names none\n\nhint: name those that every revision is to cover, or leave the \
             key away: then they are those of the dependency's features",
        ));
    }
    let mut named = Vec::new();
    for name in names {
        let backend = name.parse::<Backend>().map_err(|error| {
            Error::project(format!("`{name}` in `backends` of `metadata.migrate`: {error}"))
        })?;
        named.push(backend);
        if backend == Backend::Mysql {
            named.push(Backend::Mariadb);
        }
    }
    Ok(Backend::ALL.into_iter().filter(|backend| named.contains(backend)).collect())
}
