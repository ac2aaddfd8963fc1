//! What a run does with the connection that it is given: how much it sends, and in which state it leaves it.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use embed_migrations::{Error, ErrorKind, Lock};
use embed_migrations_tests::database::{Connection, Database, Kind, Native};
use embed_migrations_tests::log::Log;
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

/// Polls a future so many times, letting the connection work in between, and drops it. `None` if it was not done by then.
pub(crate) async fn poll_and_drop<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(result);
        }
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
    None
}

behaviours! {
    fn a_future_dropped_at_any_await_leaves_the_connection_usable_and_the_next_run_converges(db) {
        if db.kind == Kind::Sqlite {
            // Its verbs are plain functions: there is no future to drop, and a run is done when the call returns.
            let set = Revisions::tables(1).build();
            assert_eq!(migrate!(db.connect(), set, upgrade("head")).unwrap().steps.len(), 1);
            return;
        }
        // So many that PostgreSQL is made to keep the runtime's own statements.
        let set = Revisions::tables(8).build();
        let mut connection = db.connect();
        let mut finished = 0;
        for polls in 0..40 {
            let Connection { native, runtime } = &mut connection;
            let done = runtime.block_on(async {
                match native {
                    Native::Postgres(client) => poll_and_drop(set.postgres(client).upgrade("head"), polls).await,
                    Native::Mysql(conn) => poll_and_drop(set.mysql(conn).upgrade("head"), polls).await,
                    Native::Sqlite(_) => unreachable!(),
                }
            });
            if let Some(done) = done {
                done.unwrap();
                finished += 1;
            }
            if let Native::Mysql(conn) = &connection.native
                && conn.is_disconnected()
            {
                // mysql_async gives a connection up on which an answer was left unread, and so do its pools.
                let error = migrate!(connection, set, upgrade("head")).unwrap_err();
                assert_eq!(error.kind(), embed_migrations::ErrorKind::Database, "{error}");
                connection = db.connect();
            }
            // The caller goes on with its connection as if nothing had been.
            assert_eq!(connection.value("SELECT 1"), "1", "{polls} polls");
            if db.kind == Kind::Postgres {
                assert_eq!(connection.value("SELECT now() = statement_timestamp()"), "t", "{polls} polls");
                assert_eq!(connection.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = \
                    (SELECT oid FROM pg_database WHERE datname = current_database())"), "0", "{polls} polls");
                let kept = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'embed_migrations%'";
                assert_eq!(connection.value(kept), "0", "{polls} polls");
            } else {
                assert_eq!(connection.open_transactions(), "0", "{polls} polls");
            }
            migrate!(connection, set, upgrade("head")).unwrap();
            assert_eq!(db.tables(), ["t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"], "{polls} polls");
            for n in 1..=8 {
                assert_eq!(connection.count(&format!("t{n}")), 1, "{polls} polls");
            }
            migrate!(connection, set, downgrade("base")).unwrap();
        }
        assert!(finished < 35, "some futures were dropped before they were done");
    }

    fn steps_cost_no_statement_more_than_their_own(db) {
        // Per revision: PostgreSQL one message; SQLite begin, read, row, statements, commit; MariaDB its row and its packets.
        let count = |revisions: usize, namespace: &str| {
            let database = Database::new(db.kind);
            let set = Revisions::tables(revisions).namespace(namespace).build();
            let mut connection = database.connect();
            let log = Log::start(&database, &mut connection);
            migrate!(connection, set, upgrade("head")).unwrap();
            log.statements().len()
        };
        let each = (count(20, "main") - count(10, "main")) / 10;
        let expected = match db.kind {
            Kind::Sqlite => 6,
            Kind::Postgres => 1,
            // The row, the table with its record, the row with its record in a transaction, and that it is done.
            Kind::Mysql if db.is_mariadb() => 10,
            // Its log has the statements of a packet one by one.
            Kind::Mysql => 17,
        };
        assert!(each <= expected, "{each} statements per revision");
    }
}

/// What PostgreSQL alone promises.
mod postgres {
    use super::*;

    fn is_idle(connection: &mut Connection, watcher: &mut Connection, pid: &str) {
        assert_eq!(watcher.value(&format!("SELECT state FROM pg_stat_activity WHERE pid = {pid}")), "idle");
        assert_eq!(connection.value("SELECT now() = statement_timestamp()"), "t");
    }

    #[test]
    fn a_revision_is_one_message_and_every_failure_leaves_the_connection_idle() {
        let db = Database::new(Kind::Postgres);
        let mut connection = db.connect();
        let mut watcher = db.connect();
        let pid = connection.value("SELECT pg_backend_pid()");
        migrate!(connection, Revisions::tables(1).build(), upgrade("head")).unwrap();
        for failing in ["SELEC 1", "SELECT 1 / 0", "CREATE TABLE t1 (id int)", "SELECT nothing FROM nowhere"]
        {
            let set = Revisions::tables(1)
                .sql("bad", &format!("CREATE TABLE t2 (id int);\n{failing};"), "")
                .build();
            let error = migrate!(connection, set, upgrade("head")).unwrap_err();
            assert_eq!(error.failure().unwrap().line, Some(7), "{error}");
            is_idle(&mut connection, &mut watcher, &pid);
            assert_eq!(db.tables(), ["t1"]);
        }
    }

    #[test]
    fn a_deferred_constraint_that_fails_at_the_commit_undoes_the_revision() {
        let db = Database::new(Kind::Postgres);
        let set = Revisions::new()
            .sql(
                "a",
                "CREATE TABLE p (id int PRIMARY KEY);\n\
                 CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO c VALUES (1);",
                "",
            )
            .build();
        let mut connection = db.connect();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("commit") && error.to_string().contains("c_p_fkey"), "{error}");
        assert_eq!(db.tables(), Vec::<String>::new());
        assert_eq!(connection.value("SELECT now() = statement_timestamp()"), "t");
    }

    #[test]
    fn savepoints_work_inside_a_revision() {
        let db = Database::new(Kind::Postgres);
        let set = Revisions::new()
            .sql(
                "a",
                "CREATE TABLE t1 (id int);\nSAVEPOINT s;\nINSERT INTO t1 VALUES (1);\nROLLBACK TO s;\nINSERT INTO t1 VALUES (2);",
                "",
            )
            .build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.rows("SELECT id FROM t1"), [["2"]]);
    }

    #[test]
    fn an_invalid_index_left_behind_is_dropped_before_it_is_built_again() {
        let db = Database::new(Kind::Postgres);
        let set = Revisions::new()
            .sql("a", "CREATE TABLE t1 (x int); INSERT INTO t1 VALUES (1), (1);", "DROP TABLE t1")
            .sections(
                "b",
                "-- migrate:up no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY t1_x ON t1 (x);\n\
                 -- migrate:down no-transaction\nDROP INDEX CONCURRENTLY t1_x;",
            )
            .build();
        let mut connection = db.connect();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("unique"), "{error}");
        let invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
        assert_eq!(connection.value(invalid), "1");
        connection.run("DELETE FROM t1");
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value(invalid), "0");
        assert_eq!(
            connection.value("SELECT count(*) FROM pg_index WHERE indexrelid = 't1_x'::regclass"),
            "1"
        );
        migrate!(connection, set, downgrade("a")).unwrap();
    }

    #[test]
    fn rows_hidden_by_row_security_are_no_empty_history() {
        let db = Database::new(Kind::Postgres);
        let set = Revisions::tables(2).build();
        let mut admin = db.connect();
        migrate!(admin, set, upgrade("head")).unwrap();
        let role = format!("hidden_{}", db.name);
        admin.run(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'pw'; GRANT ALL ON migrate_history TO {role}; GRANT ALL ON SCHEMA public TO {role};\
             ALTER TABLE migrate_history ENABLE ROW LEVEL SECURITY"
        ));
        let mut connection = Connection::new(Kind::Postgres, &db.url_for(&role, "pw"));
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), embed_migrations::ErrorKind::History);
        assert!(error.to_string().contains("row security"), "{error}");
        drop(connection);
        admin.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }

    #[test]
    fn pooled_clients_are_passed_as_they_are() {
        let db = Database::new(Kind::Postgres);
        let set = Revisions::tables(2).build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let config: tokio_postgres::Config = db.url().parse().unwrap();
            let manager = deadpool_postgres::Manager::new(config.clone(), tokio_postgres::NoTls);
            let pool = deadpool_postgres::Pool::builder(manager).max_size(1).build().unwrap();
            let mut pooled = pool.get().await.unwrap();
            set.postgres(&mut pooled).upgrade("head").await.unwrap();

            let manager = bb8_postgres::PostgresConnectionManager::new(config, tokio_postgres::NoTls);
            let pool = bb8_postgres::bb8::Pool::builder().max_size(1).build(manager).await.unwrap();
            let mut pooled = pool.get().await.unwrap();
            set.postgres(&mut pooled).lock(Lock::None).downgrade("base").await.unwrap();
        });
        assert_eq!(db.tables(), Vec::<String>::new());
    }
}

