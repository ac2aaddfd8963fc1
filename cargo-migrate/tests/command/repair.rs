//! Accepting edits of locked and applied revisions.

use std::process::Command;

use crate::project::Project;

const FILE: &str = "migrations/aaa_make.sql";

/// Two locked and applied revisions, in a git repository; then the first is edited.
fn edited() -> Project {
    let project = Project::chain(&["aaa", "bbb"]);
    project.run("lock").ok();
    project.on_database("upgrade").ok();
    git(&project, &["init", "--quiet"]);
    commit(&project, "Add tables");
    edit(&project, FILE);
    project
}

fn edit(project: &Project, file: &str) {
    project.write(file, &project.read(file).replace("INTEGER", "TEXT"));
}

fn commit(project: &Project, message: &str) {
    git(project, &["add", "Cargo.toml", "migrations"]);
    let who = ["-c", "user.name=Tester", "-c", "user.email=tester@localhost", "-c", "commit.gpgsign=false"];
    git(project, &[&who[..], &["commit", "--quiet", "-m", message]].concat());
}

fn git(project: &Project, arguments: &[&str]) {
    let status = Command::new("git").arg("-C").arg(project.path("")).args(arguments).status().unwrap();
    assert!(status.success(), "git {arguments:?}");
}

#[test]
fn an_edit_is_shown_and_then_accepted_in_the_lock_file_and_in_the_database() {
    let project = edited();
    let refused = project.on_database("check --database");
    assert!(refused.failed(10).contains("`cargo migrate repair aaa` shows it first"), "{refused:?}");
    let lock = project.read("migrations/migrations.lock");
    let done = project.on_database("repair aaa --yes");
    assert_eq!(done.ok(), "accepted aaa in the lock file and in the database\n");
    let shown = &done.stderr;
    assert!(shown.starts_with("aaa Make aaa: migrations/aaa_make.sql\n  locked:  1:"), "{shown}");
    assert!(shown.contains("\n  applied: 1:") && shown.contains("\n  now:     1:"), "{shown}");
    let diff = "-CREATE TABLE t_aaa (x INTEGER);\n+CREATE TABLE t_aaa (x TEXT);\n";
    assert!(shown.contains("+++ migrations/aaa_make.sql\n@@ ") && shown.contains(diff), "{shown}");
    let now = project.read("migrations/migrations.lock");
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (before, after) = (lines(&lock), lines(&now));
    let changed: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    assert_eq!((before.len(), changed.len()), (after.len(), 1));
    assert!(changed[0].1.starts_with("aaa revises none sqlite=1:"), "{now}");
    project.on_database("check --database").ok();
    assert_eq!(
        project.on_database("repair").ok(),
        "nothing to accept: no locked or applied revision was edited\n"
    );
    assert_eq!(project.on_database("repair aaa").ok(), "nothing to accept: not edited: aaa\n");
}

#[test]
fn without_a_terminal_it_needs_a_yes_and_a_dry_run_needs_none() {
    let project = edited();
    let lock = project.read("migrations/migrations.lock");
    let done = project.on_database("repair");
    assert!(done.failed(17).contains("+CREATE TABLE t_aaa (x TEXT);"), "{done:?}");
    assert!(done.stderr.contains("add `--yes`"), "{done:?}");
    let dry = project.on_database("repair --dry-run");
    assert!(dry.ok().contains("+CREATE TABLE t_aaa (x TEXT);"), "{dry:?}");
    assert_eq!(project.read("migrations/migrations.lock"), lock);
    assert_eq!(project.on_database("check --database").code, 10);
    // Nor was the database touched.
    project.write(FILE, &project.read(FILE).replace("TEXT", "INTEGER"));
    project.on_database("check --database").ok();
}

#[test]
fn the_text_on_record_is_found_under_an_older_name_and_below_later_commits() {
    let project = edited();
    commit(&project, "Edit a table");
    git(&project, &["mv", FILE, "migrations/aaa_create.sql"]);
    commit(&project, "Rename a file");
    let done = project.on_database("repair --dry-run --format json");
    let data = &done.json()["data"];
    let edit = &data["revisions"][0];
    assert_eq!((&edit["revision"], &edit["file"]), (&"aaa".into(), &"migrations/aaa_create.sql".into()));
    assert!(edit["diff"].as_str().unwrap().contains("-CREATE TABLE t_aaa (x INTEGER);"), "{edit}");
    assert!(edit["commit"].as_str().unwrap().len() >= 7, "{edit}");
    let places: Vec<_> = edit["records"].as_array().unwrap().iter().map(|record| &record["place"]).collect();
    assert_eq!(places, ["lock", "database"]);
    assert_eq!((&data["lock"], &data["database"]), (&false.into(), &serde_json::Value::Null));
}

