//! Several processes at once.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, mpsc};

use embed_migrations::{ErrorKind, Event, Lock};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate, server_behaviours};

fn start(db: &Database, directory: &std::path::Path, verb: &str, target: &str, options: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_migrating"))
        .args([&db.url(), directory.to_str().unwrap(), verb, target])
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Starts so many at once, and returns which revisions they say that they took a step with.
pub(crate) fn race(
    db: &Database,
    count: usize,
    revisions: &Revisions,
    (verb, target): (&str, &str),
    options: &[&str],
) -> Vec<String> {
    let directory = revisions.write();
    let mut children: Vec<Child> =
        (0..count).map(|_| start(db, directory.path(), verb, target, options)).collect();
    for child in &mut children {
        child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    }
    let mut applied = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        applied.extend(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned));
    }
    applied.sort();
    applied
}

fn eight_starters_apply_each_revision_once(db: &Database, options: &[&str]) {
    let revisions = Revisions::tables(12);
    let applied = race(db, 8, &revisions, ("upgrade", "head"), options);
    let expected: Vec<String> = (1..=12).map(|n| format!("r{n:04}")).collect();
    assert_eq!(applied, expected);
    let set = revisions.build();
    let mut connection = db.connect();
    let history = migrate!(connection, set, history()).unwrap();
    assert_eq!(history.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=12).collect::<Vec<_>>());
    assert_eq!(db.tables().len(), 12);
    for n in 1..=12 {
        assert_eq!(connection.count(&format!("t{n}")), 1, "t{n}");
    }
}

