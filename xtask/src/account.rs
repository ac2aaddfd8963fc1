//! The account that a server runs under: servers refuse root, so root lends them another one.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::unistd::{User, geteuid};

/// Who a server runs as.
#[derive(Clone, Debug)]
pub(crate) enum Account {
    /// The user of this process, who is not root.
    Own,
    /// Another one, because this process is root's.
    Lent(User),
}

impl Account {
    /// The first of the names that exists, or the own account when that is not root.
    pub(crate) fn for_server(names: &[&str]) -> Result<Self> {
        if !is_root() {
            return Ok(Self::Own);
        }
        for name in names {
            if let Some(user) = User::from_name(name).context("the list of users cannot be read")? {
                return Ok(Self::Lent(user));
            }
        }
        bail!("root cannot run a database server, and none of the users {names:?} exists");
    }

    /// Lets the command run under this account.
    pub(crate) fn apply(&self, command: &mut Command) {
        if let Self::Lent(user) = self {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
    }

    /// Gives a file or folder to this account.
    pub(crate) fn own(&self, path: &Path) -> Result<()> {
        if let Self::Lent(user) = self {
            chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .with_context(|| format!("{} cannot be given to {}", path.display(), user.name))?;
        }
        Ok(())
    }

    /// The account's name, as the operating system knows it.
    pub(crate) fn name(&self) -> Result<String> {
        match self {
            Self::Lent(user) => Ok(user.name.clone()),
            Self::Own => Ok(User::from_uid(geteuid())
                .context("the list of users cannot be read")?
                .map_or_else(|| "nobody".to_owned(), |user| user.name)),
        }
    }
}

pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Whether every user can walk through the folder and all above it.
pub(crate) fn is_open_to_all(folder: &Path) -> bool {
    folder.ancestors().all(|folder| fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 != 0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_closed_parent_closes_what_is_below() {
        let base = tempfile::tempdir().unwrap();
        let inner = base.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(base.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!is_open_to_all(&inner));
        assert!(is_open_to_all(Path::new("/")));
    }
}
