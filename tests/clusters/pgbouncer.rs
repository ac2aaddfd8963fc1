//! Behind pgbouncer in transaction mode, where each transaction may get another session of the server.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use embed_migrations::{ErrorKind, Event, Lock};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::guarantees::counted;
use embed_migrations_tests::log::Log;
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;

use crate::starters::{all_succeeded, go, ids, outcome, prepare, start_all};
use crate::{told, wait_for_session, wait_until};

/// As many as pgbouncer has of the server.
const SESSIONS: usize = 4;

/// How many processes start at once.
const STARTERS: usize = 16;

/// How many advisory locks a session has.
const OWN_LOCKS: &str =
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";

/// A database on the server, and its URL by way of pgbouncer.
fn pooled() -> (Database, String) {
    let pooler = told("PGBOUNCER");
    let db = Database::new(Kind::Postgres);
    let (place, _) = pooler.rsplit_once('/').unwrap();
    let url = format!("{place}/{}", db.name);
    (db, url)
}

/// Advisory locks that any session of the server has in the database.
fn locks(db: &Database) -> String {
    db.connect().value(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database \
         WHERE locktype = 'advisory' AND datname = current_database()",
    )
}

/// Every session that pgbouncer has is as a new one is, and has no lock.
fn check_sessions(db: &Database, url: &str) {
    // A language has settings of its own once it was used.
    let query = "SELECT name, setting FROM pg_settings WHERE context IN ('user', 'superuser') \
                 AND name NOT IN ('application_name', 'extra_float_digits') AND name NOT LIKE 'plpgsql.%'";
    let expected: HashSet<Vec<String>> = db.connect().rows(query).into_iter().collect();
    // While all are in a transaction each has one of its own.
    let mut clients: Vec<Connection> = (0..SESSIONS).map(|_| Connection::new(Kind::Postgres, url)).collect();
    for client in &mut clients {
        client.run("BEGIN");
        let changed: Vec<Vec<String>> =
            client.rows(query).into_iter().filter(|setting| !expected.contains(setting)).collect();
        assert!(changed.is_empty(), "{changed:?}");
        assert_eq!(client.value("SELECT count(*) FROM pg_prepared_statements"), "0");
    }
    assert_eq!(locks(db), "0");
}

/// Takes a session of pgbouncer's, until it is given back: the one that was given back last, or, where it has none, a new one.
fn take_session(url: &str) -> Connection {
    let mut connection = Connection::new(Kind::Postgres, url);
    connection.run("BEGIN");
    connection
}

/// Takes all sessions that there can be, and gives first the one that has the lock.
fn take_all(url: &str) -> Vec<Connection> {
    let mut sessions: Vec<Connection> = (0..SESSIONS).map(|_| take_session(url)).collect();
    let with_lock = sessions.iter_mut().position(|session| session.value(OWN_LOCKS) == "1");
    sessions.swap(0, with_lock.expect("one of them has the lock"));
    sessions
}

/// Works on another thread, since an event comes while a runtime is at work on this one.
fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    thread::spawn(work).join().unwrap()
}

/// Waits until so many clients wait for a session of pgbouncer's.
fn wait_for_clients(url: &str, count: u32) {
    let (place, database) = url.rsplit_once('/').unwrap();
    let mut console = Connection::new(Kind::Postgres, &format!("{place}/pgbouncer"));
    // Database, user, clients that are served, clients that wait
    let waiting = |pools: Vec<Vec<String>>| {
        pools.into_iter().find(|pool| pool[0] == database).map_or(0, |pool| pool[3].parse().unwrap())
    };
    wait_until("clients wait for a session", || waiting(console.rows("SHOW POOLS")) >= count);
}

fn starters_apply_each_revision_once(options: &[&str]) -> (Database, String) {
    let (db, url) = pooled();
    let applied = all_succeeded(start_all([url.as_str(); STARTERS], &Revisions::tables(12), options));
    assert_eq!(applied, ids(12));
    for n in 1..=12 {
        assert_eq!(db.connect().count(&format!("t{n}")), 1, "t{n}");
    }
    (db, url)
}

