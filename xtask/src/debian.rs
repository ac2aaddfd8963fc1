//! Programs of another release of Debian, unpacked into the target directory: nothing of the system is changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, bail};

use crate::account::{is_open_to_all, is_root};
use crate::install;
use crate::output::note;
use crate::process::{Stop, Supervisor};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const MIRROR: &str = "https://deb.debian.org/debian";

/// The loader and the libraries of an unpacked tree.
const LOADERS: [&str; 2] = ["usr/lib64/ld-linux-x86-64.so.2", "usr/lib/ld-linux-aarch64.so.1"];

/// Downloads packages and all that they need, unless an earlier run has, and gives the root of the tree. `programs` are
/// made to run where they are; they may be given by folder.
pub(crate) fn unpack(
    supervisor: &Supervisor,
    suite: &str,
    packages: &[&str],
    programs: &[&str],
) -> Result<PathBuf> {
    let folder = base()?.join(format!("{suite}-{}", packages[0]));
    let (root, complete) = (folder.join("root"), folder.join("complete"));
    let wanted = packages.join(" ");
    if fs::read_to_string(&complete).is_ok_and(|text| text == wanted) {
        return Ok(root);
    }
    note(format_args!("downloading {wanted} of Debian {suite} into {}", folder.display()));
    let patchelf = install::ensure_program(supervisor, "patchelf")?;
    let unpacked = download(supervisor, suite, packages, &folder)
        .and_then(|()| relocate(supervisor, &patchelf, &root, programs));
    // A failed download keeps the tests from passing: nothing is left out in silence.
    unpacked.map_err(|error| {
        anyhow!(
            "{wanted} of Debian {suite} cannot be had from {}: {error:#}\n\nhint: this needs apt-get, {KEYRING} and a \
             mirror that answers; where {suite} has gone on and lacks one of these packages or a program of theirs, name \
             the one of now in xtask/src/place.rs; choose the other places with --on",
            mirror()
        )
    })?;
    fs::write(&complete, wanted).with_context(|| format!("{} cannot be written", complete.display()))?;
    Ok(root)
}

/// In the target directory, if the account of a server can reach that.
fn base() -> Result<PathBuf> {
    let program = std::env::current_exe().context("this program's own path is unknown")?;
    let target = program.ancestors().nth(2).ok_or_else(|| anyhow!("{} has no folder", program.display()))?;
    if is_root() && !is_open_to_all(target) {
        return Ok(PathBuf::from("/var/tmp/embed-migrations-servers"));
    }
    Ok(target.join("servers"))
}

/// apt-get with lists, state and packages of its own.
fn download(supervisor: &Supervisor, suite: &str, packages: &[&str], folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    for name in ["parts", "state", "lists/partial", "packages/partial", "root"] {
        let path = folder.join(name);
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    }
    let source = format!("deb [signed-by={KEYRING}] {} {suite} main\n", mirror());
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    write("sources.list", &source)?;
    write("state/status", "")?;
    write("apt.conf", &settings(folder))?;
    let apt_get = |arguments: &[&str]| -> Result<()> {
        let mut command = Command::new("apt-get");
        command
            .args(["-q", "-y"])
            .args(arguments)
            .env("APT_CONFIG", folder.join("apt.conf"))
            .env("LC_ALL", "C");
        supervisor.run(&mut command, Stop::Terminate)?;
        Ok(())
    };
    apt_get(&["update"])?;
    apt_get(&[&["install", "--download-only", "--no-install-recommends"], packages].concat())?;
    let downloaded = fs::read_dir(folder.join("packages")).context("the packages cannot be listed")?;
    for package in downloaded.flatten().map(|entry| entry.path()) {
        if package.extension().is_some_and(|extension| extension == "deb") {
            let mut command = Command::new("dpkg-deb");
            supervisor.run(command.arg("-x").arg(&package).arg(folder.join("root")), Stop::Terminate)?;
        }
    }
    fs::remove_dir_all(folder.join("packages")).context("the packages cannot be removed")
}

/// The mirror that this machine uses already, or else the usual one.
fn mirror() -> String {
    let asked = Command::new("apt-get").args(["indextargets", "--format", "$(REPO_URI)"]).output();
    let answer =
        asked.map_or_else(|_| String::new(), |answer| String::from_utf8_lossy(&answer.stdout).into_owned());
    let own = answer.lines().map(|line| line.trim_end_matches('/')).find(|line| line.ends_with("/debian"));
    own.unwrap_or(MIRROR).to_owned()
}

/// Signatures are checked; how old the mirror's lists may be is not.
fn settings(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Dir::Etc \"{folder}\";
Dir::Etc::SourceList \"{folder}/sources.list\";
Dir::Etc::SourceParts \"-\";
Dir::Etc::Parts \"{folder}/parts\";
Dir::Etc::PreferencesParts \"{folder}/parts\";
Dir::State \"{folder}/state\";
Dir::State::Lists \"{folder}/lists\";
Dir::State::Status \"{folder}/state/status\";
Dir::Cache \"{folder}\";
Dir::Cache::Archives \"{folder}/packages\";
Dir::Cache::PkgCache \"\";
Dir::Cache::SrcPkgCache \"\";
APT::Sandbox::User \"\";
Acquire::Languages \"none\";
Acquire::Retries \"3\";
Acquire::Check-Valid-Until \"false\";
"
    )
}

/// Lets programs find the loader and the libraries that they were built for.
fn relocate(supervisor: &Supervisor, patchelf: &Path, root: &Path, programs: &[&str]) -> Result<()> {
    let loader = LOADERS.iter().map(|name| root.join(name)).find(|path| path.exists());
    let loader = loader.ok_or_else(|| anyhow!("{} holds no loader", root.display()))?;
    let libraries = fs::read_dir(root.join("usr/lib")).context("there are no libraries")?;
    let libraries =
        libraries.flatten().map(|entry| entry.path()).find(|path| path.join("libc.so.6").exists());
    let libraries = libraries.ok_or_else(|| anyhow!("{} holds no libc.so.6", root.display()))?;
    for program in programs {
        let path = root.join(program);
        let found = if path.is_dir() {
            let entries =
                fs::read_dir(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            entries.flatten().map(|entry| entry.path()).collect()
        } else {
            vec![path]
        };
        for path in found {
            if !is_elf(&path)? {
                continue;
            }
            let mut command = Command::new(patchelf);
            command
                .arg("--set-interpreter")
                .arg(&loader)
                .arg("--force-rpath")
                .arg("--set-rpath")
                .arg(&libraries);
            supervisor.run(command.arg(&path), Stop::Terminate)?;
        }
    }
    Ok(())
}

fn is_elf(path: &Path) -> Result<bool> {
    let Ok(real) = path.canonicalize() else { bail!("{} is missing", path.display()) };
    let bytes = fs::read(&real).with_context(|| format!("{} cannot be read", real.display()))?;
    Ok(bytes.starts_with(b"\x7fELF"))
}
