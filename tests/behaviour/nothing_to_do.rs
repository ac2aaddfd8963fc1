//! A start with nothing to do: one statement, whatever the history, and no more rights than to read.

use embed_migrations::Target;
use embed_migrations_tests::database::{Connection, Database, Kind, Native};
use embed_migrations_tests::front::{Front, Seems};
use embed_migrations_tests::log::Log;
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

behaviours! {
    fn a_start_with_nothing_to_do_sends_one_statement_with_8_and_with_1000_revisions(db) {
        for count in [8, 1000] {
            let rows = |revisions: Revisions, n: usize| revisions.sql(&format!("i{n}"), &format!("INSERT INTO t1 VALUES ({n})"), "");
            let set = (2..=count).fold(Revisions::tables(1), rows).namespace(&format!("n{count}"));
            let set = set.map(|text| text.replace("t1", &format!("t1_{count}"))).build();
            let mut connection = db.connect();
            let report = migrate!(connection, set, upgrade(Target::Head)).unwrap();
            assert_eq!(report.steps.len(), count);
            let before = connection.count("migrate_history");

            let mut connection = db.connect();
            let log = Log::start(db, &mut connection);
            let report = migrate!(connection, set, upgrade(Target::Head)).unwrap();
            assert!(report.is_empty());
            let statements = log.statements();
            assert_eq!(statements.len(), 1, "{statements:#?}");
            assert!(statements[0].starts_with("SELECT ") && statements[0].contains("LIMIT 1"), "{statements:?}");
            assert_eq!(connection.count("migrate_history"), before);
        }
    }

    fn a_role_that_may_only_read_can_start(db) {
        let set = Revisions::tables(3).build();
        migrate!(db.connect(), set, upgrade("head")).unwrap();
        let reader = format!("reader_{}", db.name);
        let mut connection = match db.kind {
            Kind::Sqlite => {
                let mut permissions = std::fs::metadata(db.sqlite_path()).unwrap().permissions();
                permissions.set_readonly(true);
                std::fs::set_permissions(db.sqlite_path(), permissions).unwrap();
                let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
                let connection = rusqlite::Connection::open_with_flags(db.sqlite_path(), flags).unwrap();
                let report = { let mut connection = connection; set.sqlite(&mut connection).upgrade("head").unwrap() };
                assert!(report.is_empty());
                return;
            }
            Kind::Postgres => {
                db.connect().run(&format!(
                    "CREATE ROLE {reader} LOGIN PASSWORD 'pw'; GRANT SELECT ON migrate_history TO {reader}"
                ));
                Connection::new(db.kind, &db.url_for(&reader, "pw"))
            }
            Kind::Mysql => {
                let reader = &reader[..reader.len().min(32)];
                let mut admin = db.connect();
                admin.run(&format!("CREATE USER {reader} IDENTIFIED BY 'pw'"));
                admin.run(&format!("GRANT SELECT ON {}.migrate_history TO {reader}", db.name));
                Connection::new(db.kind, &db.url_for(reader, "pw"))
            }
        };
        let report = migrate!(connection, set, upgrade("head")).unwrap();
        assert!(report.is_empty());
        assert!(migrate!(connection, set, status()).unwrap().is_current());
        drop(connection);
        let mut admin = db.connect();
        if db.kind == Kind::Postgres {
            admin.run(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"));
        } else {
            admin.run(&format!("DROP USER {}", &reader[..reader.len().min(32)]));
        }
    }
}

mod mysql {
    use super::*;

    #[test]
    fn a_server_that_a_proxy_makes_out_to_be_another_is_told_apart_where_they_differ() {
        let db = Database::new(Kind::Mysql);
        if !db.is_mariadb() {
            return;
        }
        let differing = "-- migrate:up mysql\nCREATE TABLE on_mysql (id INT);\n\n\
                         -- migrate:up mariadb\nCREATE TABLE on_mariadb (id INT);\n";
        let set = Revisions::tables(2).sections("differing", differing).build();
        let url = Front::new(db.kind, &db.url(), Seems::Mysql).url(&db.url());
        let mut connection = Connection::new(db.kind, &format!("{url}?prefer_socket=false"));
        let Native::Mysql(conn) = &connection.native else { unreachable!("it is asked for MySQL") };
        assert_eq!(conn.server_version(), (8, 0, 36));

        assert_eq!(migrate!(connection, set, upgrade("head")).unwrap().steps.len(), 3);
        assert_eq!(connection.count("on_mariadb"), 0);
        let log = Log::start(&db, &mut connection);
        assert!(migrate!(connection, set, upgrade("head")).unwrap().is_empty());
        assert!(log.statements().iter().any(|statement| statement.contains("VERSION()")));
    }
}
