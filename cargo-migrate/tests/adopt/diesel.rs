//! Diesel.

use crate::adopted::{can_be_taken_back, does_the_same_as, history, project};

#[test]
fn directories_become_revisions_with_their_transactions() {
    let project = project(&[
        ("old/.keep", ""),
        ("old/00000000000000_diesel_initial_setup/up.sql", "CREATE TABLE setup (x);\n"),
        ("old/00000000000000_diesel_initial_setup/down.sql", "DROP TABLE setup;\n"),
        (
            "old/2024-01-31-120159_create_users/up.sql",
            "-- Your SQL goes here\nCREATE TABLE users (id INTEGER);\n",
        ),
        ("old/2024-01-31-120159_create_users/down.sql", "DROP TABLE users;\n"),
        ("old/2024-02-01-000000-0000_vacuum/up.sql", "VACUUM;\n"),
        ("old/2024-02-01-000000-0000_vacuum/down.sql", "VACUUM;\n"),
        ("old/2024-02-01-000000-0000_vacuum/metadata.toml", "run_in_transaction = false\n"),
    ]);
    project.run("adopt --from diesel old").ok();
    assert_eq!(
        history(&project),
        [
            " <- 00000000000000: diesel initial setup",
            "00000000000000 <- 20240131120159: create users",
            "20240131120159 <- 202402010000000000: vacuum"
        ]
    );
    let vacuum = project.read("migrations/202402010000000000_vacuum.sql");
    assert!(
        vacuum
            .ends_with("-- migrate:up no-transaction\nVACUUM;\n\n-- migrate:down no-transaction\nVACUUM;\n")
    );
    assert!(
        project
            .read("migrations/20240131120159_create_users.sql")
            .contains("-- created: 2024-01-31T12:01:59Z\n")
    );
    does_the_same_as(&project, "CREATE TABLE setup (x); CREATE TABLE users (id INTEGER);");
    can_be_taken_back(&project);
}

#[test]
fn the_directory_is_the_one_of_diesel_toml() {
    let project = project(&[
        ("diesel.toml", "[migrations_directory]\ndir = \"db/diesel\"\n"),
        ("db/diesel/1_a/up.sql", "CREATE TABLE a (x);\n"),
        ("db/diesel/1_a/down.sql", "-- This file should undo anything in `up.sql`\n"),
    ]);
    let done = project.run("adopt --from diesel");
    assert_eq!(done.ok(), "created migrations/1_a.sql\n");
    assert_eq!(done.stderr, "note: the way down of 1 does nothing: the revision is irreversible\n");
    does_the_same_as(&project, "CREATE TABLE a (x);");
    assert_eq!(project.on_database("downgrade base --yes").code, 11);
}

#[test]
fn a_directory_without_an_up_and_a_broken_metadata_are_refused() {
    let project = project(&[
        ("old/1_a/down.sql", "DROP TABLE a;\n"),
        ("old/2_b/up.sql", "CREATE TABLE b (x);\n"),
        ("old/2_b/metadata.toml", "run_in_transaction is false\n"),
    ]);
    let done = project.run("adopt --from diesel old");
    let shown = done.failed(4);
    assert!(shown.contains("there is no `up.sql` in it\n --> old/1_a\n"), "{shown}");
    assert!(shown.contains("this is no TOML"), "{shown}");
    assert!(shown.contains("--> old/2_b/metadata.toml\n"), "{shown}");
    assert!(!project.path("migrations").exists());
}
