//! Servers that have fewer connections than a fleet wants, or that do not answer.

use std::net::TcpListener;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use embed_migrations::{FleetEvent, FleetTarget, OnFailure};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::server_behaviours;

use super::{Tenants, block_on, set, steps};

/// A user who may have so many connections.
struct Narrow<'d> {
    db: &'d Database,
    name: String,
}

impl<'d> Narrow<'d> {
    fn new(db: &'d Database, tenants: &Tenants<'_>, connections: usize) -> Self {
        let narrow = Self { db, name: format!("narrow_{}", db.name) };
        let name = &narrow.name;
        let mut admin = db.connect();
        match db.kind {
            Kind::Postgres => {
                admin.run(&format!("CREATE ROLE {name} LOGIN PASSWORD 'pw' CONNECTION LIMIT {connections}"));
                for n in 0..tenants.count {
                    admin.run(&format!("GRANT ALL ON SCHEMA {} TO {name}", tenants.name(n)));
                }
            }
            _ => admin.run(&format!(
                "CREATE USER {name} IDENTIFIED BY 'pw' WITH MAX_USER_CONNECTIONS {connections}; \
                 GRANT ALL ON *.* TO {name}"
            )),
        }
        narrow
    }

    fn targets(&self, tenants: &Tenants<'_>) -> Vec<FleetTarget> {
        (0..tenants.count).map(|n| self.target(&tenants.name(n), "")).collect()
    }

    /// With a URL for each.
    fn targets_apart(&self, tenants: &Tenants<'_>) -> Vec<FleetTarget> {
        let target = |n| self.target(&tenants.name(n), &format!("?connect_timeout={}", 20 + n));
        (0..tenants.count).map(target).collect()
    }

    /// The first so many as this user, with a URL for each, and the others on another server.
    fn some_targets_apart(&self, tenants: &Tenants<'_>, count: usize) -> Vec<FleetTarget> {
        let own = self.targets_apart(tenants).into_iter().take(count);
        own.chain((count..tenants.count).map(|n| elsewhere(tenants, n))).collect()
    }

    fn target(&self, name: &str, parameters: &str) -> FleetTarget {
        let url = self.url();
        match self.db.kind {
            Kind::Postgres => FleetTarget::schema(url + parameters, name),
            _ => {
                let (server, _) = url.rsplit_once('/').unwrap();
                FleetTarget::new(format!("{server}/{name}{parameters}")).named(name)
            }
        }
    }

    fn url(&self) -> String {
        self.db.url_for(&self.name, "pw")
    }
}

impl Drop for Narrow<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        let sql = match self.db.kind {
            Kind::Postgres => format!("DROP OWNED BY {name}; DROP ROLE {name}"),
            _ => format!("DROP USER {name}"),
        };
        let _ = self.db.connect().try_run(&sql);
    }
}

/// A target by another name of the server, and a user with as many connections as there are.
fn elsewhere(tenants: &Tenants<'_>, n: usize) -> FleetTarget {
    let url = tenants.url(n);
    let (name, other) =
        if url.contains("localhost") { ("localhost", "127.0.0.1") } else { ("127.0.0.1", "localhost") };
    assert!(url.contains(name), "{url}");
    let url = url.replace(name, other);
    match tenants.db.kind {
        Kind::Postgres => FleetTarget::schema(url, tenants.name(n)),
        _ => FleetTarget::new(url).named(tenants.name(n)),
    }
}

