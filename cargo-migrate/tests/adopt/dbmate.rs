//! dbmate.

use crate::adopted::{can_be_taken_back, does_the_same_as, history, project};

#[test]
fn files_become_revisions_with_their_options() {
    let project = project(&[
        (
            "db/migrations/20240131120159_create_users.sql",
            "-- migrate:up\nCREATE TABLE users (id INTEGER);\n\n-- migrate:down\nDROP TABLE users;\n",
        ),
        (
            "db/migrations/20240201000000_vacuum.sql",
            "-- Once\n--migrate:up transaction:false\nVACUUM;\n-- migrate:down transaction:false\nVACUUM;\n",
        ),
        ("db/schema.sql", "CREATE TABLE users (id INTEGER);\n"),
    ]);
    assert_eq!(
        project.run("adopt --from dbmate").ok(),
        "created migrations/20240131120159_create_users.sql\ncreated migrations/20240201000000_vacuum.sql\n"
    );
    assert_eq!(
        history(&project),
        [" <- 20240131120159: create users", "20240131120159 <- 20240201000000: vacuum"]
    );
    assert!(
        project
            .read("migrations/20240201000000_vacuum.sql")
            .ends_with("-- migrate:up no-transaction\nVACUUM;\n\n-- migrate:down no-transaction\nVACUUM;\n")
    );
    does_the_same_as(&project, "CREATE TABLE users (id INTEGER);");
    can_be_taken_back(&project);
}

#[test]
fn unknown_options_and_what_stands_before_the_marker_are_refused() {
    let project = project(&[
        ("db/migrations/1_a.sql", "-- migrate:up transaction:maybe\nCREATE TABLE a (x);\n"),
        ("db/migrations/2_b.sql", "CREATE TABLE b (x);\n-- migrate:up\n"),
        ("db/migrations/3_c.sql", "-- nothing\n"),
    ]);
    let done = project.run("adopt --from dbmate");
    let shown = done.failed(4);
    for expected in [
        "error: unknown option `transaction:maybe` of dbmate\n --> db/migrations/1_a.sql:1:1\n",
        "error: SQL before `-- migrate:up`\n --> db/migrations/2_b.sql:1:1\n",
        "error: there is no `-- migrate:up`\n --> db/migrations/3_c.sql\n",
    ] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
}

#[test]
fn files_are_in_the_order_of_their_names_as_text() {
    let file = |table: &str| format!("-- migrate:up\nCREATE TABLE {table} (x);\n");
    let (a, b, c) = (file("a"), file("b"), file("c"));
    let project = project(&[
        ("db/migrations/1_a.sql", a.as_str()),
        ("db/migrations/2_b.sql", b.as_str()),
        ("db/migrations/10_c.sql", c.as_str()),
    ]);
    project.run("adopt --from dbmate").ok();
    assert_eq!(history(&project), [" <- 10: c", "10 <- 1: a", "1 <- 2: b"]);
}