/// What MySQL and MariaDB alone have.
mod mysql {
    use super::*;

    #[test]
    fn a_pooled_connection_is_passed_as_it_is_and_its_lock_does_not_stay_with_it() {
        let db = Database::new(Kind::Mysql);
        let set = Revisions::tables(2).build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let pool = mysql_async::Pool::from_url(db.url()).unwrap();
            let mut conn = pool.get_conn().await.unwrap();
            set.mysql(&mut conn).upgrade("head").await.unwrap();
            let bad = Revisions::tables(2).sql("bad", "SELECT nothing", "").build();
            bad.mysql(&mut conn).upgrade("head").await.unwrap_err();
            drop(conn);
            let mut other = mysql_async::Conn::from_url(db.url()).await.unwrap();
            set.mysql(&mut other).lock_timeout(Duration::ZERO).downgrade("-1").await.unwrap();
            pool.disconnect().await.unwrap();
        });
    }

    #[test]
    fn an_interrupted_ddl_statement_is_run_again_only_if_its_table_is_as_it_was() {
        for done_meanwhile in [false, true] {
            let db = Database::new(Kind::Mysql);
            let set = Revisions::tables(1)
                .sections(
                    "m",
                    "-- migrate:up mysql\nALTER TABLE t1 ADD COLUMN a INTEGER;\nALTER TABLE t1 ADD INDEX (a);",
                )
                .build();
            let mut connection = db.connect();
            migrate!(connection, set, upgrade("r0001")).unwrap();
            // A reader keeps the statement waiting, and in the middle of it the connection is killed.
            let mut reader = db.connect();
            reader.run("BEGIN");
            assert_eq!(reader.count("t1"), 1);
            let id = connection.value("SELECT CONNECTION_ID()");
            let waiting = format!(
                "SELECT count(*) FROM information_schema.processlist WHERE id = {id} AND info LIKE '%ADD COLUMN a%' \
                AND state LIKE 'Waiting%'"
            );
            let url = db.url();
            let killer = std::thread::spawn(move || {
                let mut killer = Connection::new(Kind::Mysql, &url);
                while killer.value(&waiting) == "0" {
                    std::thread::sleep(Duration::from_millis(5));
                }
                killer.run(&format!("KILL {id}"));
            });
            let error = migrate!(connection, set, upgrade("head")).unwrap_err();
            killer.join().unwrap();
            assert_ne!(error.kind(), embed_migrations::ErrorKind::Plan, "{error}");
            reader.run("COMMIT");
            let mut connection = db.connect();
            if done_meanwhile {
                // As if the statement had been done, and the process had died before it could record that.
                reader.run("ALTER TABLE t1 ADD COLUMN a INTEGER");
            }
            migrate!(connection, set, upgrade("head")).unwrap();
            let columns = format!(
                "SELECT count(*) FROM information_schema.columns WHERE table_schema = '{}' AND table_name = 't1'",
                db.name
            );
            assert_eq!(connection.value(&columns), "2");
            let indexes = format!(
                "SELECT count(*) FROM information_schema.statistics WHERE table_schema = '{}' AND column_name = 'a'",
                db.name
            );
            assert_eq!(connection.value(&indexes), "1");
        }
    }

    #[test]
    fn stored_programs_with_and_without_delimiter_are_made() {
        let db = Database::new(Kind::Mysql);
        let set = Revisions::new()
            .sections(
                "a",
                "-- migrate:up mysql\nCREATE TABLE t1 (id INTEGER PRIMARY KEY, n INTEGER);\n\
                 CREATE PROCEDURE p1() BEGIN INSERT INTO t1 VALUES (1, 1); INSERT INTO t1 VALUES (2, 2); END;\n\
                 DELIMITER //\nCREATE TRIGGER g1 BEFORE INSERT ON t1 FOR EACH ROW BEGIN SET NEW.n = NEW.n * 10; END//\n\
                 DELIMITER ;\nCALL p1();",
            )
            .build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.rows("SELECT n FROM t1 ORDER BY id"), [["10"], ["20"]]);
    }
}

