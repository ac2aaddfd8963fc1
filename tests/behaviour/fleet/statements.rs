//! What a fleet sends whose targets have nothing to do. That of SQLite's files is counted where they are opened, in the runtime.

use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::log::ServerLog;

use super::{Tenants, set, steps};

const COUNT: usize = 30;

/// What the connections send of a fleet whose targets have nothing to do.
fn sent(db: &Database, tenants: &Tenants<'_>, limit: usize) -> Vec<Vec<String>> {
    let set = set();
    let first = tenants.upgrade(set.fleet(tenants.targets()));
    assert!(first.is_success(), "{first}");
    let log = ServerLog::start(db);
    let again = tenants.upgrade(set.fleet(tenants.targets()).limit(limit));
    assert_eq!(steps(&again), vec![Some(0); COUNT]);
    log.connections()
}

mod postgres {
    use super::*;

    #[test]
    fn schemas_with_nothing_to_do_cost_one_statement_each_over_as_many_connections_as_the_limit_says() {
        for limit in [1, 4] {
            let db = Database::new(Kind::Postgres);
            let tenants = Tenants::new(&db, COUNT);
            let connections = sent(&db, &tenants, limit);
            assert_eq!(connections.len(), limit, "{connections:#?}");
            let statements = connections.concat();
            assert_eq!(statements.len(), COUNT, "{statements:#?}");
            for n in 0..COUNT {
                let history = format!(" FROM \"{}\".\"migrate_history\" ", tenants.name(n));
                let of_it = |sql: &&String| {
                    sql.starts_with("SELECT ") && sql.contains(&history) && sql.ends_with(" LIMIT 1")
                };
                assert_eq!(statements.iter().filter(of_it).count(), 1, "{statements:#?}");
            }
        }
    }
}

mod mysql {
    use super::*;

    #[test]
    fn databases_with_nothing_to_do_cost_one_statement_each_beside_what_the_driver_connects_with() {
        let db = Database::new(Kind::Mysql);
        let tenants = Tenants::new(&db, COUNT);
        let connections = sent(&db, &tenants, 4);
        assert_eq!(connections.len(), COUNT, "{connections:#?}");
        for sent in connections {
            let [of_the_driver, ours] = sent.as_slice() else { panic!("{sent:#?}") };
            assert!(
                of_the_driver.starts_with("Query SELECT @@max_allowed_packet,@@wait_timeout"),
                "{sent:?}"
            );
            let ours = ours.strip_prefix("Query SELECT ").unwrap_or_else(|| panic!("{sent:?}"));
            assert!(ours.contains(" FROM `migrate_history` ") && ours.ends_with(" LIMIT 1"), "{sent:?}");
        }
    }
}
