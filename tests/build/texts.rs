//! What of a file's text counts, and that reading a directory gives what the macro embeds.

use std::fs;
use std::path::Path;

use embed_migrations_tests::project::{TestProject, workspace};
use migrate_revision::Backend;
use migrate_revision::source::{Checks, Resolved, resolve};

use crate::revision;

/// Reads a directory as a call without options does.
fn read(path: &Path) -> Resolved {
    let checks =
        Checks { backends: Backend::ALL.to_vec(), cover_all: false, branches: false, require_down: false };
    resolve(path, "migrations", &checks).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))
    })
}

/// The lock file's text for a directory as it is.
pub(crate) fn lock_text(path: &Path) -> String {
    read(path).lock_text()
}

#[test]
fn byte_order_marks_and_line_ends_make_no_difference_to_what_is_locked() {
    let directory = tempfile::tempdir().unwrap();
    let sample = workspace().join("migrations");
    let plain = read(&sample);
    for entry in fs::read_dir(&sample).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = fs::read_to_string(&path).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
            fs::write(directory.path().join(path.file_name().unwrap()), format!("\u{feff}{text}")).unwrap();
        }
    }
    fs::create_dir(directory.path().join("data")).unwrap();
    for file in &plain.data {
        let text = fs::read_to_string(&file.path).unwrap().replace('\n', "\r\n");
        fs::write(directory.path().join("data").join(&file.name), text).unwrap();
    }
    let other = read(directory.path());
    assert_eq!(other.lock_text(), plain.lock_text());
    assert_eq!(
        Backend::ALL.map(|backend| other.digest(backend)),
        Backend::ALL.map(|backend| plain.digest(backend))
    );
    let texts = |resolved: &Resolved| resolved.sources.iter().map(|s| s.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&other), texts(&plain));
}

#[test]
fn prose_comments_layout_and_the_down_section_make_no_difference_to_what_is_locked() {
    let directory = tempfile::tempdir().unwrap();
    let write = |text: &str| {
        fs::write(directory.path().join("a1_add_users.sql"), text).unwrap();
        lock_text(directory.path())
    };
    let text = revision("a1", "none", "users");
    let before = write(&text);
    assert_eq!(write(&text.replace("-- Add users", "-- Add the users\n--\n-- They log in.")), before);
    assert_eq!(write(&text.replace("users (id", "users -- all of them\n(\n    id")), before);
    assert_eq!(write(&text.replace("DROP TABLE users", "DROP TABLE IF EXISTS users")), before);
    assert_ne!(write(&text.replace("users (id", "users (user_id")), before);
}

#[test]
fn a_program_carries_what_reading_the_directory_gives() {
    let sample = workspace().join("migrations");
    let project = TestProject::new("texts_same").file(
        "src/main.rs",
        format!(
            "embed_migrations::embed_migrations!({:?});\n\nfn main() {{\n    \
             let set = &migrations::MIGRATIONS;\n    \
             println!(\"{{:?}}\\n{{:?}}\", set.revisions(), set.backends().collect::<Vec<_>>());\n}}\n",
            sample.display().to_string()
        ),
    );
    let resolved = read(&sample);
    let output = project.run();
    assert_eq!(output.succeeded(), format!("{:?}\n{:?}\n", resolved.revisions, resolved.backends));
}
