//! What SQLite alone can do to a migration.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use embed_migrations::{ErrorKind, Event};
use embed_migrations_tests::database::{Connection, Database, Kind, Native};
use embed_migrations_tests::guarantees::counted;
use embed_migrations_tests::log::Log;
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// How SQLite keeps what a transaction may still undo.
const JOURNALS: [&str; 4] = ["DELETE", "TRUNCATE", "PERSIST", "WAL"];

fn in_journal(db: &Database, journal: &str) -> Connection {
    let mut connection = db.connect();
    assert_eq!(connection.value(&format!("PRAGMA journal_mode = {journal}")).to_uppercase(), journal);
    connection
}

fn native(connection: &Connection) -> &rusqlite::Connection {
    match &connection.native {
        Native::Sqlite(connection) => connection,
        _ => unreachable!("these tests are SQLite's"),
    }
}

/// Parents with children that go when their parent goes, and a revision that rebuilds the parents.
fn family(rebuild: &str) -> Revisions {
    let tables = "CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);\n\
                  CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents (id) ON DELETE CASCADE);\n\
                  INSERT INTO parents VALUES (1, 'a'), (2, 'b');\nINSERT INTO children VALUES (10, 1), (20, 2), (21, 2);";
    let rebuild = format!(
        "-- migrate:up foreign-keys=off\nCREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n{rebuild}\n\
         DROP TABLE parents;\nALTER TABLE new RENAME TO parents;"
    );
    Revisions::new().sql("tables", tables, "").sections("rebuild", &rebuild)
}

#[test]
fn a_rebuild_keeps_the_rows_that_refer_to_the_table_and_enforcement_comes_back() {
    for journal in JOURNALS {
        for enforced in ["ON", "OFF"] {
            let db = Database::new(Kind::Sqlite);
            let mut connection = in_journal(&db, journal);
            connection.run(&format!("PRAGMA foreign_keys = {enforced}"));
            let before = connection.value("PRAGMA foreign_keys");
            let set = family("INSERT INTO new SELECT id, name FROM parents;").build();
            migrate!(connection, set, upgrade("head")).unwrap();
            assert_eq!(connection.count("children"), 3, "{journal}");
            assert_eq!(connection.rows("PRAGMA foreign_key_check").len(), 0);
            assert_eq!(connection.value("PRAGMA foreign_keys"), before);
        }
    }
    counted("A rebuilt table keeps", Kind::Sqlite, 2 * JOURNALS.len());
}

#[test]
fn of_many_rows_that_lose_their_parent_the_first_are_named() {
    let db = Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    migrate!(connection, family("").build(), upgrade("tables")).unwrap();
    connection.run("WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 119) INSERT INTO children SELECT i, 2 FROM n");
    let set = family("INSERT INTO new SELECT id, name FROM parents WHERE id = 1;").build();
    let error = migrate!(connection, set, upgrade("head")).unwrap_err().to_string();
    assert!(error.contains("22 rows would refer to rows that are not there"), "{error}");
    assert_eq!(error.matches("\n  row ").count(), 10, "{error}");
    assert!(error.contains("\n  ..."), "{error}");
}

#[test]
fn a_rebuild_that_loses_a_parent_is_refused_before_the_commit() {
    for journal in JOURNALS {
        let db = Database::new(Kind::Sqlite);
        let mut connection = in_journal(&db, journal);
        connection.run("PRAGMA foreign_keys = ON");
        let set = family("INSERT INTO new SELECT id, name FROM parents WHERE id = 1;").build();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("2 rows would refer to rows that are not there"), "{error}");
        assert_eq!(db.connect().rows("SELECT id FROM parents"), [["1"], ["2"]]);
        assert_eq!(connection.count("children"), 3);
        assert_eq!(connection.value("PRAGMA foreign_keys"), "1");
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["tables"]);
    }
}

#[test]
fn a_database_that_another_connection_has_to_itself_is_locked() {
    let db = Database::new(Kind::Sqlite);
    let mut other = db.connect();
    other.run("CREATE TABLE theirs (id INTEGER)");
    other.run("BEGIN EXCLUSIVE");
    let mut connection = db.connect();
    connection.rows("PRAGMA busy_timeout = 20");
    let patience = Duration::from_secs(1);
    let set = Revisions::tables(1).build();
    let error = migrate!(connection, set, lock_timeout(patience).upgrade("head")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains("another connection has the database to itself"), "{error}");
    other.run("ROLLBACK");
}

