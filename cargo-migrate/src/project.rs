//! The project: its manifest, its configuration, and which databases it is for.

use std::fs;
use std::path::{Path, PathBuf};

use migrate_cli::Error;
use migrate_revision::Backend;
use toml::{Table, Value};

use crate::config::{Config, Source};

/// The package, or the workspace, whose revisions are meant.
#[derive(Debug)]
pub(crate) struct Project {
    /// Its Cargo.toml
    pub(crate) manifest: PathBuf,
    /// The directory of that
    pub(crate) root: PathBuf,
    /// The workspace's directory, if it has one
    pub(crate) workspace: Option<PathBuf>,
    /// What it says
    pub(crate) config: Config,
    /// Whether the manifest has a section of configuration of its own
    pub(crate) configured: bool,
    /// The backends whose features its dependency on embed-migrations turns on
    pub(crate) enabled: Vec<Backend>,
}

impl Project {
    /// Finds the project: the manifest that was named, or the nearest Cargo.toml upwards.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub(crate) fn find(manifest: Option<&Path>) -> Result<Self, Error> {
        let manifest = match manifest {
            Some(path) if path.is_dir() => path.join("Cargo.toml"),
            Some(path) => path.to_owned(),
            None => nearest_manifest()?,
        };
        let table = read(&manifest)?;
        let root = match manifest.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let own = if table.contains_key("package") { "package" } else { "workspace" };
        let own_configuration = table.get(own).and_then(|t| t.get("metadata")?.get("migrate")).is_some();
        if own == "workspace" && !own_configuration {
            return Err(Error::project(format!(
                "`{}` is of a workspace, not of a package\n\nhint: name a package with \
                 `--manifest-path <package>/Cargo.toml`, or the revisions in `[workspace.metadata.migrate]`",
                manifest.display()
            )));
        }
        let workspace = workspace(&root, &table)?;
        let mut sources = vec![Source { manifest: &manifest, table: &table, section: own }];
        if own == "package"
            && let Some((path, table)) = &workspace
        {
            sources.push(Source { manifest: path, table, section: "workspace" });
        } else if own == "package" && table.contains_key("workspace") {
            sources.push(Source { manifest: &manifest, table: &table, section: "workspace" });
        }
        let mut config = Config::read(&sources, &root)?;
        config.directory = shortened(&config.directory);
        Ok(Self {
            config,
            configured: own_configuration,
            enabled: enabled(&table, workspace.as_ref().map(|(_, table)| table)),
            workspace: workspace.and_then(|(path, _)| path.parent().map(Path::to_owned)),
            root,
            manifest,
        })
    }

    /// The directory, as messages name it.
    pub(crate) fn directory_name(&self) -> String {
        self.config.directory.display().to_string()
    }

    /// The backends for which sections are read when no database is named, and whether every revision must cover each.
    pub(crate) fn backends(&self) -> (Vec<Backend>, bool) {
        match &self.config.backends {
            Some(named) => (named.clone(), true),
            None if self.enabled.is_empty() => (Backend::ALL.to_vec(), false),
            None => (self.enabled.clone(), false),
        }
    }
}

/// The Cargo.toml of this directory or of the nearest one above it.
fn nearest_manifest() -> Result<PathBuf, Error> {
    let here = std::env::current_dir()
        .map_err(|source| Error::program(format!("cannot find the current directory: {source}")))?;
    let mut found = here.ancestors().map(|directory| directory.join("Cargo.toml"));
    found.find(|path| path.is_file()).ok_or_else(|| {
        Error::project(format!(
            "there is no `Cargo.toml` in `{}` or above it\n\nhint: go to a cargo project, or name one with \
             `--manifest-path`",
            here.display()
        ))
    })
}

fn read(manifest: &Path) -> Result<Table, Error> {
    let text = fs::read_to_string(manifest).map_err(|error| {
        Error::project(format!("cannot read the manifest `{}`: {error}", manifest.display()))
    })?;
    // Not the error's whole text: it shows the line, which may hold a password.
    text.parse::<Table>().map_err(|error| {
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count());
        Error::project(format!("`{}:{}` is no TOML: {}", manifest.display(), line + 1, error.message()))
    })
}

