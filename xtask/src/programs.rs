//! The programs of the servers and their clients: where they are, and which are missing.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::backend::Backend;

/// Names the folder of PostgreSQL's programs.
const POSTGRES_BIN: &str = "EMBED_MIGRATIONS_POSTGRES_BIN";
/// Names the folder of MariaDB's client programs.
const MARIADB_BIN: &str = "EMBED_MIGRATIONS_MARIADB_BIN";

/// The programs that the chosen backends need; what was not chosen is `None`.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) postgres: Option<PostgresPrograms>,
    pub(crate) mariadb: Option<MariadbPrograms>,
}

/// The folder that holds all PostgreSQL programs together.
#[derive(Debug, PartialEq)]
pub(crate) struct PostgresPrograms {
    pub(crate) dir: PathBuf,
}

/// MariaDB's programs, which distributions spread over several folders of one tree.
#[derive(Debug, PartialEq)]
pub(crate) struct MariadbPrograms {
    pub(crate) server: PathBuf,
    pub(crate) install: PathBuf,
    /// The folder of the client programs.
    pub(crate) clients: PathBuf,
    /// The root of the tree, such as `/usr`.
    pub(crate) base: PathBuf,
}

/// Looks for the programs of the chosen backends; gives those backends whose programs are missing.
pub(crate) fn locate(backends: &[Backend]) -> Result<std::result::Result<Programs, Vec<Backend>>> {
    let path = path_dirs();
    let mut missing = Vec::new();
    let mut programs = Programs { postgres: None, mariadb: None };
    for backend in backends {
        let found = match backend {
            Backend::Sqlite => path.iter().any(|dir| is_program(&dir.join("sqlite3"))),
            Backend::Postgres => {
                programs.postgres = locate_postgres(&path)?;
                programs.postgres.is_some()
            }
            Backend::Mysql => {
                programs.mariadb = locate_mariadb(&path)?;
                programs.mariadb.is_some()
            }
        };
        if !found {
            missing.push(*backend);
        }
    }
    Ok(if missing.is_empty() { Ok(programs) } else { Err(missing) })
}

