//! golang-migrate.

use crate::adopted::{can_be_taken_back, does_the_same_as, history, project};

#[test]
fn pairs_of_files_become_revisions_by_number() {
    let project = project(&[
        ("old/9_users.up.sql", "BEGIN;\nCREATE TABLE users (id INTEGER);\nCOMMIT;\n"),
        ("old/9_users.down.sql", "DROP TABLE users;\n"),
        ("old/000010_add.posts.up.sql", "CREATE TABLE posts (id INTEGER);\n"),
        ("old/000010_add.posts.down.sql", "DROP TABLE posts;\n"),
        ("old/embed.go", "package migrations\n"),
    ]);
    let done = project.run("adopt --from golang-migrate old");
    assert!(done.ok().ends_with("skipped old/embed.go (not named as a migration)\n"), "{done:?}");
    assert_eq!(history(&project), [" <- 9: users", "9 <- 000010: add.posts"]);
    does_the_same_as(&project, "CREATE TABLE users (id INTEGER); CREATE TABLE posts (id INTEGER);");
    can_be_taken_back(&project);
}

#[test]
fn one_number_for_two_migrations_is_refused() {
    let project =
        project(&[("old/1_a.up.sql", "CREATE TABLE a (x);"), ("old/01_b.up.sql", "CREATE TABLE b (x);")]);
    let done = project.run("adopt --from golang-migrate old");
    assert!(done.failed(4).contains("a second migration of version `1`\n --> old/1_a.up.sql\n"), "{done:?}");
}

#[test]
fn a_way_down_alone_is_refused() {
    let project =
        project(&[("old/1_a.up.sql", "CREATE TABLE a (x);"), ("old/2_b.down.sql", "DROP TABLE b;")]);
    let done = project.run("adopt --from golang-migrate old");
    assert!(done.failed(4).contains("the migration has no way up\n --> old/2_b.down.sql\n"), "{done:?}");
}

#[test]
fn the_title_and_the_id_are_those_of_the_way_up() {
    let project = project(&[
        ("old/01_drop.down.sql", "DROP TABLE a;\n"),
        ("old/1_add.up.sql", "CREATE TABLE a (x INTEGER);\n"),
    ]);
    project.run("adopt --from golang-migrate old").ok();
    assert_eq!(history(&project), [" <- 1: add"]);
    assert!(project.read("migrations/1_add.sql").contains("-- migrate:down\nDROP TABLE a;"));
}

#[test]
fn what_must_be_outside_of_a_transaction_is() {
    let project = project(&[
        ("old/1_a.up.sql", "CREATE TABLE a (x INT);\n"),
        ("old/2_b.up.sql", "CREATE INDEX CONCURRENTLY i ON a (x);\n"),
        ("old/2_b.down.sql", "DROP INDEX CONCURRENTLY i;\n"),
    ]);
    project.run("adopt --from golang-migrate old --backend postgres").ok();
    assert!(project.read("migrations/1_a.sql").contains("-- migrate:up postgres\n"));
    let text = project.read("migrations/2_b.sql");
    assert!(text.contains("-- migrate:up postgres no-transaction\nCREATE INDEX"), "{text}");
    assert!(text.contains("-- migrate:down postgres no-transaction\nDROP INDEX"), "{text}");
}

#[test]
fn a_way_down_alone_may_be_given_a_way_up_that_does_nothing() {
    let project = project(&[
        ("old/1_a.up.sql", "CREATE TABLE a (x);"),
        ("old/2_b.down.sql", "DROP TABLE a;"),
        ("old/3_c.down.sql", "-- nothing\n"),
    ]);
    project.run("adopt --from golang-migrate old --allow-empty").ok();
    let sections = |name: &str| project.read(name).split_once("\n\n").unwrap().1.to_owned();
    assert_eq!(
        sections("migrations/2_b.sql"),
        "-- migrate:up\nSELECT 1;\n\n-- migrate:down\nDROP TABLE a;\n"
    );
    assert_eq!(sections("migrations/3_c.sql"), "-- migrate:up\nSELECT 1;\n\n-- migrate:down\nSELECT 1;\n");
}