#[test]
fn every_transaction_takes_the_write_lock_when_it_begins() {
    let db = Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    let set = Revisions::tables(2)
        .sections("alone", "-- migrate:up no-transaction\nCREATE TABLE x (n);\nINSERT INTO x VALUES (1);")
        .build();
    let log = Log::start(&db, &mut connection);
    migrate!(connection, set, upgrade("head")).unwrap();
    let begun: Vec<String> = log.statements().into_iter().filter(|sql| sql.starts_with("BEGIN")).collect();
    assert!(begun.len() >= 4 && begun.iter().all(|sql| sql == "BEGIN IMMEDIATE"), "{begun:?}");
}

#[test]
fn another_writer_is_waited_for_and_then_named_as_the_reason() {
    for journal in JOURNALS {
        let db = Database::new(Kind::Sqlite);
        let mut writer = in_journal(&db, journal);
        writer.run("CREATE TABLE own (n); BEGIN IMMEDIATE; INSERT INTO own VALUES (1)");
        let set = Revisions::tables(2).build();
        let mut connection = db.connect();
        let patience = Duration::from_millis(150);
        let error = migrate!(connection, set, lock_timeout(patience).upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked, "{journal}: {error}");
        assert_eq!(db.connect().rows("SELECT name FROM sqlite_schema WHERE name LIKE 't_'").len(), 0);

        // It ends once the next run says that it waits, whichever kind of step does.
        let set = Revisions::tables(2)
            .sections("alone", "-- migrate:up no-transaction\nCREATE TABLE alone (n);")
            .build();
        connection.rows("PRAGMA busy_timeout = 20");
        for (target, first) in [("r0002", "r0001"), ("alone", "alone")] {
            let mut blocked = Vec::new();
            let report = migrate!(
                connection,
                set,
                on_event(|event| if let Event::Blocked { step, by: None, .. } = event {
                    blocked.push(step.revision.to_owned());
                    writer.run("COMMIT");
                })
                .upgrade(target)
            );
            assert!(!report.unwrap().is_empty());
            assert_eq!(blocked, [first], "{journal}");
            writer.run("BEGIN IMMEDIATE; INSERT INTO own VALUES (1)");
        }
        writer.run("COMMIT");
        assert_eq!(writer.count("own"), 3);
    }
    counted("Another process that writes", Kind::Sqlite, JOURNALS.len());
}

/// The pages of a database are used up at ever later places: each failure leaves what was there before it.
#[test]
fn a_disk_that_is_full_at_any_place_undoes_the_revision_and_the_next_run_goes_on() {
    let mut failed = 0;
    for journal in JOURNALS {
        let db = Database::new(Kind::Sqlite);
        let mut connection = in_journal(&db, journal);
        let set = Revisions::tables(2)
            .sql(
                "big",
                "CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(20000)); CREATE INDEX big_x ON big (x); \
                 CREATE TABLE more (x); INSERT INTO more VALUES (zeroblob(20000));",
                "DROP TABLE big;",
            )
            .build();
        for room in 0.. {
            let pages: usize = connection.value("PRAGMA page_count").parse().unwrap();
            connection.rows(&format!("PRAGMA max_page_count = {}", (pages + 1).max(2)));
            let Err(error) = migrate!(connection, set, upgrade("head")) else { break };
            assert!(error.to_string().contains("full"), "{error}");
            failed += 1;
            assert!(native(&connection).is_autocommit());
            assert_eq!(connection.value("PRAGMA integrity_check"), "ok");
            let current = migrate!(connection, set, current()).unwrap();
            let tables = db.tables();
            assert_eq!(
                tables.len(),
                current.first().map_or(0, |id| id.trim_start_matches('r').parse().unwrap())
            );
            connection.rows(&format!("PRAGMA max_page_count = {}", pages + 1 + 2 * room));
            if let Ok(report) = migrate!(connection, set, upgrade("head")) {
                assert!(!report.steps.is_empty());
                break;
            }
            failed += 1;
        }
        assert_eq!(db.tables(), ["big", "more", "t1", "t2"], "{journal}");
    }
    assert!(failed > 8, "{failed}");
    counted("A disk that is full", Kind::Sqlite, failed);
}

/// Runs every verb on a file that is no sound database, and fails unless each is an error and the bytes are the same.
fn is_refused_and_not_touched(db: &Database, bytes: &[u8], what: &str) {
    let set = Revisions::tables(3).build();
    fs::write(db.sqlite_path(), bytes).unwrap();
    let mut connection = db.connect();
    let errors = [
        migrate!(connection, set, upgrade("head")).map(|_| ()).unwrap_err(),
        migrate!(connection, set, stamp("r0002")).map(|_| ()).unwrap_err(),
        migrate!(connection, set, status()).map(|_| ()).unwrap_err(),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(text.contains("not a database") || text.contains("malformed"), "{what}: {text}");
        assert_ne!(error.kind(), ErrorKind::History, "{what}: {text}");
    }
    drop(connection);
    assert!(fs::read(db.sqlite_path()).unwrap() == bytes, "{what}: the file was changed");
}

