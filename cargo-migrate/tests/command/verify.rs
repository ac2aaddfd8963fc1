//! `verify`, on SQLite in memory.

use crate::project::Project;

/// A project with revisions of these ids, ways up and ways down, each on top of the one before.
fn history(revisions: &[(&str, &str, &str)]) -> Project {
    let project = Project::initialised();
    let mut parent = "none";
    for (id, up, down) in revisions {
        project.write(
            &format!("migrations/{id}_do.sql"),
            &format!(
                "-- Do {id}\n-- revision: {id}\n-- revises: {parent}\n\n-- migrate:up\n{up}\n\n{down}\n"
            ),
        );
        parent = id;
    }
    project
}

/// The outcome of each revision, and the lines that differ.
fn found(project: &Project, line: &str) -> Vec<(String, Vec<String>)> {
    let data = project.run(&format!("{line} --format json")).json()["data"].clone();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let revisions = data.as_array().unwrap().iter();
    revisions
        .map(|revision| {
            let differences = revision["differences"].as_array().unwrap().iter();
            let lines = differences.flat_map(|difference| difference["lines"].as_array().unwrap());
            (
                format!("{} {}", text(&revision["revision"]), text(&revision["outcome"])),
                lines.map(text).collect(),
            )
        })
        .collect()
}

#[test]
fn a_sound_history_is_verified_and_the_database_of_the_project_is_not_opened() {
    let project = Project::chain(&["aaa", "bbb"]);
    let done = project.on_database("verify");
    assert_eq!(done.ok(), "ok           aaa, Make aaa\nok           bbb, Make bbb\n");
    assert_eq!(done.stderr, "");
    assert!(!project.path("app.db").exists());
    assert_eq!(project.run("verify").ok(), done.stdout);
    assert_eq!(project.run("verify --backend sqlite").ok(), done.stdout);
}

#[test]
fn each_way_down_that_leaves_something_is_told_with_the_lines_and_the_others_are_verified_all_the_same() {
    let project = history(&[
        ("aaa", "CREATE TABLE t (a INTEGER, b TEXT DEFAULT 'x');", "-- migrate:down\nDROP TABLE t;"),
        ("bbb", "CREATE TABLE u (a);\nCREATE INDEX i ON t (a);", "-- migrate:down\nDROP TABLE u;"),
        (
            "ccc",
            "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END;\nCREATE TABLE w (a);",
            "-- migrate:down\nDROP TABLE w;",
        ),
        (
            "ddd",
            "ALTER TABLE t ADD COLUMN c; ALTER TABLE t DROP COLUMN b;",
            "-- migrate:down\nALTER TABLE t DROP COLUMN c; ALTER TABLE t ADD COLUMN b TEXT;",
        ),
        ("eee", "CREATE TABLE forgotten (a);", "-- migrate:down\nSELECT 1;"),
        ("fff", "DROP TABLE u;", "-- migrate:down\nCREATE TABLE u (a);"),
    ]);
    let expected = [
        ("aaa ok", &[][..]),
        ("bbb differs", &["+ index i on t: create index i on t ( a )"]),
        ("ccc differs", &["+ trigger g on t: create trigger g after insert on t begin select 1 ; end"]),
        ("ddd differs", &["+ table t: b text", "- table t: b text default 'x'"]),
        ("eee differs", &["+ table forgotten", "+ table forgotten: a"]),
        ("fff ok", &[]),
    ];
    let expected = expected
        .map(|(outcome, lines)| (outcome.to_owned(), lines.iter().map(|l| (*l).to_owned()).collect()));
    assert_eq!(found(&project, "verify"), expected);
    let done = project.run("verify");
    let errors = done.failed(18);
    assert!(
        errors.starts_with("error: the way down does not undo the way up: bbb, ccc, ddd, eee\n"),
        "{errors}"
    );
    assert!(
        done.stdout.contains(
            "differs      ddd, Do ddd\n  migrations/ddd_do.sql, down section: schema before up (-) and after down (+)\n    \
             + table t: b text\n    - table t: b text default 'x'\n"
        ),
        "{done:?}"
    );
}

#[test]
fn the_order_of_columns_is_told_and_is_no_failure() {
    let project = history(&[
        ("aaa", "CREATE TABLE t (a, b, c);", "-- migrate:down\nDROP TABLE t;"),
        ("bbb", "ALTER TABLE t DROP COLUMN b;", "-- migrate:down\nALTER TABLE t ADD COLUMN b;"),
    ]);
    let done = project.run("verify");
    assert!(done.ok().contains("ok           bbb, Do bbb\n"), "{done:?}");
    assert!(done.stdout.contains("- columns of t: a, b, c\n    + columns of t: a, c, b\n"), "{done:?}");
}

