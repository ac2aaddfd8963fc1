//! One set on many targets: files of SQLite, schemas of PostgreSQL, databases of MySQL and MariaDB.

mod connecting;
mod postgres;
mod statements;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use embed_migrations::{
    ErrorKind, Event, Fleet, FleetEvent, FleetReport, FleetTarget, Migrations, OnFailure, Plan, Report,
    TargetOutcome,
};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, server_behaviours};

/// Databases or schemas of a test's own.
struct Tenants<'d> {
    db: &'d Database,
    count: usize,
}

impl<'d> Tenants<'d> {
    fn new(db: &'d Database, count: usize) -> Self {
        let tenants = Self { db, count };
        let make = match db.kind {
            Kind::Sqlite => return tenants,
            Kind::Postgres => "CREATE SCHEMA",
            Kind::Mysql => "CREATE DATABASE",
        };
        let mut connection = db.connect();
        (0..count).for_each(|n| connection.run(&format!("{make} {}", tenants.name(n))));
        tenants
    }

    fn name(&self, n: usize) -> String {
        format!("{}_tenant_{n}", self.db.name)
    }

    fn url(&self, n: usize) -> String {
        let url = self.db.url();
        match self.db.kind {
            Kind::Postgres => url,
            Kind::Sqlite => format!("sqlite:{}", self.db.directory.path().join(self.name(n)).display()),
            Kind::Mysql => format!("{}/{}", url.rsplit_once('/').unwrap().0, self.name(n)),
        }
    }

    fn targets(&self) -> Vec<FleetTarget> {
        let target = |n| match self.db.kind {
            Kind::Postgres => FleetTarget::schema(self.url(n), self.name(n)),
            _ => FleetTarget::new(self.url(n)).named(self.name(n)),
        };
        (0..self.count).map(target).collect()
    }

    /// A connection that sees one tenant.
    fn connect(&self, n: usize) -> Connection {
        let mut connection = Connection::new(self.db.kind, &self.url(n));
        if self.db.kind == Kind::Postgres {
            connection.run(&format!("SET search_path = {}", self.name(n)));
        }
        connection
    }

    fn upgrade(&self, fleet: Fleet<'_>) -> FleetReport<Report> {
        block_on(fleet.upgrade("head"))
    }

    /// How many steps are on record for a tenant.
    fn steps(&self, n: usize) -> usize {
        self.connect(n).count("migrate_history")
    }
}

impl Drop for Tenants<'_> {
    fn drop(&mut self) {
        if self.db.kind == Kind::Mysql {
            let mut connection = self.db.connect();
            for n in 0..self.count {
                connection.run(&format!("DROP DATABASE {}", self.name(n)));
            }
        }
    }
}

/// Waits for a future that may be sent to another thread.
fn block_on<T>(future: impl Future<Output = T> + Send) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn steps(report: &FleetReport<Report>) -> Vec<Option<usize>> {
    let steps = |outcome: &TargetOutcome<Report>| match outcome {
        TargetOutcome::Done(report) => Some(report.steps.len()),
        _ => None,
    };
    report.targets.iter().map(|target| steps(&target.outcome)).collect()
}

fn set() -> Migrations {
    Revisions::tables(2).build()
}