#[test]
fn starters_with_leases_apply_each_revision_once_and_leave_the_pooled_sessions_as_they_were() {
    let (db, url) = starters_apply_each_revision_once(&["lease"]);
    assert_eq!(db.connect().count("migrate_history_lease"), 0);
    check_sessions(&db, &url);
    counted("Many starters behind pgbouncer", Kind::Postgres, STARTERS);
}

#[test]
fn starters_without_locks_apply_each_revision_once_and_leave_the_pooled_sessions_as_they_were() {
    let (db, url) = starters_apply_each_revision_once(&["no-lock"]);
    check_sessions(&db, &url);
    counted("The same behind pgbouncer without locks", Kind::Postgres, STARTERS);
}

#[test]
fn starters_with_session_locks_apply_each_revision_once_and_who_leaves_a_lock_says_so() {
    let (db, url) = pooled();
    let revisions = Revisions::tables(12);
    let outcomes = start_all([url.as_str(); STARTERS], &revisions, &[]);
    for n in 1..=12 {
        assert_eq!(db.connect().count(&format!("t{n}")), 1, "t{n}");
    }
    let failures: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    for failure in &failures {
        assert!(failure.contains("a pooler that hands out a session per transaction"), "{failure}");
    }
    assert!(locks(&db) == "0" || !failures.is_empty(), "a lock was left in silence");
    // Whatever was left, nothing waits for it.
    let set = revisions.sql("more", "CREATE TABLE t13 (id INTEGER);", "").build();
    let mut connection = Connection::new(Kind::Postgres, &url);
    assert_eq!(migrate!(connection, set, lock(Lock::Lease).upgrade("head")).unwrap().steps.len(), 1);
    counted("A session's lock that stays with pgbouncer", Kind::Postgres, STARTERS);
}

#[test]
fn a_run_that_is_given_another_session_before_it_has_its_lock_goes_over_to_a_lease() {
    let (db, url) = pooled();
    let set = Revisions::tables(3).build();
    let (mut others, mut why) = (Vec::new(), Vec::new());
    let mut connection = Connection::new(Kind::Postgres, &url);
    let report = migrate!(
        connection,
        set,
        on_event(|event| match event {
            Event::Planned { .. } => {
                let url = url.clone();
                others.push(aside(move || take_session(&url)));
            }
            Event::Leasing { why: told, .. } => why.push((*told).to_owned()),
            _ => {}
        })
        .upgrade("head")
    );
    assert_eq!(report.unwrap().steps.len(), 3);
    assert_eq!(why.len(), 1, "{why:?}");
    assert!(why[0].contains("answered by two sessions"), "{why:?}");
    drop(others);
    assert_eq!(db.connect().count("migrate_history_lease"), 0);
    check_sessions(&db, &url);
}

#[test]
fn a_run_that_is_given_another_session_under_its_lock_does_its_work_and_says_that_the_lock_stayed() {
    let (db, url) = pooled();
    let set = Revisions::tables(3).build();
    let mut others = Vec::new();
    let mut connection = Connection::new(Kind::Postgres, &url);
    let error = migrate!(
        connection,
        set,
        on_event(|event| {
            if matches!(event, Event::Finished { .. }) && others.is_empty() {
                let url = url.clone();
                others.push(aside(move || {
                    let mut sessions = take_all(&url);
                    sessions.drain(1..).for_each(|mut other| other.run("COMMIT"));
                    sessions.remove(0)
                }));
            }
        })
        .upgrade("head")
    )
    .unwrap_err();
    assert!(error.to_string().contains("use `lock(Lock::Lease)`"), "{error}");
    assert_eq!(db.tables(), ["t1", "t2", "t3"]);
    // Nobody who has nothing to do waits for it, nor does a run with a lease.
    assert!(migrate!(connection, set, upgrade("head")).unwrap().is_empty());
    let set = Revisions::tables(4).build();
    assert_eq!(migrate!(connection, set, lock(Lock::Lease).upgrade("head")).unwrap().steps.len(), 1);
}

