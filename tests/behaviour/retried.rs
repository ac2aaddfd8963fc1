//! What another try of a section finds, and what is not tried again.

use std::time::Duration;

use embed_migrations::{ErrorKind, Event, Lock, Resolution};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;

const TRY: Duration = Duration::from_millis(300);

/// Commits on a runtime of its own: that of a run cannot be used within its events.
fn commit(mut connection: Connection) {
    std::thread::spawn(move || connection.run("COMMIT")).join().unwrap();
}

/// Upgrades to the head on a connection while another one has something, which lets it go when the step is blocked; tells how often it was.
macro_rules! upgraded {
    ($connection:expr, $other:expr, $set:expr) => {{
        let (mut other, mut blocked) = (Some($other), 0);
        let result = migrate!(
            $connection,
            $set,
            statement_lock_timeout(TRY)
                .on_event(|event| {
                    if matches!(event, Event::Blocked { .. }) {
                        blocked += 1;
                        other.take().into_iter().for_each(commit);
                    }
                })
                .upgrade("head")
        );
        other.take().into_iter().for_each(commit);
        (result, blocked)
    }};
}

mod what_a_function_has_set_holds_for_the_next_try_as_well {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let mut connection = db.connect();
        connection.run(
            "CREATE SCHEMA app; CREATE TABLE app.orders (id INTEGER); CREATE TABLE public.orders (id INTEGER);\
             INSERT INTO app.orders VALUES (1); INSERT INTO public.orders VALUES (1);\
             CREATE FUNCTION use_tenant(s TEXT) RETURNS TEXT LANGUAGE plpgsql AS $$ BEGIN RETURN set_config('search_path', s, false); END $$",
        );
        let section =
            "-- migrate:up no-transaction lock-timeout=300ms\nSELECT use_tenant('app');\nTRUNCATE orders;";
        let set = Revisions::new().sections("emptied", section).build();
        let mut reader = db.connect();
        reader.run("BEGIN; SELECT count(*) FROM app.orders");
        let (result, blocked) = upgraded!(connection, reader, set);
        result.unwrap();
        assert_eq!(blocked, 1);
        assert_eq!((connection.count("app.orders"), connection.count("public.orders")), (0, 1));
        assert_eq!(connection.value("SHOW search_path"), "\"$user\", public");
        assert_eq!(connection.value("SHOW lock_timeout"), "0");
    }
}

mod a_statement_that_commits_by_itself_is_not_tried_again {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let mut connection = db.connect();
        connection.run(
            "CREATE TABLE items (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO items SELECT g, 0 FROM generate_series(1, 30) g;\
             CREATE PROCEDURE backfill() LANGUAGE plpgsql AS $$ BEGIN FOR b IN 0..2 LOOP \
             UPDATE items SET n = n + 1 WHERE id BETWEEN b * 10 + 1 AND b * 10 + 10; COMMIT; END LOOP; END $$",
        );
        let section = "-- migrate:up no-transaction lock-timeout=300ms\nCALL backfill();";
        let set = Revisions::new().sections("filled", section).build();
        let mut writer = db.connect();
        writer.run("BEGIN; UPDATE items SET n = n WHERE id = 25");
        let (result, blocked) = upgraded!(connection, writer, set);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Revision, "{error}");
        assert!(error.to_string().contains("what it had committed by then is in force"), "{error}");
        assert_eq!(blocked, 0);
        assert_eq!(
            connection
                .value("SELECT string_agg(DISTINCT n::text, ' ' ORDER BY n::text) FROM items WHERE id <= 20"),
            "1"
        );
        // The next run asks as well, and what is true can be said.
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        connection.run("UPDATE items SET n = 1");
        migrate!(connection, set, resolve(Resolution::Applied)).unwrap();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value("SELECT max(n) FROM items"), "1");
    }
}

mod a_try_begins_in_the_database_of_the_connection {
    use super::*;

