//! Schemas as targets, and what the server has of databases and schemas.

use embed_migrations::{ErrorKind, FleetTarget, Lock, Transaction};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::log::ServerLog;
use embed_migrations_tests::revisions::Revisions;

use super::{Tenants, block_on, set, steps};

/// The tables of each schema but the server's own, as `schema.table`.
fn tables(connection: &mut Connection) -> Vec<String> {
    let sql = "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
               AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1";
    connection.rows(sql).into_iter().map(|mut row| row.remove(0)).collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

const HOSTILE: [&str; 9] = [
    "a\"; DROP SCHEMA public CASCADE; --",
    "it's",
    "back\\slash",
    "new\nline",
    "\u{fc}\u{f1}\u{ed} \u{1f980}",
    "Upper Case",
    "a.b",
    "a,b",
    "50%_$1",
];

#[test]
fn schemas_with_any_name_get_their_own_tables_and_history() {
    let db = Database::new(Kind::Postgres);
    let mut connection = db.connect();
    for name in HOSTILE {
        connection.run(&format!("CREATE SCHEMA {}", quoted(name)));
    }
    let set = set();
    let found = block_on(FleetTarget::schemas_like(&db.url(), "%")).unwrap();
    let mut names: Vec<&str> = found.iter().map(FleetTarget::name).filter(|name| *name != "public").collect();
    names.sort_unstable();
    let mut hostile = HOSTILE.to_vec();
    hostile.sort_unstable();
    assert_eq!(names, hostile);
    let targets = HOSTILE.map(|name| FleetTarget::schema(db.url(), name));
    let report = block_on(set.fleet(targets).limit(2).upgrade("head"));
    assert!(report.is_success(), "{report}");
    assert_eq!(report.to_string().lines().count(), HOSTILE.len() + 1, "{report}");
    let of = |name: &str| ["migrate_history", "t1", "t2"].map(|table| format!("{name}.{table}"));
    let mut expected: Vec<String> = HOSTILE.iter().flat_map(|name| of(name)).collect();
    let mut made = tables(&mut connection);
    expected.sort();
    made.sort();
    assert_eq!(made, expected);
}

#[test]
fn names_that_the_server_takes_for_another_schema_are_refused() {
    let db = Database::new(Kind::Postgres);
    let set = set();
    let targets = ["$user", "pg_temp", ""].map(|name| FleetTarget::schema(db.url(), name));
    let report = block_on(set.fleet(targets).upgrade("head"));
    assert_eq!(report.failures().filter(|(_, error)| error.kind() == ErrorKind::Unsupported).count(), 3);
    assert_eq!(tables(&mut db.connect()), Vec::<String>::new());
}

#[test]
fn two_schemas_that_are_one_to_the_server_are_refused() {
    let db = Database::new(Kind::Postgres);
    let set = set();
    let targets = ["a", "b"].map(|end| FleetTarget::schema(db.url(), "x".repeat(63) + end));
    let report = block_on(set.fleet(targets).upgrade("head"));
    assert_eq!(
        report.failures().filter(|(_, error)| error.kind() == ErrorKind::Unsupported).count(),
        2,
        "{report}"
    );
    assert_eq!(tables(&mut db.connect()), Vec::<String>::new());
}

#[test]
fn a_schema_that_is_not_there_is_made() {
    let db = Database::new(Kind::Postgres);
    let report = block_on(set().fleet([FleetTarget::schema(db.url(), "new one")]).upgrade("head"));
    assert!(report.is_success(), "{report}");
    assert_eq!(tables(&mut db.connect()), ["new one.migrate_history", "new one.t1", "new one.t2"]);
}

#[test]
fn a_schema_that_is_not_there_is_not_made_to_be_led_down() {
    let db = Database::new(Kind::Postgres);
    let report = block_on(set().fleet([FleetTarget::schema(db.url(), "newcomer")]).downgrade("base"));
    assert_eq!(steps(&report), [Some(0)], "{report}");
    let made = db.connect().rows("SELECT nspname FROM pg_namespace WHERE nspname = 'newcomer'");
    assert!(made.is_empty(), "{made:?}");
}

#[test]
fn a_schema_that_the_server_had_is_not_made_again_once_it_is_gone() {
    let db = Database::new(Kind::Postgres);
    let mut connection = db.connect();
    let set = set();
    connection.run("CREATE SCHEMA gone; CREATE TABLE gone.t0 (id INTEGER); CREATE SCHEMA kept");
    let found = || block_on(FleetTarget::schemas_like(&db.url(), "%e%")).unwrap();
    let (upgraded, planned, known) = (found(), found(), found());
    connection.run("DROP SCHEMA gone CASCADE");
    let report = block_on(set.fleet(upgraded).upgrade("head"));
    let errors: Vec<(&str, String)> =
        report.failures().map(|(name, error)| (name, error.to_string())).collect();
    assert_eq!((errors.len(), errors[0].0), (1, "gone"), "{report}");
    assert!(errors[0].1.starts_with("the schema is gone\n\nhint: "), "{report}");
    let plan = block_on(set.fleet(planned).plan("head"));
    assert!(
        plan.to_string().contains("gone: failed: cannot read the history: the schema is gone\n"),
        "{plan}"
    );
    let status = block_on(set.fleet(known).status());
    assert_eq!(status.failures().count(), 1, "{status}");
    assert!(tables(&mut connection).iter().all(|table| table.starts_with("kept.")));
}

/// Revisions of every kind, the first of which leaves another search path.
fn of_every_kind() -> Revisions {
    Revisions::new()
        .sql("a1", "CREATE TABLE t1 (id INTEGER PRIMARY KEY);\nSET search_path = public;", "DROP TABLE t1;")
        .sql("a2", "CREATE TABLE t2 (id INTEGER PRIMARY KEY);", "DROP TABLE t2;")
        .sql(
            "a3",
            "SAVEPOINT one;\nCREATE TABLE t3 (id INTEGER PRIMARY KEY);\nRELEASE one;",
            "DROP TABLE t3;",
        )
        .sections("a4", "-- migrate:up\nSELECT set_config('search_path', 'public', false);\n")
}

const OUTSIDE: &str =
    "-- migrate:up no-transaction\nCREATE INDEX CONCURRENTLY i ON t1 (id);\nCREATE TABLE t5 (id INTEGER);\n";

#[test]
fn the_search_path_is_the_schema_for_each_revision_and_as_before_for_the_next_target() {
    for transaction in [Transaction::PerRevision, Transaction::PerRun] {
        let db = Database::new(Kind::Postgres);
        let set = of_every_kind().build();
        let url = db.url();
        // One lane, and so one connection: a target without a schema is where the session's own path leads.
        let targets =
            [FleetTarget::schema(&url, "a"), FleetTarget::new(&url), FleetTarget::schema(&url, "b")];
        let report = block_on(set.fleet(targets).limit(1).transaction(transaction).upgrade("head"));
        assert!(report.is_success(), "{report}");
        let of = |name: &str| ["migrate_history", "t1", "t2", "t3"].map(|table| format!("{name}.{table}"));
        let expected = ["a", "b", "public"].map(of).concat();
        assert_eq!(tables(&mut db.connect()), expected, "{transaction:?}");
    }
}

#[test]
fn what_runs_outside_of_a_transaction_is_in_the_schema_as_well() {
    let db = Database::new(Kind::Postgres);
    let set = of_every_kind().sections("a5", OUTSIDE).build();
    let url = db.url();
    let targets = [FleetTarget::schema(&url, "a"), FleetTarget::new(&url), FleetTarget::schema(&url, "b")];
    let report = block_on(set.fleet(targets).limit(1).upgrade("head"));
    assert!(report.is_success(), "{report}");
    let mut connection = db.connect();
    let t5 = tables(&mut connection).into_iter().filter(|name| name.ends_with(".t5")).collect::<Vec<_>>();
    assert_eq!(t5, ["a.t5", "b.t5", "public.t5"]);
    let indexes = connection.rows("SELECT schemaname FROM pg_indexes WHERE indexname = 'i' ORDER BY 1");
    assert_eq!(indexes.concat(), ["a", "b", "public"]);
}

/// Fails if anything is found that it has left in the session itself.
const LEAVES: &str = "-- migrate:up
CREATE TABLE found AS SELECT
  (SELECT count(*) FROM pg_prepared_statements WHERE name IN ('p', 'P \"2\"')) AS prepared,
  (SELECT count(*) FROM pg_cursors WHERE is_holdable) AS cursors,
  (SELECT count(*) FROM pg_listening_channels()) AS channels,
  (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND pid = pg_backend_pid()) AS locks,
  (SELECT count(*) FROM pg_settings WHERE name = 'work_mem' AND setting = '77000') AS settings,
  (SELECT count(*) WHERE current_setting('app.tenant', true) <> '') AS custom;
DO $$
BEGIN
  PERFORM lastval();
  RAISE EXCEPTION 'a number of another sequence is left';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
END
$$;
CREATE TEMPORARY TABLE temporary (id INTEGER);
PREPARE p AS SELECT 1;
PREPARE \"P \"\"2\"\"\" AS SELECT 1;
DECLARE c CURSOR WITH HOLD FOR SELECT 1;
LISTEN channel;
SELECT pg_advisory_lock(7);
CREATE SEQUENCE numbers;
SELECT nextval('numbers');
CREATE FUNCTION sets() RETURNS text LANGUAGE sql AS
  $$ SELECT set_config('work_mem', '77000', false) || set_config('app.tenant', 'one', false) $$;
SELECT sets();
";

#[test]
fn nothing_that_a_session_keeps_reaches_the_next_schema() {
    let db = Database::new(Kind::Postgres);
    let tenants = Tenants::new(&db, 3);
    let set = Revisions::tables(9).sections("leaves", LEAVES).build();
    let log = ServerLog::start(&db);
    let report = block_on(set.fleet(tenants.targets()).limit(1).upgrade("head"));
    assert_eq!(steps(&report), [Some(10); 3], "{report}");
    assert_eq!(log.connections().len(), 1);
    for n in 0..3 {
        assert_eq!(tenants.connect(n).rows("SELECT * FROM found").concat(), ["0"; 6]);
    }
}

#[test]
fn a_revision_that_leaves_the_schema_is_refused() {
    let db = Database::new(Kind::Postgres);
    for statement in [
        "RESET search_path",
        "reset ALL",
        "DISCARD ALL",
        "SET search_path TO DEFAULT",
        "SET SESSION search_path = default",
    ] {
        for options in ["", " no-transaction"] {
            if options.is_empty() && statement.starts_with("DISCARD") {
                continue;
            }
            let section = format!("-- migrate:up{options}\n{statement};\nCREATE TABLE lost (id INTEGER);");
            let set = Revisions::tables(1).sections("leaves", &section).build();
            let target = FleetTarget::schema(db.url(), "tenant");
            let report = block_on(set.fleet([target]).upgrade("head"));
            let (_, error) = report.failures().next().expect(statement);
            assert!(
                error.to_string().contains("leaves the schema \"tenant\""),
                "{statement}{options}: {error}"
            );
            let made = tables(&mut db.connect());
            assert_eq!(made, ["tenant.migrate_history", "tenant.t1"], "{statement}{options}");
        }
    }
}

#[test]
fn without_a_lock_of_the_session_what_runs_outside_of_a_transaction_is_refused() {
    for lock in [Lock::Lease, Lock::None] {
        let db = Database::new(Kind::Postgres);
        let targets = || [FleetTarget::schema(db.url(), "a"), FleetTarget::schema(db.url(), "b")];
        let set = of_every_kind().build();
        let report = block_on(set.fleet(targets()).lock(lock).upgrade("head"));
        assert_eq!(steps(&report), [Some(4), Some(4)], "{report}");
        let set = of_every_kind().sections("a5", OUTSIDE).build();
        let report = block_on(set.fleet(targets()).lock(lock).upgrade("head"));
        let kinds: Vec<ErrorKind> = report.failures().map(|(_, error)| error.kind()).collect();
        assert_eq!(kinds, [ErrorKind::Connection; 2], "{report}");
        let made = tables(&mut db.connect());
        assert!(made.contains(&"a.t3".into()) && !made.iter().any(|name| name.ends_with(".t5")), "{made:?}");
        let after = block_on(set.fleet(targets()).upgrade("head"));
        assert_eq!(steps(&after), [Some(1), Some(1)], "{after}");
    }
}

#[test]
fn who_waits_for_one_schema_does_not_wait_for_another() {
    let db = Database::new(Kind::Postgres);
    let tenants = Tenants::new(&db, 3);
    let set = Revisions::new()
        .sections("w1", "-- migrate:up\nSELECT pg_sleep(1);\nCREATE TABLE t1 (id INTEGER);\n")
        .build();
    let mut fleet = set.fleet(tenants.targets()).limit(3).lock_timeout(std::time::Duration::ZERO);
    fleet = fleet.on_event(|event| {
        let line = event.to_string();
        assert!(!line.contains("waiting"), "{line}");
    });
    let report = block_on(fleet.upgrade("head"));
    assert!(report.is_success(), "{report}");
}

#[test]
fn schemas_and_databases_are_found_by_what_their_names_are_like() {
    let db = Database::new(Kind::Postgres);
    let mut connection = db.connect();
    connection
        .run("CREATE SCHEMA tenant_1; CREATE SCHEMA tenant_2; CREATE SCHEMA tenantx; CREATE SCHEMA other");
    let names = |found: Vec<FleetTarget>| -> Vec<String> {
        found.iter().map(|target| target.name().to_owned()).collect()
    };
    let schemas = |pattern: &str| names(block_on(FleetTarget::schemas_like(&db.url(), pattern)).unwrap());
    assert_eq!(schemas("tenant\\_%"), ["tenant_1", "tenant_2"]);
    assert_eq!(schemas("tenant_"), ["tenantx"]);
    assert_eq!(schemas("%"), ["other", "public", "tenant_1", "tenant_2", "tenantx"]);
    assert_eq!(schemas("' OR true --"), Vec::<String>::new());
    let databases = |url: &str, pattern: &str| block_on(FleetTarget::databases_like(url, pattern));
    assert_eq!(names(databases(&db.url(), &db.name.replace('_', "\\_")).unwrap()), [db.name.as_str()]);
    let all = names(databases(&db.url(), "%").unwrap());
    assert!(
        all.contains(&db.name) && !all.iter().any(|name| name.starts_with("template") || name == "postgres")
    );
    let error = databases("sqlite:a.db", "%").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = block_on(FleetTarget::schemas_like("mysql://u:s3cr3t@h/db", "%")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("hint: of MySQL and MariaDB take the databases"), "{error}");
}
