//! What a file said before, as far as git knows.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// A file's text at some commit.
pub(crate) struct Former {
    /// The commit's short name
    pub(crate) commit: String,
    /// The file as it was
    pub(crate) text: Vec<u8>,
}

/// The newest committed version of a file that is the one looked for, under whatever name it had. `None` if there is none, or
/// no git, or no repository.
pub(crate) fn find(file: &Path, is_it: impl Fn(&[u8]) -> bool) -> Option<Former> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let log =
        ["log", "--follow", "--raw", "--no-abbrev", "--no-color", "--no-show-signature", "--format=%h", "--"];
    let log = git(directory, log.map(OsStr::new).into_iter().chain(file.file_name()))?;
    let log = String::from_utf8_lossy(&log);
    let mut commit = "";
    for line in log.lines().filter(|line| !line.is_empty()) {
        // `:100644 100644 <blob before> <blob> M\t<path>`
        let Some(change) = line.strip_prefix(':') else {
            commit = line;
            continue;
        };
        let Some(blob) = change.split(' ').nth(3) else { continue };
        if let Some(text) = git(directory, ["cat-file", "blob", blob].map(OsStr::new))
            && is_it(&text)
        {
            return Some(Former { commit: commit.to_owned(), text });
        }
    }
    None
}

fn git<'a>(directory: &Path, arguments: impl IntoIterator<Item = &'a OsStr>) -> Option<Vec<u8>> {
    let done = Command::new("git").arg("-C").arg(directory).args(arguments).output().ok()?;
    done.status.success().then_some(done.stdout)
}
