//! What goes wrong, with its message and its code.

use serde_json::Value;

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
         = help: or allow it: `branches = allow` in the call, and `branches = \"allow\"` in `[package.metadata.migrate]` for the command\n\n\
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

/// A line of arguments for every subcommand that there may be.
const LINES: [&str; 24] = [
    "init",
    "new -m Next",
    "merge",
    "lock",
    "check",
    "heads",
    "branches",
    "show aaa",
    "history",
    "graph",
    "edit aaa",
    "rebase",
    "current",
    "status",
    "plan",
    "upgrade",
    "downgrade -1 --yes",
    "stamp head",
    "verify",
    "repair",
    "resolve --applied",
    "undo",
    "adopt --from sqlx",
    "completions bash",
];

/// Those of them that there are.
fn lines(project: &Project) -> Vec<&'static str> {
    let help = project.run("help").ok().to_owned();
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    let names: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let of = |name: &str| LINES.into_iter().find(|line| line.split(' ').next() == Some(name));
    let lines: Vec<_> = names.iter().filter_map(|name| of(name)).collect();
    assert_eq!(lines.len() + 1, names.len(), "every command but `help` has a line: {names:?}");
    lines
}

#[test]
fn every_command_refuses_an_option_that_it_does_not_know_and_changes_nothing() {
    let project = Project::chain(&["aaa"]);
    for line in lines(&project) {
        let done = project.on_database(&format!("{line} --bogus"));
        assert!(done.failed(2).contains("unexpected argument '--bogus' found"), "{done:?}");
    }
    assert_eq!(project.migrations(), ["aaa_make.sql"]);
    assert!(!project.path("app.db").exists());
}

#[test]
fn every_command_names_a_directory_that_is_no_cargo_project_and_leaves_it_empty() {
    let project = Project::new();
    std::fs::remove_file(project.path("Cargo.toml")).unwrap();
    for line in lines(&project).into_iter().filter(|line| !line.starts_with("completions")) {
        let done = project.on_database(line);
        assert!(done.failed(3).starts_with("error: there is no `Cargo.toml` in `"), "{line}: {done:?}");
    }
    assert_eq!(std::fs::read_dir(project.path("")).unwrap().count(), 0);
}

#[test]
fn a_manifest_that_is_not_there_or_no_toml_is_named() {
    let project = Project::chain(&["aaa"]);
    let done = project.run("heads --manifest-path elsewhere/Cargo.toml");
    assert!(
        done.failed(3).starts_with("error: cannot read the manifest `elsewhere/Cargo.toml`: "),
        "{done:?}"
    );
    project.write("Cargo.toml", "[package]\nname = app\n");
    assert!(project.run("heads").failed(3).contains("Cargo.toml:2` is no TOML: "));
}

/// Runs the command in a shell where no file may grow beyond so many blocks, which stands for a disk that is full: as
/// there, what fits is written, and then an error comes. A disk of a size of its own would need root.
#[cfg(unix)]
fn on_a_full_disk(project: &Project, blocks: u32, arguments: &[&str]) -> Done {
    let command = project.command(arguments);
    let mut limited = std::process::Command::new("sh");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    limited.args(["-c", &script]).arg(command.get_program()).args(command.get_args());
    Done::new(limited.current_dir(project.path("")).output().unwrap())
}

#[cfg(unix)]
#[test]
fn a_revision_that_a_full_disk_cuts_off_is_not_there_at_all() {
    let project = Project::chain(&["aaa"]);
    let message = format!("Next\n\n{}", "It has much to say. ".repeat(500));
    let done = on_a_full_disk(&project, 1, &["new", "-m", &message]);
    assert!(done.failed(1).starts_with("error: cannot write `migrations/"), "{done:?}");
    assert_eq!(project.migrations(), ["aaa_make.sql"]);
    project.run_all(&["new", "-m", &message]).ok();
}

#[cfg(unix)]
#[test]
fn what_a_full_disk_keeps_from_being_replaced_stays_whole() {
    let project = Project::chain(&["aaa"]);
    project.run("lock").ok();
    project.revision("bbb", "aaa");
    project.revision("ccc", "aaa");
    let all = |project: &Project| {
        let names = project.migrations();
        let texts: Vec<_> = names.iter().map(|name| project.read(&format!("migrations/{name}"))).collect();
        (names, texts, project.read("Cargo.toml"))
    };
    let before = all(&project);
    for arguments in [&["rebase", "ccc"][..], &["merge"], &["init", "--directory", "other"]] {
        assert!(
            on_a_full_disk(&project, 0, arguments).failed(1).contains("error: cannot write `"),
            "{arguments:?}"
        );
        assert_eq!(all(&project), before, "{arguments:?}");
    }
    project.run("rebase ccc").ok();
    let before = all(&project);
    assert!(on_a_full_disk(&project, 0, &["lock"]).failed(1).contains("migrations.lock`"));
    assert_eq!(all(&project), before);
    project.run("lock").ok();
    project.run("check").ok();
}

