//! `--backup`, on SQLite.

use rusqlite::Connection;

use crate::project::Project;

/// The names in the directory of the project that have to do with the copy.
fn remains(project: &Project) -> Vec<String> {
    let entries = std::fs::read_dir(project.path(".")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("copy")).collect()
}

fn tables(project: &Project, file: &str) -> Vec<String> {
    let connection = Connection::open(project.path(file)).unwrap();
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1").unwrap();
    let tables = tables.query_map([], |row| row.get(0)).unwrap();
    tables.collect::<Result<_, _>>().unwrap()
}

#[test]
fn the_copy_is_the_database_as_it_was_before() {
    let project = Project::chain(&["aaa", "bbb", "ccc"]);
    project.on_database("upgrade aaa").ok();
    let open = Connection::open(project.path("app.db")).unwrap();
    // With a log of its own, a copy of the file alone would lack the last rows.
    open.execute_batch("PRAGMA journal_mode = WAL; INSERT INTO t_aaa VALUES (7);").unwrap();
    let done = project.on_database("upgrade bbb --backup copy.db");
    assert_eq!(done.ok().lines().count(), 1);
    assert!(done.stderr.starts_with("the database is copied to `copy.db`\n"), "{done:?}");
    assert_eq!(tables(&project, "copy.db"), ["migrate_history", "t_aaa"]);
    let copy = Connection::open(project.path("copy.db")).unwrap();
    assert_eq!(copy.query_row("SELECT x FROM t_aaa", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
    assert_eq!(tables(&project, "app.db"), ["migrate_history", "t_aaa", "t_bbb"]);
    project.on_database("downgrade -1 --yes --backup copy-2.db").ok();
    assert_eq!(tables(&project, "copy-2.db"), ["migrate_history", "t_aaa", "t_bbb"]);
    assert_eq!(tables(&project, "app.db"), ["migrate_history", "t_aaa"]);
    project.run("upgrade --database-url sqlite:copy.db?mode=rw --backup copy-3.db").ok();
    assert_eq!(tables(&project, "copy-3.db"), ["migrate_history", "t_aaa"]);
    // Each as SQLite reads it.
    for (copy, parameters) in [("copy-4.db", "mode=rwc"), ("copy-5.db", "cache=private&mode=%72wc#mode=ro")] {
        let url = format!("sqlite:copy.db?{parameters}");
        project.run(&format!("downgrade bbb --yes --database-url {url} --backup {copy}")).ok();
        assert_eq!(tables(&project, copy), ["migrate_history", "t_aaa", "t_bbb", "t_ccc"]);
        project.run(&format!("upgrade --database-url {url}")).ok();
    }
}

#[test]
#[cfg(unix)]
fn a_copy_is_read_by_those_alone_who_may_read_the_database() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    let project = Project::chain(&["aaa", "bbb"]);
    project.on_database("upgrade aaa").ok();
    for (mode, copied) in [(0o600, 0o600), (0o640, 0o640), (0o440, 0o640)] {
        set_permissions(project.path("app.db"), Permissions::from_mode(mode)).unwrap();
        let copy = format!("copy-{mode:o}.db");
        project.on_database(&format!("downgrade base --yes --backup {copy}"));
        assert_eq!(metadata(project.path(&copy)).unwrap().permissions().mode() & 0o777, copied);
        set_permissions(project.path("app.db"), Permissions::from_mode(0o600)).unwrap();
        project.on_database("upgrade aaa").ok();
    }
}

#[test]
fn a_file_that_is_there_is_left_alone_and_nothing_is_run() {
    let project = Project::chain(&["aaa"]);
    project.write("copy.db", "mine");
    let done = project.on_database("upgrade --backup copy.db");
    assert!(done.failed(1).contains("cannot write `copy.db`"), "{done:?}");
    assert_eq!(project.read("copy.db"), "mine");
    assert!(!project.path("app.db").exists());
    assert_eq!(remains(&project), ["copy.db"]);
}

#[test]
fn a_copy_that_fails_leaves_nothing_and_nothing_is_run() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.on_database("upgrade aaa").ok();
    let done = project.on_database("upgrade --backup absent/copy.db");
    assert!(done.failed(13).contains("cannot copy the database"), "{done:?}");
    // A file that SQLite can open and not read to its end: its last page is cut off and another one is spoilt.
    Connection::open(project.path("app.db"))
        .unwrap()
        .execute_batch("CREATE TABLE fill (x); INSERT INTO fill VALUES (zeroblob(50000));")
        .unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(project.path("app.db")).unwrap();
    file.set_len(file.metadata().unwrap().len() - 8192).unwrap();
    let done = project.on_database("upgrade --backup copy.db");
    assert_ne!(done.code, 0, "{done:?}");
    assert_eq!(remains(&project), [""; 0]);
}

#[test]
fn there_is_no_copy_where_there_is_nothing_to_do() {
    let project = Project::chain(&["aaa"]);
    // What is not there is copied as what it is: empty.
    project.on_database("upgrade --backup copy-0.db").ok();
    assert_eq!(tables(&project, "copy-0.db"), [""; 0]);
    assert!(project.on_database("upgrade --backup copy.db").ok().starts_with("nothing to do"));
    project.on_database("upgrade --dry-run --backup copy.db").ok();
    assert_eq!(project.on_database("downgrade base --backup copy.db").code, 17);
    assert!(!project.path("copy.db").exists());
}
