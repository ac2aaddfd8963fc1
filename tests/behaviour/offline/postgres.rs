//! Scripts for PostgreSQL.

use super::*;

#[test]
fn a_role_and_a_search_path_do_not_keep_a_section_from_its_record() {
    let set = Revisions::new()
        .sql("a", "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO pg_monitor;", "")
        .sections(
            "b",
            "-- migrate:up no-transaction\nSET search_path = other; SET ROLE pg_monitor;\nSELECT 1;\nBEGIN;\nSELECT 2;\nCOMMIT;\nVACUUM;",
        )
        .sql("c", "RESET ALL; SET ROLE pg_monitor; SELECT set_config('app.x', 'y', false);", "")
        .sql("d", "CREATE TABLE t1 (id INTEGER)", "")
        .build();
    assert_equal_ways_up(&Database::new(Kind::Postgres), &set);
}

#[test]
fn an_index_that_a_script_left_invalid_is_built_by_the_run_that_goes_on() {
    let set = Revisions::new()
        .sql("a", "CREATE TABLE t1 (id INTEGER); INSERT INTO t1 VALUES (1), (1);", "")
        .sections("b", "-- migrate:up no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY i1 ON t1 (id);")
        .build();
    let db = Database::new(Kind::Postgres);
    db.fail_script(&set.offline(Backend::Postgres).upgrade("head").unwrap());
    let mut connection = db.connect();
    let valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'i1'::regclass";
    assert_eq!(connection.value(valid), "f");
    connection.run("DELETE FROM t1");
    migrate!(connection, set, lock_timeout(PATIENCE).upgrade("head")).unwrap();
    assert_eq!(connection.value(valid), "t");
}

#[test]
fn a_script_shows_nothing_of_its_own_queries() {
    let set = Revisions::tables(1)
        .sql("a", "SET search_path = pg_catalog;", "")
        .sections("b", "-- migrate:up no-transaction\nSET DateStyle = 'German';\nSELECT 'shown';")
        .build();
    let db = Database::new(Kind::Postgres);
    let output = db.try_script(&set.offline(Backend::Postgres).upgrade("head").unwrap());
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert_eq!(shown.matches("row)").count(), 1, "{shown}");
}

#[test]
fn what_a_function_sets_of_the_session_reaches_no_other_section() {
    let set = Revisions::new()
        .sql(
            "a",
            "CREATE SCHEMA other;\n\
             CREATE FUNCTION go() RETURNS text LANGUAGE sql AS 'SELECT set_config(''search_path'', ''other'', false);';\n\
             CREATE FUNCTION be() RETURNS text LANGUAGE sql AS 'SELECT set_config(''role'', ''pg_monitor'', false);';",
            "",
        )
        .sql("b", "SELECT public.go(), public.be();", "")
        .sql("c", "CREATE TABLE t1 (id INTEGER)", "")
        .sections("d", "-- migrate:up no-transaction\nSELECT public.go();\nSELECT 1;")
        .sql("e", "CREATE TABLE t2 (id INTEGER)", "")
        .build();
    assert_equal_ways_up(&Database::new(Kind::Postgres), &set);
}
