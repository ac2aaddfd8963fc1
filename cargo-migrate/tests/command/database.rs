//! The commands that work on a database, on SQLite.

use crate::project::{Done, Project};

#[test]
fn the_database_is_that_of_the_option_the_environment_the_file_or_the_manifest() {
    let project = Project::with_manifest(
        "[package]\nname = \"app\"\n[package.metadata.migrate]\ndatabase-url = \"sqlite:manifest.db\"\n",
    );
    project.revision("aaa", "none");
    let made = |name: &str| project.path(name).exists();
    project.run("upgrade").ok();
    assert!(made("manifest.db"));
    project.write(".env", "OTHER=1\nDATABASE_URL='sqlite:file.db'\n");
    project.run("upgrade").ok();
    assert!(made("file.db"));
    project.on_database("upgrade").ok();
    assert!(made("app.db"));
    project.on_database("upgrade --database-url sqlite:option.db").ok();
    assert!(made("option.db"));
}

#[cfg(unix)]
#[test]
fn a_url_of_the_environment_that_is_not_utf8_is_no_reason_to_take_another_database() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let project = Project::chain(&["aaa"]);
    project.write(".env", "DATABASE_URL=sqlite:file.db\n");
    let url = OsStr::from_bytes(b"sqlite:s3cr3t\xff.db");
    for verb in ["upgrade", "status", "verify"] {
        let done = Done::new(project.command(&[verb]).env("DATABASE_URL", url).output().unwrap());
        assert_eq!(
            done.failed(13),
            "error: the variable `DATABASE_URL` of the environment is not UTF-8\n\nhint: set it again, or unset it\n"
        );
    }
    assert!(!project.path("file.db").exists());
    let named = ["upgrade", "--database-url", "sqlite:option.db"];
    Done::new(project.command(&named).env("DATABASE_URL", url).output().unwrap()).ok();
}

#[test]
fn an_env_file_may_have_a_byte_order_mark_and_tells_its_bad_line() {
    let project = Project::chain(&["aaa"]);
    project.write(".env", "\u{feff}DATABASE_URL=sqlite:file.db\n");
    project.run("upgrade").ok();
    assert!(project.path("file.db").exists());
    project.write(".env", "OTHER=1\n\n  THIRD=s3cr3t b c\nDATABASE_URL=sqlite:file.db\n");
    let done = project.run("status");
    assert!(done.failed(3).starts_with("error: line 3 of `"), "{done:?}");
    assert!(!done.stderr.contains("s3cr3t"), "{done:?}");
    // Where other tools keep an environment
    std::fs::remove_file(project.path(".env")).unwrap();
    project.write(".env/bin/python", "");
    assert!(project.run("status").failed(13).starts_with("error: no database is named\n"));
}

#[test]
fn a_path_in_the_manifest_is_relative_to_it() {
    let project = Project::with_manifest(
        "[package]\nname = \"app\"\n[package.metadata.migrate]\ndatabase-url = \"sqlite:app.db\"\n",
    );
    project.revision("aaa", "none");
    std::fs::create_dir(project.path("src")).unwrap();
    let output = project.command(&["upgrade"]).current_dir(project.path("src")).output().unwrap();
    Done::new(output).ok();
    assert!(project.path("app.db").exists() && !project.path("src/app.db").exists());
}

#[test]
fn sqlite_s_own_urls_lead_to_the_same_file_in_every_command() {
    let project = Project::chain(&["aaa"]);
    std::fs::create_dir(project.path("src")).unwrap();
    let current = |url: &str| project.run(&format!("current --database-url {url}")).ok().to_owned();
    for (url, file) in
        [("sqlite:my%20app.db?mode=rwc", "my app.db"), ("sqlite:file:my%20other.db", "my other.db")]
    {
        assert_eq!(current(url), "");
        assert!(!project.path(file).exists(), "{file}");
        // A path in this file is relative to it.
        project.write(".env", &format!("DATABASE_URL='{url}'\n"));
        let output = project.command(&["upgrade"]).current_dir(project.path("src")).output().unwrap();
        Done::new(output).ok();
        assert!(project.path(file).exists(), "{file}");
        assert!(current(url).starts_with("aaa"), "{url}");
    }
}

#[test]
fn without_a_database_the_places_to_name_it_are_listed() {
    let project = Project::chain(&["aaa"]);
    assert!(
        project
            .run("upgrade")
            .failed(13)
            .starts_with("error: no database is named\n\nhint: give `--database-url`")
    );
}