#[test]
fn an_encrypted_file_is_refused_and_not_touched() {
    let db = Database::new(Kind::Sqlite);
    // What an encrypted file looks like to SQLite: as many pages of bytes without a pattern.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(4 * 4096)
    .collect();
    is_refused_and_not_touched(&db, &bytes, "an encrypted file");
}

#[test]
fn a_corrupt_file_is_an_error_and_not_touched() {
    let db = Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    migrate!(connection, Revisions::tables(2).build(), upgrade("head")).unwrap();
    let history = "SELECT rootpage FROM sqlite_schema WHERE name = 'migrate_history'";
    let history: usize = connection.value(history).parse().unwrap();
    let page: usize = connection.value("PRAGMA page_size").parse().unwrap();
    drop(connection);
    let sound = fs::read(db.sqlite_path()).unwrap();
    let mut tried = 0;
    // What kind of file it is, how its pages are laid out, the schema's page and its first row, and the history's page.
    for place in [0, 5, 16, 17, 19, 21, 22, 23, 100, 103, 104, 108, (history - 1) * page] {
        let mut bytes = sound.clone();
        bytes[place] ^= 0xff;
        is_refused_and_not_touched(&db, &bytes, &format!("byte {place} flipped"));
        tried += 1;
    }
    for length in [50, 99, 511, page] {
        is_refused_and_not_touched(&db, &sound[..length], &format!("cut to {length} bytes"));
        tried += 1;
    }
    counted("A corrupt or encrypted file", Kind::Sqlite, tried + 1);
}

/// The runtime's own statements around a step are parsed once for many steps, as SQLite asks at each parsing what they may do;
/// a change of the schema has it parse them anew, and ask no more than once for it.
#[test]
fn what_records_a_step_is_parsed_once_for_many() {
    static RECORDED: AtomicUsize = AtomicUsize::new(0);
    for (changes_schema, most) in [(false, 2), (true, 41)] {
        let db = Database::new(Kind::Sqlite);
        let mut connection = db.connect();
        RECORDED.store(0, Ordering::Relaxed);
        let authorizer = |context: AuthContext<'_>| {
            if matches!(context.action, AuthAction::Insert { table_name: "migrate_history" }) {
                RECORDED.fetch_add(1, Ordering::Relaxed);
            }
            Authorization::Allow
        };
        native(&connection).authorizer(Some(authorizer)).unwrap();
        let mut revisions = Revisions::new().sql("first", "CREATE TABLE t (id INTEGER);", "");
        for n in 1..=40 {
            let sql = if changes_schema {
                format!("CREATE TABLE t{n} (id INTEGER);")
            } else {
                format!("INSERT INTO t VALUES ({n});")
            };
            revisions = revisions.sql(&format!("step{n}"), &sql, "");
        }
        let report = migrate!(connection, revisions.build(), upgrade("head")).unwrap();
        assert_eq!(report.steps.len(), 41);
        assert_eq!(connection.count("migrate_history"), 41);
        assert!(RECORDED.load(Ordering::Relaxed) <= most, "{RECORDED:?} {most}");
    }
}

#[test]
fn what_a_revision_sets_of_the_journal_and_of_like_reaches_neither_the_next_nor_the_caller() {
    let db = Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    let set = Revisions::new()
        .sections(
            "a",
            "-- migrate:up no-transaction\nPRAGMA journal_mode = OFF;\nPRAGMA locking_mode = EXCLUSIVE;\nPRAGMA max_page_count = 100;\n\
             PRAGMA case_sensitive_like = ON;\nCREATE TABLE t (n TEXT);\nINSERT INTO t VALUES ('Alice'), ('alice'), ('Bob');",
        )
        .sql("b", "DELETE FROM t WHERE n LIKE 'alice';\nCREATE TABLE kept (n);", "")
        .sql("c", "INSERT INTO t VALUES ('Eve');\nINSERT INTO nowhere VALUES (1);", "")
        .build();
    let before = connection.value("PRAGMA max_page_count");
    migrate!(connection, set, upgrade("head")).unwrap_err();
    assert_eq!(connection.rows("SELECT n FROM t"), [["Bob"]]);
    for (pragma, value) in
        [("journal_mode", "delete"), ("locking_mode", "normal"), ("max_page_count", &before)]
    {
        assert_eq!(connection.value(&format!("PRAGMA {pragma}")), value, "{pragma}");
    }
    assert_eq!(connection.value("SELECT 'a' LIKE 'A'"), "1");
    db.connect().run("INSERT INTO t VALUES ('others get on')");
    // WAL is the file's, and what such a revision is for.
    let set = Revisions::new()
        .namespace("wal")
        .sections("w", "-- migrate:up no-transaction\nPRAGMA journal_mode = WAL;")
        .build();
    migrate!(connection, set, upgrade("head")).unwrap();
    assert_eq!(connection.value("PRAGMA journal_mode"), "wal");
}

