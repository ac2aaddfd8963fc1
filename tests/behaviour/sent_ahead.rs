//! Steps that are sent ahead of the answers to those before them: none runs out of turn, whatever fails.

use embed_migrations::{ErrorKind, Event, Lock};
use embed_migrations_tests::database::Kind;
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

/// So many that PostgreSQL is made to keep the runtime's own statements.
const STEPS: usize = 9;

/// A history whose revision `bad` has another body.
fn history(bad: usize, body: &str) -> Revisions {
    (1..=STEPS).fold(Revisions::new(), |revisions, n| {
        let good = format!("CREATE TABLE t{n} (id INTEGER PRIMARY KEY);\nINSERT INTO t{n} VALUES ({n});");
        let up = if n == bad { body } else { &good };
        revisions.sql(&format!("r{n:04}"), up, &format!("DROP TABLE t{n};"))
    })
}

fn names(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("t{n}")).collect()
}

behaviours! {
    fn nothing_behind_a_failed_step_is_in_force_wherever_it_is(db) {
        let bodies = [
            ("a syntax error", "CREATE TABEL oops (x INTEGER);"),
            ("a run-time error", "INSERT INTO no_such_table VALUES (1);"),
            ("one at the end of the section", "CREATE TABLE passing (x INTEGER);\nINSERT INTO passing VALUES ('a', 'b');"),
        ];
        for bad in 1..=STEPS {
            for (what, body) in bodies {
                let mut connection = db.connect();
                let set = history(bad, body).build();
                let mut finished = Vec::new();
                let error = migrate!(connection, set, on_event(|event| {
                    if let Event::Finished { step, .. } = event {
                        finished.push(step.number);
                    }
                }).upgrade("head")).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Revision, "{what} in step {bad}: {error}");
                let failure = error.failure().unwrap();
                assert_eq!(failure.revision, format!("r{bad:04}"), "{what}");
                assert_eq!(finished, (1..bad).collect::<Vec<_>>(), "{what}");
                let mut tables = db.tables();
                tables.retain(|table| table != "passing");
                assert_eq!(tables, names(bad - 1), "{what} in step {bad}");
                // MySQL keeps what its DDL did, and the next run goes on from there.
                let set = history(bad, if failure.kept == 0 { "CREATE TABLE mended (x INTEGER);" } else {
                    "CREATE TABLE passing (x INTEGER);\nCREATE TABLE mended (x INTEGER);"
                }).build();
                migrate!(connection, set, upgrade("head")).unwrap();
                let rows = migrate!(connection, set, history()).unwrap();
                assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=STEPS as i64).collect::<Vec<_>>());
                connection.run("DROP TABLE mended");
                connection.run("DROP TABLE IF EXISTS passing");
                for n in (1..=STEPS).filter(|n| *n != bad) {
                    connection.run(&format!("DROP TABLE t{n}"));
                }
                connection.run("DROP TABLE migrate_history");
            }
        }
    }

    fn a_step_that_another_process_takes_is_taken_once_wherever_it_is(db) {
        for taken in 1..=STEPS {
            let set = history(0, "").build();
            let mut connection = db.connect();
            migrate!(connection, set, upgrade("head")).unwrap();
            migrate!(connection, set, downgrade("base")).unwrap();
            // The other one is at work with a lock of its own, so that only the row keeps the two apart.
            let mut raced = false;
            let report = migrate!(connection, set, lock(Lock::None).on_event(|event| {
                if let Event::Planned { .. } = event {
                    let other = || {
                        let mut connection = db.connect();
                        migrate!(connection, set, lock(Lock::None).upgrade(format!("r{taken:04}"))).unwrap();
                    };
                    std::thread::scope(|scope| scope.spawn(other).join().unwrap());
                    raced = true;
                }
            }).upgrade("head")).unwrap();
            assert!(raced);
            assert_eq!(report.steps.len(), STEPS - taken, "{taken}");
            assert_eq!(db.tables(), names(STEPS));
            for n in 1..=STEPS {
                assert_eq!(connection.count(&format!("t{n}")), 1, "t{n}");
            }
            migrate!(connection, set, downgrade("base")).unwrap();
        }
    }

    fn a_long_history_is_in_force_in_order(db) {
        let count = 600;
        let set = (2..=count).fold(Revisions::tables(1), |revisions, n| {
            revisions.sql(&format!("i{n:04}"), &format!("INSERT INTO t1 VALUES ({n});"), "")
        }).build();
        let mut connection = db.connect();
        let mut order = Vec::new();
        let report = migrate!(connection, set, on_event(|event| {
            if let Event::Started { step, .. } = event {
                order.push(step.number);
            }
        }).upgrade("head")).unwrap();
        assert_eq!((report.steps.len(), connection.count("t1")), (count, count));
        assert_eq!(order, (1..=count).collect::<Vec<_>>());
        let gaps = "SELECT count(*) FROM migrate_history a WHERE seq > 1 AND NOT EXISTS \
                    (SELECT 1 FROM migrate_history b WHERE b.seq = a.seq - 1 AND b.started_at <= a.started_at)";
        assert_eq!(connection.value(gaps), "0");
    }
}