behaviours! {
    fn every_target_is_upgraded_once_and_has_its_own_history(db) {
        let tenants = Tenants::new(db, 12);
        let set = set();
        let report = tenants.upgrade(set.fleet(tenants.targets()));
        assert!(report.is_success(), "{report}");
        assert_eq!(steps(&report), vec![Some(2); 12]);
        let names: Vec<&str> = report.targets.iter().map(|target| target.target.as_str()).collect();
        assert_eq!(names, (0..12).map(|n| tenants.name(n)).collect::<Vec<_>>());
        for n in 0..12 {
            assert_eq!((tenants.steps(n), tenants.connect(n).count("t2")), (2, 1));
        }
        let again = tenants.upgrade(set.fleet(tenants.targets()));
        assert_eq!(steps(&again), vec![Some(0); 12]);
        assert!(again.to_string().starts_with("12 targets: 12 with nothing to do ("), "{again}");
    }

    fn a_target_that_fails_stops_no_other_and_the_report_names_it_and_the_next_run_takes_it_up(db) {
        let tenants = Tenants::new(db, 5);
        let set = set();
        tenants.connect(2).run("CREATE TABLE t2 (a INTEGER)");
        let report = tenants.upgrade(set.fleet(tenants.targets()).limit(2));
        assert!(!report.is_success());
        assert_eq!(steps(&report), [Some(2), Some(2), None, Some(2), Some(2)]);
        let failures: Vec<_> = report.failures().collect();
        assert_eq!(failures.len(), 1);
        assert_eq!((failures[0].0, failures[0].1.kind()), (tenants.name(2).as_str(), ErrorKind::Revision));
        assert_eq!(failures[0].1.failure().unwrap().revision, "r0002");
        let text = report.to_string();
        assert!(text.contains(&format!("{}: failed: upgrade of revision 'r0002' failed", tenants.name(2))), "{text}");
        assert!(text.contains("\n5 targets: 4 changed, 1 failed ("), "{text}");

        tenants.connect(2).run("DROP TABLE t2");
        let again = tenants.upgrade(set.fleet(tenants.targets()));
        assert!(again.is_success(), "{again}");
        assert_eq!(steps(&again), [Some(0), Some(0), Some(1), Some(0), Some(0)]);
        assert_eq!(tenants.connect(2).count("t2"), 1);
    }

    fn where_a_failure_is_to_stop_it_no_other_target_is_begun(db) {
        let tenants = Tenants::new(db, 4);
        let set = set();
        tenants.connect(1).run("CREATE TABLE t1 (a INTEGER)");
        let report = tenants.upgrade(set.fleet(tenants.targets()).limit(1).on_failure(OnFailure::Stop));
        assert_eq!(steps(&report), [Some(2), None, None, None]);
        assert_eq!(report.failures().count(), 1);
        assert_eq!(report.not_begun().collect::<Vec<_>>(), [tenants.name(2), tenants.name(3)]);
        assert!(report.to_string().contains("4 targets: 1 changed, 1 failed, 2 not begun ("), "{report}");
    }

    fn of_two_fleets_at_once_one_applies_each_revision_to_each_target(db) {
        let tenants = Tenants::new(db, 8);
        let set = set();
        let reports: Vec<_> = std::thread::scope(|scope| {
            let run = || tenants.upgrade(set.fleet(tenants.targets()).limit(4));
            let both = [scope.spawn(run), scope.spawn(run)];
            both.map(|run| run.join().unwrap()).into()
        });
        for report in &reports {
            assert!(report.is_success(), "{report}");
        }
        let (one, other) = (steps(&reports[0]), steps(&reports[1]));
        for n in 0..8 {
            assert_eq!(one[n].unwrap() + other[n].unwrap(), 2);
            assert_eq!(tenants.steps(n), 2);
        }
    }

    fn no_more_targets_are_under_way_than_the_limit_says_and_events_name_theirs(db) {
        let tenants = Tenants::new(db, 9);
        let set = set();
        let seen = Mutex::new((BTreeSet::new(), 0, Vec::new()));
        let fleet = set.fleet(tenants.targets()).limit(3).on_event(|event| {
            let (under_way, most, lines) = &mut *seen.lock().unwrap();
            match event {
                FleetEvent::Begun { target, .. } => assert!(under_way.insert((*target).to_owned())),
                FleetEvent::Done { target, .. } => assert!(under_way.remove(*target)),
                FleetEvent::Run { target, .. } => assert!(under_way.contains(*target)),
                event => panic!("{event}"),
            }
            *most = (*most).max(under_way.len());
            lines.push(event.to_string());
        });
        let report = tenants.upgrade(fleet);
        assert!(report.is_success(), "{report}");
        let (under_way, most, lines) = seen.into_inner().unwrap();
        assert!(under_way.is_empty());
        // A thread may be done before the next one begins; a server is waited for.
        assert!(most <= 3 && (db.kind == Kind::Sqlite || most == 3), "{most}");
        let step = format!("{}: [1/2] up r0001 Revision r0001: done in ", tenants.name(4));
        assert_eq!(lines.iter().filter(|line| line.starts_with(&step)).count(), 1, "{lines:?}");
    }

    fn every_target_is_led_down_to_the_same_place_and_one_that_is_there_is_left(db) {
        let tenants = Tenants::new(db, 5);
        let set = Revisions::tables(3).build();
        assert!(tenants.upgrade(set.fleet(tenants.targets().into_iter().take(4))).is_success());
        let above = Revisions::tables(2).build();
        let fleet = || set.fleet(tenants.targets());
        assert!(block_on(set.fleet(tenants.targets().into_iter().take(1)).downgrade("r0002")).is_success());
        let plan = block_on(fleet().plan_downgrade("r0002"));
        let steps_of = |outcome: &TargetOutcome<Plan>| match outcome {
            TargetOutcome::Done(plan) => Some(plan.steps.len()),
            _ => None,
        };
        let planned: Vec<_> = plan.targets.iter().map(|target| steps_of(&target.outcome)).collect();
        // The last has no revision at all.
        assert_eq!(planned, [Some(0), Some(1), Some(1), Some(1), None], "{plan}");
        assert_eq!(tenants.connect(1).count("t3"), 1);
        let report = block_on(fleet().downgrade("r0002"));
        assert_eq!(steps(&report), [Some(0), Some(1), Some(1), Some(1), None], "{report}");
        let failures: Vec<_> = report.failures().collect();
        assert_eq!((failures[0].0, failures[0].1.kind()), (tenants.name(4).as_str(), ErrorKind::Plan), "{report}");
        for n in 0..4 {
            assert!(tenants.connect(n).try_run("SELECT * FROM t3").is_err());
            assert_eq!(tenants.connect(n).count("t2"), 1);
        }
        let reached = block_on(above.fleet(tenants.targets().into_iter().take(4)).status());
        assert!(reached.to_string().starts_with("4 targets: 4 current ("), "{reached}");

        let report = block_on(fleet().downgrade("base"));
        assert_eq!(steps(&report), [Some(2), Some(2), Some(2), Some(2), Some(0)], "{report}");
        assert!(tenants.connect(4).try_run("SELECT * FROM migrate_history").is_err());
        assert!(tenants.connect(3).try_run("SELECT * FROM t1").is_err());
    }

    fn a_target_that_cannot_be_led_down_keeps_no_other_from_it(db) {
        let tenants = Tenants::new(db, 3);
        let set = set();
        assert!(tenants.upgrade(set.fleet(tenants.targets())).is_success());
        tenants.connect(1).run("DROP TABLE t2");
        let report = block_on(set.fleet(tenants.targets()).downgrade("base"));
        assert_eq!(steps(&report), [Some(2), None, Some(2)], "{report}");
        assert_eq!(report.failures().next().unwrap().1.failure().unwrap().revision, "r0002");
        tenants.connect(1).run("CREATE TABLE t2 (a INTEGER)");
        let again = block_on(set.fleet(tenants.targets()).downgrade("base"));
        assert_eq!(steps(&again), [Some(0), Some(2), Some(0)], "{again}");
    }

    fn a_plan_and_a_status_change_no_target(db) {
        let tenants = Tenants::new(db, 3);
        let set = set();
        let plan = block_on(set.fleet(tenants.targets()).plan("head"));
        assert!(plan.is_success(), "{plan}");
        let TargetOutcome::Done(one) = &plan.targets[1].outcome else { panic!("{plan}") };
        assert_eq!(one.steps.len(), 2);
        assert!(plan.to_string().contains("3 targets: 3 with something to do ("), "{plan}");
        let status = block_on(set.fleet(tenants.targets()).status());
        assert!(status.to_string().contains("3 targets: 3 not current ("), "{status}");
        assert!(tenants.connect(1).try_run("SELECT * FROM migrate_history").is_err());
    }

    fn a_fleet_that_is_stopped_begins_no_other_target_and_ends_those_under_way(db) {
        let tenants = Tenants::new(db, 4);
        let set = set();
        let fleet = set.fleet(tenants.targets()).limit(1);
        let canceller = fleet.canceller();
        let last = tenants.name(1);
        let fleet = fleet.on_event(move |event| {
            if matches!(event, FleetEvent::Done { target, .. } if *target == last) {
                // Not on a thread that is in a runtime.
                let canceller = canceller.clone();
                std::thread::spawn(move || canceller.cancel(std::time::Duration::ZERO)).join().unwrap();
            }
        });
        let report = tenants.upgrade(fleet);
        assert_eq!(steps(&report), [Some(2), Some(2), None, None]);
        assert_eq!(report.not_begun().count(), 2);
        assert!(tenants.upgrade(set.fleet(tenants.targets())).is_success());
    }

    fn a_target_that_fails_of_itself_after_a_stop_has_failed(db) {
        let tenants = Tenants::new(db, 2);
        let set = set();
        tenants.connect(0).run("CREATE TABLE migrate_history (a INTEGER)");
        let fleet = set.fleet(tenants.targets()).limit(1);
        let canceller = fleet.canceller();
        let fleet = fleet.on_event(move |event| {
            // Before the run is under way: a server that was told to end its statements might end the one that fails.
            if let FleetEvent::Begun { .. } = event {
                let canceller = canceller.clone();
                std::thread::spawn(move || canceller.cancel(std::time::Duration::ZERO)).join().unwrap();
            }
        });
        let report = tenants.upgrade(fleet);
        assert_eq!((report.failures().count(), report.stopped().count(), report.not_begun().count()), (1, 0, 1), "{report}");
        let (_, error) = report.failures().next().unwrap();
        assert_eq!(error.kind(), ErrorKind::History, "{error}");
        assert!(report.to_string().contains("\n\nhint: "), "{report}");
    }

    fn what_the_revisions_of_a_target_leave_in_their_session_does_not_reach_the_next(db) {
        let tenants = Tenants::new(db, 3);
        for n in 0..3 {
            let mut connection = tenants.connect(n);
            connection.run("CREATE TABLE users (email VARCHAR(40))");
            connection.run(&format!("INSERT INTO users VALUES ('{n}@example.org')"));
        }
        let moves = "CREATE TABLE contacts (email VARCHAR(40));\n\
                     CREATE TEMPORARY TABLE IF NOT EXISTS moved AS SELECT email FROM users;\n\
                     INSERT INTO contacts SELECT email FROM moved;";
        let set = Revisions::new().sql("moves", moves, "DROP TABLE contacts;").build();
        let report = tenants.upgrade(set.fleet(tenants.targets()).limit(1));
        assert!(report.is_success(), "{report}");
        for n in 0..3 {
            let moved = tenants.connect(n).rows("SELECT email FROM contacts");
            assert_eq!(moved.concat(), [format!("{n}@example.org")]);
        }
    }

    fn programs_read_of_each_target_what_became_of_it(db) {
        let tenants = Tenants::new(db, 3);
        let set = set();
        tenants.connect(1).run("CREATE TABLE t1 (a INTEGER)");
        let report = tenants.upgrade(set.fleet(tenants.targets()).limit(1).on_failure(OnFailure::Stop));
        let json = serde_json::to_value(&report).unwrap();
        assert!(json["took_ms"].is_u64());
        let targets = json["targets"].as_array().unwrap();
        assert_eq!(targets[0]["target"], tenants.name(0));
        assert_eq!((&targets[0]["outcome"], &targets[0]["report"]["to"][0]), (&"done".into(), &"r0002".into()));
        assert_eq!(targets[1]["outcome"], "failed");
        assert!(targets[1]["error"]["message"].as_str().unwrap().starts_with("upgrade of revision 'r0001' failed"));
        assert_eq!(serde_json::to_value(&report.targets[1]).unwrap(), targets[1]);
        assert_eq!(targets[2]["outcome"], "not-begun");
        assert_eq!(targets[2].get("report").or(targets[2].get("error")), None);
    }

    fn a_target_that_cannot_be_reached_is_told_without_its_password(db) {
        let tenants = Tenants::new(db, 1);
        let set = set();
        let nowhere = match db.kind {
            Kind::Sqlite => "sqlite:/nowhere/at/all.db".to_owned(),
            Kind::Postgres => "postgres://u:s3cr3t@127.0.0.1:1/db".to_owned(),
            Kind::Mysql => "mysql://u:s3cr3t@127.0.0.1:1/db".to_owned(),
        };
        let mut targets = vec![FleetTarget::from(nowhere), FleetTarget::from("postgres://u:s3cr3t@h/a@b?c")];
        targets.extend(tenants.targets());
        let report = tenants.upgrade(set.fleet(targets));
        assert_eq!(steps(&report), [None, None, Some(2)]);
        let shown = format!("{report} {report:?} {}", serde_json::to_string(&report).unwrap());
        assert!(!shown.contains("s3cr3t"), "{shown}");
        let scheme = db.url().split(':').next().unwrap().to_owned();
        assert!(report.targets[0].target.starts_with(&scheme), "{report}");
    }
}