behaviours! {
    fn eight_processes_on_an_empty_database_all_succeed_and_apply_each_revision_once(db) {
        eight_starters_apply_each_revision_once(db, &[]);
    }

    fn without_locks_it_is_the_same(db) {
        eight_starters_apply_each_revision_once(db, &["no-lock"]);
    }

    fn with_leases_it_is_the_same(db) {
        eight_starters_apply_each_revision_once(db, &["lease"]);
        if db.kind != Kind::Sqlite {
            assert_eq!(db.connect().count("migrate_history_lease"), 0);
        }
    }

    fn a_lock_that_another_holds_is_waited_for_and_then_its_holder_is_named(db) {
        let set = Revisions::tables(1).build();
        let mut holder = db.connect();
        let mut connection = db.connect();
        let timeout = std::time::Duration::from_millis(300);
        match db.kind {
            Kind::Sqlite => {
                holder.run("BEGIN IMMEDIATE");
                let error = migrate!(connection, set, lock_timeout(timeout).upgrade("head")).unwrap_err();
                assert!(error.to_string().contains("locked"), "{error}");
                holder.run("ROLLBACK");
            }
            _ => {
                // A run of another program that is in the middle of its first step.
                let slow = Revisions::new().sql("slow", "CREATE TABLE slow (id INTEGER);", "").build();
                let url = db.url();
                let kind = db.kind;
                let (started, wait) = std::sync::mpsc::channel();
                let (finish, hold) = std::sync::mpsc::channel::<()>();
                let hold = std::sync::Mutex::new(hold);
                let other = std::thread::spawn(move || {
                    let mut connection = Connection::new(kind, &url);
                    migrate!(connection, slow, on_event(move |event| {
                        if matches!(event, Event::Started { .. }) {
                            started.send(()).unwrap();
                            hold.lock().unwrap().recv().unwrap();
                        }
                    }).upgrade("head")).unwrap();
                });
                wait.recv().unwrap();
                let mut waited = 0;
                let error = migrate!(connection, set, lock_timeout(timeout).on_event(|event| {
                    waited += usize::from(matches!(event, Event::Waiting { .. }));
                }).upgrade("head")).unwrap_err();
                assert_eq!(error.kind(), embed_migrations::ErrorKind::Locked, "{error}");
                assert!(error.to_string().contains("tester"), "{error}");
                assert!(waited > 0);
                finish.send(()).unwrap();
                other.join().unwrap();
            }
        }
    }

    fn what_was_planned_is_done_from_where_it_was_planned_alone(db) {
        let set = Revisions::tables(3).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        let plan = migrate!(connection, set, plan_downgrade("-1")).unwrap();
        let to_first = migrate!(connection, set, plan_downgrade("r0001")).unwrap();
        migrate!(connection, set, downgrade("r0002")).unwrap();
        let error = migrate!(connection, set, as_planned(&plan).downgrade("-1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Moved);
        assert!(error.to_string().starts_with("the database was changed since its steps were planned"), "{error}");
        assert_eq!(db.tables(), ["t1", "t2"]);
        // Where another has done a part of it, or all, the rest is done.
        let report = migrate!(connection, set, as_planned(&to_first).downgrade("r0001")).unwrap();
        assert_eq!((report.steps.len(), db.tables()), (1, vec!["t1".to_owned()]));
        assert!(migrate!(connection, set, as_planned(&to_first).downgrade("r0001")).unwrap().is_empty());
        let longer = Revisions::tables(4).build();
        migrate!(connection, longer, upgrade("head")).unwrap();
        let error = migrate!(connection, longer, as_planned(&to_first).downgrade("r0001")).unwrap_err();
        assert_eq!((error.kind(), db.tables().len()), (ErrorKind::Moved, 4));
    }

    fn a_planned_downgrade_says_that_the_database_was_moved_where_others_built_on_it_while_it_waited(db) {
        let set = Revisions::tables(4).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("r0003")).unwrap();
        let plan = migrate!(connection, set, plan_downgrade("-1")).unwrap();
        let (kind, url) = (db.kind, db.url());
        let error = migrate!(connection, set, as_planned(&plan).on_event(|event| {
            // What `-1` means is known by now, and the lock is yet to be taken.
            if let Event::Planned { .. } = event {
                let url = url.clone();
                let other = std::thread::spawn(move || {
                    let set = Revisions::tables(4).build();
                    migrate!(Connection::new(kind, &url), set, upgrade("head"))
                });
                assert_eq!(other.join().unwrap().unwrap().steps.len(), 1);
            }
        }).downgrade("-1")).unwrap_err();
        assert_eq!((error.kind(), db.tables().len()), (ErrorKind::Moved, 4), "{error}");
    }

    fn a_plan_that_goes_on_with_what_was_cut_off_leads_no_further_when_it_is_followed_again(db) {
        let sections = "-- migrate:up\nCREATE TABLE t4 (a INTEGER);\n\n-- migrate:down no-transaction\nDROP TABLE t4;\nDROP TABLE t5;\n";
        let set = Revisions::tables(3).on("r0004", "r0003", "", sections).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        migrate!(connection, set, downgrade("-1")).unwrap_err();
        connection.run("CREATE TABLE t5 (a INTEGER)");
        let plan = migrate!(connection, set, plan_downgrade("-1")).unwrap();
        assert_eq!((plan.interrupted.as_deref(), plan.steps.len()), (Some("r0004"), 1), "{plan}");
        let report = migrate!(connection, set, as_planned(&plan).downgrade("-1")).unwrap();
        assert_eq!((report.to, db.tables()), (vec!["r0002".to_owned()], vec!["t1".to_owned(), "t2".into()]));
        let error = migrate!(connection, set, as_planned(&plan).downgrade("-1")).unwrap_err();
        assert_eq!((error.kind(), db.tables().len()), (ErrorKind::Moved, 2));
    }

    fn a_plan_that_goes_on_with_a_way_up_goes_on_with_no_way_down(db) {
        let sections = "-- migrate:up no-transaction\nCREATE TABLE t3 (a INTEGER);\nCREATE TABLE t4 (a INTEGER);\n\n\
                        -- migrate:down no-transaction\nDROP TABLE t4;\nDROP TABLE t5;\nDROP TABLE t3;\n";
        let set = Revisions::tables(2).on("r0003", "r0002", "", sections).build();
        let mut connection = db.connect();
        connection.run("CREATE TABLE t4 (a INTEGER)");
        migrate!(connection, set, upgrade("head")).unwrap_err();
        connection.run("DROP TABLE t4");
        let plan = migrate!(connection, set, plan_downgrade("r0003")).unwrap();
        assert_eq!((plan.interrupted.as_deref(), plan.steps.len()), (Some("r0003"), 0), "{plan}");
        migrate!(connection, set, upgrade("head")).unwrap();
        migrate!(connection, set, downgrade("r0002")).unwrap_err();
        connection.run("CREATE TABLE t5 (a INTEGER)");
        let error = migrate!(connection, set, as_planned(&plan).downgrade("r0003")).unwrap_err();
        assert_eq!((error.kind(), db.tables()), (ErrorKind::Moved, ["t1", "t2", "t3", "t5"].map(str::to_owned).into()));
        migrate!(connection, set, downgrade("r0002")).unwrap();
        assert_eq!(db.tables(), ["t1", "t2"]);
    }

    fn a_lost_race_leaves_the_connection_as_it_was_and_the_rest_is_taken(db) {
        let set = Revisions::tables(3).build();
        let mut connection = db.connect();
        let before = match db.kind {
            Kind::Postgres => connection.value("SHOW search_path"),
            _ => String::new(),
        };
        let (kind, url) = (db.kind, db.url());
        let mut first = true;
        let mut overtaken = 0;
        let report = migrate!(connection, set, lock(Lock::None).on_event(|event| match event {
            // In the instant in which this run has planned its first step and is about to write its row.
            Event::Started { .. } if std::mem::take(&mut first) => {
                let url = url.clone();
                let other = std::thread::spawn(move || {
                    let set = Revisions::tables(3).build();
                    let timeout = std::time::Duration::from_millis(100);
                    migrate!(Connection::new(kind, &url), set, lock(Lock::None).lock_timeout(timeout).upgrade("r0002"))
                });
                let outcome = other.join().unwrap();
                if kind == Kind::Sqlite {
                    // There the step has begun with the write lock, and nobody else can come in between.
                    assert!(outcome.unwrap_err().to_string().contains("locked"));
                } else {
                    assert_eq!(outcome.unwrap().steps.len(), 2);
                }
            }
            Event::Overtaken => overtaken += 1,
            _ => {}
        }).upgrade("head")).unwrap();
        let expected = if db.kind == Kind::Sqlite { (3, 0) } else { (1, 1) };
        assert_eq!((report.steps.len(), overtaken), expected);
        for n in 1..=3 {
            assert_eq!(connection.count(&format!("t{n}")), 1);
        }
        match db.kind {
            Kind::Postgres => {
                assert_eq!(connection.value("SELECT now() = statement_timestamp()"), "t");
                assert_eq!(connection.value("SHOW search_path"), before);
            }
            Kind::Mysql => assert_eq!(connection.open_transactions(), "0"),
            Kind::Sqlite => connection.run("BEGIN; ROLLBACK"),
        }
    }
}

server_behaviours! {
    fn a_start_that_waits_goes_on_once_others_have_done_what_it_wanted_although_they_keep_the_lock(db) {
        let (kind, url) = (db.kind, db.url());
        let (at, wait) = mpsc::channel();
        let (finish, hold) = mpsc::channel::<()>();
        let hold = Mutex::new(hold);
        let other = std::thread::spawn(move || {
            let set = Revisions::tables(2).build();
            let told = migrate!(Connection::new(kind, &url), set, on_event(move |event| {
                let id = match event {
                    Event::Started { step, .. } if step.revision == "r0001" => "begun",
                    Event::Finished { step, .. } if step.revision == "r0002" => "done",
                    _ => return,
                };
                at.send(id).unwrap();
                hold.lock().unwrap().recv().unwrap();
            }).upgrade("head"));
            told.unwrap().steps.len()
        });
        assert_eq!(wait.recv().unwrap(), "begun");
        let set = Revisions::tables(2).build();
        let mut let_on = Some(finish.clone());
        let report = migrate!(db.connect(), set, on_event(|event| {
            if matches!(event, Event::Waiting { .. }) && let Some(finish) = let_on.take() {
                finish.send(()).unwrap();
            }
        }).upgrade("head")).unwrap();
        assert!(report.is_empty(), "{report}");
        assert_eq!(wait.recv().unwrap(), "done");
        finish.send(()).unwrap();
        assert_eq!(other.join().unwrap(), 2);
    }
}