#[cfg(unix)]
#[test]
fn an_editor_may_fail_in_any_way_and_the_revision_is_as_it_left_it() {
    let project = Project::chain(&["aaa"]);
    let edit = |visual: &str, editor: &str| {
        let mut command = project.command(&["edit", "aaa"]);
        Done::new(command.env("VISUAL", visual).env("EDITOR", editor).output().unwrap())
    };
    project.write("killed.sh", "echo '-- half' >> \"$1\"\nkill -9 $$\n");
    assert_eq!(
        edit("", "sh killed.sh").failed(1),
        "error: the editor `sh killed.sh` failed (signal: 9 (SIGKILL))\n"
    );
    assert!(project.read("migrations/aaa_make.sql").ends_with("-- half\n"));
    assert_eq!(edit("false", "true").failed(1), "error: the editor `false` failed (exit status: 1)\n");
    edit(" ", "true").ok();
    let visual: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"vi\xff");
    let mut command = project.command(&["edit", "aaa"]);
    let done = Done::new(command.env("VISUAL", visual).env("EDITOR", "true").output().unwrap());
    assert!(
        done.failed(1).starts_with("error: the variable `VISUAL` of the environment is not UTF-8"),
        "{done:?}"
    );
}

#[test]
fn two_new_revisions_with_one_id_at_once_are_one_and_an_error() {
    let project = Project::chain(&["aaa"]);
    let start = |message: &str| {
        let mut command = project.command(&["new", "-m", message, "--id", "bbb"]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    };
    let children = ["One", "Two"].map(start);
    let mut codes = children.map(|child| Done::new(child.wait_with_output().unwrap()).code);
    codes.sort_unstable();
    assert_eq!(codes, [0, 2]);
    assert_eq!(project.migrations().len(), 2, "{:?}", project.migrations());
}

#[test]
fn backends_that_name_none_are_refused_before_anything_is_locked_without_a_checksum() {
    let project = Project::chain(&["aaa"]);
    project.write("Cargo.toml", "[package]\nname = \"app\"\n[package.metadata.migrate]\nbackends = []\n");
    for line in ["lock", "check"] {
        let done = project.run(line);
        assert!(done.failed(3).contains("`backends` of `metadata.migrate` names none"), "{done:?}");
    }
    assert!(!project.path("migrations/migrations.lock").exists());
}

#[test]
fn locking_for_another_backend_is_told() {
    let project = Project::chain(&["aaa"]);
    let backends = |names: &str| {
        project.write(
            "Cargo.toml",
            &format!("[package]\nname = \"app\"\n[package.metadata.migrate]\nbackends = [{names}]\n"),
        );
    };
    backends("\"sqlite\"");
    project.run("lock").ok();
    backends("\"sqlite\", \"postgres\"");
    // Until then an edit for it would not be noticed.
    let done = project.run("check");
    assert_eq!(done.stdout, "revisions: 1, drafts: 0, head: aaa\n");
    assert!(
        done.failed(6).contains("aaa_make.sql is not locked for postgres\n\nhint: `cargo migrate lock`"),
        "{done:?}"
    );
    project.run("check --allow-drafts").ok();
    let annotation = project.run("check --format github").stdout;
    assert!(annotation.contains("the revision is not locked for postgres"), "{annotation}");
    let facts: Value = serde_json::from_str(&project.run("check --format json").stdout).unwrap();
    assert_eq!(
        facts["data"]["partly_locked"],
        serde_json::json!([{ "revision": "aaa", "backends": ["postgres"] }])
    );
    assert_eq!(project.run("lock").ok(), "locked for all backends in migrations/migrations.lock\n");
    assert_eq!(project.run("lock").ok(), "nothing to lock: migrations/migrations.lock\n");
    project.run("check").ok();
}

#[test]
fn a_rust_revision_is_not_locked_without_the_data_that_it_asks_for() {
    let project = Project::chain(&["aaaa"]);
    project.write(
        "migrations/bbbb_fill.rs",
        "//! Fill\n//!\n//! revision: bbbb\n//! revises: aaaa\n\nuse embed_migrations::{Db, Result};\n\n\
         pub async fn up(db: &mut Db<'_>) -> Result<()> {\n    db.file(\"c.csv\").map(drop)\n}\n",
    );
    project.run("heads").ok();
    for command in ["check", "lock"] {
        let told = project.run(command).failed(4).to_owned();
        assert!(
            told.contains("there is no file `c.csv` under `data/`\n --> migrations/bbbb_fill.rs:9:13\n"),
            "{told}"
        );
    }
    project.write("migrations/data/c.csv", "AT\n");
    project.run("lock").ok();
    std::fs::remove_file(project.path("migrations/data/c.csv")).unwrap();
    let told = project.run("check").failed(4).to_owned();
    assert!(told.contains("there is no file `c.csv`") && !told.contains("undo the edit"), "{told}");
    let told = project.run("repair --lock-only --yes").failed(4).to_owned();
    assert!(told.contains("there is no file `c.csv`"), "{told}");
}
