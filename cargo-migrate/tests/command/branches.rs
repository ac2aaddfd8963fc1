//! Drawing, editing and moving branches.

use crate::project::{Done, Project};

fn fork() -> Project {
    let project = Project::chain(&["aaa", "bbb"]);
    project.revision("ccc", "aaa");
    project
}

#[test]
fn a_graph_is_drawn_in_text_and_for_other_programs() {
    let project = fork();
    project.run("merge --id ddd -m 'Join \"both\"' --label side").ok();
    assert_eq!(
        project.run("graph").ok(),
        "* ddd (side) (head) (mergepoint), Join \"both\"\n├─┐\n│ * ccc, Make ccc\n* │ bbb, Make bbb\n├─┘\n\
         * aaa (branchpoint), Make aaa\n"
    );
    assert_eq!(
        project.run("graph --format mermaid").ok(),
        "flowchart BT\n    r_ddd[\"ddd<br>Join #quot;both#quot;\"]\n    r_ccc[\"ccc<br>Make ccc\"]\n    \
         r_bbb[\"bbb<br>Make bbb\"]\n    r_aaa[\"aaa<br>Make aaa\"]\n    r_ddd --> r_bbb\n    r_ddd --> r_ccc\n    \
         r_ccc --> r_aaa\n    r_bbb --> r_aaa\n"
    );
    project.run("new -m Dependent --base --id eee --depends-on side").ok();
    let dot = project.run("graph --format dot").ok().to_owned();
    assert!(dot.starts_with("digraph revisions {\n") && dot.ends_with("}\n"), "{dot}");
    assert!(dot.contains("    \"ddd\" [label=\"ddd\\nJoin \\\"both\\\"\"];\n"), "{dot}");
    assert!(dot.contains("    \"eee\" -> \"ddd\" [style=dashed];\n"), "{dot}");
    let json = project.run("graph --format json").json();
    assert_eq!(json["data"]["depends_on"][0][1], "ddd");
    let svg = project.run("graph --format svg").ok().to_owned();
    assert!(
        svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n"),
        "{svg}"
    );
    let count = |what: &str| svg.matches(what).count();
    assert_eq!(
        (count("<circle"), count("stroke-width=\"2\""), count("stroke-dasharray")),
        (5, 4, 1),
        "{svg}"
    );
    assert!(svg.contains(">ddd (side) (head) Join &quot;both&quot;</text>"), "{svg}");
    for line in ["graph --help", "check --format foo"] {
        let done = project.run(line);
        for format in ["mermaid", "dot", "svg", "github", "sarif"] {
            assert!(format!("{}{}", done.stdout, done.stderr).contains(format), "{format}: {done:?}");
        }
    }
    assert_eq!(project.run("heads --format dot").failed(2), "error: `--format dot` is for `graph`\n");
}

#[test]
fn a_branch_of_drafts_moves_on_top_of_the_other_head() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.run("lock").ok();
    project.revision("ccc", "aaa");
    project.revision("ddd", "ccc");
    let before = project.read("migrations/ccc_make.sql");
    let done = project.run("rebase");
    assert_eq!(done.ok(), "ccc revises bbb now: migrations/ccc_make.sql\n");
    assert!(
        done.stderr
            .contains("put the file back as it was, `cargo migrate downgrade ccc@aaa` there, which undoes"),
        "{done:?}"
    );
    let after = project.read("migrations/ccc_make.sql");
    assert_eq!(after, before.replace("-- revises: aaa", "-- revises: bbb"));
    assert_eq!(project.run("heads").ok(), "ddd (head) (draft), Make ddd\n");
    project.run("lock").ok();
    project.run("check").ok();
    assert_eq!(project.run("rebase").failed(5), "error: nothing to move: there are not two heads\n");
}

#[test]
fn a_base_moves_by_its_header_whatever_its_comments_say() {
    let project = Project::chain(&["aaa"]);
    project.run("lock").ok();
    let body =
        "-- migrate:up\n-- revises: mmm\nCREATE TABLE b (id INTEGER);\n\n-- migrate:down\nDROP TABLE b;\n";
    project.write("migrations/bbb_make.sql", &format!("-- Make bbb\n-- revision: bbb\n{body}"));
    let done = project.run("rebase");
    assert_eq!(done.ok(), "bbb revises aaa now: migrations/bbb_make.sql\n");
    assert!(done.stderr.contains("downgrade bbb@base` there"), "{done:?}");
    assert_eq!(
        project.read("migrations/bbb_make.sql"),
        format!("-- Make bbb\n-- revision: bbb\n-- revises: aaa\n{body}")
    );
    assert_eq!(project.run("heads").ok(), "bbb (head) (draft), Make bbb\n");
}

