//! Stamps that are refused, and those of revisions that were adopted before.

use crate::adopted::{project, sqlite};
use crate::project::{Done, Project};

const SQLX: &str =
    "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN, checksum BLOB);";
const GOLANG: &str = "CREATE TABLE schema_migrations (version bigint, dirty boolean);";

/// A new database with what another tool left in it.
fn database(project: &Project, sql: &str) {
    let _ = std::fs::remove_file(project.path("app.db"));
    sqlite(project, "app.db").run(sql);
}

fn golang(project: &Project, version: &str) {
    database(project, &format!("{GOLANG} INSERT INTO schema_migrations VALUES ({version}, 0)"));
}

fn golang_project() -> Project {
    project(&[
        ("old/1_a.up.sql", "CREATE TABLE a (x);\n"),
        ("old/1_a.down.sql", "DROP TABLE a;\n"),
        ("old/20_b.up.sql", "CREATE TABLE b (x);\n"),
        ("old/20_b.down.sql", "DROP TABLE b;\n"),
    ])
}

const STAMP: &str = "adopt --from golang-migrate old --stamp";

#[track_caller]
fn is_at(project: &Project, done: &Done, expected: &str) {
    done.ok();
    let current = project.on_database("current").ok().to_owned();
    assert_eq!(current.split([',', ' ']).next().unwrap_or_default().trim(), expected, "{current}");
}

#[test]
fn a_refused_stamp_leaves_no_revisions() {
    let unfinished = format!("{SQLX} INSERT INTO _sqlx_migrations VALUES (1, 0, x'00')");
    let edited = format!("{SQLX} INSERT INTO _sqlx_migrations VALUES (1, 1, x'00')");
    let unknown = format!("{SQLX} INSERT INTO _sqlx_migrations VALUES (7, 1, x'00')");
    for (sql, code) in
        [(unfinished.as_str(), 15), (&edited, 10), (&unknown, 8), ("CREATE TABLE other (x)", 13)]
    {
        let project = project(&[("old/1_a.sql", "CREATE TABLE a (x);\n")]);
        database(&project, sql);
        let done = project.on_database("adopt --from sqlx old --stamp");
        assert_eq!(done.code, code, "{done:?}");
        assert!(!project.path("migrations").exists(), "{sql}");
        let names = std::fs::read_dir(project.path("")).unwrap();
        assert!(
            !names.into_iter().any(|entry| entry.unwrap().path().extension().is_some_and(|e| e == "tmp"))
        );
    }
}

#[test]
fn a_stamp_over_revisions_of_other_sql_is_refused() {
    let project = golang_project();
    project.run("adopt --from golang-migrate old").ok();
    project.write("old/1_a.up.sql", "CREATE TABLE a (x, y);\n");
    golang(&project, "20");
    assert_eq!(
        project.on_database(STAMP).failed(10),
        "error: not what adopting the files of golang-migrate writes now: `migrations/1_a.sql` (`old/1_a.up.sql`)\n\n\
         hint: adopt with the options that the revisions were adopted with; or remove these, and adopt anew\n"
    );
    assert_eq!(project.on_database("current").ok(), "");
    // What is not recorded as applied may be another one, and a comment is no SQL.
    project.write("old/1_a.up.sql", "-- Why\nCREATE TABLE a (x);\n");
    project.write("old/20_b.up.sql", "CREATE TABLE b (x, y);\n");
    golang(&project, "1");
    is_at(&project, &project.on_database(STAMP), "1");
}

#[test]
fn what_was_filled_in_where_the_tool_had_nothing_is_no_difference() {
    let project = project(&[("old/1_a.up.sql", "CREATE TABLE a (x);\n"), ("old/2_b.up.sql", "-- by hand\n")]);
    project.run("adopt --from golang-migrate old --allow-empty").ok();
    let text = project.read("migrations/2_b.sql").replace("SELECT 1", "CREATE TABLE b (x)");
    project.write("migrations/2_b.sql", &text);
    golang(&project, "2");
    is_at(&project, &project.on_database(STAMP), "2");
}

