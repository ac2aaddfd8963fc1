//! Whatever changes in the directory of revisions, the next build notices, or the program says that it must be built.

use embed_migrations_tests::project::TestProject;

use crate::{LISTING, revision};

const USERS: &str = "migrations/a1_add_users.sql";
const EMAILS: &str = "migrations/b2_add_emails.sql";

/// A project with two revisions, of which the second can go.
fn project(name: &str) -> TestProject {
    TestProject::new(name)
        .file("src/main.rs", LISTING)
        .file(USERS, revision("a1", "none", "users"))
        .file(EMAILS, revision("b2", "a1", "emails"))
}

/// The directory's lock file, as `cargo migrate` writes it.
fn lock(project: &TestProject) {
    let path = project.path("migrations");
    project.write("migrations/migrations.lock", crate::texts::lock_text(&path));
}

#[test]
fn an_edited_revision_leads_to_a_rebuild() {
    let project = project("rebuild_edited");
    assert_eq!(project.run().succeeded(), "a1 Add users\nb2 Add emails\n");
    project.write(EMAILS, project.read(EMAILS).replace("Add emails", "Add addresses"));
    assert_eq!(project.run().succeeded(), "a1 Add users\nb2 Add addresses\n");
}

#[test]
fn a_removed_revision_leads_to_a_rebuild() {
    let project = project("rebuild_removed");
    assert_eq!(project.run().succeeded(), "a1 Add users\nb2 Add emails\n");
    project.remove(EMAILS);
    assert_eq!(project.run().succeeded(), "a1 Add users\n");
}

#[test]
fn the_name_of_a_removed_revision_no_longer_compiles() {
    let project = project("rebuild_removed_name").file(
        "src/main.rs",
        format!("{LISTING}\npub fn target() -> impl embed_migrations::IntoTarget {{\n    migrations::AddEmails\n}}\n"),
    );
    project.cargo(["check"]).succeeded();
    project.remove(EMAILS);
    let output = project.cargo(["check"]);
    let error = output.failed();
    assert!(error.contains("cannot find") && error.contains("`AddEmails` in module `migrations`"), "{error}");
}

#[test]
fn a_refused_directory_is_looked_at_again_when_it_was_mended() {
    let project = project("rebuild_mended");
    project.write(EMAILS, revision("b2", "none", "emails"));
    assert!(project.cargo(["check"]).failed().contains("the history has 2 heads: `a1`, `b2`"));
    project.write(EMAILS, revision("b2", "a1", "emails"));
    project.cargo(["check"]).succeeded();
}

#[test]
fn an_added_revision_leads_to_a_rebuild_with_one_line_in_build_rs() {
    let project = project("rebuild_added_build_rs")
        .file("build.rs", "fn main() {\n    println!(\"cargo::rerun-if-changed=migrations\");\n}\n");
    assert_eq!(project.run().succeeded(), "a1 Add users\nb2 Add emails\n");
    project.write("migrations/c3_add_phones.sql", revision("c3", "b2", "phones"));
    assert_eq!(project.run().succeeded(), "a1 Add users\nb2 Add emails\nc3 Add phones\n");
}

#[test]
fn an_added_revision_leads_to_a_rebuild_when_the_lock_file_changes_with_it() {
    let project = project("rebuild_added_lock");
    lock(&project);
    assert_eq!(project.run().succeeded(), "a1 Add users\nb2 Add emails\n");
    project.write("migrations/c3_add_phones.sql", revision("c3", "b2", "phones"));
    lock(&project);
    assert_eq!(project.run().succeeded(), "a1 Add users\nb2 Add emails\nc3 Add phones\n");
}

#[test]
fn an_edited_revision_that_is_locked_fails_the_build() {
    let project = project("rebuild_locked");
    lock(&project);
    project.cargo(["check"]).succeeded();
    let before = project.read(USERS);
    project.write(USERS, before.replace("id INTEGER", "id BIGINT"));
    let output = project.cargo(["check"]);
    assert!(
        output.failed().contains("revision `a1` is locked and its upgrade has changed"),
        "{}",
        output.stderr
    );
    // What does not count may be mended.
    project.write(
        USERS,
        before.replace("Add users", "Add the users").replace("DROP TABLE", "DROP  TABLE IF EXISTS"),
    );
    project.cargo(["check"]).succeeded();
}

#[test]
fn a_debug_build_that_missed_an_added_revision_says_that_it_must_be_built_again() {
    let program = r#"
        embed_migrations::embed_migrations!("migrations");

        fn main() {
            let mut connection = rusqlite::Connection::open_in_memory().unwrap();
            match migrations::MIGRATIONS.sqlite(&mut connection).upgrade("head") {
                Ok(report) => println!("{report}"),
                Err(error) => {
                    println!("{error}");
                    std::process::exit(1);
                }
            }
        }
    "#;
    let project = project("rebuild_stale")
        .features(&["sqlite-bundled"])
        .manifest("rusqlite = { version = \">=0.32, <0.44\", default-features = false }")
        .file("src/main.rs", program);
    project.run().succeeded();
    project.write("migrations/c3_add_phones.sql", revision("c3", "b2", "phones"));
    // Cargo sees nothing new: neither a file that the program is made of, nor a directory that it was told to watch.
    let output = project.run();
    output.failed();
    assert_eq!(
        output.stdout,
        "this binary is older than its migrations: [PROJECT]/migrations has c3_add_phones.sql, which this binary does \
         not\n\nhint: cargo sees no new files by itself: touch the file with `embed_migrations!` and build again, or add a \
         build.rs with `println!(\"cargo::rerun-if-changed=migrations\")`\n"
    );
    project.write("src/main.rs", format!("{program}\n"));
    project.run().succeeded();

    project.write("migrations/data/lists/.hidden", "");
    project.run().succeeded();
    project.write("migrations/data/lists/users.csv", "1\n");
    let output = project.run();
    output.failed();
    assert!(output.stdout.contains("migrations has data/lists/users.csv, which"), "{}", output.stdout);
    project.write("build.rs", "fn main() { println!(\"cargo::rerun-if-changed=migrations\"); }\n");
    project.run().succeeded();
    std::fs::remove_dir_all(project.path("migrations/data")).unwrap();
    project.run().succeeded();
}
