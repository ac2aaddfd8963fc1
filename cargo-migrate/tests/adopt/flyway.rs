//! Flyway.

use crate::adopted::{does_the_same_as, history, project};

#[test]
fn files_become_revisions_with_their_undo_their_settings_and_their_placeholders() {
    let project = project(&[
        ("sql/V1.9__Add_users.sql", "CREATE TABLE ${prefix}users (id INTEGER, price TEXT DEFAULT '$5');\n"),
        ("sql/U1.9__Add_users.sql", "DROP TABLE ${prefix}users;\n"),
        ("sql/2024/V1_10__vacuum.sql", "VACUUM;\n"),
        ("sql/2024/V1_10__vacuum.sql.conf", "# why\nexecuteInTransaction=false\n"),
        ("sql/R__a_view.sql", "CREATE VIEW a_view AS SELECT id FROM app_users;\n"),
        ("sql/beforeMigrate.sql", "SELECT 1;\n"),
    ]);
    let done = project.run("adopt --from flyway --placeholder prefix=app_");
    assert_eq!(
        done.ok(),
        "created migrations/V1_9_add_users.sql\ncreated migrations/V1_10_vacuum.sql\n\
         created migrations/R_a_view_a_view.sql\n\
         skipped sql/beforeMigrate.sql (not named as a migration; callbacks are not converted)\n"
    );
    assert!(done.stderr.contains("sql/R__a_view.sql is repeated by Flyway whenever it changes"), "{done:?}");
    assert_eq!(
        history(&project),
        [" <- V1_9: Add users", "V1_9 <- V1_10: vacuum", "V1_10 <- R_a_view: a view"]
    );
    assert!(project.read("migrations/V1_10_vacuum.sql").contains("-- migrate:up no-transaction\n"));
    assert!(
        project.read("migrations/V1_9_add_users.sql").ends_with("-- migrate:down\nDROP TABLE app_users;\n")
    );
    does_the_same_as(
        &project,
        "CREATE TABLE app_users (id INTEGER, price TEXT DEFAULT '$5');\n\
         CREATE VIEW a_view AS SELECT id FROM app_users;",
    );
}

#[test]
fn a_baseline_is_left_out_where_what_it_stands_for_is_there() {
    let files = [
        ("sql/B2__all.sql", "CREATE TABLE a (x); CREATE TABLE b (x);\n"),
        ("sql/V3__c.sql", "CREATE TABLE c (x);\n"),
    ];
    let alone = project(&files);
    alone.run("adopt --from flyway").ok();
    assert_eq!(history(&alone), [" <- B2: all", "B2 <- V3: c"]);
    let whole = project(&files);
    whole.write("sql/V1__a.sql", "CREATE TABLE a (x);\n");
    whole.write("sql/V2__b.sql", "CREATE TABLE b (x);\n");
    let done = whole.run("adopt --from flyway");
    assert!(
        done.ok().ends_with(
            "skipped sql/B2__all.sql (a baseline, and the migrations that it stands for are here)\n"
        )
    );
    assert_eq!(history(&whole), [" <- V1: a", "V1 <- V2: b", "V2 <- V3: c"]);
    for project in [alone, whole] {
        does_the_same_as(&project, "CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (x);");
    }
}

#[test]
fn placeholders_without_a_value_and_java_are_all_named_with_their_places() {
    let project = project(&[
        ("sql/V1__a.sql", "CREATE TABLE a (x);\nINSERT INTO a VALUES ('${user}');\n"),
        ("sql/V2__b.java", "public class V2__b {}\n"),
        ("sql/V3__c.sql", "CREATE TABLE ${flyway:defaultSchema}.c (x);\n"),
    ]);
    let done = project.run("adopt --from flyway");
    let shown = done.failed(4);
    assert!(shown.contains("error: placeholder `user` has no value\n --> sql/V1__a.sql:2:24\n"), "{shown}");
    assert!(shown.contains("help: give it one with `--placeholder user=VALUE`"), "{shown}");
    assert!(
        shown.contains("error: a migration in `.java` cannot be converted\n --> sql/V2__b.java\n"),
        "{shown}"
    );
    assert!(
        shown.contains("placeholder `flyway:defaultSchema` has no value\n --> sql/V3__c.sql:1:14\n"),
        "{shown}"
    );
    assert!(!project.path("migrations").exists());
}

#[test]
fn the_title_is_that_of_the_way_up() {
    let project = project(&[
        ("sql/U1__Drop_users.sql", "DROP TABLE users;\n"),
        ("sql/V1__Add_users.sql", "CREATE TABLE users (id INTEGER);\n"),
    ]);
    project.run("adopt --from flyway").ok();
    assert_eq!(history(&project), [" <- V1: Add users"]);
    assert_eq!(project.migrations(), ["V1_add_users.sql"]);
}

#[test]
fn what_is_repeated_runs_in_the_order_of_its_description() {
    // A space is before a letter, and an upper-case letter before all others.
    let project = project(&[
        ("sql/R__ab.sql", "CREATE VIEW ab AS SELECT 1;\n"),
        ("sql/R__a_b.sql", "CREATE VIEW a_b AS SELECT 1;\n"),
        ("sql/R__Z.sql", "CREATE VIEW z AS SELECT 1;\n"),
        ("sql/V1__t.sql", "CREATE TABLE t (x);\n"),
    ]);
    project.run("adopt --from flyway").ok();
    assert_eq!(history(&project), [" <- V1: t", "V1 <- R_z: Z", "R_z <- R_a_b: a b", "R_a_b <- R_ab: ab"]);
}

#[test]
fn a_condition_is_refused() {
    let project = project(&[
        ("sql/V1__a.sql", "CREATE TABLE a (x);\n"),
        ("sql/V1__a.sql.conf", "shouldExecute=true\n"),
        ("sql/V2__b.sql", "CREATE TABLE b (x);\n"),
        ("sql/V2__b.sql.conf", "shouldExecute = false\n"),
    ]);
    let done = project.run("adopt --from flyway");
    let shown = done.failed(4);
    assert!(
        shown.contains(
            "error: whether Flyway runs it depends on `shouldExecute=false` in its `.conf`\n --> sql/V2__b.sql\n"
        ),
        "{shown}"
    );
    assert!(!shown.contains("V1__a"), "{shown}");
}