server_behaviours! {
    fn databases_of_any_name_are_found_and_upgraded(db) {
        // `%41` would be an `A`, were it read as a part of a URL.
        let odd = format!("{} \u{e9}@/?#%$%41X", db.name);
        let (quoted, system) = match db.kind {
            Kind::Mysql => (format!("`{odd}`"), "mysql"),
            _ => (format!("\"{odd}\""), "template1"),
        };
        let mut connection = db.connect();
        connection.run(&format!("CREATE DATABASE {quoted}"));
        let directory = format!("`#mysql50#{}+found`", db.name);
        // Newer servers make no such directory by SQL.
        if db.is_mariadb() && connection.value("SELECT VERSION()").starts_with("10.") {
            connection.run(&format!("CREATE DATABASE {directory}"));
            let found = block_on(FleetTarget::databases_like(&db.url(), "%+found")).unwrap();
            connection.run(&format!("DROP DATABASE {directory}"));
            assert_eq!(found, []);
        }
        let pattern = format!("{}%", db.name.replace('_', "\\_"));
        let mut targets = block_on(FleetTarget::databases_like(&db.url(), &pattern)).unwrap();
        // That of another test may begin so as well: `test_1_2` and `test_1_20`.
        targets.retain(|target| [&db.name, &odd].iter().any(|name| *name == target.name()));
        let names: Vec<&str> = targets.iter().map(FleetTarget::name).collect();
        assert_eq!(names, [db.name.as_str(), odd.as_str()]);
        let report = block_on(set().fleet(targets).upgrade("head"));
        assert_eq!(steps(&report), [Some(2), Some(2)], "{report}");
        assert_eq!(db.tables(), ["t1", "t2"]);
        let all = block_on(FleetTarget::databases_like(&db.url(), "%")).unwrap();
        assert!(all.iter().all(|target| target.name() != system && target.name() != "information_schema"));
        connection.run(&format!("DROP DATABASE {quoted}"));
    }
}

