//! From an empty project to an applied history.

use crate::project::Project;

#[test]
fn a_first_revision_is_written_applied_undone_and_applied_again() {
    let project = Project::new();
    assert_eq!(project.run("init").ok(), "created migrations\n");
    assert_eq!(project.run("init").ok(), "already there: migrations\n");
    let created = project.run("new -m 'Add users'").ok().to_owned();
    let file = created.trim_end().strip_prefix("created ").unwrap();
    let id = file.strip_prefix("migrations/").unwrap().strip_suffix("_add_users.sql").unwrap();
    assert!(id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");

    let text = project.read(file);
    assert!(
        text.starts_with(&format!("-- Add users\n--\n-- revision: {id}\n-- revises: none\n-- created: 20"))
    );
    let text = text
        .replace("-- migrate:up\n", "-- migrate:up\nCREATE TABLE users (id INTEGER);\n")
        .replace("-- migrate:down\n", "-- migrate:down\nDROP TABLE users;\n");
    project.write(file, &text);

    assert_eq!(project.on_database("current").ok(), "");
    assert!(!project.path("app.db").exists(), "a command that reads makes no file");
    let at_head = format!("1 step, now at {id} (");
    assert!(project.on_database("upgrade head").ok().starts_with(&at_head));
    assert!(project.on_database("downgrade -1 --yes").ok().starts_with("1 step, now at base ("));
    assert!(project.on_database("upgrade").ok().starts_with(&at_head));
    assert_eq!(project.on_database("upgrade").ok(), format!("nothing to do: at {id}\n"));
    assert_eq!(project.on_database("current --check-heads").ok(), format!("{id} (head), Add users\n"));
    assert_eq!(
        project.on_database("history -i").ok(),
        format!("<base> -> {id} (head) (current), Add users\n")
    );
    assert_eq!(project.on_database("status").ok(), format!("at {id}: 1 applied, 0 pending\n"));
}

#[test]
fn two_branches_are_merged() {
    let project = Project::chain(&["aaa", "bbb"]);
    project.run("new -m Side --head aaa --splice --label side --id ccc").ok();
    assert_eq!(project.run("heads").ok(), "bbb (head), Make bbb\nccc (side) (head), Side\n");
    assert_eq!(
        project.run("branches").ok(),
        "aaa (branchpoint), Make aaa\n  -> bbb (head), Make bbb\n  -> ccc (side) (head), Side\n"
    );
    assert_eq!(project.run("merge -m Join --id ddd").ok(), "created migrations/ddd_join.sql\n");
    assert_eq!(project.run("heads").ok(), "ddd (side) (head) (mergepoint), Join\n");
    assert_eq!(
        project.run("history").ok(),
        "bbb, ccc -> ddd (side) (head) (mergepoint), Join\naaa -> bbb, Make bbb\n\
         aaa -> ccc (side), Side\n<base> -> aaa (branchpoint), Make aaa\n"
    );
    assert_eq!(
        project.run("history --graph").ok(),
        "* ddd (side) (head) (mergepoint), Join\n├─┐\n* │ bbb, Make bbb\n│ * ccc (side), Side\n├─┘\n\
         * aaa (branchpoint), Make aaa\n"
    );
    assert_eq!(
        project.run("history --graph -r bbb:").ok().lines().next(),
        Some("* ddd (side) (head) (mergepoint), Join")
    );
    assert!(project.run("history --graph -v").ok().contains("\n│ │   revises:    aaa\n"));
    assert_eq!(project.run("history -r bbb:").ok().lines().count(), 2);
    assert_eq!(project.run("history -r :side").ok().lines().count(), 2);
}

#[test]
fn locked_revisions_are_no_drafts_and_new_ones_are() {
    let project = Project::chain(&["aaa", "bbb"]);
    assert_eq!(project.run("check").ok(), "revisions: 2, drafts: 0, head: bbb\n");
    assert_eq!(project.run("lock").ok(), "locked 2 revisions in migrations/migrations.lock\n");
    assert_eq!(project.run("lock").ok(), "nothing to lock: migrations/migrations.lock\n");
    project.revision("ccc", "bbb");
    let done = project.run("check");
    assert_eq!(done.stdout, "revisions: 3, drafts: 1, head: ccc\n");
    assert_eq!(
        done.failed(6),
        "error: migrations/ccc_make.sql is not in the lock file\n\n\
         hint: `cargo migrate lock` locks what may no longer change\n"
    );
    project.run("check --allow-drafts").ok();
    assert_eq!(project.run("lock").ok(), "locked ccc in migrations/migrations.lock\n");
    assert_eq!(project.run("check").ok(), "revisions: 3, drafts: 0, head: ccc\n");
}

#[test]
fn a_revision_is_shown_with_its_text() {
    let project = Project::chain(&["aaa", "bbb"]);
    let shown = project.run("show head").ok().to_owned();
    assert!(shown.starts_with(
        "bbb (head)\n  message:    Make bbb\n  revises:    aaa\n  file:       migrations/bbb_make.sql\n\n-- Make bbb\n"
    ));
    assert!(shown.ends_with("DROP TABLE t_bbb;\n"));
    let json = project.run("show aaa --format json").json();
    assert_eq!(json["command"], "show");
    assert_eq!(json["data"][0]["revision"], "aaa");
    assert_eq!(json["data"][0]["head"], false);
    assert!(json["data"][0]["text"].as_str().unwrap().contains("CREATE TABLE t_aaa"));
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let project = Project::chain(&["aaa"]);
    assert_eq!(project.run("heads").ok(), "aaa (head), Make aaa\n");
    assert!(project.run("heads --color always").ok().contains("\u{1b}["));
    assert!(!project.run("heads --color never").ok().contains('\u{1b}'));
}

#[test]
fn a_piece_of_the_history_is_counted_from_either_end() {
    let project = Project::chain(&["aaaa", "bbbb", "cccc", "dddd"]);
    project.on_database("stamp bbbb").ok();
    let ids = |range: &str| {
        let done = project.on_database(&format!("history --format json -r {range}"));
        let json = done.json();
        let entries = json["data"].as_array().unwrap().iter();
        entries.map(|entry| entry["revision"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids("-1:"), "dddd cccc");
    assert_eq!(ids(":bbbb"), "bbbb aaaa");
    assert_eq!(ids("bbbb:cccc"), "cccc bbbb");
    assert_eq!(ids("aaaa:+1"), "bbbb aaaa");
    assert_eq!(ids("current:"), "dddd cccc bbbb");
    assert_eq!(
        project.run("history -r aaaa").failed(2),
        "error: 'aaaa' is not a range, which is [start]:[end], [start]: or :[end]\n"
    );
    assert_eq!(project.run("history -r dddd:aaaa").code, 11);
}