#[test]
fn a_session_that_comes_back_gives_the_lock_back() {
    let (db, url) = pooled();
    let set = Revisions::tables(3).build();
    let mut connection = Connection::new(Kind::Postgres, &url);
    let log = Log::start(&db, &mut connection);
    let asked = || log.statements().iter().filter(|sql| sql.contains("pg_advisory_unlock")).count();
    thread::scope(|scope| {
        let (asked, url) = (&asked, &url);
        let direct = |event: &Event<'_>| {
            if !matches!(event, Event::Finished { step, .. } if step.revision == "r0003") {
                return;
            }
            let at = url.clone();
            let mut sessions = aside(move || take_all(&at));
            scope.spawn(move || {
                // The run gets another session each time, and behind the run waits a client that takes it next. Once the run
                // has asked for the lock in vain, the only session that it can be given is its own.
                let mut other = sessions.remove(1);
                while asked() == 0 {
                    wait_for_clients(url, 1);
                    let behind = scope.spawn(move || take_session(url));
                    wait_for_clients(url, 2);
                    other.run("COMMIT");
                    other = behind.join().unwrap();
                }
                wait_for_clients(url, 1);
                sessions[0].run("COMMIT");
                sessions[1..].iter_mut().chain([&mut other]).for_each(|session| session.run("COMMIT"));
            });
        };
        migrate!(connection, set, on_event(direct).upgrade("head")).unwrap();
    });
    assert_eq!(asked(), 2);
    check_sessions(&db, &url);
}

#[test]
fn a_statement_longer_than_the_lease_is_not_taken_from_its_owner() {
    for options in ["", " no-transaction"] {
        let (db, url) = pooled();
        let text = format!(
            "-- migrate:up{options}\nSELECT pg_sleep(2);\nCREATE TABLE once (id INTEGER);\nINSERT INTO once VALUES (1);"
        );
        let revisions = Revisions::tables(1).sections("slow", &text);
        let lease = Duration::from_millis(300);
        let (set, at) = (revisions.build(), url.clone());
        let first = thread::spawn(move || {
            let mut connection = Connection::new(Kind::Postgres, &at);
            let report = migrate!(connection, set, lock(Lock::Lease).lease(lease).upgrade("head"));
            report.unwrap().steps.len()
        });
        wait_for_session(&db.url(), "wait_event = 'PgSleep'");
        let mut second = Connection::new(Kind::Postgres, &url);
        let report = migrate!(second, revisions.build(), lock(Lock::Lease).lease(lease).upgrade("head"));
        assert_eq!(first.join().unwrap(), 2, "the owner did it all{options}");
        assert!(report.unwrap().is_empty());
        assert_eq!(db.connect().count("once"), 1);
        check_sessions(&db, &url);
    }
}

#[test]
fn what_a_killed_run_was_at_takes_effect_once_and_its_answers_reach_nobody() {
    let sections = ["", " no-transaction"];
    for options in sections {
        let (db, url) = pooled();
        // Its statement waits for this table.
        let mut gate = db.connect();
        gate.run("CREATE TABLE gate (id INTEGER)");
        gate.run("BEGIN; LOCK TABLE gate");
        let text = format!(
            "-- migrate:up{options} lock-timeout=1h\nCREATE TABLE t3 (id INTEGER);\nINSERT INTO t3 SELECT 3 FROM (SELECT count(*) FROM gate) g;"
        );
        let revisions = Revisions::tables(2).sections("slow", &text);
        let directory = revisions.write();
        let mut first = prepare(&url, directory.path(), &["lease"]);
        go(&mut first);
        wait_for_session(&db.url(), "wait_event_type = 'Lock' AND wait_event = 'relation'");
        first.kill().unwrap();
        outcome(first).unwrap_err();
        gate.run("COMMIT");
        all_succeeded(start_all([url.as_str(); 4], &revisions, &["lease"]));
        let mut connection = db.connect();
        assert_eq!(
            connection.value("SELECT string_agg(revision, ' ' ORDER BY seq) FROM migrate_history"),
            "r0001 r0002 slow"
        );
        for table in ["t1", "t2", "t3"] {
            assert_eq!(connection.count(table), 1, "{table}{options}");
        }
        check_sessions(&db, &url);
    }
    counted("A process killed behind pgbouncer", Kind::Postgres, sections.len());
}

