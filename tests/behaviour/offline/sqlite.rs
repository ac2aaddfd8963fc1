//! Scripts for SQLite.

use super::*;

/// Parents and children, then a rebuild of the parents by script.
fn rebuilt(copy: &str, broken: &str) -> (Database, Database, Migrations, String) {
    let set = Revisions::new()
        .sql(
            "a",
            "CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);\n\
             CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent ON DELETE CASCADE);\n\
             INSERT INTO parent VALUES (1, 'one'), (2, 'two'); INSERT INTO child VALUES (1, 1), (2, 2), (3, 2);",
            "",
        )
        .sections(
            "b",
            &format!(
                "-- migrate:up foreign-keys=off lock-timeout=2s\nCREATE TABLE parent_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\
                 {copy}; DROP TABLE parent; ALTER TABLE parent_new RENAME TO parent;"
            ),
        )
        .sql("c", "DELETE FROM parent WHERE id = 1;", "")
        .build();
    let (db, online) = (Database::new(Kind::Sqlite), Database::new(Kind::Sqlite));
    for db in [&db, &online] {
        migrate!(db.connect(), set, upgrade("a")).unwrap();
        db.connect().run(broken);
    }
    let script = set.offline(Backend::Sqlite).upgrade("a:head").unwrap();
    (db, online, set, script)
}

#[test]
fn a_rebuild_with_foreign_keys_off_keeps_what_refers_to_it_and_enforces_them_again() {
    let (db, online, set, script) = rebuilt("INSERT INTO parent_new SELECT * FROM parent", "SELECT 1");
    db.run_script(&script);
    migrate!(online.connect(), set, upgrade("head")).unwrap();
    assert_same(&db, &online);
    assert_eq!((db.connect().count("parent"), db.connect().count("child")), (1, 2));
}

#[test]
fn a_rebuild_that_loses_referenced_rows_is_rolled_back() {
    let (db, _, _, script) = rebuilt("INSERT INTO parent_new SELECT * FROM parent WHERE id = 1", "SELECT 1");
    let before = dump(&db);
    let error = db.fail_script(&script);
    assert!(error.contains("every_reference_leads_to_a_row"), "{error}");
    assert_eq!(dump(&db), before);
}

#[test]
fn rows_that_referred_to_nothing_before_are_not_the_revisions_fault() {
    let (db, online, set, script) = rebuilt(
        "INSERT INTO parent_new SELECT * FROM parent",
        "PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (9, 99)",
    );
    db.run_script(&script);
    migrate!(online.connect(), set, upgrade("head")).unwrap();
    assert_same(&db, &online);
}

#[test]
fn a_script_waits_for_a_lock_as_long_as_its_section_allows() {
    let set = Revisions::new()
        .sections("a", "-- migrate:up lock-timeout=300ms\nCREATE TABLE t1 (id INTEGER);\n")
        .build();
    let db = Database::new(Kind::Sqlite);
    let mut traffic = db.connect();
    traffic.run("CREATE TABLE other (id INTEGER); BEGIN IMMEDIATE");
    let error = db.fail_script(&set.offline(Backend::Sqlite).upgrade("head").unwrap());
    assert!(error.contains("locked"), "{error}");
}
