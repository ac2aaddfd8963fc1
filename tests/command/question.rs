//! The questions that are asked on a terminal before something is taken down.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;

use embed_migrations_tests::behaviours;
use embed_migrations_tests::command::{CommandProject, Done, words};
use embed_migrations_tests::database::Database;
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
        done.failed(19);
        assert!(done.stdout.contains("failed: the database was changed since its steps were planned"), "{done:?}");
        let done = answered(&project, "downgrade -1 --urls urls", "n", || {});
        assert!(done.failed(17).ends_with("error: nothing was changed\n"), "{done:?}");
        assert_eq!(db.tables(), ["t1", "t2", "t3"]);
        answered(&project, "downgrade -1 --urls urls", "y", || {}).ok();
        assert_eq!(db.tables(), ["t1", "t2"]);
    }

    fn a_yes_for_many_databases_is_not_handed_on_once_they_were_changed(db) {
        let project = CommandProject::with(db, &Revisions::tables(2));
        project.run("upgrade").ok();
        project.run("new -m Rust --rust --id rust").ok();
        let file = "migrations/rust_rust.rs";
        let text = std::fs::read_to_string(project.path(file)).unwrap();
        project.write(file, &format!("{text}\npub async fn down(_: &mut Db<'_>) -> Result<()> {{\n    Ok(())\n}}\n"));
        let manifest = std::fs::read_to_string(project.path("Cargo.toml")).unwrap();
        project.write("Cargo.toml", &format!("{manifest}\nrunner = [\"touch\", \"begun\"]\n"));
        project.write("urls", &db.url());
        project.run("stamp rust").ok();
        let moves = || drop(project.run("stamp --purge r0002").ok().to_owned());
        let done = answered(&project, "downgrade r0001 --urls urls", "y", moves);
        let told = done.failed(17);
        assert!(told.contains("the database was changed while you were asked, and nothing was done"), "{told}");
        assert!(!project.path("begun").exists());
        assert_eq!(db.tables(), ["t1", "t2"]);
    }

    fn a_yes_is_not_to_databases_of_which_no_steps_were_shown(db) {
        let project = CommandProject::with(db, &Revisions::tables(3));
        project.run("upgrade").ok();
        let later = Database::new(db.kind);
        let mut connection = later.connect();
        project.run(&format!("upgrade --database-url {}", later.url())).ok();
        project.write("urls", &format!("{}\n{}\n", db.url(), later.url()));
        connection.run("ALTER TABLE migrate_history RENAME TO kept");
        connection.run("CREATE TABLE migrate_history (id INTEGER)");
        let put_back = || {
            connection.run("DROP TABLE migrate_history");
            connection.run("ALTER TABLE kept RENAME TO migrate_history");
        };
        let fast = project.run("downgrade -1 --urls urls --fail-fast");
        fast.failed(19);
        assert!(fast.stdout.contains("2 targets: 1 failed, 1 not begun ("), "{fast:?}");
        assert_eq!(db.tables(), ["t1", "t2", "t3"]);
        let done = answered(&project, "downgrade -1 --urls urls", "y", put_back);
        let told = done.failed(19);
        assert!(told.contains("2 targets: 1 with something to do, 1 failed (") && told.contains("1 of 2 targets are done"), "{told}");
        assert!(done.stdout.contains("2 targets: 1 changed, 1 failed ("), "{done:?}");
        assert_eq!((db.tables(), later.tables()), (vec!["t1".to_owned(), "t2".to_owned()], vec!["t1".into(), "t2".into(), "t3".into()]));
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
