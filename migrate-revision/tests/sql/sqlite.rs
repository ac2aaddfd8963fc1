//! SQLite.

use migrate_revision::Backend::Sqlite;
use migrate_revision::StatementKind::{
    Ddl, Dml, Other, OutsideTransaction, Query, Savepoint, Session, Transaction,
};

use crate::tables::{accepts, are_of_kind, refuses, session_effects, tokens};

#[test]
fn quotes_and_comments_hide_semicolons() {
    accepts(
        Sqlite,
        &[
            ("", &[]),
            (";; -- ;\n/* ; */", &[]),
            ("\u{feff}SELECT 1;\u{feff} SELECT 2", &[("SELECT 1", Query), ("SELECT 2", Query)]),
            (
                "CREATE TABLE [t;5](\"a;b\", `c;``d`, 'e''f;'); SELECT 1",
                &[("CREATE TABLE [t;5](\"a;b\", `c;``d`, 'e''f;')", Ddl), ("SELECT 1", Query)],
            ),
            ("SELECT 'C:\\'; SELECT 2;", &[("SELECT 'C:\\'", Query), ("SELECT 2", Query)]),
            ("/* a /* b */ SELECT 1; SELECT 2", &[("SELECT 1", Query), ("SELECT 2", Query)]),
            ("SELECT 1 -- a\r; b\n; SELECT 2", &[("SELECT 1", Query), ("SELECT 2", Query)]),
            ("SELECT $$;$$;", &[("SELECT $$", Query), ("$$", Other)]),
            (
                "SELECT a->>'x;', x'3B', ?1, :a, @b, $c; SELECT 2",
                &[("SELECT a->>'x;', x'3B', ?1, :a, @b, $c", Query), ("SELECT 2", Query)],
            ),
        ],
    );
}

#[test]
fn triggers_end_with_a_semicolon_end_and_a_semicolon() {
    let triggers = [
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET \"end\"=CASE WHEN a THEN 1 END; -- END;\n SELECT 'END;'; END",
        "create temp trigger if not exists g after insert on t begin select 1; /* c */ end",
        "CREATE TEMPORARY /* x */ TRIGGER g INSTEAD OF DELETE ON v BEGIN SELECT case when 1 then 2 end; SELECT [END]; END",
        "CREATE TRIGGER g UPDATE OF \"end\" ON t WHEN CASE 1 WHEN 2 THEN 3 END BEGIN SELECT CASE 1 WHEN 2 THEN 3 END;;END",
    ];
    for trigger in triggers {
        accepts(
            Sqlite,
            &[
                (&format!("{trigger};SELECT 2"), &[(trigger, Ddl), ("SELECT 2", Query)]),
                (&format!("SELECT 1;{trigger} -- c\n;"), &[("SELECT 1", Query), (trigger, Ddl)]),
                (trigger, &[(trigger, Ddl)]),
            ],
        );
        let explained = format!("EXPLAIN QUERY PLAN {trigger}");
        accepts(Sqlite, &[(&format!("{explained};SELECT 2"), &[(&explained, Query), ("SELECT 2", Query)])]);
    }
    accepts(
        Sqlite,
        &[
            (
                "CREATE TABLE trigger_log(a); SELECT 1",
                &[("CREATE TABLE trigger_log(a)", Ddl), ("SELECT 1", Query)],
            ),
            ("DROP TRIGGER g; SELECT 1", &[("DROP TRIGGER g", Ddl), ("SELECT 1", Query)]),
        ],
    );
    refuses(
        Sqlite,
        &[(
            "SELECT 1;\nCREATE TRIGGER g AFTER INSERT ON t BEGIN\n SELECT 1;\nSELECT 2;",
            &[("CREATE TRIGGER g AFTER INSERT ON t BEGIN", "trigger that is never ended")],
        )],
    );
}