/// The manifest of the workspace that a package is a member of, unless that is its own.
fn workspace(root: &Path, package: &Table) -> Result<Option<(PathBuf, Table)>, Error> {
    if package.contains_key("workspace") {
        return Ok(None);
    }
    if let Some(named) = package.get("package").and_then(|package| package.get("workspace")?.as_str()) {
        let path = root.join(named).join("Cargo.toml");
        return read(&path).map(|table| Some((path, table)));
    }
    let real = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    for directory in real.ancestors().skip(1) {
        let path = directory.join("Cargo.toml");
        if !path.is_file() {
            continue;
        }
        let table = read(&path)?;
        if let Some(workspace) = table.get("workspace") {
            let excluded = workspace.get("exclude").and_then(Value::as_array).is_some_and(|excluded| {
                excluded.iter().filter_map(Value::as_str).any(|name| real.starts_with(directory.join(name)))
            });
            return Ok((!excluded).then_some((path, table)));
        }
    }
    Ok(None)
}

/// The backends that the features of the package's dependency on embed-migrations turn on, as far as the manifest says.
fn enabled(table: &Table, workspace: Option<&Table>) -> Vec<Backend> {
    const NAME: &str = "embed-migrations";
    let mut features: Vec<&str> = Vec::new();
    let shared = workspace.unwrap_or(table).get("workspace").and_then(|w| w.get("dependencies")?.as_table());
    let targets = table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let own = table.get("dependencies").and_then(Value::as_table);
    let lists = targets.filter_map(|target| target.get("dependencies")?.as_table()).chain(own);
    let mut names = vec![NAME];
    for (name, dependency) in lists.flatten() {
        let inherited = dependency.get("workspace").and_then(Value::as_bool).unwrap_or(false);
        let inherited = shared.filter(|_| inherited).and_then(|shared| shared.get(name));
        let all = [Some(dependency), inherited];
        let is_ours = name == NAME
            || all.iter().flatten().any(|d| d.get("package").and_then(Value::as_str) == Some(NAME));
        if is_ours {
            names.push(name);
            let lists = all.into_iter().flatten().filter_map(|d| d.get("features")?.as_array());
            features.extend(lists.flatten().filter_map(Value::as_str));
        }
    }
    let own = table.get("features").and_then(Value::as_table).into_iter().flat_map(Table::values);
    for feature in own.filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
        if let Some((name, feature)) = feature.split_once('/')
            && names.contains(&name.trim_end_matches('?'))
        {
            features.push(feature);
        }
    }
    let on = |backend: &Backend| match backend {
        Backend::Sqlite => features.iter().any(|feature| ["sqlite", "sqlite-bundled"].contains(feature)),
        Backend::Postgres => features.contains(&"postgres"),
        Backend::Mysql | Backend::Mariadb => features.contains(&"mysql"),
    };
    Backend::ALL.into_iter().filter(on).collect()
}

/// A path as seen from the current directory, if it lies below that, without `.` parts.
pub(crate) fn shortened(path: &Path) -> PathBuf {
    let clean: PathBuf = path.components().collect();
    let clean = clean.strip_prefix(".").map(Path::to_owned).unwrap_or(clean);
    match std::env::current_dir() {
        Ok(here) => match clean.strip_prefix(&here) {
            Ok(rest) if !rest.as_os_str().is_empty() => rest.to_owned(),
            _ => clean,
        },
        Err(_) => clean,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backends_are_those_of_the_dependency_s_features() {
        let of = |text: &str| enabled(&text.parse().unwrap(), None);
        assert_eq!(of(""), []);
        assert_eq!(of("[dependencies]\nembed-migrations = '0.1'"), []);
        assert_eq!(
            of("[dependencies]\nembed-migrations = { version = '0.1', features = ['sqlite-bundled'] }"),
            [Backend::Sqlite]
        );
        assert_eq!(
            of(
                "[dependencies]\ndb = { package = 'embed-migrations', version = '0.1' }\n[features]\nserver = ['db/mysql']"
            ),
            [Backend::Mysql, Backend::Mariadb]
        );
        assert_eq!(
            of(
                "[target.'cfg(unix)'.dependencies]\nembed-migrations = { version = '0.1', features = ['postgres'] }"
            ),
            [Backend::Postgres]
        );
        assert_eq!(
            of("[dependencies]\nembed-migrations = { workspace = true }\n[workspace.dependencies]\n\
                embed-migrations = { version = '0.1', features = ['postgres'] }"),
            [Backend::Postgres]
        );
    }
}
