//! Writing files so that nothing half-written remains, and so that two commands at once do not meet.

use std::collections::hash_map::RandomState;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, SystemTime};

use fs4::{FileExt, TryLockError};

use migrate_cli::{Error, Output};

/// Writes a file that is not there yet.
///
/// # Errors
/// When it is there, or cannot be written; then nothing of it remains.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), Error> {
    create_by(path, |temporary| write_new(temporary, text).map_err(|error| Error::io("write", path, error)))
}

/// Makes a file that is not there yet by what writes it under another name.
///
/// # Errors
/// When it is there, or what writes it fails; then nothing of it remains.
pub(crate) fn create_by(path: &Path, write: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
    let fail = |error| Error::io("write", path, error);
    if path.symlink_metadata().is_ok() {
        return Err(fail(io::ErrorKind::AlreadyExists.into()));
    }
    let temporary = Temporary::beside(path);
    write(&temporary.0)?;
    // A link does not replace what is there, as a renaming would.
    match fs::hard_link(&temporary.0, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(fail(error)),
        // Some file systems have no links.
        Err(_) if path.exists() => Err(fail(io::ErrorKind::AlreadyExists.into())),
        Err(_) => fs::rename(&temporary.0, path).map_err(fail),
    }
}

/// Replaces a file, or writes it if it is not there.
///
/// # Errors
/// When it cannot be written; then it is as before.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Error> {
    let fail = |error| Error::io("write", path, error);
    // A link stays one.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let temporary = Temporary::beside(path);
    write_new(&temporary.0, text).map_err(fail)?;
    if let Ok(metadata) = fs::metadata(path) {
        fs::set_permissions(&temporary.0, metadata.permissions()).map_err(fail)?;
    }
    fs::rename(&temporary.0, path).map_err(fail)
}

/// Gives a file the present as its time, if it is there, so that cargo builds again what read it.
///
/// # Errors
/// When the file is another user's and cannot be written.
pub(crate) fn touch(path: &Path) -> Result<(), Error> {
    let opened = OpenOptions::new().read(true).write(true).open(path).or_else(|_| File::open(path));
    let touched = opened.and_then(|mut file| {
        // Only its owner may set a file's time; whoever may write it changes the time by that.
        let now = file.set_modified(SystemTime::now());
        now.or_else(|refused| write_first_byte(&mut file).map_err(|_| refused))
    });
    match touched {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("touch", path, error)),
        _ => Ok(()),
    }
}

/// Writes what is there already, one byte of it: were the process to end here, nothing would be lost.
fn write_first_byte(file: &mut File) -> io::Result<()> {
    let mut first = [0];
    file.read_exact(&mut first)?;
    file.rewind()?;
    file.write_all(&first)
}

/// A file beside the one that is to be, gone when dropped. Its name begins with a dot, so that no build reads it.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self(path.with_file_name(format!(".{name}.{}.tmp", random_hex())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// 12 random hex digits.
pub(crate) fn random_hex() -> String {
    // Every `RandomState` has keys of its own, seeded by the system.
    let bits = RandomState::new().build_hasher().finish();
    format!("{:012x}", bits & 0xffff_ffff_ffff)
}

/// How long another command may take without a word of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps other commands from changing the same directory; ends when dropped, and with the process.
pub(crate) struct Guard(#[expect(dead_code, reason = "the lock goes with the file")] File);

impl Guard {
    /// Waits until no other command changes the directory, and says so if that takes long.
    ///
    /// # Errors
    /// When neither the directory nor a file that stands for it can be locked.
    pub(crate) fn take(directory: &Path, output: &Output) -> Result<Self, Error> {
        let real = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
        // The directory itself, so that nothing is left of it. Windows opens none, and some network file systems lock none.
        if let Ok(opened) = File::open(&real)
            && lock(&opened, directory, *output).is_ok()
        {
            return Ok(Self(opened));
        }
        // Not beside the revisions, where it would show up in version control.
        let name = format!("cargo-migrate-{:016x}.lock", stable_hash(real.as_os_str().as_encoded_bytes()));
        let path = std::env::temp_dir().join(name);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        // Another user's is locked as well as one's own.
        let file = open.or_else(|_| File::open(&path)).map_err(|error| Error::io("open", &path, error))?;
        lock(&file, directory, *output).map_err(|error| Error::io("lock", &path, error))?;
        Ok(Self(file))
    }
}

/// Locks the file that stands for a directory.
fn lock(file: &File, directory: &Path, output: Output) -> io::Result<()> {
    match FileExt::try_lock(file) {
        Err(TryLockError::WouldBlock) => {}
        done => return done.map_err(io::Error::from),
    }
    let (_waiting, has_ended) = mpsc::channel::<()>();
    let told = format!("waiting for another command that changes `{}`", directory.display());
    thread::spawn(move || {
        if has_ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            output.note(told);
        }
    });
    FileExt::lock(file)
}

/// FNV-1a: the same in every process.
fn stable_hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_as_it_is_gets_a_new_time() {
        let path = std::env::temp_dir().join(format!("cargo-migrate-{}", random_hex()));
        fs::write(&path, "-- Text\n").unwrap();
        let mut file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        write_first_byte(&mut file).unwrap();
        assert_ne!(file.metadata().unwrap().modified().unwrap(), SystemTime::UNIX_EPOCH);
        assert_eq!(fs::read_to_string(&path).unwrap(), "-- Text\n");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn ids_are_twelve_hex_digits_and_differ() {
        let ids: std::collections::BTreeSet<String> = (0..1000).map(|_| random_hex()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit())));
    }
}