#[test]
fn a_text_that_git_does_not_have_is_said_to_be_gone() {
    let project = Project::chain(&["aaa"]);
    project.on_database("upgrade").ok();
    edit(&project, FILE);
    let done = project.on_database("repair --yes");
    assert_eq!(done.ok(), "accepted aaa in the database\n");
    assert!(done.stderr.contains("what it said before is not on record in git"), "{done:?}");
    project.on_database("check --database --allow-drafts").ok();
}

#[test]
fn what_one_of_the_two_has_already_is_left_and_the_other_follows() {
    let project = edited();
    let done = project.run("repair --lock-only --yes");
    assert_eq!(done.ok(), "accepted aaa in the lock file\n");
    assert!(project.on_database("status").failed(10).contains("`cargo migrate repair aaa`"));
    let done = project.on_database("repair --yes --format json");
    let data = &done.json()["data"];
    assert_eq!((&data["lock"], &data["database"]["steps"][0]["revision"]), (&false.into(), &"aaa".into()));
    project.on_database("check --database").ok();

    let project = edited();
    let lock = project.read("migrations/migrations.lock");
    project.on_database("repair --yes").ok();
    project.write("migrations/migrations.lock", &lock);
    assert_eq!(project.on_database("repair --yes").ok(), "accepted aaa in the lock file\n");
    project.on_database("check --database").ok();
}

#[test]
fn only_the_named_revisions_are_accepted() {
    let project = edited();
    edit(&project, "migrations/bbb_make.sql");
    project.on_database("repair bbb --yes").ok();
    let done = project.run("check");
    assert!(
        done.failed(10).contains("revision `aaa` is locked") && !done.stderr.contains("`bbb`"),
        "{done:?}"
    );
    assert!(project.on_database("repair nosuch --yes").failed(11).contains("'nosuch'"));
    assert_eq!(project.on_database("repair base --yes").failed(11), "error: `base` names no revision\n");
    assert_eq!(
        project.on_database("repair --yes").ok(),
        "accepted aaa in the lock file and in the database\n"
    );
    project.on_database("check --database").ok();
}

#[test]
fn other_problems_of_the_directory_stop_it() {
    let project = edited();
    let text = project.read("migrations/bbb_make.sql");
    project.write("migrations/bbb_make.sql", &text.replace("revises: aaa", "revises: none"));
    let done = project.on_database("repair --yes");
    assert!(done.failed(10).contains("revision `bbb` is locked and its parents have changed"), "{done:?}");
    project.write("migrations/bbb_make.sql", &text.replace("t_bbb (x", "'t_bbb (x"));
    assert_eq!(project.on_database("repair --yes").code, 4);
}

#[test]
fn a_database_that_refuses_leaves_the_lock_file_as_it_was() {
    let project = edited();
    project.revision("ccc", "bbb");
    project.write(FILE, &project.read(FILE).replace("TEXT", "INTEGER"));
    project.on_database("upgrade").ok();
    std::fs::remove_file(project.path("migrations/ccc_make.sql")).unwrap();
    edit(&project, FILE);
    let lock = project.read("migrations/migrations.lock");
    let done = project.on_database("repair --yes");
    assert!(done.failed(8).contains("ahead of this binary by 'ccc'"), "{done:?}");
    assert_eq!(project.read("migrations/migrations.lock"), lock);
}

#[test]
fn without_a_database_it_says_how_to_do_without() {
    let project = edited();
    assert!(project.run("repair --yes").failed(13).contains("`--lock-only` accepts edits in the lock file"));
}

#[test]
fn what_was_locked_for_a_backend_that_is_not_looked_at_stays_locked() {
    let manifest = |backends: &str| {
        format!("[package]\nname = \"app\"\n[package.metadata.migrate]\nbackends = [{backends}]\n")
    };
    let project = Project::with_manifest(&manifest("\"sqlite\", \"postgres\""));
    let text = "-- revision: aaa\n\n-- migrate:up sqlite\nSELECT 1;\n\n-- migrate:up postgres\nSELECT 2;\n";
    project.write(FILE, text);
    project.run("lock").ok();
    let word = |name: &str| {
        let lock = project.read("migrations/migrations.lock");
        lock.split_whitespace().find(|word| word.starts_with(name)).map(str::to_owned).unwrap()
    };
    let (sqlite, postgres) = (word("sqlite="), word("postgres="));
    project.write("Cargo.toml", &manifest("\"sqlite\""));
    project.write(FILE, &text.replace("1;", "10;").replace("2;", "20;"));
    project.run("repair --lock-only --yes").ok();
    project.run("check").ok();
    assert!(word("sqlite=") != sqlite && word("postgres=") == postgres);
    project.write("Cargo.toml", &manifest("\"sqlite\", \"postgres\""));
    assert!(project.run("check").failed(10).contains("its upgrade has changed for postgres"));
}