mod a_race_inside_of_what_was_sent_ahead_is_settled_by_the_rows {
    use super::*;

    #[test]
    fn postgres() {
        let db = embed_migrations_tests::database::Database::new(Kind::Postgres);
        let slow = (1..=STEPS).fold(Revisions::new(), |revisions, n| {
            let up = format!("SELECT pg_sleep(0.05);\nCREATE TABLE t{n} (id INTEGER PRIMARY KEY);\nINSERT INTO t{n} VALUES ({n});");
            revisions.sql(&format!("r{n:04}"), &up, &format!("DROP TABLE t{n};"))
        });
        let set = slow.build();
        let total: usize = std::thread::scope(|scope| {
            let run = |lock: Lock| {
                let mut connection = db.connect();
                migrate!(connection, set, lock(lock).upgrade("head")).unwrap().steps.len()
            };
            // One has the session's lock, and others do not ask.
            let locks = [Lock::Session, Lock::None, Lock::None, Lock::Session, Lock::None, Lock::None];
            let starters: Vec<_> = locks.map(|lock| scope.spawn(move || run(lock))).into_iter().collect();
            starters.into_iter().map(|starter| starter.join().unwrap()).sum()
        });
        assert_eq!(total, STEPS, "every step is in the report of the one that took it");
        assert_eq!(db.tables(), names(STEPS));
    }
}

mod a_revision_that_has_the_session_forget_its_statements_costs_the_run_nothing {
    use super::*;

    #[test]
    fn postgres() {
        for forgets in [
            "DEALLOCATE ALL;",
            "DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$;",
            "PREPARE own AS SELECT 1;\nEXECUTE own;",
        ] {
            let db = embed_migrations_tests::database::Database::new(Kind::Postgres);
            let set = (1..=3 * STEPS)
                .fold(Revisions::tables(1), |revisions, n| {
                    let up = if n % 10 == 5 && n < 20 {
                        forgets.replace("own", &format!("own{n}"))
                    } else {
                        format!("INSERT INTO t1 VALUES ({});", n + 1)
                    };
                    revisions.sections(&format!("s{n:04}"), &format!("-- migrate:up postgres\n{up}"))
                })
                .build();
            let mut connection = db.connect();
            let report = migrate!(connection, set, upgrade("head")).unwrap();
            assert_eq!(report.steps.len(), 3 * STEPS + 1, "{forgets}");
            assert_eq!(connection.count("t1"), 3 * STEPS - 1, "{forgets}");
            assert_eq!(connection.count("migrate_history"), 3 * STEPS + 1, "{forgets}");
            assert_eq!(connection.value(KEPT), "0", "{forgets}");
        }
    }
}

mod the_session_keeps_no_statement_of_a_run_that_is_over {
    use super::*;

    #[test]
    fn postgres() {
        let db = embed_migrations_tests::database::Database::new(Kind::Postgres);
        let mut connection = db.connect();
        migrate!(
            connection,
            history(STEPS, "INSERT INTO no_such_table VALUES (1);").build(),
            upgrade("head")
        )
        .unwrap_err();
        assert_eq!(connection.value(KEPT), "0", "one that failed");
        migrate!(connection, history(0, "").build(), upgrade("head")).unwrap();
        assert_eq!(connection.value(KEPT), "0", "one that succeeded");
    }
}

/// How many statements of the runtime's the session keeps.
const KEPT: &str = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'embed_migrations%'";
