//! A directory of revisions, read whole: every file is a revision, data, the lock file, or a problem.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{ParsedRevision, SourceText};
use super::lock::{LOCK_FILE, Lock};
use crate::Problem;

/// The largest revision file, in bytes: its text goes into the binary and through the compiler.
pub const MAX_FILE_SIZE: u64 = 16 * 1024 * 1024;

/// The subdirectory whose files reach Rust revisions.
const DATA: &str = "data";

/// What a directory holds, before the revisions are held against each other.
#[derive(Debug)]
pub struct Directory {
    /// Where it is
    pub path: PathBuf,
    /// How messages name it
    pub display: String,
    /// Its revisions, sorted by file name
    pub revisions: Vec<ParsedRevision>,
    /// The files under `data/`, sorted by name
    pub data: Vec<DataFile>,
    /// The lock file, if there is one
    pub lock: Option<Lock>,
    /// What could not be read as what it seems to be
    pub problems: Vec<Problem>,
}

/// A file under `data/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its path below `data/`, with `/` between the parts
    pub name: String,
    /// Where it is
    pub path: PathBuf,
}

impl Directory {
    /// Reads a directory. `display` is how messages name it.
    ///
    /// Names that begin with a dot, and files that are neither `.sql` nor `.rs`, are left alone.
    ///
    /// # Errors
    /// When the directory itself cannot be read. What is wrong inside it becomes [`Directory::problems`].
    pub fn read(path: &Path, display: &str) -> Result<Self, Problem> {
        let entries = fs::read_dir(path).map_err(|error| cannot_read(path, display, &error))?;
        let mut directory = Self {
            path: path.to_owned(),
            display: display.to_owned(),
            revisions: Vec::new(),
            data: Vec::new(),
            lock: None,
            problems: Vec::new(),
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry.map(|entry| entry.file_name().into_string()) {
                Ok(Ok(name)) => names.push(name),
                Ok(Err(name)) if is_revision_name(&name.to_string_lossy()) => {
                    directory.problems.push(Problem::of_path(
                        format!("{display}/{}", name.to_string_lossy()),
                        "the file's name is not UTF-8",
                        "rename it to `<id>_<slug>.sql`",
                    ));
                }
                Ok(Err(_)) => {}
                Err(error) => return Err(cannot_read(path, display, &error)),
            }
        }
        names.sort_unstable();
        for name in names.iter().filter(|name| !name.starts_with('.')) {
            directory.entry(name);
        }
        Ok(directory)
    }

    fn entry(&mut self, name: &str) {
        let path = self.path.join(name);
        let shown = format!("{}/{name}", self.display);
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(_) if !is_revision_name(name) && name != LOCK_FILE => return,
            Err(error) => return self.problems.push(unreadable(&shown, &error)),
        };
        if metadata.is_dir() {
            if name == DATA {
                if let Err(problem) = self.data_files(&path, "") {
                    self.problems.push(problem);
                }
            } else if is_revision_name(name) {
                self.problems.push(Problem::of_path(
                    shown,
                    "a directory with the name of a revision",
                    "a revision is one file; rename or remove the directory",
                ));
            } else if let Some(inside) = first_revision_name(&path) {
                self.problems.push(Problem::of_path(
                    format!("{shown}/{inside}"),
                    "a revision in a subdirectory",
                    format!(
                        "move it up into `{}`; only `data/` is looked into, and not for revisions",
                        self.display
                    ),
                ));
            }
            return;
        }
        if name == LOCK_FILE {
            match fs::read(&path) {
                Ok(bytes) => match Lock::parse(&shown, &bytes) {
                    Ok(lock) => self.lock = Some(lock),
                    Err(problems) => self.problems.extend(problems),
                },
                Err(error) => self.problems.push(unreadable(&shown, &error)),
            }
            return;
        }
        if !is_revision_name(name) {
            return;
        }
        if let Some(problem) = bad_name(&shown, name) {
            return self.problems.push(problem);
        }
        if metadata.len() > MAX_FILE_SIZE {
            return self.problems.push(Problem::of_path(
                shown,
                format!(
                    "the file has {} MB; a revision has at most {} MB",
                    megabytes(metadata.len()),
                    megabytes(MAX_FILE_SIZE)
                ),
                "put bulk data into `data/` and load it in a Rust revision, or outside of the migrations",
            ));
        }
        let parsed = fs::read(&path)
            .map_err(|error| vec![unreadable(&shown, &error)])
            .and_then(|bytes| SourceText::new(&shown, name, &bytes).map_err(|problem| vec![problem]))
            .and_then(ParsedRevision::new);
        match parsed {
            Ok(revision) => self.revisions.push(revision),
            Err(problems) => self.problems.extend(problems),
        }
    }

    fn data_files(&mut self, path: &Path, prefix: &str) -> Result<(), Problem> {
        let shown = format!("{}/{DATA}/{prefix}", self.display);
        let fail = |error: io::Error| unreadable(&shown, &error);
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(fail)? {
            entries.push(entry.map_err(fail)?);
        }
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name().into_string().map_err(|name| {
                Problem::of_path(
                    format!("{shown}{}", name.to_string_lossy()),
                    "the file's name is not UTF-8",
                    "rename it; a revision asks for its data by name",
                )
            })?;
            let name = format!("{prefix}{name}");
            if entry.path().is_dir() {
                self.data_files(&entry.path(), &format!("{name}/"))?;
            } else {
                self.data.push(DataFile { name, path: entry.path() });
            }
        }
        Ok(())
    }
}

/// Whether a name says that the file is a revision.
fn is_revision_name(name: &str) -> bool {
    !name.starts_with('.') && (name.ends_with(".sql") || name.ends_with(".rs"))
}

fn first_revision_name(path: &Path) -> Option<String> {
    let entries = fs::read_dir(path).ok()?;
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|n| is_revision_name(n))
        .min()
}

/// Whether the name is `<id>_<slug>` by its characters; whether the id is the header's is seen later.
fn bad_name(shown: &str, name: &str) -> Option<Problem> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let good = stem.split_once('_').is_some_and(|(id, slug)| !id.is_empty() && !slug.is_empty())
        && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    (!good).then(|| {
        Problem::of_path(
            shown,
            "the file's name is not that of a revision",
            "name it `<id>_<slug>.sql` or `<id>_<slug>.rs`, with letters, digits, `_` and `-` only",
        )
    })
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
}

fn unreadable(shown: &str, error: &io::Error) -> Problem {
    Problem::of_path(shown, format!("cannot be read: {error}"), "make it readable, or remove it")
}

fn cannot_read(path: &Path, display: &str, error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::NotFound {
        return Problem::of_path(
            display,
            format!("there is no directory `{}`", path.display()),
            "create it, or correct the path: it is relative to the crate's Cargo.toml",
        );
    }
    Problem::of_path(
        display,
        format!("cannot read the directory `{}`: {error}", path.display()),
        "the path must name a directory that can be read",
    )
}
