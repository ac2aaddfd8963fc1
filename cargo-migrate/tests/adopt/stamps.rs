//! Databases that another tool has been at, by tables as it writes them. With the tools themselves: `tools`.

use crate::adopted::{project, sqlite};
use crate::project::{Done, Project};

/// A project with three tables of sqlx-like files for a tool, adopted.
fn three(tool: &str, names: [&str; 3]) -> Project {
    let project = project(&[]);
    for (name, table) in names.iter().zip(["a", "b", "c"]) {
        project.write(&format!("old/{name}"), &text(tool, table));
    }
    project.run(&format!("adopt --from {tool} old")).ok();
    project
}

fn text(tool: &str, table: &str) -> String {
    let marker = match tool {
        "goose" => "-- +goose Up\n",
        "dbmate" => "-- migrate:up\n",
        _ => "",
    };
    format!("{marker}CREATE TABLE {table} (x);\n")
}

/// Stamps after the tool's table has been made with this SQL.
fn stamp(project: &Project, tool: &str, sql: &str) -> Done {
    let _ = std::fs::remove_file(project.path("app.db"));
    sqlite(project, "app.db").run(sql);
    project.on_database(&format!("adopt --from {tool} old --stamp"))
}

/// Stamps, and fails unless the database is then at this revision.
#[track_caller]
fn is_at(project: &Project, tool: &str, sql: &str, expected: &str) {
    stamp(project, tool, sql).ok();
    let current = project.on_database("current").ok().to_owned();
    assert_eq!(current.split([',', ' ']).next().unwrap_or_default().trim(), expected, "{current}");
}

const GOLANG: [&str; 3] = ["1_a.up.sql", "2_b.up.sql", "10_c.up.sql"];
const GOLANG_TABLE: &str = "CREATE TABLE schema_migrations (version bigint, dirty boolean);";

#[test]
fn golang_migrate_s_one_version_stands_for_all_before_it() {
    let project = three("golang-migrate", GOLANG);
    let table = |row: &str| format!("{GOLANG_TABLE} {row}");
    is_at(&project, "golang-migrate", &table("INSERT INTO schema_migrations VALUES (2, 0)"), "2");
    assert_eq!(project.on_database("status").ok(), "at 2: 2 applied, 1 pending\n  pending 10 c\n");
    is_at(&project, "golang-migrate", &table("INSERT INTO schema_migrations VALUES (10, 0)"), "10");
    let done = stamp(&project, "golang-migrate", &table(""));
    assert_eq!(done.ok(), "nothing to stamp: `schema_migrations` names no version\n");
    let dirty = table("INSERT INTO schema_migrations VALUES (2, 1)");
    assert_eq!(
        stamp(&project, "golang-migrate", &dirty).failed(15),
        "error: golang-migrate began version 2 and did not finish it, as `schema_migrations` says\n\n\
         hint: bring the database and its table in order with golang-migrate first\n"
    );
    let unknown = table("INSERT INTO schema_migrations VALUES (3, 0)");
    assert_eq!(
        stamp(&project, "golang-migrate", &unknown).failed(8),
        "error: `schema_migrations` names what is no revision: 3\n\n\
         hint: adopt the files that the database was made with\n"
    );
}

#[test]
fn goose_s_last_row_of_a_version_counts() {
    let project = three("goose", ["00001_a.sql", "00002_b.sql", "00010_c.sql"]);
    let table = "CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id INTEGER, is_applied INTEGER, tstamp);\
                 INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1), (10, 1)";
    is_at(&project, "goose", table, "00010");
    is_at(&project, "goose", &format!("{table}, (10, 0)"), "00002");
    let done = stamp(&project, "goose", &format!("{table}, (2, 0)"));
    assert_eq!(
        done.failed(9),
        "error: `goose_db_version` lacks 00002, and has what stands on that\n\n\
         hint: bring the database up to date with goose first\n"
    );
    assert_eq!(project.on_database("current").ok(), "");
}

#[test]
fn dbmate_and_diesel_have_a_row_for_each_version() {
    let project = three("dbmate", ["20240101000000_a.sql", "20240102000000_b.sql", "20240103000000_c.sql"]);
    let table = "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);\
                 INSERT INTO schema_migrations VALUES ('20240101000000'), ('20240102000000')";
    is_at(&project, "dbmate", table, "20240102000000");
    let project = three(
        "diesel",
        ["2024-01-01-000000_a/up.sql", "2024-01-02-000000_b/up.sql", "2024-01-03-000000_c/up.sql"],
    );
    let table = "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY, run_on TIMESTAMP);\
                 INSERT INTO __diesel_schema_migrations (version) VALUES ('20240101000000')";
    is_at(&project, "diesel", table, "20240101000000");
}

#[test]
fn refinery_s_versions_are_numbers_whatever_the_prefix() {
    let project = three("refinery", ["V1__a.sql", "U2__b.sql", "V10__c.sql"]);
    let table = "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name, applied_on, checksum);\
                 INSERT INTO refinery_schema_history (version) VALUES (1), (2)";
    is_at(&project, "refinery", table, "U2");
    assert_eq!(
        stamp(
            &project,
            "refinery",
            &format!("{table}; DELETE FROM refinery_schema_history WHERE version = 1")
        )
        .code,
        9
    );
}