#[test]
fn the_way_that_the_note_names_undoes_the_branch_alone() {
    for below in ["aaa", "none"] {
        let project = Project::chain(&["aaa", "bbb"]);
        project.run("lock").ok();
        project.revision("ccc", below);
        project.revision("ddd", "ccc");
        let before = project.read("migrations/ccc_make.sql");
        project.on_database("upgrade heads").ok();
        let note = project.run("rebase ddd").stderr;
        project.write("migrations/ccc_make.sql", &before);
        let (_, rest) = note.split_once("`cargo migrate ").unwrap();
        let (command, _) = rest.split_once('`').unwrap();
        project.on_database(&format!("{command} --yes")).ok();
        assert_eq!(project.on_database("current").ok(), "bbb (head), Make bbb\n", "{command}");
        project.run("rebase ddd").ok();
        project.on_database("upgrade").ok();
        assert_eq!(project.on_database("current").ok(), "ddd (head), Make ddd\n", "{command}");
    }
}

#[test]
fn a_branch_on_which_the_other_depends_does_not_move_below_it() {
    let project = Project::chain(&["aaaa"]);
    project.run("lock").ok();
    project.revision("xxx1", "aaaa");
    project.revision("xxx2", "xxx1");
    project.run("new -m Side --head aaaa --splice --depends-on xxx1 --id hhhh").ok();
    let files = project.migrations();
    assert_eq!(
        project.run("rebase xxx2").failed(5),
        "error: the branch of xxx2 cannot move: revision hhhh depends on xxx1 of it\n\n\
         hint: `cargo migrate merge xxx2 hhhh` joins the two\n"
    );
    assert_eq!(project.migrations(), files);
    assert_eq!(project.run("rebase").ok(), "hhhh revises xxx2 now: migrations/hhhh_side.sql\n");
    assert_eq!(project.run("heads").ok(), "hhhh (head) (draft), Side\n");
}

#[test]
fn a_branch_moves_without_what_it_depends_on() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.run("new -m Seeds --base --label seeds --id sss").ok();
    project.run("new -m Side --head aaa --splice --depends-on seeds --id ccc").ok();
    assert_eq!(project.run("rebase ccc --onto bbb").ok(), "ccc revises bbb now: migrations/ccc_side.sql\n");
    assert_eq!(project.run("heads").ok().lines().count(), 2);
}

#[test]
fn where_either_could_move_it_is_named() {
    let project = fork();
    assert_eq!(
        project.run("rebase").failed(5),
        "error: either branch can move\n\n\
         hint: name the one that does: `cargo migrate rebase ccc` puts it on top of bbb\n"
    );
    project.run("rebase bbb").ok();
    assert_eq!(project.run("heads").ok(), "bbb (head), Make bbb\n");
}

#[test]
fn what_is_locked_does_not_move() {
    let project = fork();
    project.revision("ddd", "bbb");
    project.write("Cargo.toml", "[package]\nname = \"app\"\n[package.metadata.migrate]\nbranches = \"allow\"\nbackends = [\"sqlite\"]\n");
    project.run("lock").ok();
    let files = project.migrations();
    assert_eq!(
        project.run("rebase ccc").failed(5),
        "error: the branch of ccc cannot move: revision ccc is locked\n\n\
         hint: `cargo migrate merge ccc ddd` joins the two\n"
    );
    assert_eq!(project.migrations(), files);
}