#[test]
fn a_row_of_the_history_that_is_kept_out_in_silence_undoes_the_step() {
    let db = Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    let set = Revisions::tables(3).build();
    migrate!(connection, set, upgrade("r0001")).unwrap();
    connection.run("CREATE TRIGGER r BEFORE INSERT ON migrate_history BEGIN SELECT RAISE(IGNORE); END");
    for step in ["up", "down", "recorded"] {
        let error = match step {
            "up" => migrate!(connection, set, upgrade("head")),
            "down" => migrate!(connection, set, downgrade("base")),
            _ => {
                let section = "-- migrate:up no-transaction\nCREATE TABLE r (id);";
                let set = Revisions::tables(1).sections("recorded", section).build();
                migrate!(connection, set, upgrade("head"))
            }
        }
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::History, "{step}: {error}");
        assert!(error.to_string().contains("the row of the history was not written"), "{error}");
        assert_eq!(db.tables(), ["t1"], "{step}");
    }
}

#[test]
fn a_constraint_that_is_checked_at_the_commit_fails_the_revision() {
    let db = Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    connection.run("PRAGMA foreign_keys = ON");
    let tables = "CREATE TABLE p (id INTEGER PRIMARY KEY);\n\
                  CREATE TABLE c (p INTEGER REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED);";
    for options in ["", " no-transaction"] {
        let section = format!("-- migrate:up{options}\nINSERT INTO c VALUES (1);");
        let set = Revisions::new().sql("tables", tables, "").sections("orphan", &section).build();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Revision, "{error}");
        assert_eq!(error.failure().map(|failure| failure.revision.as_str()), Some("orphan"), "{error}");
        assert!(error.to_string().contains("FOREIGN KEY constraint failed"), "{error}");
        assert_eq!(connection.count("c"), 0);
    }
}

#[test]
fn a_key_that_breaks_is_seen_also_beside_one_that_was_broken_and_in_an_attached_database() {
    let db = Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    let other = tempfile::tempdir().unwrap();
    connection.run("PRAGMA foreign_keys = OFF");
    connection.run(&format!("ATTACH '{}' AS att", other.path().join("o.db").display()));
    for schema in ["main", "att"] {
        connection.run(&format!(
            "CREATE TABLE {schema}.p (id INTEGER PRIMARY KEY); INSERT INTO {schema}.p VALUES (1), (2);\
             CREATE TABLE {schema}.c (id TEXT PRIMARY KEY, p INTEGER REFERENCES p (id)) WITHOUT ROWID;\
             INSERT INTO {schema}.c VALUES ('orphan', 9), ('a', 1), ('b', 2);\
             CREATE TABLE {schema}.odd (x INTEGER REFERENCES p (absent)); INSERT INTO {schema}.odd VALUES (1)"
        ));
    }
    connection.run("PRAGMA foreign_keys = ON");
    for schema in ["main", "att"] {
        let up = format!("-- migrate:up foreign-keys=off\nDELETE FROM {schema}.p WHERE id = 2;");
        let set = Revisions::new().sections("loses", &up).build();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("1 row would refer to rows that are not there"), "{error}");
        assert_eq!(connection.count(&format!("{schema}.p")), 2);
    }
    let set = Revisions::new()
        .sections("fine", "-- migrate:up foreign-keys=off\nINSERT INTO p VALUES (3);")
        .build();
    migrate!(connection, set, upgrade("head")).unwrap();
}

#[test]
fn a_section_without_a_transaction_waits_for_the_lock_as_long_as_it_says() {
    let db = Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    let set = Revisions::tables(1)
        .sections("limited", "-- migrate:up no-transaction lock-timeout=300ms\nINSERT INTO t1 VALUES (7);")
        .build();
    migrate!(connection, set, upgrade("r0001")).unwrap();
    let mut other = db.connect();
    let mut held = false;
    let start = std::time::Instant::now();
    let error = migrate!(
        connection,
        set,
        on_event(|event| {
            if matches!(event, Event::Started { .. }) && !held {
                held = true;
                other.run("BEGIN IMMEDIATE");
            }
        })
        .upgrade("head")
    )
    .unwrap_err();
    assert!(held && start.elapsed() < Duration::from_secs(30), "{:?}: {error}", start.elapsed());
    other.run("COMMIT");
    migrate!(connection, set, upgrade("head")).unwrap();
}