#[test]
fn a_password_is_never_shown() {
    let project = Project::chain(&["aaa"]);
    let secret = "s3cr3t%/@:#s3cr3t?";
    for url in [
        format!("postgres://user:{secret}@127.0.0.1:1/db"),
        format!("mysql://user:{secret}@127.0.0.1:1/db"),
        format!("oracle://user:{secret}@127.0.0.1:1/db"),
        format!("user:{secret}@127.0.0.1"),
    ] {
        for verb in ["upgrade", "status", "current"] {
            for format in ["text", "json"] {
                let done = project.run_all(&[verb, "--database-url", &url, "--format", format]);
                assert_ne!(done.code, 0, "{url}");
                assert!(!format!("{done:?}").contains("s3cr3t"), "{done:?}");
            }
        }
    }
    project.write(".env", "DATABASE_URL=postgres://user:s3cr3t \"x\n");
    let done = project.run("status");
    assert!(done.failed(3).contains(".env") && !done.stderr.contains("s3cr3t"), "{done:?}");
    project
        .write("Cargo.toml", "[package.metadata.migrate]\ndatabase-url = \"postgres://u:s3cr3t@h\" oops\n");
    let done = project.run("status");
    assert!(done.failed(3).contains("Cargo.toml:2") && !done.stderr.contains("s3cr3t"), "{done:?}");
}

#[test]
fn a_database_that_the_revisions_are_not_for_is_refused() {
    let project = Project::chain(&["aaa"]);
    let done = project.run("status --database-url postgres://localhost/db");
    assert!(
        done.failed(16).starts_with(
            "error: the database is postgres, and the project's revisions are for sqlite\n\nhint: "
        ),
        "{done:?}"
    );
}

#[test]
fn a_plan_says_what_would_be_done_and_does_nothing() {
    let project = Project::chain(&["aaa", "bbb"]);
    let up = "base -> bbb\n  up   aaa Make aaa\n  up   bbb Make bbb\n";
    assert_eq!(project.on_database("plan").ok(), up);
    assert_eq!(project.on_database("upgrade --dry-run").ok(), up);
    assert!(!project.path("app.db").exists());
    project.on_database("upgrade +1").ok();
    assert_eq!(project.on_database("status").ok(), "at aaa: 1 applied, 1 pending\n  pending bbb Make bbb\n");
    let down = "aaa -> base\n  down aaa Make aaa\n";
    assert_eq!(project.on_database("plan --downgrade -1").ok(), down);
    assert!(project.on_database("plan --downgrade").failed(2).contains("<TARGET>"));
    assert_eq!(project.on_database("downgrade -1 --dry-run").ok(), down);
    let json = project.on_database("plan --format json").json();
    assert_eq!(json["data"]["steps"][0]["revision"], "bbb");
    assert_eq!(json["data"]["steps"][0]["direction"], "up");
}

#[test]
fn a_downgrade_without_a_terminal_needs_a_yes() {
    let project = Project::chain(&["aaa"]);
    project.on_database("upgrade").ok();
    assert_eq!(
        project.on_database("downgrade base").failed(17),
        "error: a downgrade may lose data, and there is no terminal to ask on\n\n\
         hint: add `--yes`; `--dry-run` prints the steps\n"
    );
    assert_eq!(project.on_database("current").ok(), "aaa (head), Make aaa\n");
    let done = project.on_database("downgrade base -y");
    assert!(done.stderr.starts_with("[1/1] down aaa Make aaa: done in "), "{done:?}");
    assert_eq!(project.on_database("downgrade base").ok(), "nothing to do: at base\n");
}

#[test]
fn a_stamp_records_without_running() {
    let project = Project::chain(&["aaa", "bbb"]);
    assert!(project.on_database("stamp aaa").ok().contains("now at aaa"));
    let done = project.on_database("current --check-heads");
    assert_eq!(done.stdout, "aaa, Make aaa\n");
    assert_eq!(
        done.failed(7),
        "error: the database is not at all head revisions\n\nhint: `cargo migrate status` says what is missing\n"
    );
    project.on_database("stamp head --purge").ok();
    assert_eq!(project.on_database("current -c").ok(), "bbb (head), Make bbb\n");
    assert_eq!(project.on_database("stamp xyz --purge").code, 11);
    assert!(project.on_database("stamp aaa:bbb").failed(11).contains("range 'aaa:bbb' is not allowed here"));
    assert_eq!(project.on_database("current").ok(), "bbb (head), Make bbb\n");
}

#[test]
fn a_database_with_what_is_unknown_is_ahead_of_the_heads() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.on_database("upgrade").ok();
    std::fs::remove_file(project.path("migrations/bbb_make.sql")).unwrap();
    assert_eq!(
        project.on_database("current --check-heads").failed(8),
        "error: the database has what is unknown here: bbb\n\nhint: `cargo migrate status` tells how it stands to this set\n"
    );
}