#[test]
fn a_way_up_that_cannot_be_taken_a_second_time_alike_differs() {
    let project = history(&[
        (
            "aaa",
            "CREATE TABLE t (a);\nCREATE TABLE counter (n);",
            "-- migrate:down\nDROP TABLE t; DROP TABLE counter;",
        ),
        (
            "bbb",
            "PRAGMA user_version = 3;\nINSERT INTO counter VALUES (1);\nCREATE TABLE w AS SELECT * FROM counter;",
            "-- migrate:down\nDROP TABLE w; PRAGMA user_version = 0; ALTER TABLE counter ADD COLUMN m; ALTER TABLE counter DROP COLUMN m;",
        ),
    ]);
    assert!(project.run("verify").ok().contains("ok           bbb"));
    // What the way down leaves as rows is seen by the second way up alone.
    let project = history(&[
        ("aaa", "CREATE TABLE t (a);", "-- migrate:down\nDROP TABLE t;"),
        (
            "bbb",
            "INSERT INTO t VALUES (1);\nCREATE TABLE u AS SELECT count(*) AS n FROM t;\nCREATE UNIQUE INDEX i ON t (a);",
            "-- migrate:down\nDROP TABLE u; DROP INDEX i;",
        ),
    ]);
    let done = project.run("verify");
    assert!(done.failed(12).contains("migrations/bbb_do.sql"), "{done:?}");
    assert!(done.stdout.starts_with("ok           aaa"), "{done:?}");
}

#[test]
fn rows_are_compared_where_the_way_down_keeps_data() {
    let up = "CREATE TABLE copy AS SELECT id, a FROM t;\nDELETE FROM t;\nINSERT INTO t SELECT id, a FROM copy;\nDROP TABLE copy;";
    let down = "DELETE FROM t WHERE a IS NULL;";
    let project = |option: &str| {
        history(&[
            ("aaa", "CREATE TABLE t (id INTEGER PRIMARY KEY, a);", "-- migrate:down\nDROP TABLE t;"),
            (
                "bbb",
                "INSERT INTO t VALUES (3, 'three');",
                "-- migrate:down keeps-data\nDELETE FROM t WHERE id = 3;",
            ),
            ("ccc", up, &format!("-- migrate:down {option}\n{down}")),
        ])
    };
    let losing = project("keeps-data");
    // Nothing is lost where there is nothing to lose.
    losing.run("verify").ok();
    losing.write("seeds/aaa.sql", "INSERT INTO t VALUES (1, 'one'), (2, NULL);\n");
    losing.write("seeds/.gitkeep", "");
    let found = found(&losing, "verify --seed seeds");
    assert_eq!(found[1], ("bbb ok".to_owned(), Vec::new()));
    assert_eq!(found[2], ("ccc differs".to_owned(), vec!["- row of t: a is null, id = 2".to_owned()]));
    losing.run("verify --seed seeds").failed(18);
    // What is behind a NUL is compared as well.
    losing.write("seeds/aaa.sql", "INSERT INTO t VALUES (1, 'one' || char(0) || 'more');\n");
    losing.write(
        "migrations/ccc_do.sql",
        &losing.read("migrations/ccc_do.sql").replace(down, "UPDATE t SET a = 'one' || char(0) || 'LOST';"),
    );
    losing.run("verify --seed seeds").failed(18);
    let silent = project("");
    silent.write("seeds/aaa.sql", "INSERT INTO t VALUES (1, 'one'), (2, NULL);\n");
    silent.run("verify --seed seeds").ok();
}

#[test]
fn rows_of_no_revision_and_rows_that_do_not_go_in_are_errors() {
    let project = Project::chain(&["aaa"]);
    project.write("seeds/aab.sql", "SELECT 1;");
    assert!(project.run("verify --seed seeds").failed(2).contains("`seeds/aab.sql` is of no revision"));
    project.write("more/aaa.sql", "INSERT INTO t_aaa VALUES (1);\n\nINSERT INTO absent VALUES (1);\n");
    let done = project.run("verify --seed more");
    assert!(done.failed(12).contains("no such table: absent\n --> more/aaa.sql:3"), "{done:?}");
    assert!(project.run("verify --seed absent").failed(1).contains("absent"));
}