#[test]
fn revisions_written_since_are_not_the_tool_s_whatever_their_ids() {
    let project = golang_project();
    project.run("adopt --from golang-migrate old").ok();
    project.run("new -m more --id 3").ok();
    let file = project.migrations().into_iter().find(|name| name.starts_with("3_")).unwrap();
    let text = project.read(&format!("migrations/{file}"));
    project.write(
        &format!("migrations/{file}"),
        &(text.split("-- migrate:up").next().unwrap().to_owned() + "-- migrate:up\nCREATE TABLE c (x);\n"),
    );
    golang(&project, "20");
    is_at(&project, &project.on_database(STAMP), "20");
    assert!(project.on_database("status").ok().contains("2 applied, 1 pending"));
    std::fs::remove_dir_all(project.path("old")).unwrap();
    golang(&project, "20");
    is_at(&project, &project.on_database("adopt --from golang-migrate --stamp"), "20");
}

#[test]
fn a_baseline_of_flyway_s_does_not_reach_revisions_written_since() {
    let project = project(&[("old/V1__a.sql", "CREATE TABLE a (x);\n")]);
    project.run("adopt --from flyway old").ok();
    project.revision("3", "V1");
    database(
        &project,
        "CREATE TABLE flyway_schema_history (installed_rank INT, version, description, type, success);\
         INSERT INTO flyway_schema_history VALUES (1, '5', 'base', 'BASELINE', 1)",
    );
    is_at(&project, &project.on_database("adopt --from flyway old --stamp"), "V1");
}

#[test]
fn what_was_taken_down_here_is_not_recorded_again() {
    let project = golang_project();
    project.run("adopt --from golang-migrate old").ok();
    database(
        &project,
        &format!(
            "{GOLANG} INSERT INTO schema_migrations VALUES (20, 0); CREATE TABLE a (x); CREATE TABLE b (x)"
        ),
    );
    is_at(&project, &project.on_database(STAMP), "20");
    project.on_database("downgrade base --yes").ok();
    assert_eq!(
        project.on_database(STAMP).failed(11),
        "error: the database has a history of its own already, which is at base, where `schema_migrations` says 20\n\n\
         hint: `cargo migrate stamp --purge TARGET` overrules it\n"
    );
    assert_eq!(project.on_database("current").ok(), "");
}

#[test]
fn a_later_database_needs_no_directory() {
    let project = golang_project();
    project.run("adopt --from golang-migrate old").ok();
    for line in ["adopt --from golang-migrate --stamp", "adopt --from golang-migrate migrations --stamp"] {
        golang(&project, "20");
        is_at(&project, &project.on_database(line), "20");
    }
    let project = self::project(&[("old/1_a.sql", "CREATE TABLE a (x);\n")]);
    project.run("adopt --from sqlx old").ok();
    // The directory of revisions is the one that sqlx itself would look in.
    database(&project, &format!("{SQLX} INSERT INTO _sqlx_migrations VALUES (1, 1, x'00')"));
    is_at(&project, &project.on_database("adopt --from sqlx --stamp"), "1");
}

const BOTH: &str =
    "adopt --from sqlx --backend postgres=old/pg --backend sqlite=old/lite --allow-empty --stamp";

