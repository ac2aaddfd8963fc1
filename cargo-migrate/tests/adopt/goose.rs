//! goose.

use crate::adopted::{can_be_taken_back, does_the_same_as, history, project};

const TRIGGER: &str =
    "CREATE TRIGGER note AFTER INSERT ON users BEGIN\n  INSERT INTO log VALUES ('x;y');\nEND";

#[test]
fn annotations_become_sections() {
    let project = project(&[
        (
            "old/00001_users.sql",
            "-- Users\n-- +goose Up\nCREATE TABLE users (id INTEGER);\nCREATE TABLE log (what TEXT);\n\n\
             -- +goose Down\nDROP TABLE log;\nDROP TABLE users;\n",
        ),
        (
            "old/00010_trigger.sql",
            &format!(
                "-- +goose Up\n-- +goose StatementBegin\n{TRIGGER} -- no semicolon\n-- +goose StatementEnd\n\
                 CREATE TABLE more (x);\n--+goose Down\nDROP TABLE more;\nDROP TRIGGER note;\n"
            ),
        ),
        (
            "old/00009_vacuum.sql",
            "-- +goose NO TRANSACTION\n-- +goose Up\nVACUUM;\n-- +goose Down\nVACUUM;\n",
        ),
        (
            "old/20240131120159_env.sql",
            "-- +goose Up\n-- +goose ENVSUB ON\nCREATE TABLE ${NAME} (x TEXT DEFAULT '${OTHER:-none}');\n\
             -- +goose ENVSUB OFF\nINSERT INTO named VALUES ('$NAME');\n-- +goose Down\nDROP TABLE named;\n",
        ),
        ("old/00001_users_test.go", "package x\n"),
    ]);
    project.run("adopt --from goose old --placeholder NAME=named").ok();
    assert_eq!(
        history(&project),
        [
            " <- 00001: users",
            "00001 <- 00009: vacuum",
            "00009 <- 00010: trigger",
            "00010 <- 20240131120159: env"
        ]
    );
    does_the_same_as(
        &project,
        &format!(
            "CREATE TABLE users (id INTEGER); CREATE TABLE log (what TEXT); {TRIGGER};\nCREATE TABLE more (x);\
             CREATE TABLE named (x TEXT DEFAULT 'none');"
        ),
    );
    assert_eq!(crate::adopted::sqlite(&project, "app.db").value("SELECT x FROM named"), "$NAME");
    assert!(
        project.read("migrations/00009_vacuum.sql").contains("-- migrate:down no-transaction\nVACUUM;\n")
    );
    can_be_taken_back(&project);
}

#[test]
fn go_files_missing_variables_and_unknown_annotations_are_refused() {
    let project = project(&[
        ("old/00001_a.sql", "-- +goose Up\n-- +goose ENVSUB ON\nCREATE TABLE $TABLE (x);\n"),
        ("old/00002_b.go", "package migrations\n"),
        ("old/00003_c.sql", "-- +goose Sideways\n-- +goose Up\nSELECT 1;\n"),
        ("old/00004_d.sql", "SELECT 1;\n-- +goose Up\n"),
        ("old/00005_e.sql", "-- +goose Down\nSELECT 1;\n"),
    ]);
    let done = project.run("adopt --from goose old");
    let shown = done.failed(4);
    for expected in [
        "error: variable `TABLE` has no value\n --> old/00001_a.sql:3:1\n",
        "error: a migration in Go cannot be converted\n --> old/00002_b.go\n",
        "error: unknown annotation of goose\n --> old/00003_c.sql:1:1\n",
        "error: SQL before `-- +goose Up`\n --> old/00004_d.sql:1:1\n",
        "error: there is no `-- +goose Up`\n --> old/00005_e.sql\n",
    ] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    assert!(!project.path("migrations").exists());
}

#[test]
fn a_statement_that_ends_in_a_comment_stays_apart_from_the_next() {
    let project = project(&[(
        "old/1_a.sql",
        "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE a (x);\n-- +goose StatementEnd\n\
         -- +goose StatementBegin\nINSERT INTO a VALUES (1) -- first row;\n-- +goose StatementEnd\n\
         -- +goose StatementBegin\nINSERT INTO a VALUES (2); -- second;\n-- +goose StatementEnd\n",
    )]);
    project.run("adopt --from goose old").ok();
    project.on_database("upgrade").ok();
    assert_eq!(crate::adopted::sqlite(&project, "app.db").count("a"), 2);
    let text = project.read("migrations/1_a.sql");
    assert!(text.contains("CREATE TABLE a (x);\nINSERT INTO a VALUES (1) -- first row;\n;\n"), "{text}");
}

#[test]
fn a_terminator_too_many_is_none_whatever_the_database() {
    for backend in ["postgres", "mysql", "sqlite"] {
        let project = project(&[(
            "old/1_a.sql",
            "-- +goose Up\n-- +goose StatementBegin\nCREATE TABLE a (x INT); -- one\n-- +goose StatementEnd\n\
             CREATE TABLE b (x INT);\n",
        )]);
        project.run(&format!("adopt --from goose old --backend {backend}")).ok();
        let text = project.read("migrations/1_a.sql");
        assert!(text.contains("CREATE TABLE a (x INT); -- one\n;\nCREATE TABLE b"), "{text}");
    }
}

#[test]
fn variables_stand_in_for_others_as_goose_has_it() {
    let project = project(&[(
        "old/1_a.sql",
        "-- +goose Up\n-- +goose ENVSUB ON\nCREATE TABLE ${A:-${B}} (x TEXT DEFAULT '${C:-none}|${C-none}|${D-none}');\n",
    )]);
    project.run("adopt --from goose old --placeholder B=named --placeholder C=").ok();
    let text = project.read("migrations/1_a.sql");
    assert!(text.contains("CREATE TABLE named (x TEXT DEFAULT 'none||none');"), "{text}");
    std::fs::remove_dir_all(project.path("migrations")).unwrap();
    assert!(
        project
            .run("adopt --from goose old --placeholder C=")
            .failed(4)
            .contains("variable `B` has no value")
    );
}