/// The futures can be spawned.
#[test]
fn a_server_that_accepts_and_says_nothing_is_not_waited_for_without_limit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let set = Revisions::tables(1).build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // PostgreSQL's address has its time, and what follows has it again.
    for (scheme, limit) in [("postgres", 2), ("mysql", 1)] {
        let url = format!("{scheme}://u:s3cr3t@127.0.0.1:{port}/db?connect_timeout=1");
        let start = std::time::Instant::now();
        let error = runtime.block_on(set.connect(&url)).map(|_| ()).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert_eq!(error.kind(), ErrorKind::Database);
        let text = error.to_string();
        assert!(text.contains(&format!("at 127.0.0.1:{port}: no answer within {limit} s")), "{text}");
        assert!(text.contains("connect_timeout=60") && !text.contains("s3cr3t"), "{text}");
        let wrong = runtime.block_on(set.connect(&url.replace("=1", "=soon"))).map(|_| ()).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::Url);
        assert!(
            wrong.to_string().contains("`connect_timeout` in the URL is no number of seconds"),
            "{wrong}"
        );
    }
}

#[test]
fn the_futures_are_send() {
    fn sent<T: Send>(future: T) -> T {
        future
    }
    async fn on_postgres(
        set: &embed_migrations::Migrations,
        client: &mut tokio_postgres::Client,
    ) -> Result<(), Error> {
        sent(set.postgres(client).on_event(|_| {}).upgrade("head")).await.map(|_| ())
    }
    async fn on_mysql(set: &embed_migrations::Migrations, conn: &mut mysql_async::Conn) -> Result<(), Error> {
        sent(set.mysql(conn).upgrade("head")).await.map(|_| ())
    }
    let set = Revisions::tables(1).build();
    drop(sent(set.connect("sqlite::memory:")));
    assert!(std::any::type_name_of_val(&on_postgres).contains("postgres"));
    assert!(std::any::type_name_of_val(&on_mysql).contains("mysql"));
}
