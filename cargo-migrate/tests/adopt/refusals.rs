//! What is refused, and that nothing is left of it.

use std::fs;

use crate::adopted::project;
use crate::project::Project;

fn entries(project: &Project) -> Vec<String> {
    let entries = fs::read_dir(project.path("")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn everything_that_a_build_refuses_is_shown_with_the_file_and_line_that_it_is_from() {
    let project = project(&[
        ("old/1_a.up.sql", "\n\n-- Sound\nCREATE TABLE a (x);\n"),
        ("old/1_a.down.sql", "-- nothing\n\n   -- migrate:down\nDROP TABLE a;\n"),
        ("old/2_b.sql", "CREATE TABLE b (\n  x TEXT DEFAULT 'open\n);\n"),
        ("old/3_c.sql", "CREATE TABLE c (x);\nCOMMIT;\nCREATE TABLE d (x);\n"),
        ("old/4_d.sql", "-- only a comment\n"),
        ("old/5_e.sql", "CREATE TABLE e (x);\n-- Migrate Down\nDROP TABLE e;\n"),
    ]);
    let done = project.run("adopt --from sqlx old");
    let shown = done.failed(4);
    for expected in [
        "error: this line would begin another section\n --> old/1_a.down.sql:3:4\n",
        " --> old/2_b.sql:2:18\n",
        "error: `COMMIT` in a section that runs in a transaction\n --> old/3_c.sql:2:1\n",
        "error: the migration does nothing\n --> old/4_d.sql\n",
        "error: this looks like a marker and is none\n --> old/5_e.sql:2:1\n",
    ] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    assert!(!shown.contains(".tmp"), "{shown}");
    assert_eq!(entries(&project), ["Cargo.toml", "old"]);
    let json = project.run("adopt --from sqlx old --format json").json();
    let problems = json["error"]["problems"].as_array().unwrap();
    let place =
        |problem: &serde_json::Value| format!("{}:{}", problem["path"].as_str().unwrap(), problem["line"]);
    assert!(problems.iter().any(|problem| place(problem) == "old/3_c.sql:2"), "{json}");
}

#[test]
fn psql_commands_are_refused_for_postgres() {
    let project = project(&[("old/1_a.sql", "\\set x 1\nCREATE TABLE a (x INT);\n")]);
    let done = project.run("adopt --from golang-migrate old");
    assert_eq!(done.code, 2, "{done:?}");
    let done = project.run("adopt --from sqlx old --backend postgres");
    assert!(done.failed(4).contains(" --> old/1_a.sql:1:1\n"), "{done:?}");
}

#[test]
fn the_directory_of_revisions_is_not_read_as_another_tool_s() {
    let project = project(&[("migrations/1_a.sql", "CREATE TABLE a (x);\n")]);
    assert_eq!(
        project.run("adopt --from sqlx").failed(2),
        "error: `migrations` is where the revisions are to be, and the files of sqlx are in it\n\n\
         hint: move these first, such as to `migrations.sqlx`, and name that directory; or name another one as \
         `directory` in `[package.metadata.migrate]`\n"
    );
    assert_eq!(project.run("adopt --from sqlx --backend sqlite=migrations").code, 2);
    project.write(
        "Cargo.toml",
        "[package]\nname = \"app\"\n[package.metadata.migrate]\ndirectory = \"revisions\"\n",
    );
    assert_eq!(project.run("adopt --from sqlx").ok(), "created revisions/1_a.sql\n");
}

#[test]
fn a_directory_with_revisions_is_left_alone_and_one_with_other_files_keeps_them() {
    let project = project(&[("old/1_a.sql", "CREATE TABLE a (x);\n"), ("migrations/README.md", "Read\n")]);
    project.run("adopt --from sqlx old").ok();
    assert_eq!(project.migrations(), ["1_a.sql", "README.md"]);
    project.write("old/2_b.sql", "CREATE TABLE b (x);\n");
    assert_eq!(
        project.run("adopt --from sqlx old").failed(2),
        "error: there are revisions in `migrations` already\n\n\
         hint: name another directory as `directory` in `[package.metadata.migrate]`; `--stamp` works with the \
         revisions that were adopted before\n"
    );
    assert_eq!(project.migrations(), ["1_a.sql", "README.md"]);
}

#[test]
fn a_dry_run_shows_what_would_be_written_and_writes_nothing() {
    let project = project(&[("old/1_a.sql", "CREATE TABLE a (x);\n")]);
    assert_eq!(project.run("adopt --from sqlx old --dry-run").ok(), "would create migrations/1_a.sql\n");
    assert_eq!(entries(&project), ["Cargo.toml", "old"]);
    project.write("old/2_b.sql", "CREATE TABLE 'open");
    assert_eq!(project.run("adopt --from sqlx old --dry-run").code, 4);
    assert_eq!(entries(&project), ["Cargo.toml", "old"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_written_leaves_nothing_of_the_others() {
    let project = project(&[
        ("old/1_a.sql", "CREATE TABLE a (x);\n"),
        ("old/2_b.sql", &"CREATE TABLE b (x);\n".repeat(200)),
        ("migrations/README.md", ""),
    ]);
    // A limit on the size of files, in blocks, stands for a disk that is full.
    let mut limited = std::process::Command::new("sh");
    let command = project.command(&[]);
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" migrate adopt --from sqlx old";
    limited.args(["-c", script]).arg(command.get_program()).current_dir(project.path(""));
    let done = crate::project::Done::new(limited.output().unwrap());
    assert!(done.failed(1).contains("2_b.sql`: "), "{done:?}");
    assert_eq!(project.migrations(), ["README.md"]);
    assert_eq!(entries(&project), ["Cargo.toml", "migrations", "old"]);
}

#[test]
fn versions_that_cannot_be_ids_are_named() {
    let project = project(&[
        ("alembic/versions/a.py", "revision = 'a-b'\ndown_revision = None\n"),
        (
            "up.sql",
            "-- Running upgrade  -> a-b\n\nSELECT 1;\n\n\
             INSERT INTO alembic_version (version_num) VALUES ('a-b');\n\n",
        ),
    ]);
    let done = project.run("adopt --from alembic alembic --upgrade-sql up.sql");
    assert!(
        done.failed(4).contains("error: `a-b` cannot be the id of a revision: character '-' is not allowed"),
        "{done:?}"
    );
}

#[test]
fn messages_that_read_like_keys_or_markers_stay_messages() {
    let project = project(&[
        ("old/1_migrate_down.sql", "CREATE TABLE a (x);\n"),
        (
            "alembic/versions/a.py",
            "\"\"\"revises: nothing\n\nup\n\"\"\"\nrevision = 'aaa'\ndown_revision = None\n",
        ),
        (
            "up.sql",
            "-- Running upgrade  -> aaa\n\nSELECT 1;\n\n\
             INSERT INTO alembic_version (version_num) VALUES ('aaa');\n\n",
        ),
    ]);
    project.run("adopt --from sqlx old").ok();
    assert!(project.read("migrations/1_migrate_down.sql").starts_with("-- The migration migrate down\n--\n"));
    fs::remove_dir_all(project.path("migrations")).unwrap();
    project.run("adopt --from alembic alembic --upgrade-sql up.sql").ok();
    assert!(
        project
            .read("migrations/aaa_revises_nothing.sql")
            .starts_with("-- The migration revises: nothing  up\n")
    );
}

#[test]
fn what_is_not_there_is_named_with_what_to_do() {
    let project = project(&[]);
    assert_eq!(
        project.run("adopt --from dbmate").failed(2).replace(&project.path("").display().to_string(), ""),
        "error: there is no `db/migrations`\n\nhint: name the directory where the files of dbmate are\n"
    );
    let done = project.run("adopt --from sqlx nosuch");
    assert!(done.failed(1).starts_with("error: cannot read the directory `nosuch`: "), "{done:?}");
    assert_eq!(project.run("adopt --from rails").code, 2);
    assert_eq!(project.run("adopt").code, 2);
}

#[test]
fn what_was_done_is_there_for_programs() {
    let project = project(&[("old/1_a.sql", "CREATE TABLE a (x);\n"), ("old/notes.txt", "")]);
    let json = project.run("adopt --from sqlx old --format json").json();
    let data = &json["data"];
    assert_eq!(data["written"][0]["revision"], "1");
    assert_eq!(data["written"][0]["file"], "migrations/1_a.sql");
    assert_eq!(data["skipped"][0], "old/notes.txt (not named as a migration)");
    assert_eq!((&data["dry_run"], &data["stamped"]), (&false.into(), &serde_json::Value::Null));
}