#[test]
fn a_purge_leaves_nothing_of_other_branches() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.revision("ccc", "none");
    project.on_database("upgrade heads").ok();
    project.on_database("stamp aaa").ok();
    assert_eq!(project.on_database("current").ok().lines().count(), 2);
    project.on_database("stamp aaa --purge").ok();
    assert_eq!(project.on_database("current").ok(), "aaa, Make aaa\n");
}

#[test]
fn check_says_what_a_database_lacks_or_has_too_much() {
    let project = Project::chain(&["aaa"]);
    project.on_database("upgrade").ok();
    project.on_database("check --database").ok();
    project.revision("bbb", "aaa");
    let done = project.on_database("check --database");
    assert!(done.failed(7).starts_with("error: target database is not up to date\n"), "{done:?}");
    project.on_database("upgrade").ok();
    std::fs::remove_file(project.path("migrations/bbb_make.sql")).unwrap();
    assert_eq!(project.on_database("check --database").code, 8);
    project.revision("ccc", "aaa");
    assert_eq!(project.on_database("check --database").code, 9);
    assert_eq!(project.on_database("upgrade").code, 9);
    project.revision("bbb", "aaa");
    std::fs::remove_file(project.path("migrations/ccc_make.sql")).unwrap();
    let text = project.read("migrations/aaa_make.sql").replace("INTEGER", "TEXT");
    project.write("migrations/aaa_make.sql", &text);
    assert_eq!(project.on_database("check --database").code, 10);
    project.run("check").ok();
}

#[test]
fn a_failing_revision_is_named_with_its_line() {
    let project = Project::chain(&["aaa"]);
    let text = project.read("migrations/aaa_make.sql").replace("(x INTEGER)", "x");
    project.write("migrations/aaa_make.sql", &text);
    let done = project.on_database("upgrade");
    assert!(done.failed(12).contains("migrations/aaa_make.sql:7"), "{done:?}");
}

#[test]
fn reports_and_states_are_there_for_programs() {
    let project = Project::chain(&["aaa"]);
    let done = project.on_database("upgrade --format json");
    let json = done.json();
    assert_eq!(json["command"], "upgrade");
    assert_eq!(json["data"]["to"][0], "aaa");
    assert_eq!(json["data"]["steps"][0]["direction"], "up");
    let json = project.on_database("status --format json").json();
    assert_eq!((&json["data"]["applied"], &json["data"]["heads"][0]), (&1.into(), &"aaa".into()));
    let json = project.on_database("current --format json").json();
    assert_eq!((&json["data"][0]["revision"], &json["data"][0]["head"]), (&"aaa".into(), &true.into()));
    let json = project.on_database("upgrade xyz --format json").json();
    assert_eq!((&json["error"]["exit"], &json["data"]), (&11.into(), &serde_json::Value::Null));
}

#[test]
fn what_is_not_here_is_undone_from_what_it_left_on_record() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.on_database("upgrade").ok();
    std::fs::remove_file(project.path("migrations/bbb_make.sql")).unwrap();
    assert!(project.on_database("upgrade").failed(8).contains("'bbb'"));
    let shown = project.on_database("undo --dry-run");
    assert!(shown.ok().contains("bbb") && shown.stdout.contains("DROP TABLE t_bbb"), "{shown:?}");
    assert!(project.on_database("undo").failed(17).starts_with("error: undoing may lose data"));
    assert!(project.on_database("undo --yes").ok().starts_with("1 step, now at aaa ("));
    assert_eq!(project.on_database("upgrade").ok(), "nothing to do: at aaa\n");
    assert_eq!(project.on_database("undo").ok(), "nothing to do: at aaa\n");
}

#[test]
fn there_is_nothing_to_resolve_where_nothing_was_interrupted() {
    let project = Project::chain(&["aaa"]);
    project.on_database("upgrade").ok();
    let done = project.on_database("resolve --applied");
    assert!(done.failed(15).contains("interrupted") || done.stderr.contains("half done"), "{done:?}");
    let text = project.on_database("resolve").failed(2).to_owned();
    assert!(text.contains("<--applied|--not-applied>"), "{text}");
    assert_eq!(project.on_database("resolve --applied --not-applied").code, 2);
}

#[test]
fn the_lock_is_chosen_by_name() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.on_database("upgrade +1 --lock lease --lock-timeout 5").ok();
    project.on_database("upgrade --lock none").ok();
    assert!(project.on_database("upgrade --lock row").failed(2).contains("session, lease, none"));
}