#[test]
fn begin_and_end_without_a_trigger_are_a_transaction() {
    accepts(
        Sqlite,
        &[(
            "BEGIN IMMEDIATE; CREATE TABLE t(a); END; SELECT 2;",
            &[
                ("BEGIN IMMEDIATE", Transaction),
                ("CREATE TABLE t(a)", Ddl),
                ("END", Transaction),
                ("SELECT 2", Query),
            ],
        )],
    );
}

#[test]
fn what_is_refused() {
    refuses(
        Sqlite,
        &[
            ("SELECT 1; /* never closed;\nSELECT 2", &[("/* never closed;", "unclosed comment")]),
            ("SELECT 'a\r\nSELECT 2", &[("'a", "unclosed string")]),
            ("SELECT [a;\nSELECT 2", &[("[a;", "unclosed identifier")]),
            ("SELECT `a;", &[("`a;", "unclosed identifier")]),
            (
                ".bail on\nSELECT 1;\n  .mode csv\nSELECT \"x",
                &[
                    (".bail on", "`.bail` is a command of the sqlite3 shell"),
                    (".mode csv", "`.mode` is a command of the sqlite3 shell"),
                    ("\"x", "unclosed identifier"),
                ],
            ),
            ("# x; y's\nSELECT 1\0", &[("# x; y's", "does not begin a comment"), ("\0", "NUL")]),
        ],
    );
}

#[test]
fn kinds_and_session_effects() {
    let outside = ["PRAGMA foreign_keys = OFF", "PRAGMA main.journal_mode=WAL", "PRAGMA synchronous(1)"];
    let assigning =
        ["PRAGMA recursive_triggers = ON", "PRAGMA defer_foreign_keys(1)", "PRAGMA case_sensitive_like=1"];
    let reading =
        ["PRAGMA foreign_keys", "PRAGMA table_info(t)", "PRAGMA main.journal_mode", "PRAGMA integrity_check"];
    are_of_kind(Sqlite, OutsideTransaction, &outside);
    are_of_kind(
        Sqlite,
        OutsideTransaction,
        &["VACUUM", "VACUUM INTO 'x'", "ATTACH 'x' AS y", "DETACH DATABASE y"],
    );
    are_of_kind(Sqlite, Session, &assigning);
    are_of_kind(Sqlite, Query, &reading);
    are_of_kind(
        Sqlite,
        Query,
        &["SELECT 1", "VALUES (1)", "EXPLAIN DELETE FROM t", "WITH a AS (SELECT 1) SELECT * FROM a"],
    );
    are_of_kind(
        Sqlite,
        Dml,
        &[
            "INSERT OR REPLACE INTO t VALUES (1)",
            "REPLACE INTO t VALUES (1)",
            "WITH RECURSIVE a(x) AS (SELECT 1 UNION SELECT x FROM a), b AS (SELECT 1) INSERT INTO t SELECT * FROM a",
            "WITH a AS (SELECT 1) UPDATE t SET a = 1",
            "WITH a AS (SELECT 1) DELETE FROM t",
        ],
    );
    are_of_kind(
        Sqlite,
        Ddl,
        &["CREATE TABLE t(a)", "DROP VIEW v", "ALTER TABLE t ADD b", "REINDEX", "ANALYZE t"],
    );
    are_of_kind(
        Sqlite,
        Savepoint,
        &["SAVEPOINT a", "RELEASE a", "ROLLBACK TO a", "ROLLBACK TRANSACTION TO a"],
    );
    are_of_kind(Sqlite, Transaction, &["BEGIN", "COMMIT", "END TRANSACTION", "ROLLBACK"]);
    session_effects(Sqlite, true, &outside);
    session_effects(Sqlite, true, &assigning);
    session_effects(Sqlite, true, &["ATTACH 'x' AS y"]);
    session_effects(Sqlite, false, &reading);
    session_effects(Sqlite, false, &["CREATE TABLE t(a)", "SELECT 1"]);
}

#[test]
fn tokens_leave_out_layout_and_comments() {
    assert_eq!(
        tokens(Sqlite, "SELECT/* x */a->>'b', 1.5e3 -- y\n;"),
        ["SELECT", "a", "->>", "'b'", ",", "1.5e3"]
    );
}