#[test]
fn a_sections_timeouts_hold_for_each_of_its_statements_and_stay_with_no_session() {
    let limits = "current_setting('lock_timeout') || ' ' || current_setting('statement_timeout')";
    let text = format!(
        "-- migrate:up no-transaction lock-timeout=7s statement-timeout=1h\nCREATE TABLE seen (limits TEXT);\n\
         INSERT INTO seen SELECT {limits};\nINSERT INTO seen SELECT {limits};"
    );
    for lock in [Lock::Lease, Lock::None] {
        let (db, url) = pooled();
        let set = Revisions::tables(1).sections("limited", &text).build();
        let mut others = Vec::new();
        let mut connection = Connection::new(Kind::Postgres, &url);
        let report = migrate!(
            connection,
            set,
            lock(lock)
                .on_event(|event| {
                    // The next statement meets another session.
                    if matches!(event, Event::Statement { step, .. } if step.revision == "limited")
                        && others.len() < 2
                    {
                        let url = url.clone();
                        others.push(aside(move || take_session(&url)));
                    }
                })
                .upgrade("head")
        );
        assert_eq!(report.unwrap().steps.len(), 2);
        assert_eq!(others.len(), 2);
        assert_eq!(db.connect().value("SELECT string_agg(limits, ', ') FROM seen"), "7s 1h, 7s 1h");
        drop(others);
        check_sessions(&db, &url);
    }
}

#[test]
fn a_statement_that_must_be_alone_is_not_run_without_its_sections_timeouts() {
    let (db, url) = pooled();
    let set = Revisions::tables(1)
        .sections(
            "index",
            "-- migrate:up no-transaction lock-timeout=7s\nSELECT 1;\nCREATE INDEX CONCURRENTLY i ON t1 (id);",
        )
        .build();
    for lock in [Lock::Lease, Lock::None] {
        let error =
            migrate!(Connection::new(Kind::Postgres, &url), set, lock(lock).upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
        assert!(error.to_string().contains("hint: connect past the pooler"), "{error}");
        let mut direct = db.connect();
        assert_eq!(direct.value("SELECT string_agg(revision, ' ') FROM migrate_history"), "r0001");
        check_sessions(&db, &url);
    }
    // Past the pooler, with the lock of a session.
    let report = migrate!(db.connect(), set, upgrade("head")).unwrap();
    assert_eq!(report.steps.len(), 1);
    assert_eq!(db.connect().value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass"), "t");
}

#[test]
fn a_call_that_turns_out_to_commit_is_left_to_a_session_with_the_timeouts() {
    let (db, url) = pooled();
    let set = Revisions::tables(1)
        .sections(
            "call",
            "-- migrate:up no-transaction statement-timeout=1h\n\
             CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t1 VALUES (2); COMMIT; END $$;\nCALL p();",
        )
        .build();
    let error =
        migrate!(Connection::new(Kind::Postgres, &url), set, lock(Lock::Lease).upgrade("head")).unwrap_err();
    assert!(error.to_string().contains("hint: connect past the pooler"), "{error}");
    assert_eq!(db.connect().count("t1"), 1);
    check_sessions(&db, &url);
    migrate!(db.connect(), set, upgrade("head")).unwrap();
    assert_eq!(db.connect().count("t1"), 2);
    assert!(migrate!(db.connect(), set, upgrade("head")).unwrap().is_empty());
}

#[test]
fn a_failed_run_leaves_neither_lock_nor_lease() {
    for lock in [Lock::Lease, Lock::Session, Lock::None] {
        let (db, url) = pooled();
        let set = Revisions::tables(2).sql("bad", "SELECT nothing FROM nowhere;", "").build();
        let error =
            migrate!(Connection::new(Kind::Postgres, &url), set, lock(lock).upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Revision, "{error}");
        assert_eq!(db.tables(), ["t1", "t2"]);
        if lock == Lock::Lease {
            assert_eq!(db.connect().count("migrate_history_lease"), 0);
        }
        check_sessions(&db, &url);
    }
}