/// A program in the search path, or where system programs are.
pub(crate) fn locate_program(name: &str) -> Option<PathBuf> {
    let mut dirs = path_dirs();
    dirs.extend(["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from));
    dirs.iter().map(|dir| dir.join(name)).find(|path| is_program(path))
}

fn locate_postgres(path: &[PathBuf]) -> Result<Option<PostgresPrograms>> {
    if let Some(dir) = named_dir(POSTGRES_BIN)? {
        let Some(programs) = PostgresPrograms::in_dir(&dir) else {
            bail!("{POSTGRES_BIN}={} lacks one of {:?}", dir.display(), PostgresPrograms::NAMES);
        };
        return Ok(Some(programs));
    }
    let mut dirs = path.to_vec();
    for (parent, inside) in [
        ("/usr/lib/postgresql", "bin"),
        ("/usr/lib64/postgresql", "bin"),
        ("/usr/libexec", ""),
        ("/usr", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/home/linuxbrew/.linuxbrew/opt", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "bin"),
    ] {
        dirs.extend(newest_first(&postgres_dirs(Path::new(parent))).into_iter().map(|dir| dir.join(inside)));
    }
    dirs.extend(["/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"].map(PathBuf::from));
    Ok(dirs.iter().find_map(|dir| PostgresPrograms::in_dir(dir)))
}

impl PostgresPrograms {
    const NAMES: [&str; 4] = ["initdb", "postgres", "pg_dump", "psql"];

    /// Nothing unless all of them are in the folder: wrappers and leftovers come singly.
    pub(crate) fn in_dir(dir: &Path) -> Option<Self> {
        Self::NAMES.iter().all(|name| is_program(&dir.join(name))).then(|| Self { dir: dir.to_owned() })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// The folders in `parent` that carry a version of PostgreSQL in their name.
fn postgres_dirs(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| version(path).is_some()).collect()
}

/// The version in a folder's name: `15`, `9.6`, `postgresql@17`, `postgresql16`, `pgsql-15`.
fn version(dir: &Path) -> Option<Vec<u32>> {
    let name = dir.file_name()?.to_str()?;
    let number =
        ["postgresql@", "postgresql", "pgsql-", ""].iter().find_map(|prefix| name.strip_prefix(prefix))?;
    number.split('.').map(|part| part.parse().ok()).collect()
}

fn newest_first(dirs: &[PathBuf]) -> Vec<PathBuf> {
    let mut dirs = dirs.to_vec();
    dirs.sort_by_key(|dir| std::cmp::Reverse(version(dir)));
    dirs
}

fn locate_mariadb(path: &[PathBuf]) -> Result<Option<MariadbPrograms>> {
    if let Some(dir) = named_dir(MARIADB_BIN)? {
        let Some(programs) = MariadbPrograms::around(&dir) else {
            bail!(
                "{MARIADB_BIN}={} lacks mariadb or mariadb-dump, or its tree lacks mariadbd or mariadb-install-db",
                dir.display()
            );
        };
        return Ok(Some(programs));
    }
    let mut dirs = path.to_vec();
    dirs.extend(
        [
            "/usr/bin",
            "/usr/local/bin",
            "/usr/local/mysql/bin",
            "/opt/homebrew/opt/mariadb/bin",
            "/usr/local/opt/mariadb/bin",
            "/home/linuxbrew/.linuxbrew/opt/mariadb/bin",
        ]
        .map(PathBuf::from),
    );
    Ok(dirs.iter().find_map(|dir| MariadbPrograms::around(dir)))
}

impl MariadbPrograms {
    /// The clients in the folder, the server and its installer in the same tree.
    pub(crate) fn around(dir: &Path) -> Option<Self> {
        // `/bin` is often a link to `/usr/bin`, and the tree is the target's.
        let clients = dir.canonicalize().ok()?;
        let base = clients.parent()?.to_owned();
        if !["mariadb", "mariadb-dump"].iter().all(|name| is_program(&clients.join(name))) {
            return None;
        }
        let in_tree = |name: &str| {
            ["bin", "sbin", "libexec", "scripts"]
                .iter()
                .map(|folder| base.join(folder))
                .chain([clients.clone()])
                .map(|folder| folder.join(name))
                .find(|path| is_program(path))
        };
        Some(Self { server: in_tree("mariadbd")?, install: in_tree("mariadb-install-db")?, clients, base })
    }
}

fn path_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    dirs.retain(|dir| dir.is_absolute());
    dirs
}

/// The folder that an environment variable names; an error if there is none.
fn named_dir(variable: &str) -> Result<Option<PathBuf>> {
    let Some(dir) = env::var_os(variable).filter(|dir| !dir.is_empty()) else { return Ok(None) };
    let dir = PathBuf::from(dir);
    Ok(Some(dir.canonicalize().with_context(|| format!("{variable}={} cannot be used", dir.display()))?))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(dir: &Path, names: &[&str], mode: u32) {
        fs::create_dir_all(dir).unwrap();
        for name in names {
            fs::write(dir.join(name), "#!/bin/sh\n").unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
    }

    #[test]
    fn a_folder_counts_only_with_all_four_programs() {
        let base = tempfile::tempdir().unwrap();
        let (stubs, whole) = (base.path().join("stubs"), base.path().join("whole"));
        put(&stubs, &["initdb", "postgres", "pg_ctl"], 0o755);
        put(&whole, &PostgresPrograms::NAMES, 0o755);
        assert_eq!(PostgresPrograms::in_dir(&stubs), None);
        assert_eq!(PostgresPrograms::in_dir(&whole), Some(PostgresPrograms { dir: whole }));
    }

    #[test]
    fn a_file_that_cannot_be_run_is_no_program() {
        let base = tempfile::tempdir().unwrap();
        put(base.path(), &PostgresPrograms::NAMES, 0o644);
        assert_eq!(PostgresPrograms::in_dir(base.path()), None);
    }

    #[test]
    fn versions_are_read_from_every_naming_scheme() {
        for (name, expected) in [
            ("15", Some(vec![15])),
            ("9.6", Some(vec![9, 6])),
            ("postgresql@17", Some(vec![17])),
            ("postgresql16", Some(vec![16])),
            ("pgsql-18", Some(vec![18])),
            ("postgresql", None),
            ("latest", None),
            ("mariadb", None),
        ] {
            assert_eq!(version(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn the_newest_version_comes_first_by_number() {
        let dirs = ["9.6", "15", "10", "18"].map(PathBuf::from);
        assert_eq!(newest_first(&dirs), ["18", "15", "10", "9.6"].map(PathBuf::from));
    }

    #[test]
    fn folders_without_a_version_are_not_looked_into() {
        let base = tempfile::tempdir().unwrap();
        for name in ["15", "common", "17"] {
            fs::create_dir(base.path().join(name)).unwrap();
        }
        let found = newest_first(&postgres_dirs(base.path()));
        assert_eq!(found, [base.path().join("17"), base.path().join("15")]);
    }

    #[test]
    fn a_tree_with_sbin_is_found_from_its_clients_and_through_a_link() {
        let base = tempfile::tempdir().unwrap();
        let usr = base.path().canonicalize().unwrap().join("usr");
        put(&usr.join("bin"), &["mariadb", "mariadb-dump", "mariadb-install-db"], 0o755);
        assert_eq!(MariadbPrograms::around(&usr.join("bin")), None);
        put(&usr.join("sbin"), &["mariadbd"], 0o755);
        let link = base.path().join("bin");
        std::os::unix::fs::symlink(usr.join("bin"), &link).unwrap();
        let expected = MariadbPrograms {
            server: usr.join("sbin/mariadbd"),
            install: usr.join("bin/mariadb-install-db"),
            clients: usr.join("bin"),
            base: usr,
        };
        assert_eq!(MariadbPrograms::around(&link), Some(expected));
    }
}
