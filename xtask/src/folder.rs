//! The temporary folder of one run, with a folder for each server inside.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::account::{Account, is_open_to_all, is_root};
use crate::output::note;
use crate::process::Supervisor;

/// A socket's path may have about 100 bytes; this leaves room for the names below the base.
const LONGEST_BASE: usize = 60;

/// The folder of one run; dropping it removes it.
#[derive(Debug)]
pub(crate) struct RunFolder<'a> {
    folder: Option<TempDir>,
    path: PathBuf,
    supervisor: &'a Supervisor,
}

impl<'a> RunFolder<'a> {
    pub(crate) fn create(supervisor: &'a Supervisor) -> Result<Self> {
        let base = base(&std::env::temp_dir(), is_root());
        let folder = tempfile::Builder::new()
            .prefix("embed-migrations-")
            .tempdir_in(&base)
            .with_context(|| format!("no temporary folder in {}", base.display()))?;
        supervisor.watchdog().remove(folder.path());
        // The servers of a root have to reach the folders inside, which belong to them.
        set_mode(folder.path(), if is_root() { 0o711 } else { 0o700 })?;
        Ok(Self { path: folder.path().to_owned(), folder: Some(folder), supervisor })
    }

    /// The path of a file of the run's own.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A new folder for a server, closed to other users.
    pub(crate) fn server(&self, name: &str, account: &Account) -> Result<ServerFolder> {
        let path = self.path.join(name);
        fs::create_dir(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        set_mode(&path, 0o700)?;
        account.own(&path)?;
        Ok(ServerFolder { path, account: account.clone() })
    }
}

impl Drop for RunFolder<'_> {
    fn drop(&mut self) {
        let Some(folder) = self.folder.take() else { return };
        match folder.close() {
            Ok(()) => self.supervisor.watchdog().settled(&self.path),
            Err(error) => note(format_args!("could not remove {}: {error}", self.path.display())),
        }
    }
}

/// The folder of one server.
#[derive(Debug)]
pub(crate) struct ServerFolder {
    path: PathBuf,
    account: Account,
}

impl ServerFolder {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that the server can read and extend, and gives its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        set_mode(&path, 0o644)?;
        self.account.own(&path)?;
        Ok(path)
    }

    /// Writes a file that only the server can read, and gives its path.
    pub(crate) fn write_secret(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.write(name, text)?;
        set_mode(&path, 0o600)?;
        Ok(path)
    }

    /// Opens a file for a server's output, empty.
    pub(crate) fn output(&self, name: &str) -> Result<File> {
        let path = self.write(name, "")?;
        File::options()
            .append(true)
            .open(&path)
            .with_context(|| format!("{} cannot be opened", path.display()))
    }

    /// The text of a file; empty while it does not exist.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read(self.join(name))
            .map_or_else(|_| String::new(), |text| String::from_utf8_lossy(&text).into_owned())
    }
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("the permissions of {} cannot be set", path.display()))
}

/// Where temporary folders go: the usual place, unless a socket's path there is too long or the way is barred to a
/// server's account.
fn base(usual: &Path, root: bool) -> PathBuf {
    let fits = usual.is_absolute() && usual.as_os_str().len() <= LONGEST_BASE;
    if fits && (!root || is_open_to_all(usual)) { usual.to_owned() } else { PathBuf::from("/tmp") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_or_barred_place_is_passed_over() {
        let long = PathBuf::from(format!("/{}", "x".repeat(LONGEST_BASE)));
        assert_eq!(base(&long, false), Path::new("/tmp"));
        assert_eq!(base(Path::new("relative"), false), Path::new("/tmp"));
        let barred = tempfile::tempdir_in("/tmp").unwrap();
        set_mode(barred.path(), 0o700).unwrap();
        assert_eq!(base(barred.path(), true), Path::new("/tmp"));
        assert_eq!(base(barred.path(), false), barred.path());
    }
}
