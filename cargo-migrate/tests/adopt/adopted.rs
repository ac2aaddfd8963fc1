//! What the tests of the tools share.

use embed_migrations_tests::database::{Connection, Kind};

use crate::project::Project;

/// A project with the files of another tool.
pub(crate) fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::new();
    for (path, text) in files {
        project.write(path, text);
    }
    project
}

/// A connection to a SQLite file of the project.
pub(crate) fn sqlite(project: &Project, file: &str) -> Connection {
    Connection::new(Kind::Sqlite, &project.path(file).display().to_string())
}

/// The objects of a SQLite database with the SQL that made them, without histories.
pub(crate) fn schema(connection: &mut Connection) -> Vec<String> {
    const HISTORIES: &str = "'migrate_history', '_sqlx_migrations', '__diesel_schema_migrations', \
                             'refinery_schema_history', 'alembic_version'";
    let rows = connection.rows(&format!(
        "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' AND tbl_name NOT IN ({HISTORIES}) \
         ORDER BY type, name"
    ));
    // Alembic indents with tabs in a database and with spaces in a script.
    rows.into_iter().map(|row| row.join(" ").replace('\t', "    ")).collect()
}

/// Checks the revisions as CI does, applies them to a new database, and fails unless the schema is the one that the
/// tool's SQL makes when it is run by hand.
#[track_caller]
pub(crate) fn does_the_same_as(project: &Project, by_hand: &str) {
    project.run("check").ok();
    project.on_database("upgrade heads").ok();
    let mut other = Connection::new(Kind::Sqlite, ":memory:");
    other.run(by_hand);
    let expected = schema(&mut other);
    assert!(!expected.is_empty());
    assert_eq!(schema(&mut sqlite(project, "app.db")), expected);
}

/// Takes everything back, and fails if anything is left.
#[track_caller]
pub(crate) fn can_be_taken_back(project: &Project) {
    project.on_database("downgrade base --yes").ok();
    assert_eq!(schema(&mut sqlite(project, "app.db")), Vec::<String>::new());
}

/// The revisions from the base on, as `id message`, each with what it revises.
pub(crate) fn history(project: &Project) -> Vec<String> {
    let json = project.run("history --format json").json();
    let mut lines: Vec<String> = json["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|revision| {
            let parents = revision["revises"].as_array().unwrap();
            let parents: Vec<&str> = parents.iter().map(|parent| parent.as_str().unwrap()).collect();
            let text = |key: &str| revision[key].as_str().unwrap();
            format!("{} <- {}: {}", parents.join("+"), text("revision"), text("message"))
        })
        .collect();
    lines.reverse();
    lines
}