    #[test]
    fn mysql() {
        let db = Database::new(Kind::Mysql);
        let mut connection = db.connect();
        let other = format!("{}_other", db.name);
        connection.run(&format!("CREATE DATABASE {other}"));
        for schema in [&db.name, &other] {
            connection.run(&format!("CREATE TABLE {schema}.a (n INTEGER)"));
        }
        connection.run(&format!("CREATE TABLE {other}.u (v INTEGER)"));
        connection.run(&format!("INSERT INTO {other}.u VALUES (1)"));
        let up = format!("INSERT INTO a VALUES (1);\nUSE {other};\nUPDATE u SET v = 2;");
        let set = Revisions::new().sql("moved", &up, "").build();
        let mut writer = db.connect();
        writer.run("BEGIN");
        writer.run(&format!("UPDATE {other}.u SET v = v"));
        let (result, blocked) = upgraded!(connection, writer, set);
        result.unwrap();
        assert!(blocked > 0);
        assert_eq!((connection.count("a"), connection.count(&format!("{other}.a"))), (1, 0));
        connection.run(&format!("DROP DATABASE {other}"));
    }
}

mod what_writes_while_it_sets_a_variable_does_so_once {
    use super::*;

    #[test]
    fn mysql() {
        let db = Database::new(Kind::Mysql);
        let mut connection = db.connect();
        connection.run("CREATE TABLE t (n INTEGER)");
        connection.run("CREATE TABLE accounts (id INTEGER PRIMARY KEY AUTO_INCREMENT, name TEXT)");
        connection.run(
            "CREATE FUNCTION add_account(called TEXT) RETURNS INTEGER MODIFIES SQL DATA \
             BEGIN INSERT INTO accounts (name) VALUES (called); RETURN LAST_INSERT_ID(); END",
        );
        let up = "CREATE TABLE owners (id INTEGER);\nSET @id = add_account('root');\nINSERT INTO owners VALUES (@id);\n\
                  ALTER TABLE t ADD COLUMN w INTEGER;";
        let set = Revisions::new().sql("owned", up, "").build();
        let mut reader = db.connect();
        reader.run("BEGIN");
        reader.count("t");
        let (result, blocked) = upgraded!(connection, reader, set);
        result.unwrap();
        assert!(blocked > 0);
        assert_eq!(
            (connection.count("accounts"), connection.rows("SELECT id FROM owners")),
            (1, vec![vec!["1".to_owned()]])
        );
    }
}

mod a_temporary_table_ends_no_transaction_of_the_revisions_own {
    use super::*;

    #[test]
    fn mysql() {
        let db = Database::new(Kind::Mysql);
        let mut connection = db.connect();
        let section = "-- migrate:up no-transaction\nCREATE TABLE a (n INTEGER);\nSTART TRANSACTION;\nINSERT INTO a VALUES (1);\n\
                       CREATE TEMPORARY TABLE made (n INTEGER);\nINSERT INTO a VALUES (2);\nDROP TEMPORARY TABLE made;\n\
                       INSERT INTO a VALUES (3);\nROLLBACK;";
        migrate!(connection, Revisions::new().sections("undone", section).build(), upgrade("head")).unwrap();
        assert_eq!(connection.count("a"), 0);
    }
}

mod a_row_that_a_trigger_keeps_out_of_the_history_ends_the_run {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let mut connection = db.connect();
        let set = Revisions::tables(1).sql("more", "INSERT INTO t1 SELECT max(id) + 1 FROM t1;", "").build();
        migrate!(connection, set, upgrade("r0001")).unwrap();
        connection.run(
            "CREATE FUNCTION keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;\
             CREATE TRIGGER keep_out BEFORE INSERT ON migrate_history FOR EACH ROW EXECUTE FUNCTION keep_out()",
        );
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::History, "{error}");
        assert!(error.to_string().contains("a trigger or a rule keeps its row out"), "{error}");
        assert!(connection.count("t1") <= 4);
    }
}

