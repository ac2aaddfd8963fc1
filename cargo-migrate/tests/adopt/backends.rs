//! A directory for each database.

use crate::adopted::{does_the_same_as, history, project};
use crate::project::Project;

fn two_directories() -> Project {
    project(&[
        ("old/postgres/1_users.sql", "CREATE TABLE users (id BIGINT);\n"),
        ("old/sqlite/1_users.sql", "CREATE TABLE users (id INTEGER);\n"),
        ("old/postgres/2_posts.sql", "CREATE TABLE posts (id INT);\n"),
        ("old/sqlite/0002_posts.sql", "\nCREATE TABLE posts (id INT);\n"),
        ("old/postgres/3_grants.sql", "-- no-transaction\nCREATE INDEX CONCURRENTLY i ON posts (id);\n"),
    ])
}

const BOTH: &str = "adopt --from sqlx --backend postgres=old/postgres --backend sqlite=old/sqlite";

#[test]
fn one_version_becomes_one_revision_with_sections() {
    let project = two_directories();
    let done = project.run(BOTH);
    done.ok();
    assert_eq!(done.stderr, "note: 3 has nothing for sqlite\n");
    assert_eq!(history(&project), [" <- 1: users", "1 <- 2: posts", "2 <- 3: grants"]);
    let sections = |name: &str| project.read(name).split_once("\n\n").unwrap().1.to_owned();
    assert_eq!(
        sections("migrations/1_users.sql"),
        "-- migrate:up postgres\nCREATE TABLE users (id BIGINT);\n\n-- migrate:up sqlite\nCREATE TABLE users (id INTEGER);\n"
    );
    assert_eq!(
        sections("migrations/2_posts.sql"),
        "-- migrate:up postgres sqlite\nCREATE TABLE posts (id INT);\n"
    );
    assert_eq!(
        sections("migrations/3_grants.sql"),
        "-- migrate:up postgres no-transaction\nCREATE INDEX CONCURRENTLY i ON posts (id);\n"
    );
}

#[test]
fn what_a_backend_lacks_can_be_filled_with_nothing() {
    let project = two_directories();
    project.run(&format!("{BOTH} --allow-empty")).ok();
    let text = project.read("migrations/3_grants.sql");
    assert!(text.contains("\n-- migrate:up sqlite\nSELECT 1;\n"), "{text}");
    does_the_same_as(&project, "CREATE TABLE users (id INTEGER); CREATE TABLE posts (id INT);");
}

#[test]
fn a_backend_that_a_build_must_cover_is_missed() {
    let project = two_directories();
    project.write(
        "Cargo.toml",
        "[package]\nname = \"app\"\n[package.metadata.migrate]\nbackends = [\"postgres\", \"sqlite\"]\n",
    );
    let done = project.run(BOTH);
    assert!(
        done.failed(4)
            .contains("error: revision `3` has no section for sqlite\n --> old/postgres/3_grants.sql\n"),
        "{done:?}"
    );
    assert!(!project.path("migrations").exists());
}

#[test]
fn a_directory_of_directories_is_told_how_to_name_them() {
    let project = two_directories();
    assert_eq!(
        project.run("adopt --from sqlx old").failed(2),
        "error: there are no migrations of sqlx in `old`\n\n\
         hint: name the directory of each backend: `--backend postgres=old/postgres` `--backend sqlite=old/sqlite`\n"
    );
    assert_eq!(project.run("adopt --from sqlx old --backend sqlite=old/sqlite").code, 2);
    assert_eq!(project.run("adopt --from sqlx --backend sqlite=old/sqlite --backend postgres").code, 2);
    assert_eq!(project.run("adopt --from sqlx --backend oracle").code, 2);
}

#[test]
fn one_directory_may_be_for_one_backend() {
    let project = two_directories();
    project.run("adopt --from sqlx old/sqlite --backend sqlite").ok();
    assert!(project.read("migrations/1_users.sql").contains("\n-- migrate:up sqlite\n"));
}