/// SQLite ends what is under way, and no statement that is begun later.
#[test]
fn a_revision_of_a_file_that_fails_of_itself_after_a_stop_has_failed() {
    let db = Database::new(Kind::Sqlite);
    let tenants = Tenants::new(&db, 2);
    let set = set();
    tenants.connect(0).run("CREATE TABLE t1 (a INTEGER)");
    let fleet = set.fleet(tenants.targets()).limit(1);
    let canceller = fleet.canceller();
    let fleet = fleet.on_event(move |event| {
        if let FleetEvent::Run { event: Event::Started { .. }, .. } = event {
            canceller.cancel(Duration::ZERO);
        }
    });
    let report = fleet.upgrade_sqlite("head");
    assert_eq!(
        (report.failures().count(), report.stopped().count(), report.not_begun().count()),
        (1, 0, 1),
        "{report}"
    );
    let (_, error) = report.failures().next().unwrap();
    assert_eq!(error.kind(), ErrorKind::Revision, "{error}");
    assert!(report.to_string().contains("\n\nhint: "), "{report}");
}

#[test]
fn a_fleet_that_is_stopped_waits_for_no_writer_of_a_file() {
    let db = Database::new(Kind::Sqlite);
    let tenants = Tenants::new(&db, 1);
    let mut writer = tenants.connect(0);
    writer.run("CREATE TABLE busy (id INTEGER)");
    writer.run("BEGIN IMMEDIATE");
    let set = set();
    let fleet = set.fleet(tenants.targets()).lock_timeout(Duration::from_secs(60));
    let canceller = fleet.canceller();
    let start = std::time::Instant::now();
    let stopping = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        canceller.cancel(Duration::ZERO);
    });
    let report = fleet.upgrade_sqlite("head");
    stopping.join().unwrap();
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert_eq!((report.stopped().count(), report.failures().count()), (1, 0), "{report}");
    assert!(report.to_string().contains("1 target: 1 stopped ("), "{report}");
    writer.run("ROLLBACK");
}

