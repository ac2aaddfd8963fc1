//! refinery.

use crate::adopted::{does_the_same_as, history, project};

#[test]
fn files_become_revisions_by_number_whatever_their_prefix() {
    let project = project(&[
        ("old/V1__create_users.sql", "CREATE TABLE users (id INTEGER);\n"),
        ("old/more/V10__add_posts.sql", "CREATE TABLE posts (id INTEGER);\n"),
        ("old/U9__add_tags.sql", "CREATE TABLE tags (id INTEGER);\n"),
        ("old/mod.rs", "refinery::embed_migrations!();\n"),
    ]);
    assert_eq!(
        project.run("adopt --from refinery old").ok(),
        "created migrations/V1_create_users.sql\ncreated migrations/U9_add_tags.sql\n\
         created migrations/V10_add_posts.sql\n"
    );
    assert_eq!(history(&project), [" <- V1: create users", "V1 <- U9: add tags", "U9 <- V10: add posts"]);
    does_the_same_as(
        &project,
        "CREATE TABLE users (id INTEGER); CREATE TABLE posts (id INTEGER); CREATE TABLE tags (id INTEGER);",
    );
}

#[test]
fn a_migration_in_rust_and_a_version_twice_are_refused() {
    let project = project(&[
        ("old/V1__a.sql", "CREATE TABLE a (x);\n"),
        ("old/U1__b.sql", "CREATE TABLE b (x);\n"),
        ("old/V2__c.rs", "pub fn migration() -> String { String::new() }\n"),
    ]);
    let done = project.run("adopt --from refinery old");
    assert_eq!(
        done.failed(4).lines().filter(|line| !line.trim().is_empty()).collect::<Vec<_>>(),
        [
            "error: a second migration of version `V1`",
            " --> old/V1__a.sql",
            "  = note: the other one is `old/U1__b.sql`",
            "  = help: remove one of them, or give it a version of its own",
            "error: a migration in Rust cannot be converted",
            " --> old/V2__c.rs",
            "  = help: put the SQL that its function returns into `V2__c.sql`, and the file elsewhere",
            "error: the revisions have 2 problems",
        ]
    );
    assert!(!project.path("migrations").exists());
}
