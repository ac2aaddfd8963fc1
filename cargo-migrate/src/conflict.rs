//! A lock file in which version control left the lines of two branches.

use std::fs;
use std::io;

use migrate_cli::{Error, Output};
use migrate_revision::source::{LOCK_FILE, Lock};

use crate::files;
use crate::project::Project;

/// Keeps the lines of both sides and takes out the marks, if there are any. What is then wrong, such as a revision that
/// both sides locked differently, stays as it was, and reading the directory says so.
///
/// # Errors
/// When the file cannot be read or written.
pub(crate) fn resolve(project: &Project, output: &Output) -> Result<(), Error> {
    let path = project.config.directory.join(LOCK_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("read", &path, error)),
    };
    let Some(joined) = both_sides(&text) else { return Ok(()) };
    if Lock::parse(LOCK_FILE, joined.as_bytes()).is_ok() {
        files::replace(&path, &joined)?;
        output.note(format_args!("note: kept the lines of both sides in {}", path.display()));
    }
    Ok(())
}

/// The text with the lines of both sides, each once; `None` if there is no conflict in it.
fn both_sides(text: &str) -> Option<String> {
    if !text.lines().any(|line| line.starts_with("<<<<<<<")) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut in_ancestor = false;
    for line in text.lines() {
        match line.get(..7) {
            Some("|||||||") => in_ancestor = true,
            Some("=======") => in_ancestor = false,
            Some("<<<<<<<" | ">>>>>>>") => {}
            _ if in_ancestor || kept.contains(&line) => {}
            _ => kept.push(line),
        }
    }
    Some(kept.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_are_kept_and_what_was_before_is_not() {
        assert_eq!(both_sides("a\nb\n"), None);
        let text = "a\n<<<<<<< ours\nb\nc\n||||||| base\nx\n=======\nb\nd\n>>>>>>> theirs\ne\n";
        assert_eq!(both_sides(text).as_deref(), Some("a\nb\nc\nd\ne\n"));
    }
}