/// The checksum that sqlx writes of a file.
fn sha384(text: &str) -> String {
    use sha2::{Digest, Sha384};
    Sha384::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn each_backend_has_its_own_files_and_checksums() {
    let (a, c) = ("CREATE TABLE a (x);\n", "CREATE TABLE c (x);\n");
    let files = [
        ("old/pg/1_a.sql", "CREATE TABLE a (x INT);\n"),
        ("old/lite/1_a.sql", a),
        ("old/pg/2_b.sql", "CREATE TABLE b (x INT);\n"),
        ("old/pg/3_c.sql", c),
        ("old/lite/3_c.sql", c),
    ];
    let rows = format!("(1, 1, x'{}'), (3, 1, x'{}')", sha384(a), sha384(c));
    let sql = format!("{SQLX} INSERT INTO _sqlx_migrations VALUES {rows}");
    let project = project(&files);
    database(&project, &sql);
    // The second is only PostgreSQL's.
    is_at(&project, &project.on_database(BOTH), "3");
    database(&project, &sql);
    is_at(&project, &project.on_database(BOTH), "3");
    // Neither without the other directory, nor without both
    for line in ["adopt --from sqlx --backend sqlite=old/lite --stamp", "adopt --from sqlx --stamp"] {
        database(&project, &sql);
        is_at(&project, &project.on_database(line), "3");
    }
    project.write("old/lite/1_a.sql", "CREATE TABLE a (y);\n");
    database(&project, &sql);
    let done = project.on_database(BOTH);
    assert!(
        done.failed(10).contains("by the checksum in `_sqlx_migrations`: old/lite/1_a.sql\n"),
        "{done:?}"
    );
}

#[test]
fn what_the_database_refuses_is_shown_by_the_tool_s_file() {
    let manifest = "[package]\nname = \"app\"\n[dependencies]\n\
                    embed-migrations = { version = \"0.1\", features = [\"sqlite-bundled\", \"postgres\"] }\n";
    let project = project(&[("Cargo.toml", manifest), ("old/1_a.sql", "CREATE TABLE a (x INT);\n")]);
    database(&project, SQLX);
    let done = project.on_database("adopt --from sqlx old --backend postgres --stamp");
    let shown = done.failed(4);
    assert!(shown.contains("error: revision `1` has no section for sqlite\n --> old/1_a.sql\n"), "{shown}");
    assert!(!project.path("migrations").exists());
}

#[test]
fn a_branch_that_was_taken_down_here_is_not_recorded_again() {
    let part = |id: &str| {
        format!(
            "-- Running upgrade  -> {id}\n\nCREATE TABLE t_{id} (x);\n\n\
             INSERT INTO alembic_version (version_num) VALUES ('{id}');\n\n"
        )
    };
    let down = |id: &str| {
        format!(
            "-- Running downgrade {id} -> \n\nDROP TABLE t_{id};\n\n\
             DELETE FROM alembic_version WHERE version_num = '{id}';\n\n"
        )
    };
    let project = project(&[
        ("versions/1.py", "revision = 'aaa'\ndown_revision = None\n"),
        ("versions/2.py", "revision = 'bbb'\ndown_revision = None\n"),
        ("up.sql", &(part("aaa") + &part("bbb"))),
        ("down.sql", &(down("bbb") + &down("aaa"))),
        ("alembic.ini", "[alembic]\nscript_location = .\n"),
    ]);
    let manifest = project.read("Cargo.toml") + "\n[package.metadata.migrate]\nbranches = \"allow\"\n";
    project.write("Cargo.toml", &manifest);
    project.run("adopt --from alembic --upgrade-sql up.sql --downgrade-sql down.sql").ok();
    database(
        &project,
        "CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('aaa'), ('bbb');\
         CREATE TABLE t_aaa (x); CREATE TABLE t_bbb (x)",
    );
    project.on_database("adopt --from alembic --stamp").ok();
    project.on_database("adopt --from alembic --stamp").ok();
    project.on_database("downgrade bbb@base --yes").ok();
    let done = project.on_database("adopt --from alembic --stamp");
    assert!(done.failed(11).contains("which is at aaa, where `alembic_version` says aaa, bbb\n"), "{done:?}");
    // What was adopted is compared where the output is there.
    project.write("up.sql", &(part("aaa").replace("(x)", "(y)") + &part("bbb")));
    let done = project.on_database("adopt --from alembic --upgrade-sql up.sql --stamp");
    assert!(done.failed(10).contains("now: `migrations/aaa_migration_aaa.sql` (`"), "{done:?}");
}