#[cfg(unix)]
#[test]
fn a_revision_is_opened_in_the_editor_that_the_environment_names() {
    let project = Project::chain(&["aaa"]);
    let edit =
        |editor: &str| Done::new(project.command(&["edit", "aaa"]).env("EDITOR", editor).output().unwrap());
    project.write("editor.sh", "#!/bin/sh\necho '-- edited' >> \"$2\"\n");
    edit("sh editor.sh --wait").ok();
    assert!(project.read("migrations/aaa_make.sql").ends_with("-- edited\n"));
    // As a shell reads it
    project.write("My Editor/ed.sh", "echo \"-- $WHO\" >> \"$2\"\n");
    for (editor, who) in [
        ("WHO=quoted sh \"My Editor/ed.sh\" --wait", "quoted"),
        ("WHO=single sh 'My Editor/ed.sh' --wait", "single"),
        ("WHO=escaped sh My\\ Editor/ed.sh --wait", "escaped"),
    ] {
        edit(editor).ok();
        assert!(project.read("migrations/aaa_make.sql").ends_with(&format!("-- {who}\n")), "{editor}");
    }
    let failed = "error: the editor `\"My Editor/none\" --wait` failed (exit status: 127)\n";
    assert!(edit("\"My Editor/none\" --wait").failed(1).ends_with(failed));
    assert_eq!(edit("false").failed(1), "error: the editor `false` failed (exit status: 1)\n");
    assert!(edit("no-such-editor").failed(1).starts_with("error: cannot run the editor `no-such-editor`: "));
    assert_eq!(
        project.run("edit").failed(1),
        "error: no editor is named\n\nhint: set `EDITOR`; the file is migrations/aaa_make.sql\n"
    );
}

#[test]
fn completions_know_the_commands() {
    let project = Project::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = project.run(&format!("completions {shell}")).ok().to_owned();
        assert!(script.contains("downgrade"), "{shell}");
    }
}

/// Two clones that each lock a revision of their own, as git merges them.
#[test]
fn a_lock_file_on_which_two_clones_collided_is_mended_by_a_merge() {
    let project = Project::chain(&["aaaa"]);
    project.run("lock").ok();
    first_commit(&project);
    for (branch, id) in [("ours", "bbbb"), ("theirs", "cccc")] {
        on_branch(&project, branch, || {
            project.revision(id, "aaaa");
            project.run("lock").ok();
        });
    }
    assert!(!git(&project, "merge ours"), "the lock file collides");
    assert!(project.read("migrations/migrations.lock").contains("<<<<<<<"));
    assert!(project.run("check").failed(4).contains("the lock file has an unresolved merge conflict"));

    let done = project.run("merge --id dddd");
    done.ok();
    assert_eq!(done.stderr, "note: kept the lines of both sides in migrations/migrations.lock\n");
    assert_eq!(project.run("check").failed(6).lines().count(), 3);
    project.run("lock").ok();
    project.run("check").ok();
    let lock = project.read("migrations/migrations.lock");
    assert_eq!(lock.lines().filter(|line| line.contains(" revises ")).count(), 4, "{lock}");
    project.on_database("upgrade head").ok();
}

fn git(project: &Project, line: &str) -> bool {
    let git = std::process::Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
        .args(line.split(' '))
        .current_dir(project.path(""))
        .output();
    git.unwrap().status.success()
}

fn first_commit(project: &Project) {
    assert!(git(project, "init") && git(project, "add -A") && git(project, "commit -m first"));
}

/// Commits a change on a new branch that begins at `main`.
fn on_branch(project: &Project, branch: &str, change: impl FnOnce()) {
    assert!(git(project, &format!("checkout -b {branch} main")));
    change();
    assert!(git(project, "add -A") && git(project, "commit -m change"));
}

/// A chain on SQLite, of which one branch adds a database, which rewrites every line of the lock file, and another a revision.
fn rewritten_and_added_to() -> Project {
    let project = Project::chain(&["aaaa", "bbbb"]);
    project.run("lock").ok();
    first_commit(&project);
    on_branch(&project, "pg", || {
        let manifest = project.read("Cargo.toml");
        project.write(
            "Cargo.toml",
            &manifest.replace("[\"sqlite-bundled\"]", "[\"sqlite-bundled\", \"postgres\"]"),
        );
        assert_eq!(project.run("lock").ok(), "locked for all backends in migrations/migrations.lock\n");
    });
    project
}

#[test]
fn what_two_branches_locked_of_a_revision_for_different_backends_is_joined_by_lock() {
    let project = rewritten_and_added_to();
    on_branch(&project, "add", || {
        project.revision("cccc", "bbbb");
        project.run("lock").ok();
    });
    assert!(!git(&project, "merge pg"), "the lock file collides");
    let told = project.run("check").failed(4).to_owned();
    assert!(told.contains("`cargo migrate lock` keeps what both sides have locked"), "{told}");
    let done = project.run("lock");
    done.ok();
    assert_eq!(done.stderr, "note: kept the lines of both sides in migrations/migrations.lock\n");
    project.run("check").ok();
    let lock = project.read("migrations/migrations.lock");
    assert_eq!(lock.lines().count(), 5, "{lock}");
    assert_eq!((lock.matches("sqlite=1:").count(), lock.matches("postgres=1:").count()), (3, 3), "{lock}");
}

