//! Directories with what is no revision in them: everything is told, and nothing is waited for.
#![cfg(all(unix, feature = "source"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use migrate_revision::Backend;
use migrate_revision::source::{Checks, Directory, resolve};
use tempfile::TempDir;

const REVISION: &str = "-- revision: a\n-- migrate:up\nCREATE TABLE t (a INTEGER);\n";

fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a_first.sql"), REVISION).unwrap();
    directory
}

/// The problems of a directory, which are told at once.
fn problems(path: &Path) -> String {
    let (done, wait) = channel();
    let path = path.to_owned();
    std::thread::spawn(move || {
        let checks =
            Checks { backends: Backend::ALL.to_vec(), cover_all: false, branches: true, require_down: false };
        let problems = resolve(&path, "migrations", &checks).err().unwrap_or_default();
        done.send(problems.iter().map(|problem| format!("{problem}\n")).collect::<String>()).unwrap();
    });
    wait.recv_timeout(Duration::from_secs(20)).expect("reading a directory ends")
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_link_to_a_revision_is_one() {
    let (elsewhere, directory) = (directory(), tempfile::tempdir().unwrap());
    symlink(elsewhere.path().join("a_first.sql"), directory.path().join("a_first.sql")).unwrap();
    assert_eq!(problems(directory.path()), "");
    let link = elsewhere.path().join("link");
    symlink(directory.path(), &link).unwrap();
    assert_eq!(problems(&link), "");
}

#[test]
fn a_link_that_leads_nowhere_or_to_itself_is_told() {
    let directory = directory();
    symlink("nowhere.sql", directory.path().join("b_gone.sql")).unwrap();
    symlink("c_loop.sql", directory.path().join("c_loop.sql")).unwrap();
    symlink("..", directory.path().join("up")).unwrap();
    symlink("nowhere", directory.path().join("README")).unwrap();
    let told = problems(directory.path());
    assert!(
        told.contains("cannot be read: No such file or directory") && told.contains("migrations/b_gone.sql"),
        "{told}"
    );
    assert!(told.contains("cannot be read: Too many levels of symbolic links"), "{told}");
    assert!(told.contains("migrations/c_loop.sql") && !told.contains("README"), "{told}");
}

#[test]
fn what_is_no_file_is_told_and_not_waited_for() {
    let directory = directory();
    pipe(&directory.path().join("b_pipe.sql"));
    symlink("b_pipe.sql", directory.path().join("c_link.sql")).unwrap();
    symlink("/dev/zero", directory.path().join("d_zero.sql")).unwrap();
    let _socket = UnixListener::bind(directory.path().join("e_socket.rs")).unwrap();
    fs::create_dir(directory.path().join("f_directory.sql")).unwrap();
    pipe(&directory.path().join("notes"));
    let told = problems(directory.path());
    for name in ["b_pipe.sql", "c_link.sql", "d_zero.sql", "e_socket.rs"] {
        assert!(
            told.contains(&format!("neither a file nor a link to one\n --> migrations/{name}")),
            "{told}"
        );
    }
    assert!(
        told.contains("a directory with the name of a revision\n --> migrations/f_directory.sql"),
        "{told}"
    );
    assert!(!told.contains("notes"), "{told}");
    let directory = self::directory();
    pipe(&directory.path().join("migrations.lock"));
    assert!(
        problems(directory.path())
            .contains("neither a file nor a link to one\n --> migrations/migrations.lock")
    );
}

#[test]
fn data_that_cannot_be_embedded_is_told() {
    let inside = |make: &dyn Fn(&Path)| {
        let directory = directory();
        fs::create_dir_all(directory.path().join("data/more")).unwrap();
        fs::write(directory.path().join("data/more/x.csv"), "1").unwrap();
        make(&directory.path().join("data"));
        problems(directory.path())
    };
    assert_eq!(inside(&|_| {}), "");
    assert_eq!(inside(&|data| symlink("more/x.csv", data.join("y.csv")).unwrap()), "");
    let told = inside(&|data| symlink("..", data.join("loop")).unwrap());
    assert!(told.contains("a link to a directory\n --> migrations/data/loop"), "{told}");
    let told = inside(&|data| symlink("nowhere", data.join("gone")).unwrap());
    assert!(told.contains("cannot be read") && told.contains("migrations/data/gone"), "{told}");
    let told = inside(&|data| pipe(&data.join("more/pipe")));
    assert!(told.contains("neither a file nor a link to one\n --> migrations/data/more/pipe"), "{told}");
    let told = inside(&|data| fs::write(data.join(OsStr::from_bytes(b"\xff.csv")), "1").unwrap());
    assert!(told.contains("the file's name is not UTF-8"), "{told}");
}

#[test]
fn a_name_that_is_not_text_is_told() {
    let directory = directory();
    fs::write(directory.path().join(OsStr::from_bytes(b"b_\xff.sql")), REVISION).unwrap();
    fs::write(directory.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
    let told = problems(directory.path());
    assert_eq!(told.matches("the file's name is not UTF-8").count(), 1, "{told}");
    for name in ["b_new\nline.sql", "b_'; DROP TABLE x; --.sql", "b_\u{202e}lqs.sql", "..sql", "b_.sql"] {
        let directory = self::directory();
        fs::write(directory.path().join(name), REVISION).unwrap();
        let told = problems(directory.path());
        assert!(
            name == "..sql" || told.contains("the file's name is not that of a revision"),
            "{name:?}: {told}"
        );
    }
}

#[test]
fn a_file_of_any_size_is_told_at_once() {
    let directory = directory();
    let file = fs::File::create(directory.path().join("b_large.sql")).unwrap();
    // Nothing of it is on the disk.
    file.set_len(1 << 40).unwrap();
    assert!(problems(directory.path()).contains("the file has 1048576 MB; a revision has at most 16 MB"));
}

#[test]
fn what_may_not_be_read_is_told() {
    let directory = directory();
    let path = directory.path().join("b_secret.sql");
    fs::write(&path, REVISION).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o0)).unwrap();
    // Root reads everything.
    let expected = fs::read(&path).is_err();
    let told = problems(directory.path());
    assert_eq!(told.contains("cannot be read: Permission denied"), expected, "{told}");
    let file = directory.path().join("a_first.sql");
    let error = Directory::read(&file, "migrations").unwrap_err().to_string();
    assert!(error.contains("the path must name a directory that can be read"), "{error}");
}
