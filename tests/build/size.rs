//! Long histories, and what a set leaves in the binary.

use std::fs;

use embed_migrations_tests::project::TestProject;

use crate::{LISTING, revision};

#[test]
fn five_thousand_revisions_compile_and_are_all_there() {
    let mut project = TestProject::new("size_many").file("src/main.rs", LISTING);
    let mut expected = String::new();
    for number in 0..5000 {
        let id = format!("{number:04}");
        let parent = if number == 0 { "none".to_owned() } else { format!("{:04}", number - 1) };
        project = project.file(
            &format!("migrations/{id}_add_table{id}.sql"),
            revision(&id, &parent, &format!("table{id}")),
        );
        expected.push_str(&format!("{id} Add table{id}\n"));
    }
    assert!(project.run().succeeded() == expected);
}

#[test]
fn a_release_binary_of_sql_revisions_does_not_say_where_it_was_built() {
    let project = TestProject::new("size_release")
        .file("src/main.rs", LISTING)
        .file("migrations/a1_add_users.sql", revision("a1", "none", "users"));
    project.cargo(["build", "--release"]).succeeded();
    let binary = fs::read(project.executable("release")).unwrap();
    let contains = |text: &str| binary.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(contains("CREATE TABLE users"));
    assert!(!contains(&project.path("").display().to_string()));
}