#[test]
fn branches_and_what_joins_them_are_verified_each_at_its_place() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.revision("ccc", "aaa");
    project.write(
        "migrations/ddd_side.sql",
        "-- Side\n-- revision: ddd\n-- revises: aaa\n-- depends-on: ccc\n\n-- migrate:up\nCREATE TABLE ddd (a);\n\n-- migrate:down\n\
         DROP TABLE ddd;\n",
    );
    project.write("migrations/eee_join.sql", "-- Join\n-- revision: eee\n-- revises: bbb, ccc, ddd\n");
    project.revision("fff", "eee");
    project.revision("other", "none");
    let found = found(&project, "verify");
    assert_eq!(found.len(), 7);
    assert!(found.iter().all(|(outcome, lines)| outcome.ends_with(" ok") && lines.is_empty()), "{found:?}");
    project.run("verify").ok();
}

#[test]
fn an_irreversible_revision_is_taken_up_only() {
    let project = history(&[
        ("aaa", "CREATE TABLE t (a);", ""),
        ("bbb", "CREATE TABLE u (a);", "-- migrate:down irreversible"),
        ("ccc", "CREATE INDEX i ON t (a);", "-- migrate:down\nDROP INDEX i;"),
    ]);
    let done = project.run("verify");
    assert_eq!(done.ok(), "irreversible aaa, Do aaa\nirreversible bbb, Do bbb\nok           ccc, Do ccc\n");
}

#[test]
fn at_a_rust_revision_it_ends_and_says_what_was_verified() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.write(
        "migrations/ccc_fill.rs",
        "//! Fill\n//!\n//! revision: ccc\n//! revises: bbb\n\nuse embed_migrations::{Db, Result};\n\n\
         pub async fn up(db: &mut Db<'_>) -> Result<()> {\n    Ok(())\n}\n",
    );
    project.revision("ddd", "ccc");
    let done = project.run("verify");
    assert!(done.failed(16).contains("'ccc' is written in Rust"), "{done:?}");
    assert_eq!(
        done.stdout,
        "ok           aaa, Make aaa\nok           bbb, Make bbb\nunverified   ccc, Fill\nunverified   ddd, Make ddd\n"
    );
}

#[test]
fn a_statement_that_fails_is_told_as_by_upgrade() {
    let project = history(&[
        ("aaa", "CREATE TABLE t (a);", "-- migrate:down\nDROP TABLE t;"),
        ("bbb", "CREATE TABLE u (a);", "-- migrate:down\nDROP TABLE misspelt;"),
    ]);
    let done = project.run("verify");
    assert!(done.failed(12).contains("no such table: misspelt"), "{done:?}");
    assert!(done.stderr.contains("migrations/bbb_do.sql:9"), "{done:?}");
}

#[test]
fn a_backend_that_needs_a_server_wants_its_url() {
    let project = Project::with_manifest("[package]\nname = \"app\"\n");
    project.run("init").ok();
    project.revision("aaa", "none");
    assert!(project.run("verify").failed(13).contains("`--backend sqlite` needs none"));
    assert!(project.on_database("verify --backend postgres").failed(13).contains("not one of postgres"));
    let done = project.run("verify --database-url postgres://u:s3cr3t@127.0.0.1:1/db");
    assert!(done.failed(13).contains("connect to PostgreSQL") && !done.stderr.contains("s3cr3t"), "{done:?}");
    let done = project.run("verify --database-url mysql://u:s3cr3t@127.0.0.1:1/db");
    assert!(done.failed(13).contains("connect to MySQL") && !done.stderr.contains("s3cr3t"), "{done:?}");
}

#[test]
fn the_option_is_of_a_way_down_and_no_part_of_the_checksum() {
    let down = |option: &str| format!("-- migrate:down {option}\nDROP TABLE t;");
    let project = history(&[("aaa", "CREATE TABLE t (a);", &down(""))]);
    project.run("lock").ok();
    let text = project.read("migrations/aaa_do.sql");
    project.write("migrations/aaa_do.sql", &text.replace("migrate:down ", "migrate:down keeps-data"));
    project.run("check").ok();
    project.write("migrations/aaa_do.sql", &text.replace("migrate:up", "migrate:up keeps-data"));
    assert!(project.run("check").failed(4).contains("`keeps-data` belongs to a down marker"));
    project.write(
        "migrations/aaa_do.sql",
        &text.replace("migrate:down ", "migrate:down irreversible keeps-data"),
    );
    assert!(project.run("check").failed(4).contains("`irreversible` and `keeps-data` do not go together"));
}
