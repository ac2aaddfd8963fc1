//! PostgreSQL with a streaming standby, which may take over.

use std::process::Command;
use std::thread;

use embed_migrations::{ErrorKind, Lock};
use embed_migrations_tests::database::{Connection, Kind};
use embed_migrations_tests::guarantees::counted;
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;

use crate::starters::ids;
use crate::{told, wait_for_session, wait_until};

/// A primary and its standby, for one test.
struct Pair {
    primary: String,
    /// The id of the primary's process
    process: String,
    standby: String,
    /// The file with the statements that the standby was sent
    log: String,
}

impl Pair {
    fn take(number: usize) -> Self {
        let pairs = told("PAIRS");
        let words: Vec<&str> = pairs.lines().nth(number).unwrap().split(' ').collect();
        let [primary, process, standby, log] = words[..] else { panic!("{pairs}") };
        let [primary, process, standby, log] = [primary, process, standby, log].map(str::to_owned);
        Self { primary, process, standby, log }
    }

    /// How many statements the standby has been sent.
    fn statements(&self) -> usize {
        let log = String::from_utf8(std::fs::read(&self.log).unwrap()).unwrap();
        log.lines()
            .filter(|line| line.contains("LOG:  statement: ") || line.contains("LOG:  execute "))
            .count()
    }

    /// Waits until the standby has what the primary has.
    fn catch_up(&self) {
        let wal = Connection::new(Kind::Postgres, &self.primary).value("SELECT pg_current_wal_lsn()");
        let mut standby = Connection::new(Kind::Postgres, &self.standby);
        let caught_up = format!("SELECT pg_last_wal_replay_lsn() >= '{wal}'");
        wait_until("the standby follows", || standby.value(&caught_up) == "t");
    }

    /// Ends the primary as a power failure would, and lets the standby take over.
    fn fail_over(&self) {
        let killed = Command::new("kill").args(["-KILL", &self.process]).status().unwrap();
        assert!(killed.success());
        let promoted = Connection::new(Kind::Postgres, &self.standby).value("SELECT pg_promote(true, 30)");
        assert_eq!(promoted, "t");
    }
}

/// Runs on the primary, and fails over when the revision `slow` waits for the table `gate`, which nobody has locked where the
/// standby took over; then runs once more where the standby was.
fn fail_over_in_mid_run(pair: &Pair, revisions: &Revisions) -> Vec<String> {
    let mut gate = Connection::new(Kind::Postgres, &pair.primary);
    gate.run("CREATE TABLE gate (id INTEGER)");
    gate.run("BEGIN; LOCK TABLE gate");
    let (set, url) = (revisions.build(), pair.primary.clone());
    let first = thread::spawn(move || migrate!(Connection::new(Kind::Postgres, &url), set, upgrade("head")));
    wait_for_session(&pair.primary, "wait_event_type = 'Lock' AND wait_event = 'relation'");
    pair.catch_up();
    pair.fail_over();
    let error = first.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Database, "{error}");
    assert!(error.to_string().contains("'slow'"), "{error}");

    let mut promoted = Connection::new(Kind::Postgres, &pair.standby);
    let report = migrate!(promoted, revisions.build(), upgrade("head")).unwrap();
    assert!(migrate!(promoted, revisions.build(), upgrade("head")).unwrap().is_empty());
    report.steps.iter().map(|step| step.revision.to_string()).collect()
}

#[test]
fn a_start_with_nothing_to_do_sends_one_statement_to_a_standby_and_one_with_work_is_told_that_it_is_one() {
    let pair = Pair::take(0);
    let set = Revisions::tables(3).build();
    migrate!(Connection::new(Kind::Postgres, &pair.primary), set, upgrade("head")).unwrap();
    pair.catch_up();
    let mut standby = Connection::new(Kind::Postgres, &pair.standby);
    assert_eq!(standby.value("SELECT pg_is_in_recovery()"), "t");
    let locks = [Lock::Session, Lock::Lease, Lock::None];
    for lock in locks {
        let before = pair.statements();
        let report = migrate!(standby, set, lock(lock).upgrade("head")).unwrap();
        assert!(report.is_empty());
        assert_eq!(pair.statements() - before, 1);
    }
    for lock in locks {
        let longer = Revisions::tables(4).build();
        let error = migrate!(standby, longer, lock(lock).upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("read-only") || error.to_string().contains("standby"), "{error}");
    }
    assert_eq!(standby.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), "0");
    assert_eq!(standby.count("migrate_history"), 3);
    counted("A start with nothing to do reads one row of a standby", Kind::Postgres, locks.len());
}

#[test]
fn a_run_whose_primary_is_lost_is_done_again_or_goes_on_where_the_standby_took_over() {
    a_run_whose_primary_is_lost_in_a_transaction_is_done_again();
    a_run_whose_primary_is_lost_outside_of_a_transaction_goes_on_with_the_statement();
    counted("When a standby takes over", Kind::Postgres, 2);
}

fn a_run_whose_primary_is_lost_in_a_transaction_is_done_again() {
    let pair = Pair::take(1);
    let text = "-- migrate:up lock-timeout=1h\nCREATE TABLE t5 (id INTEGER);\nSELECT count(*) FROM gate;";
    let revisions = Revisions::tables(4).sections("slow", text);
    let applied = fail_over_in_mid_run(&pair, &revisions);
    assert_eq!(applied, ["slow"]);
    let mut promoted = Connection::new(Kind::Postgres, &pair.standby);
    assert_eq!(promoted.count("migrate_history"), 5);
    assert_eq!(
        promoted.value("SELECT string_agg(revision, ' ' ORDER BY seq) FROM migrate_history"),
        ids(4).join(" ") + " slow"
    );
    assert_eq!(promoted.count("t5"), 0);
}

fn a_run_whose_primary_is_lost_outside_of_a_transaction_goes_on_with_the_statement() {
    let pair = Pair::take(2);
    let text = "-- migrate:up no-transaction\nCREATE TABLE t2 (id INTEGER);\nINSERT INTO t2 VALUES (1);\n\
                CREATE TABLE t3 AS SELECT 1 AS id FROM (SELECT count(*) FROM gate) g;\nINSERT INTO t2 VALUES (2);\n";
    let applied = fail_over_in_mid_run(&pair, &Revisions::tables(1).sections("slow", text));
    assert_eq!(applied, ["slow"]);
    let mut promoted = Connection::new(Kind::Postgres, &pair.standby);
    assert_eq!((promoted.count("t2"), promoted.count("t3")), (2, 1));
}
