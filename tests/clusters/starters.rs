//! Processes that start at the same time.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use embed_migrations_tests::revisions::Revisions;

/// A process that upgrades the database of a URL once it is told to go.
pub(crate) fn prepare(url: &str, directory: &Path, options: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_migrating"))
        .args([url, directory.to_str().unwrap(), "upgrade", "head"])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Tells a process to go.
pub(crate) fn go(child: &mut Child) {
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
}

/// Waits for a process, and gives the revisions that it says it applied, or what it said of its failure.
pub(crate) fn outcome(child: Child) -> Result<Vec<String>, String> {
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr).unwrap());
    }
    Ok(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// Starts one process for each URL, all at once, and gives what each says.
pub(crate) fn start_all<'u>(
    urls: impl IntoIterator<Item = &'u str>,
    revisions: &Revisions,
    options: &[&str],
) -> Vec<Result<Vec<String>, String>> {
    let directory = revisions.write();
    let mut children: Vec<Child> =
        urls.into_iter().map(|url| prepare(url, directory.path(), options)).collect();
    children.iter_mut().for_each(go);
    children.into_iter().map(outcome).collect()
}

/// The revisions that they applied together, sorted; all of them must have ended well.
pub(crate) fn all_succeeded(outcomes: Vec<Result<Vec<String>, String>>) -> Vec<String> {
    let mut applied: Vec<String> = outcomes.into_iter().flat_map(|outcome| outcome.unwrap()).collect();
    applied.sort();
    applied
}

/// The ids of [`Revisions::tables`].
pub(crate) fn ids(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("r{n:04}")).collect()
}