server_behaviours! {
    fn with_fewer_connections_than_the_limit_all_targets_are_done(db) {
        let tenants = Tenants::new(db, 20);
        let narrow = Narrow::new(db, &tenants, 3);
        let report = block_on(set().fleet(narrow.targets(&tenants)).upgrade("head"));
        assert_eq!(steps(&report), [Some(2); 20], "{report}");
    }

    fn with_as_many_connections_as_the_limit_all_targets_are_done_again_and_again(db) {
        let tenants = Tenants::new(db, 6);
        let narrow = Narrow::new(db, &tenants, 2);
        for _ in 0..5 {
            // Each has a connection of its own, which is closed before the next is made.
            let report = block_on(set().fleet(narrow.targets_apart(&tenants)).limit(2).upgrade("head"));
            assert!(report.is_success(), "{report}");
        }
    }

    fn where_no_connection_becomes_free_a_target_fails_in_time_and_the_hint_names_the_limit(db) {
        let tenants = Tenants::new(db, 3);
        let narrow = Narrow::new(db, &tenants, 1);
        let held = Connection::new(db.kind, &narrow.url());
        let start = Instant::now();
        let fleet = set();
        let fleet = fleet.fleet(narrow.targets(&tenants)).lock_timeout(Duration::from_secs(4));
        let report = block_on(fleet.upgrade("head"));
        assert_eq!(report.failures().count(), 3, "{report}");
        for (_, error) in report.failures() {
            assert!(error.to_string().contains("\n\nhint: let fewer targets be under way at a time, with `--limit`"), "{report}");
        }
        // Only the first is waited for.
        assert!((4..11).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        drop(held);
    }

    fn a_server_without_a_connection_delays_no_target_of_another(db) {
        let tenants = Tenants::new(db, 12);
        let narrow = Narrow::new(db, &tenants, 1);
        let held = Connection::new(db.kind, &narrow.url());
        let targets = narrow.some_targets_apart(&tenants, 4);
        let start = Instant::now();
        let ends = Mutex::new(Vec::new());
        let set = set();
        let fleet = set.fleet(targets).limit(2).lock_timeout(Duration::from_secs(8)).on_event(|event| match event {
            FleetEvent::Done { .. } => ends.lock().unwrap().push((true, start.elapsed())),
            FleetEvent::Failed { .. } => ends.lock().unwrap().push((false, start.elapsed())),
            _ => {}
        });
        let report = block_on(fleet.upgrade("head"));
        assert_eq!((report.failures().count(), &steps(&report)[4..]), (4, [Some(2); 8].as_slice()), "{report}");
        let ends = ends.into_inner().unwrap();
        assert!(ends.iter().all(|(done, end)| *done == (*end < Duration::from_secs(8))), "{ends:?}");
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
        drop(held);
    }

    fn the_targets_of_a_server_are_done_as_soon_as_it_has_a_connection_again(db) {
        let tenants = Tenants::new(db, 6);
        let narrow = Narrow::new(db, &tenants, 1);
        let held = Connection::new(db.kind, &narrow.url());
        let targets = narrow.some_targets_apart(&tenants, 3);
        let freeing = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(2));
            drop(held);
        });
        let start = Instant::now();
        let report = block_on(set().fleet(targets).lock_timeout(Duration::from_secs(60)).upgrade("head"));
        freeing.join().unwrap();
        assert!(report.is_success(), "{report}");
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }

    fn a_failure_that_stops_a_fleet_waits_for_no_server_that_does_not_answer(db) {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if db.kind == Kind::Postgres { "postgres" } else { "mysql" };
        let nobody = format!("{scheme}://u:pw@127.0.0.1:1/db");
        let silent = format!("{scheme}://u:pw@{}/db", silent.local_addr().unwrap());
        let set = set();
        let fleet = set.fleet([silent, nobody]).on_failure(OnFailure::Stop);
        let start = Instant::now();
        let report = block_on(fleet.upgrade("head"));
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!((report.failures().count(), report.not_begun().count()), (1, 1), "{report}");
    }

    fn a_server_that_does_not_answer_holds_up_no_fleet_that_is_stopped(db) {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if db.kind == Kind::Postgres { "postgres" } else { "mysql" };
        let url = format!("{scheme}://u:pw@{}/db", silent.local_addr().unwrap());
        let set = set();
        let fleet = set.fleet([url]);
        let canceller = fleet.canceller();
        let stopping = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            canceller.cancel(Duration::ZERO);
        });
        let start = Instant::now();
        let report = block_on(fleet.upgrade("head"));
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert_eq!(report.not_begun().count(), 1, "{report}");
        stopping.join().unwrap();
    }
}
