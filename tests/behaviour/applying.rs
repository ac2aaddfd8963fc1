//! Going up and down, to every kind of target.

use embed_migrations::{ErrorKind, Event, Target, Transaction};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

behaviours! {
    fn upgrade_applies_every_revision_once_and_in_order(db) {
        let set = Revisions::tables(5).build();
        let mut connection = db.connect();
        let report = migrate!(connection, set, upgrade("head")).unwrap();
        let steps: Vec<&str> = report.steps.iter().map(|step| step.revision.as_str()).collect();
        assert_eq!(steps, ["r0001", "r0002", "r0003", "r0004", "r0005"]);
        assert_eq!((report.from.len(), report.to.as_slice()), (0, &["r0005".to_owned()][..]));
        assert_eq!(db.tables(), ["t1", "t2", "t3", "t4", "t5"]);

        let again = migrate!(connection, set, upgrade("head")).unwrap();
        assert!(again.is_empty());
        assert_eq!(again.to_string(), "nothing to do: at r0005");
        assert_eq!(connection.count("t1"), 1);
    }

    fn downgrade_to_base_leaves_nothing_but_the_history(db) {
        let set = Revisions::tables(4).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade(Target::Head)).unwrap();
        let report = migrate!(connection, set, downgrade(Target::Base)).unwrap();
        let steps: Vec<&str> = report.steps.iter().map(|step| step.revision.as_str()).collect();
        assert_eq!(steps, ["r0004", "r0003", "r0002", "r0001"]);
        assert_eq!(db.tables(), Vec::<String>::new());
        assert_eq!(migrate!(connection, set, current()).unwrap(), Vec::<String>::new());
        assert!(migrate!(connection, set, downgrade(Target::Base)).unwrap().is_empty());
        migrate!(connection, set, upgrade(Target::Head)).unwrap();
        assert_eq!(db.tables().len(), 4);
    }

    fn every_kind_of_target_leads_where_it_says(db) {
        let set = Revisions::tables(6).build();
        let mut connection = db.connect();
        for (up, target, expected) in [
            (true, "+2", "r0002"),
            (true, "r0004", "r0004"),
            (true, "r0005", "r0005"),
            (false, "-2", "r0003"),
            (true, "+1", "r0004"),
            (false, "r0001", "r0001"),
            (true, "r0001", "r0001"),
            (true, "heads", "r0006"),
        ] {
            let report = if up {
                migrate!(connection, set, upgrade(target))
            } else {
                migrate!(connection, set, downgrade(target))
            };
            assert_eq!(report.unwrap().to, [expected], "{target}");
            assert_eq!(migrate!(connection, set, current()).unwrap(), [expected], "{target}");
        }
    }

    fn a_target_that_leads_nowhere_is_an_error_and_changes_nothing(db) {
        let set = Revisions::tables(3).build();
        let mut connection = db.connect();
        for (target, message) in [
            ("zzz", "can't locate revision identified by 'zzz'"),
            ("r0004", "can't locate revision identified by 'r0004'; the nearest is 'r0001'"),
            ("r000", "several revisions begin with 'r000': 'r0001', 'r0002', 'r0003'"),
            ("+4", "relative revision +4 leads too far: there are 3 that way"),
            ("-1", "relative revision -1 leads down; an upgrade takes +1"),
        ] {
            let error = migrate!(connection, set, upgrade(target)).unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Plan, message));
        }
        assert_eq!(db.tables(), Vec::<String>::new());
    }

    fn a_way_down_over_an_irreversible_revision_is_refused_before_anything_is_touched(db) {
        let set = Revisions::tables(1).sql("once", "CREATE TABLE kept (id INTEGER)", "")
            .sql("r3", "CREATE TABLE t3 (id INTEGER)", "DROP TABLE t3").build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        let error = migrate!(connection, set, downgrade("base")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Plan);
        assert_eq!(
            error.to_string(),
            "revision 'once' is irreversible: it has no section that undoes it; nothing was changed"
        );
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["r3"]);
        migrate!(connection, set, downgrade("once")).unwrap();
        assert_eq!(db.tables(), ["kept", "t1"]);
    }

    fn stamp_records_a_state_without_running_anything(db) {
        let set = Revisions::tables(3).build();
        let mut connection = db.connect();
        let report = migrate!(connection, set, stamp("r0002")).unwrap();
        assert_eq!(report.to, ["r0002"]);
        assert_eq!(db.tables(), Vec::<String>::new());
        assert!(migrate!(connection, set, stamp("r0002")).unwrap().is_empty());
        assert_eq!(migrate!(connection, set, upgrade("head")).unwrap().steps.len(), 1);
        assert_eq!(db.tables(), ["t3"]);
        migrate!(connection, set, stamp("base")).unwrap();
        assert_eq!(migrate!(connection, set, current()).unwrap(), Vec::<String>::new());
    }

    fn a_plan_says_what_a_run_would_do_and_does_nothing(db) {
        let set = Revisions::tables(3).build();
        let mut connection = db.connect();
        let plan = migrate!(connection, set, plan("r0002")).unwrap();
        assert_eq!(plan.steps.iter().map(|step| step.revision.as_str()).collect::<Vec<_>>(), ["r0001", "r0002"]);
        assert_eq!((plan.steps[0].statements, plan.to.as_slice()), (2, &["r0002".to_owned()][..]));
        assert_eq!(db.tables(), Vec::<String>::new());
        migrate!(connection, set, upgrade("r0002")).unwrap();
        let plan = migrate!(connection, set, plan_downgrade("base")).unwrap();
        assert_eq!(
            plan.to_string().lines().map(|l| l.trim_end_matches(" (not in a transaction)")).collect::<Vec<_>>(),
            ["r0002 -> base", "  down r0002 Revision r0002", "  down r0001 Revision r0001"]
        );
        assert!(migrate!(connection, set, plan("r0001")).unwrap().is_empty());
    }

    fn status_and_history_tell_what_was_done(db) {
        let set = Revisions::tables(3).build();
        let mut connection = db.connect();
        assert_eq!(migrate!(connection, set, history()).unwrap(), []);
        migrate!(connection, set, applied_by("tester").upgrade("r0002")).unwrap();
        migrate!(connection, set, downgrade("-1")).unwrap();
        let status = migrate!(connection, set, status()).unwrap();
        assert_eq!((status.applied, status.heads.as_slice()), (1, &["r0001".to_owned()][..]));
        assert_eq!(status.pending.iter().map(|r| r.file.rsplit('/').next().unwrap()).collect::<Vec<_>>(),
            ["r0002_slug.sql", "r0003_slug.sql"]);
        assert_eq!(migrate!(connection, set, pending()).unwrap(), status.pending);
        let history = migrate!(connection, set, history()).unwrap();
        let told: Vec<_> = history.iter().map(|row| (row.seq, row.revision.as_str(), row.action.as_str())).collect();
        assert_eq!(told, [(1, "r0001", "up"), (2, "r0002", "up"), (3, "r0002", "down")]);
        for row in &history {
            assert!(row.is_done() && row.statements_done == row.statements_total, "{row:?}");
            let times = [Some(&row.started_at), row.finished_at.as_ref()];
            assert!(times.iter().all(|time| time.is_some_and(|t| t.starts_with("20") && t.ends_with('Z'))), "{row:?}");
        }
        assert!(history[0].applied_by.starts_with("tester "));
    }

    fn events_tell_the_course_of_a_run(db) {
        let set = Revisions::tables(2).build();
        let mut connection = db.connect();
        let mut told = Vec::new();
        migrate!(connection, set, on_event(|event| {
            told.push(match event {
                Event::Planned { steps, .. } => format!("planned {steps}"),
                Event::Started { step, .. } => format!("{} of {}: {} {}", step.number, step.of, step.direction, step.revision),
                Event::Statement { done, total, .. } => format!("statement {done} of {total}"),
                Event::Finished { step, .. } => format!("finished {}", step.revision),
                other => panic!("{other}"),
            });
        }).upgrade("head")).unwrap();
        assert_eq!(told, [
            "planned 2", "1 of 2: up r0001", "statement 1 of 2", "statement 2 of 2", "finished r0001",
            "2 of 2: up r0002", "statement 1 of 2", "statement 2 of 2", "finished r0002",
        ]);
    }

    fn branches_are_applied_and_undone_with_their_heads_on_record(db) {
        let table = |name: &str| format!("-- migrate:up\nCREATE TABLE {name} (id INTEGER);\n-- migrate:down\nDROP TABLE {name};");
        let set = Revisions::new().branches()
            .on("a", "none", "", &table("a")).on("b", "a", "", &table("b")).on("c", "a", "", &table("c"))
            .on("d", "b, c", "", "").on("x", "none", "-- depends-on: b", &table("x")).build();
        let mut connection = db.connect();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().starts_with("multiple head revisions are present"), "{error}");
        migrate!(connection, set, upgrade("c")).unwrap();
        migrate!(connection, set, upgrade("b")).unwrap();
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["b", "c"]);
        migrate!(connection, set, upgrade("heads")).unwrap();
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["d", "x"]);
        assert!(migrate!(connection, set, upgrade("heads")).unwrap().is_empty());
        migrate!(connection, set, downgrade("a")).unwrap();
        assert_eq!(db.tables(), ["a"]);
    }

    fn a_branch_is_a_target_by_its_label(db) {
        let table = |name: &str| format!("-- migrate:up\nCREATE TABLE {name} (id INTEGER);\n-- migrate:down\nDROP TABLE {name};");
        let set = Revisions::new().branches()
            .on("a1", "none", "", &table("a1")).on("b1", "a1", "-- labels: billing", &table("b1"))
            .on("b2", "b1", "", &table("b2")).on("c1", "a1", "", &table("c1")).build();
        let mut connection = db.connect();
        assert_eq!(migrate!(connection, set, upgrade("billing@head")).unwrap().to, ["b2"]);
        assert_eq!(db.tables(), ["a1", "b1", "b2"]);
        migrate!(connection, set, upgrade("heads")).unwrap();
        assert_eq!(migrate!(connection, set, downgrade("billing@-1")).unwrap().to, ["b1", "c1"]);
        assert_eq!(db.tables(), ["a1", "b1", "c1"]);
        let error = migrate!(connection, set, upgrade("billling@head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Plan, "{error}");
    }

    fn one_transaction_for_the_run_keeps_everything_or_nothing(db) {
        let rows = |revisions: Revisions, id: &str, n: i32| {
            revisions.sql(id, &format!("INSERT INTO t1 VALUES ({n});"), &format!("DELETE FROM t1 WHERE id = {n};"))
        };
        let good = rows(rows(Revisions::tables(1), "r2", 2), "r3", 3);
        let bad = rows(rows(Revisions::tables(1), "r2", 2), "r3", 1).build();
        let good = good.build();
        let mut connection = db.connect();
        migrate!(connection, good, upgrade("r0001")).unwrap();
        let error = migrate!(connection, bad, transaction(Transaction::PerRun).upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("nothing of this run was kept"), "{error}");
        assert_eq!(migrate!(connection, good, current()).unwrap(), ["r0001"]);
        assert_eq!(connection.count("t1"), 1);
        migrate!(connection, good, transaction(Transaction::PerRun).upgrade("head")).unwrap();
        assert_eq!((connection.count("t1"), migrate!(connection, good, history()).unwrap().len()), (3, 3));
        migrate!(connection, good, transaction(Transaction::PerRun).downgrade("r0001")).unwrap();
        assert_eq!(connection.count("t1"), 1);
    }

    fn what_cannot_be_in_the_runs_transaction_is_refused_beforehand(db) {
        let set = Revisions::tables(1)
            .sections("alone", "-- migrate:up no-transaction\nCREATE TABLE t2 (id INTEGER);\n").build();
        let mut connection = db.connect();
        let error = migrate!(connection, set, transaction(Transaction::PerRun).upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Plan);
        assert!(error.to_string().contains("cannot be one transaction"), "{error}");
        assert_eq!(db.tables(), Vec::<String>::new());
    }

    fn a_section_without_a_transaction_is_recorded_statement_by_statement(db) {
        let set = Revisions::new().sections("alone",
            "-- migrate:up no-transaction\nCREATE TABLE t1 (id INTEGER PRIMARY KEY);\nINSERT INTO t1 VALUES (1);\nBEGIN;\n\
             INSERT INTO t1 VALUES (2);\nCOMMIT;\n-- migrate:down no-transaction\nDROP TABLE t1;").build();
        let mut connection = db.connect();
        assert!(!migrate!(connection, set, plan("head")).unwrap().steps[0].transactional);
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.count("t1"), 2);
        let history = migrate!(connection, set, history()).unwrap();
        assert_eq!((history[0].statements_done, history[0].is_done()), (5, true));
        migrate!(connection, set, downgrade("base")).unwrap();
        assert_eq!(db.tables(), Vec::<String>::new());
    }
}

#[test]
fn plans_reports_and_statuses_are_serialisable() {
    let db = embed_migrations_tests::database::Database::new(embed_migrations_tests::database::Kind::Sqlite);
    let set = Revisions::tables(2).build();
    let mut connection = db.connect();
    let plan = serde_json::to_value(migrate!(connection, set, plan("head")).unwrap()).unwrap();
    assert_eq!(
        (&plan["steps"][0]["revision"], &plan["steps"][0]["direction"]),
        (&"r0001".into(), &"up".into())
    );
    let report = serde_json::to_value(migrate!(connection, set, upgrade("+1")).unwrap()).unwrap();
    assert_eq!((&report["to"][0], report["took_ms"].is_u64()), (&"r0001".into(), true));
    let status = serde_json::to_value(migrate!(connection, set, status()).unwrap()).unwrap();
    assert_eq!((&status["applied"], &status["pending"][0]["revision"]), (&1.into(), &"r0002".into()));
    let history = serde_json::to_value(migrate!(connection, set, history()).unwrap()).unwrap();
    assert_eq!((&history[0]["action"], &history[0]["state"]), (&"up".into(), &"done".into()));
}