mod a_revision_that_drops_the_schema_of_the_history_is_undone {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let mut connection = db.connect();
        let up = "DROP  SCHEMA public CASCADE;\nCREATE SCHEMA public;\nCREATE TABLE t2 (id INTEGER);";
        let set = Revisions::tables(1).sql("anew", up, "").build();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("which the revision took away with its schema"), "{error}");
        assert_eq!(db.tables(), ["t1"]);
        // Another schema is no matter.
        let up = "CREATE SCHEMA gone;\nDROP SCHEMA gone;\nCREATE TABLE t2 (id INTEGER);";
        migrate!(connection, Revisions::tables(1).sql("fine", up, "").build(), upgrade("head")).unwrap();
        assert_eq!(db.tables(), ["t1", "t2"]);
    }
}

mod a_step_that_waits_as_another_role_reads_its_history_as_the_runs {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let mut connection = db.connect();
        let role = format!("owner_{}", db.name);
        connection.run(&format!(
            "CREATE TABLE t (id INTEGER); CREATE ROLE {role}; GRANT ALL ON SCHEMA public TO {role}; ALTER TABLE t OWNER TO {role}"
        ));
        let section = format!(
            "-- migrate:up no-transaction lock-timeout=300ms\nSET ROLE {role};\nALTER TABLE t ADD COLUMN a INTEGER;"
        );
        let set = Revisions::new().sections("owned", &section).build();
        let mut reader = db.connect();
        reader.run("BEGIN; SELECT count(*) FROM t");
        // In vain at first: then the history says that nobody is at it.
        let error = migrate!(connection, set, lock_timeout(TRY * 3).upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("lock timeout"), "{error}");
        let stopped = connection.value("SELECT applied_by FROM migrate_history");
        assert!(stopped.ends_with(" (stopped)"), "{stopped}");
        let (result, blocked) = upgraded!(connection, reader, set);
        result.unwrap();
        assert!(blocked > 0);
        assert_eq!(connection.rows("SELECT a FROM t"), Vec::<Vec<String>>::new());
        assert_eq!(connection.value("SELECT current_user"), "tester");
        connection.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    }
}

mod who_may_not_see_the_session_of_another_role_waits_for_it {
    use super::*;

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let mut admin = db.connect();
        let roles = ["one", "two"].map(|name| format!("{name}_{}", db.name));
        for role in &roles {
            admin.run(&format!(
                "CREATE ROLE {role} LOGIN PASSWORD 'pw'; GRANT ALL ON SCHEMA public TO {role}"
            ));
        }
        let section = "-- migrate:up no-transaction\nINSERT INTO log SELECT 1 FROM pg_sleep(4);\nINSERT INTO log VALUES (2);";
        let set = Revisions::new().sql("made", "CREATE TABLE log (n INTEGER);", "").sections("slow", section);
        let [first, second] =
            roles.clone().map(|role| Connection::new(Kind::Postgres, &db.url_for(&role, "pw")));
        let (mut first, mut second) = (first, second);
        migrate!(first, set.build(), upgrade("made")).unwrap();
        admin.run(&format!("GRANT ALL ON log, migrate_history TO {}", roles[1]));
        let run = set.build();
        let at_work = std::thread::spawn(move || {
            migrate!(first, run, lock(Lock::None).upgrade("head")).map(|report| report.steps.len())
        });
        let shown = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        while admin.value(shown) == "0" {
            std::thread::sleep(Duration::from_millis(10));
        }
        // Longer than the second after which it would take over what nobody is at.
        let waiting = migrate!(
            second,
            set.build(),
            lock(Lock::None).lock_timeout(Duration::from_secs(30)).upgrade("head")
        );
        assert_eq!(at_work.join().unwrap().unwrap(), 1);
        assert!(waiting.unwrap().is_empty());
        assert_eq!(admin.rows("SELECT n FROM log ORDER BY n"), [["1"], ["2"]]);
        for role in roles.iter().rev() {
            admin.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
        }
    }
}