#[test]
fn flyway_s_history_is_read_in_its_order() {
    let project = three("flyway", ["V1__a.sql", "V1.2__b.sql", "R__c.sql"]);
    let table = |rows: &str| {
        format!(
            "CREATE TABLE flyway_schema_history (installed_rank INT, version, description, type, success);\
             INSERT INTO flyway_schema_history VALUES {rows}"
        )
    };
    let two = "(0, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', 1), (1, '1', 'a', 'SQL', 1), (2, '1.2', 'b', 'SQL', 1)";
    is_at(&project, "flyway", &table(two), "V1_2");
    is_at(&project, "flyway", &table(&format!("{two}, (3, NULL, 'c', 'SQL', 1)")), "R_c");
    is_at(&project, "flyway", &table(&format!("{two}, (3, '1.2', 'b', 'UNDO_SQL', 1)")), "V1");
    is_at(&project, "flyway", &table("(1, '1.1', '<< Flyway Baseline >>', 'BASELINE', 1)"), "V1");
    is_at(&project, "flyway", &table("(1, '1.1', 'base', 'BASELINE', 1), (2, '1.2', 'b', 'SQL', 1)"), "V1_2");
    assert_eq!(stamp(&project, "flyway", &table("(1, '1', 'a', 'SQL', 0)")).code, 15);
    let repeated = table("(1, '1', 'a', 'SQL', 1), (2, NULL, 'c', 'SQL', 1)");
    assert!(stamp(&project, "flyway", &repeated).failed(9).contains("lacks V1_2"));
}

const SQLX: &str =
    "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, success BOOLEAN, checksum BLOB);";

#[test]
fn sqlx_s_unfinished_and_edited_files_are_refused() {
    let project = three("sqlx", ["1_a.sql", "2_b.sql", "3_c.sql"]);
    let unfinished = format!("{SQLX} INSERT INTO _sqlx_migrations VALUES (1, 0, x'00')");
    assert_eq!(stamp(&project, "sqlx", &unfinished).code, 15);
    let edited = format!("{SQLX} INSERT INTO _sqlx_migrations VALUES (1, 1, x'00')");
    assert_eq!(
        stamp(&project, "sqlx", &edited).failed(10),
        "error: edited since sqlx applied it, by the checksum in `_sqlx_migrations`: old/1_a.sql\n\n\
         hint: adopt the file as it was applied\n"
    );
    assert_eq!(project.on_database("current").ok(), "");
    // Once the old files are gone there is nothing to hold against the checksums.
    std::fs::remove_dir_all(project.path("old")).unwrap();
    is_at(&project, "sqlx", &edited, "1");
}

#[test]
fn a_table_may_have_another_name_and_one_that_is_not_there_is_asked_for() {
    let project = three("golang-migrate", GOLANG);
    let other = GOLANG_TABLE.replace("schema_migrations", "other") + "INSERT INTO other VALUES (2, 0)";
    let done = stamp(&project, "golang-migrate", &other);
    let shown = done.failed(13);
    // What SQLite says beside that depends on its version.
    assert!(
        shown.starts_with("error: cannot read what another tool recorded: no such table: schema_migrations"),
        "{shown}"
    );
    assert!(
        shown.ends_with(
            "\n\nhint: name the database that golang-migrate was used on; `--table` names the table where it is not \
             `schema_migrations`\n"
        ),
        "{shown}"
    );
    let done = project.on_database("adopt --from golang-migrate old --stamp --table other --format json");
    let json = done.json();
    assert_eq!(json["data"]["stamped"]["heads"][0], "2");
    assert_eq!(
        (&json["data"]["stamped"]["applied"], &json["data"]["stamped"]["table"]),
        (&2.into(), &"other".into())
    );
    assert_eq!(json["data"]["written"], serde_json::json!([]));
}

#[test]
fn a_history_of_ones_own_that_says_otherwise_is_kept() {
    let project = three("golang-migrate", GOLANG);
    let table = format!("{GOLANG_TABLE} INSERT INTO schema_migrations VALUES (2, 0)");
    is_at(&project, "golang-migrate", &table, "2");
    // The same once more changes nothing.
    project.on_database("adopt --from golang-migrate old --stamp").ok();
    assert_eq!(sqlite(&project, "app.db").count("migrate_history"), 1);
    project.on_database("upgrade").ok();
    assert_eq!(
        project.on_database("adopt --from golang-migrate old --stamp").failed(11),
        "error: the database has a history of its own already, which is at 10, where `schema_migrations` says 2\n\n\
         hint: `cargo migrate stamp --purge TARGET` overrules it\n"
    );
    assert_eq!(project.on_database("current").ok(), "10 (head), c\n");
}

#[test]
fn files_and_stamp_can_be_had_in_one_go() {
    let project =
        project(&[("old/1_a.up.sql", "CREATE TABLE a (x);\n"), ("old/2_b.up.sql", "CREATE TABLE b (x);\n")]);
    sqlite(&project, "app.db").run(&format!("{GOLANG_TABLE} INSERT INTO schema_migrations VALUES (1, 0)"));
    assert_eq!(
        project.on_database("adopt --from golang-migrate old --stamp").ok(),
        "created migrations/1_a.sql\ncreated migrations/2_b.sql\nstamped 1: 1 applied, by `schema_migrations`\n"
    );
    project.on_database("upgrade").ok();
    assert_eq!(sqlite(&project, "app.db").count("b"), 0);
}