#[test]
fn a_revision_that_two_branches_locked_differently_is_named() {
    let project = rewritten_and_added_to();
    on_branch(&project, "edit", || {
        let text = project.read("migrations/bbbb_make.sql");
        project.write("migrations/bbbb_make.sql", &text.replace("x INTEGER", "y INTEGER"));
        project.run("repair --lock-only --yes").ok();
    });
    assert!(!git(&project, "merge pg"), "the lock file collides");
    let lock = project.read("migrations/migrations.lock");
    for command in ["check", "lock", "merge", "rebase"] {
        let told = project.run(command).failed(4).to_owned();
        assert!(
            told.contains("note: revision `bbbb` is locked differently: its upgrade for sqlite\n"),
            "{told}"
        );
        assert!(!told.contains("locked twice") && !told.contains("`aaaa`"), "{told}");
    }
    assert_eq!(project.read("migrations/migrations.lock"), lock);
    // The other side's line goes, and the rest is joined.
    let theirs = lock.rfind("bbbb revises").unwrap();
    let end = theirs + lock[theirs..].find('\n').unwrap() + 1;
    project.write("migrations/migrations.lock", &(lock[..theirs].to_owned() + &lock[end..]));
    project.run("lock").ok();
    project.run("check").ok();
}

#[test]
fn branches_are_targets() {
    let project = Project::chain(&["aaaa", "bbbb"]);
    project.run("new -m Side --head aaaa --splice --label side --id cccc").ok();
    let text = project.read("migrations/cccc_side.sql");
    let text = text.replace("-- migrate:up\n", "-- migrate:up\nSELECT 1;\n");
    project.write("migrations/cccc_side.sql", text.split("-- migrate:down").next().unwrap());
    assert!(project.on_database("upgrade side@head").ok().contains("now at cccc"));
    project.run("new -m Next --head side@head --id dddd").ok();
    assert_eq!(project.run("history -r aaaa:side@head").ok().lines().count(), 3);
    assert!(project.on_database("history -r :current").failed(0).is_empty());
}

#[test]
fn a_downgrade_to_the_base_that_branches_share_takes_all_of_them_down_and_the_plan_says_so() {
    let project = Project::chain(&["aaaa", "bbbb"]);
    project.revision("cccc", "aaaa");
    let text = project.read("migrations/cccc_make.sql");
    project.write("migrations/cccc_make.sql", &text.replace("-- revises", "-- labels: side\n-- revises"));
    project.on_database("upgrade heads").ok();
    let plan = project.on_database("downgrade side@base --dry-run");
    assert!(plan.ok().starts_with("bbbb, cccc -> base\n"), "{plan:?}");
    for id in ["aaaa", "bbbb", "cccc"] {
        assert!(plan.stdout.contains(&format!("down {id} ")), "{plan:?}");
    }
    assert!(project.on_database("downgrade side@base").failed(17).contains("add `--yes`"));
    let plan = project.on_database("downgrade side@aaaa --dry-run");
    assert!(plan.ok().contains("down cccc") && !plan.stdout.contains("down bbbb"), "{plan:?}");
    for target in ["nosuch@aaaa", "nosuch@base", "nosuch@-1"] {
        let done = project.on_database(&format!("downgrade {target} --yes"));
        assert!(done.failed(11).contains("'nosuch'"), "{done:?}");
    }
    assert_eq!(project.on_database("current").ok().lines().count(), 2);
}

#[test]
fn a_head_that_another_depends_on_is_merged_with_it() {
    let project = Project::chain(&["aaa"]);
    project.run("new -m Other --base --id bbb --depends-on aaa").ok();
    assert_eq!(project.run("heads").ok().lines().count(), 2);
    assert_eq!(project.run("merge -m Join --id ccc").ok(), "created migrations/ccc_join.sql\n");
    assert_eq!(project.run("heads").ok(), "ccc (head) (mergepoint), Join\n");
    assert!(project.read("migrations/ccc_join.sql").contains("-- revises: aaa, bbb\n"));
}
