//! The questions that are asked on a terminal before something is taken down.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;

use embed_migrations_tests::behaviours;
use embed_migrations_tests::command::{CommandProject, Done, words};
use embed_migrations_tests::revisions::Revisions;
use nix::pty::{OpenptyResult, openpty};

use crate::interrupt::Running;

/// Runs a line of arguments on a terminal, and types an answer once it was asked and something was done meanwhile.
fn answered(project: &CommandProject, line: &str, answer: &str, meanwhile: impl FnOnce()) -> Done {
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    let mut command = project.command();
    command.args(words(line)).stdin(Stdio::from(slave)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::spawn(command);
    running.wait_for("Go on? [y/N]");
    meanwhile();
    File::from(master).write_all(format!("{answer}\n").as_bytes()).unwrap();
    running.end()
}

behaviours! {
    fn a_downgrade_is_taken_after_a_yes_alone(db) {
        let project = CommandProject::with(db, &Revisions::tables(2));
        project.run("upgrade").ok();
        for no in ["n", "", "yesterday"] {
            let done = answered(&project, "downgrade -1", no, || {});
            assert!(done.failed(17).ends_with("error: nothing was changed\n"), "{done:?}");
        }
        assert_eq!(db.tables(), ["t1", "t2"]);
        for (yes, left) in [("y", vec!["t1"]), ("YES", vec![])] {
            answered(&project, "downgrade -1", yes, || {}).ok();
            assert_eq!(db.tables(), left);
        }
    }

    fn a_yes_is_to_the_steps_that_were_shown(db) {
        let project = CommandProject::with(db, &Revisions::tables(3));
        project.run("upgrade r0002").ok();
        let done = answered(&project, "downgrade -1", "y", || drop(project.run("upgrade")));
        let told = done.failed(17);
        assert!(told.contains("the database was changed while you were asked, and nothing was done"), "{told}");
        assert!(told.contains("down r0003"), "{told}");
        assert_eq!(db.tables(), ["t1", "t2", "t3"]);
    }

    fn a_yes_for_many_databases_is_to_the_steps_that_were_shown(db) {
        let project = CommandProject::with(db, &Revisions::tables(3));
        project.write("urls", &db.url());
        project.run("upgrade r0002").ok();
        let done = answered(&project, "downgrade -1 --urls urls", "y", || drop(project.run("upgrade")));
        let told = done.failed(17);
        assert!(told.contains("the database was changed while you were asked, and nothing was done"), "{told}");
        assert!(told.contains("down r0003"), "{told}");
        let done = answered(&project, "downgrade -1 --urls urls", "n", || {});
        assert!(done.failed(17).ends_with("error: nothing was changed\n"), "{done:?}");
        assert_eq!(db.tables(), ["t1", "t2", "t3"]);
        answered(&project, "downgrade -1 --urls urls", "y", || {}).ok();
        assert_eq!(db.tables(), ["t1", "t2"]);
    }

    fn a_yes_to_undo_what_is_unknown_is_to_the_steps_that_were_shown(db) {
        let newer = CommandProject::with(db, &Revisions::tables(3));
        newer.run("upgrade r0002").ok();
        let project = CommandProject::with(db, &Revisions::tables(1));
        let done = answered(&project, "undo", "y", || drop(newer.run("upgrade")));
        assert!(done.failed(17).contains("the database was changed while you were asked"), "{done:?}");
        assert_eq!(db.tables(), ["t1", "t2", "t3"]);
        answered(&project, "undo", "y", || {}).ok();
        assert_eq!(db.tables(), ["t1"]);
    }
}
