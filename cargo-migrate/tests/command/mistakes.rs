//! What goes wrong, with its message and its code.

use crate::project::{Done, Project};

#[test]
fn an_unknown_option_is_refused_with_the_usage() {
    let project = Project::chain(&["aaa"]);
    let done = project.run("heads --bogus");
    assert!(done.failed(2).starts_with("error: unexpected argument '--bogus' found"), "{done:?}");
    assert!(project.run("upgrad").failed(2).contains("'upgrade'"));
}

#[test]
fn a_directory_without_a_cargo_project_is_named() {
    let project = Project::new();
    std::fs::remove_file(project.path("Cargo.toml")).unwrap();
    let done = project.run("heads");
    let directory = project.path("").canonicalize().unwrap();
    assert_eq!(
        done.failed(3),
        format!(
            "error: there is no `Cargo.toml` in `{}` or above it\n\n\
             hint: go to a cargo project, or name one with `--manifest-path`\n",
            directory.display()
        )
    );
}

#[test]
fn a_project_without_revisions_is_told_how_to_begin() {
    let project = Project::new();
    assert_eq!(
        project.run("heads").failed(3),
        "error: there is no directory `migrations`\n\nhint: `cargo migrate init` makes it; `directory` in \
         `[package.metadata.migrate]` names another one\n"
    );
    project.run("init").ok();
    assert_eq!(project.run("heads").ok(), "");
    assert_eq!(
        project.on_database("upgrade").failed(11),
        "error: there are no revisions in `migrations`\n\n\
         hint: `cargo migrate new -m \"what it does\"` writes the first\n"
    );
}

#[test]
fn an_unknown_key_of_the_configuration_is_named() {
    let project =
        Project::with_manifest("[package]\nname = \"app\"\n[package.metadata.migrate]\ndirectry = \"db\"\n");
    let done = project.run("heads");
    assert!(done.failed(3).contains("unknown field `directry`"), "{done:?}");
}

#[test]
fn two_heads_are_an_error_of_their_own() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.revision("ccc", "aaa");
    let done = project.run("check");
    assert_eq!(
        done.failed(5),
        "error: the history has 2 heads: `bbb`, `ccc`\n --> migrations\n  \
         = note: `bbb` is migrations/bbb_make.sql\n  = note: `ccc` is migrations/ccc_make.sql\n  \
         = help: join them: `cargo migrate merge bbb ccc -m \"merge\"`\n  \
         = help: or put `ccc` on top: `-- revises: bbb` in its header\n  \
         = help: or allow it: `branches = allow` in the call\n\n\
         error: the revisions have a problem\n"
    );
    assert_eq!(
        project.run("new -m Next").failed(5),
        "error: multiple heads are present: bbb, ccc\n\nhint: name the one to go on from with `--head bbb`, or join \
         them with `cargo migrate merge`\n"
    );
    let done = project.on_database("upgrade head");
    assert!(done.failed(5).contains("multiple head revisions are present"), "{done:?}");
    project.on_database("upgrade heads").ok();
    project.run("merge").ok();
    project.run("check").ok();
}

#[test]
fn branches_may_be_allowed() {
    let project = Project::with_manifest(
        "[package]\nname = \"app\"\n[package.metadata.migrate]\nbranches = \"allow\"\nbackends = [\"sqlite\"]\n",
    );
    project.revision("aaa", "none");
    project.revision("bbb", "none");
    project.run("check").ok();
    project.run("lock").ok();
}

#[test]
fn a_head_that_is_none_needs_splice_and_one_head_needs_no_merge() {
    let project = Project::chain(&["aaa", "bbb"]);
    assert_eq!(
        project.run("new -m Next --head aaa").failed(5),
        "error: revision 'aaa' is not a head revision; `--splice` begins a new branch from it all the same\n"
    );
    assert_eq!(project.run("merge").failed(5), "error: nothing to merge: there is one head\n");
    assert_eq!(
        project.run("merge aaa bbb").failed(5),
        "error: nothing to merge: revision bbb already stands on aaa\n"
    );
}

#[test]
fn an_edited_locked_revision_is_refused_and_undone_edits_are_fine() {
    let project = Project::chain(&["aaa"]);
    project.run("lock").ok();
    let text = project.read("migrations/aaa_make.sql");
    project.write("migrations/aaa_make.sql", &text.replace("INTEGER", "TEXT"));
    for line in ["check", "lock"] {
        let done = project.run(line);
        assert!(
            done.failed(10).starts_with("error: revision `aaa` is locked and its upgrade has changed"),
            "{done:?}"
        );
    }
    assert!(project.on_database("upgrade").failed(10).contains("is locked and its upgrade has changed"));
    project.run("history").ok();
    project.write("migrations/aaa_make.sql", &text);
    project.run("check").ok();
}

#[test]
fn problems_are_shown_as_a_build_shows_them_and_to_programs() {
    let project = Project::chain(&["aaa"]);
    let text = project.read("migrations/aaa_make.sql").replace("-- migrate:down", "-- migrate:dwn");
    project.write("migrations/aaa_make.sql", &text);
    let done = project.run("check");
    assert!(done.failed(4).contains("\n --> migrations/aaa_make.sql:9:"), "{done:?}");
    let json = project.run("check --format json").json();
    assert_eq!(json["error"]["exit"], 4);
    assert_eq!(json["error"]["problems"][0]["line"], 9);
}

#[test]
fn an_unknown_target_is_named_with_the_nearest() {
    let project = Project::chain(&["abcd1", "abcd2"]);
    for line in ["show xyz", "new -m Next --head xyz"] {
        assert_eq!(project.run(line).failed(11), "error: can't locate revision identified by 'xyz'\n");
    }
    assert_eq!(
        project.run("show abxd1").failed(11),
        "error: can't locate revision identified by 'abxd1'; the nearest is 'abcd1'\n"
    );
    assert!(
        project.on_database("upgrade xyz").failed(11).contains("can't locate revision identified by 'xyz'")
    );
    assert!(project.run("show abcd").failed(11).contains("several revisions begin with 'abcd'"));
}

#[test]
fn a_closed_pipe_is_no_reason_to_fail_loudly() {
    let project = Project::chain(&["aaa"]);
    let mut child = project
        .command(&["history"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = Done::new(child.wait_with_output().unwrap());
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
}
