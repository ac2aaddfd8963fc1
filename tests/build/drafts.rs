//! Revisions that are not in the lock file: welcome while the application is worked on, refused in what ships.

use embed_migrations_tests::project::TestProject;

use crate::{LISTING, revision};

/// A project with a locked revision and a draft on top of it.
fn project(name: &str) -> TestProject {
    let project = TestProject::new(name)
        .file("src/main.rs", LISTING)
        .file("migrations/a1_add_users.sql", revision("a1", "none", "users"));
    let lock = crate::texts::lock_text(&project.path("migrations"));
    project
        .file("migrations/migrations.lock", lock)
        .file("migrations/b2_add_emails.sql", revision("b2", "a1", "emails"))
}

const REFUSAL: &str = "\
error: 1 revision is not locked, and this build has no debug assertions
        --> migrations/migrations.lock
         = note: migrations/b2_add_emails.sql
         = help: lock what is ready to ship: `cargo migrate lock`
         = help: or allow it: `drafts = allow` in the call
 --> src/main.rs:2:37
  |
2 | embed_migrations::embed_migrations!(\"migrations\");
  |                                     ^^^^^^^^^^^^

";

#[test]
fn a_draft_compiles_where_there_are_debug_assertions_and_is_refused_where_there_are_none() {
    let project = project("drafts_by_profile");
    project.cargo(["check"]).succeeded();
    let output = project.cargo(["check", "--release"]);
    let error = output.failed();
    let start = error.find("error:").unwrap_or_default();
    assert_eq!(error[start..].split("error: could not compile").next(), Some(REFUSAL), "{error}");
    project.write("migrations/c3_add_phones.sql", revision("c3", "b2", "phones"));
    let output = project.cargo(["check", "--release"]);
    assert!(output.failed().contains("2 revisions are not locked"), "{}", output.stderr);
    // What counts is whether there are debug assertions, not how the profile is called.
    let with_assertions = "--config=profile.release.debug-assertions=true";
    project.cargo(["check", "--release", with_assertions]).succeeded();
}

#[test]
fn a_draft_compiles_in_any_profile_if_the_call_allows_it() {
    let project = project("drafts_allowed")
        .file("src/main.rs", LISTING.replace("\"migrations\"", "\"migrations\", drafts = allow"));
    project.cargo(["check", "--release"]).succeeded();
}

#[test]
fn without_a_lock_file_nothing_is_a_draft() {
    let project = project("drafts_without_a_lock");
    project.remove("migrations/migrations.lock");
    project.cargo(["check", "--release"]).succeeded();
}