#[test]
fn files_are_upgraded_without_async_and_servers_are_refused() {
    let db = Database::new(Kind::Sqlite);
    let tenants = Tenants::new(&db, 20);
    let mut targets = tenants.targets();
    targets.push(FleetTarget::new("postgres://h/db"));
    let report = set().fleet(targets).limit(4).upgrade_sqlite("head");
    assert_eq!(steps(&report)[..20], [Some(2); 20]);
    let failures: Vec<_> = report.failures().collect();
    assert_eq!((failures.len(), failures[0].0), (1, "postgres://h/db"));
    assert_eq!(failures[0].1.kind(), ErrorKind::Unsupported);
    let set = set();
    let fleet = || set.fleet(tenants.targets());
    assert!(fleet().status_sqlite().to_string().starts_with("20 targets: 20 current ("));
    assert!(fleet().plan_sqlite("head").to_string().starts_with("20 targets: 20 with nothing to do ("));
    let plan = fleet().plan_downgrade_sqlite("r0001");
    assert!(plan.to_string().contains("r0002 -> r0001\n  down r0002"), "{plan}");
    assert_eq!(steps(&fleet().downgrade_sqlite("r0001")), [Some(1); 20]);
    assert!(fleet().status_sqlite().to_string().contains("20 targets: 20 not current ("));
}
