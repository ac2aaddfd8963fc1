//! A directory of revisions, read whole: every file is a revision, data, the lock file, or a problem.

use std::fs;
use std::io::{self, Read};
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
    /// Whether there is one that could not be read
    pub(super) lock_unread: bool,
    /// What could not be read as what it seems to be
    pub problems: Vec<Problem>,
    /// The revisions among it: the file's name, and its text as far as it was read
    pub(super) unread: Vec<(String, String)>,
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
            lock_unread: false,
            problems: Vec::new(),
            unread: Vec::new(),
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
        directory.lock_unread = names.iter().any(|name| name == LOCK_FILE);
        for name in names.iter().filter(|name| !name.starts_with('.')) {
            let before = directory.revisions.len();
            directory.entry(name);
            if is_revision_name(name) && directory.revisions.len() == before {
                let text = read_some(&path.join(name)).unwrap_or_default();
                directory.unread.push((name.clone(), String::from_utf8_lossy(&text).into_owned()));
            }
        }
        directory.lock_unread &= directory.lock.is_none();
        Ok(directory)
    }

    /// Whether a revision of this id may be in a file that could not be read as one.
    pub(super) fn may_hold(&self, id: &str) -> bool {
        self.unread
            .iter()
            .any(|(name, text)| name.starts_with(id) || text.contains(&format!("revision: {id}")))
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
        if !metadata.is_file() && (name == LOCK_FILE || is_revision_name(name)) {
            return self.problems.push(no_file(&shown));
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
            let path = entry.path();
            let Ok(metadata) = fs::metadata(&path) else {
                // Whoever reads it says why it cannot be read, and what wanted it.
                self.data.push(DataFile { name, path });
                continue;
            };
            if metadata.is_dir() {
                // A link to a directory may lead back to where it is.
                if entry.file_type().map_err(fail)?.is_symlink() {
                    return Err(Problem::of_path(
                        format!("{}/{DATA}/{name}", self.display),
                        "a link to a directory",
                        "put the directory itself here; links are followed to files alone",
                    ));
                }
                self.data_files(&path, &format!("{name}/"))?;
            } else if !metadata.is_file() {
                return Err(no_file(&format!("{}/{DATA}/{name}", self.display)));
            } else {
                self.data.push(DataFile { name, path });
            }
        }
        Ok(())
    }
}

/// A file's bytes, as far as the largest revision goes. What is no file, such as a pipe, could be waited for for ever.
fn read_some(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file =
        fs::metadata(path).ok().filter(fs::Metadata::is_file).and_then(|_| fs::File::open(path).ok())?;
    file.take(MAX_FILE_SIZE).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn no_file(shown: &str) -> Problem {
    Problem::of_path(
        shown,
        "neither a file nor a link to one",
        "pipes, sockets and devices are not read; put a file in its place, or remove it",
    )
}

/// Whether a name says that the file is a revision.
fn is_revision_name(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    !name.starts_with('.') && ["sql", "rs"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// The first file below a directory that has the name of a revision.
fn first_revision_name(path: &Path) -> Option<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort_unstable();
    names.into_iter().filter(|name| !name.starts_with('.')).find_map(|name| {
        // A link may lead back to where it is.
        let kind = fs::symlink_metadata(path.join(&name)).ok()?;
        if kind.is_dir() {
            first_revision_name(&path.join(&name)).map(|inside| format!("{name}/{inside}"))
        } else {
            is_revision_name(&name).then_some(name)
        }
    })
}

/// Whether the name is `<id>_<slug>` by its characters; whether the id is the header's is seen later.
fn bad_name(shown: &str, name: &str) -> Option<Problem> {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let good = stem.split_once('_').is_some_and(|(id, slug)| !id.is_empty() && !slug.is_empty())
        && stem.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && ["sql", "rs"].contains(&extension);
    let help = if stem.ends_with(".up") || stem.ends_with(".down") {
        "name it `<id>_<slug>.sql`; one file holds both directions, as `-- migrate:up` and `-- migrate:down`"
    } else {
        "name it `<id>_<slug>.sql` or `<id>_<slug>.rs`, with letters, digits, `_` and `-` only"
    };
    (!good).then(|| Problem::of_path(shown, "the file's name is not that of a revision", help))
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
