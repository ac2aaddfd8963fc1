//! How texts for PostgreSQL are split, classified and refused.

use crate::tables::{accepts, are_of_kind, refuses, session_effects, tokens};
use migrate_revision::Backend::Postgres;
use migrate_revision::StatementKind::{
    Ddl, Dml, Other, OutsideTransaction, Query, Savepoint, Session, Transaction,
};

#[test]
fn comments_end_nothing() {
    accepts(
        Postgres,
        &[
            ("", &[]),
            (" \n;; -- x;\n/* ; */ ;", &[]),
            ("/* a /* b; */ ; */ SELECT 1;", &[("SELECT 1", Query)]),
            ("-- path C:\\temp\\\nSELECT 1; SELECT 2;", &[("SELECT 1", Query), ("SELECT 2", Query)]),
            ("-- ended by CR\rSELECT 3;", &[("SELECT 3", Query)]),
            ("SELECT 2 +-- c; d\n1;", &[("SELECT 2 +-- c; d\n1", Query)]),
            ("SELECT 2 +/* ; */ 1;", &[("SELECT 2 +/* ; */ 1", Query)]),
            ("SELECT 1 -- end; x", &[("SELECT 1", Query)]),
            ("SELECT 1 --", &[("SELECT 1", Query)]),
            ("SELECT 5--1;\n;", &[("SELECT 5", Query)]),
            ("\u{feff}SELECT 1;;SELECT 2", &[("SELECT 1", Query), ("SELECT 2", Query)]),
            ("SELECT 1;\r\nSELECT 2;\r\n", &[("SELECT 1", Query), ("SELECT 2", Query)]),
            ("/*! SELECT 0; */ SELECT 1", &[("SELECT 1", Query)]),
        ],
    );
}

#[test]
fn quotes_of_all_kinds_hide_semicolons() {
    accepts(
        Postgres,
        &[
            (
                "CREATE TABLE a$b$c(x int); SELECT x FROM a$b$c;",
                &[("CREATE TABLE a$b$c(x int)", Ddl), ("SELECT x FROM a$b$c", Query)],
            ),
            (
                "SELECT E'it\\'s; ok'; SELECT 'C:\\';",
                &[("SELECT E'it\\'s; ok'", Query), ("SELECT 'C:\\'", Query)],
            ),
            ("SELECT '\u{fffd}'; DROP TABLE t;", &[("SELECT '\u{fffd}'", Query), ("DROP TABLE t", Ddl)]),
            (
                "DO $ünï$ BEGIN EXECUTE $q$;$q$; END $ünï$;  SELECT U&'d!003B' UESCAPE '!';",
                &[
                    ("DO $ünï$ BEGIN EXECUTE $q$;$q$; END $ünï$", Other),
                    ("SELECT U&'d!003B' UESCAPE '!'", Query),
                ],
            ),
            ("SELECT 1$$;$$; SELECT 2", &[("SELECT 1$$;$$", Query), ("SELECT 2", Query)]),
            ("SELECT $1, $2; SELECT $a", &[("SELECT $1, $2", Query), ("SELECT $a", Query)]),
            ("SELECT $a$ $b$ ; $a $a$; SELECT 2", &[("SELECT $a$ $b$ ; $a $a$", Query), ("SELECT 2", Query)]),
            (
                "SELECT \"a\"\";\", U&\"b\\;\"; SELECT 1",
                &[("SELECT \"a\"\";\", U&\"b\\;\"", Query), ("SELECT 1", Query)],
            ),
            // A string goes on after a line feed as it began.
            ("SELECT E'a'\n'\\';'; SELECT 2", &[("SELECT E'a'\n'\\';'", Query), ("SELECT 2", Query)]),
            (
                "SELECT E'a' -- c\n'\\';'; SELECT 2",
                &[("SELECT E'a' -- c\n'\\';'", Query), ("SELECT 2", Query)],
            ),
            ("SELECT E'a', '\\'; SELECT 2", &[("SELECT E'a', '\\'", Query), ("SELECT 2", Query)]),
            ("SELECT E'a' '\\'; SELECT 2", &[("SELECT E'a' '\\'", Query), ("SELECT 2", Query)]),
            (
                "SELECT N'\\', B'1', X'1F', e'\\''; SELECT 2",
                &[("SELECT N'\\', B'1', X'1F', e'\\''", Query), ("SELECT 2", Query)],
            ),
        ],
    );
}

#[test]
fn bodies_and_rules_keep_their_semicolons() {
    let case =
        "CREATE FUNCTION f(x int) RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN x>0 THEN 1 END; END";
    let nested = "create or replace procedure p() begin atomic\n\
                  insert into t values (case when 1=1 then case 2 when 2 then 3 end end);\n\
                  select t.end, 1 as case, 2 as end from t; end";
    let label = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1 end; SELECT 2; END";
    let default =
        "CREATE FUNCTION f(a int DEFAULT (1)) RETURNS int LANGUAGE sql RETURN CASE a WHEN 1 THEN 2 END";
    accepts(
        Postgres,
        &[
            (&format!("{case};SELECT 2;"), &[(case, Ddl), ("SELECT 2", Query)]),
            (&format!("{nested};SELECT 2;"), &[(nested, Ddl), ("SELECT 2", Query)]),
            (&format!("{label};SELECT 2;"), &[(label, Ddl), ("SELECT 2", Query)]),
            (&format!("{default};SELECT 2;"), &[(default, Ddl), ("SELECT 2", Query)]),
            (
                "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC END; SELECT 1",
                &[("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC END", Ddl), ("SELECT 1", Query)],
            ),
            (
                "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2); SELECT 3",
                &[("CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2)", Ddl), ("SELECT 3", Query)],
            ),
            (
                "SELECT begin FROM ev; CREATE TABLE atomic_test(i int);",
                &[("SELECT begin FROM ev", Query), ("CREATE TABLE atomic_test(i int)", Ddl)],
            ),
            (
                "CREATE TABLE begin (atomic int); SELECT 1",
                &[("CREATE TABLE begin (atomic int)", Ddl), ("SELECT 1", Query)],
            ),
            (
                "BEGIN; CREATE TABLE t(a int); END; SELECT 2",
                &[
                    ("BEGIN", Transaction),
                    ("CREATE TABLE t(a int)", Ddl),
                    ("END", Transaction),
                    ("SELECT 2", Query),
                ],
            ),
        ],
    );
}

#[test]
fn backslashes_follow_standard_conforming_strings() {
    let off = "SET standard_conforming_strings = off";
    accepts(
        Postgres,
        &[
            (
                "SET standard_conforming_strings=off; SELECT 'a\\';b'; RESET standard_conforming_strings; SELECT '\\'; SELECT 1",
                &[
                    ("SET standard_conforming_strings=off", Session),
                    ("SELECT 'a\\';b'", Query),
                    ("RESET standard_conforming_strings", Session),
                    ("SELECT '\\'", Query),
                    ("SELECT 1", Query),
                ],
            ),
            (
                "SET LOCAL standard_conforming_strings TO 'f'; SELECT 'a\\';b'; COMMIT; SELECT '\\';",
                &[
                    ("SET LOCAL standard_conforming_strings TO 'f'", Session),
                    ("SELECT 'a\\';b'", Query),
                    ("COMMIT", Transaction),
                    ("SELECT '\\'", Query),
                ],
            ),
            (
                "SELECT set_config('standard_conforming_strings', 'off', false); SELECT 'a\\';b';",
                &[
                    ("SELECT set_config('standard_conforming_strings', 'off', false)", Query),
                    ("SELECT 'a\\';b'", Query),
                ],
            ),
            (
                "SELECT pg_catalog.set_config('search_path', '', false); SELECT '\\';",
                &[("SELECT pg_catalog.set_config('search_path', '', false)", Query), ("SELECT '\\'", Query)],
            ),
            (
                &format!(
                    "{off}; ALTER ROLE x SET standard_conforming_strings = on; DISCARD ALL; SELECT '\\'"
                ),
                &[
                    (off, Session),
                    ("ALTER ROLE x SET standard_conforming_strings = on", Ddl),
                    ("DISCARD ALL", OutsideTransaction),
                    ("SELECT '\\'", Query),
                ],
            ),
            // Unknown, but no string hangs on it.
            (
                "SELECT set_config('standard_conforming_strings', x, false) FROM y; SELECT 'a'';b', E'\\'';",
                &[
                    ("SELECT set_config('standard_conforming_strings', x, false) FROM y", Query),
                    ("SELECT 'a'';b', E'\\''", Query),
                ],
            ),
        ],
    );
    refuses(
        Postgres,
        &[
            (
                "SELECT set_config('standard_conforming_strings', x, false) FROM y; SELECT 'a\\b'; SELECT '\\';",
                &[("'a\\b'", "cannot be known")],
            ),
            (
                "DO $$BEGIN SET standard_conforming_strings = off; END$$; SELECT '\\';",
                &[("'\\'", "cannot be known")],
            ),
            ("SET standard_conforming_strings = :x; SELECT '\\';", &[("'\\'", "cannot be known")]),
            ("SET standard_conforming_strings = off; ROLLBACK; SELECT '\\';", &[("'\\'", "cannot be known")]),
        ],
    );
}

#[test]
fn what_only_psql_understands_is_refused() {
    refuses(
        Postgres,
        &[
            (
                "\\restrict k\nSELECT 1;\n\\unrestrict k",
                &[
                    ("\\restrict k", "`\\restrict` is a command of psql"),
                    ("\\unrestrict k", "`\\unrestrict` is a command of psql"),
                ],
            ),
            (
                "SELECT 1 \\gset\nSELECT 'never",
                &[("\\gset", "`\\gset` is a command of psql"), ("'never", "unclosed string")],
            ),
            ("SELECT 1 \\; SELECT 2;", &[("\\; SELECT 2;", "`\\;`")]),
            (
                "COPY t FROM STDIN;\nhello; -- it's data\n\\.\nSELECT 'x",
                &[("COPY t FROM STDIN", "takes its rows from psql"), ("'x", "unclosed string")],
            ),
            (
                "COPY t (a, b) FROM stdin WITH (FORMAT csv);\na;'\n",
                &[("COPY t (a, b) FROM stdin WITH (FORMAT csv)", "takes its rows from psql")],
            ),
            ("COPY (SELECT 1) TO STDOUT;", &[("COPY (SELECT 1) TO STDOUT", "sends its rows to psql")]),
        ],
    );
    are_of_kind(Postgres, Dml, &["COPY t FROM '/tmp/x' WITH (FORMAT csv)"]);
    are_of_kind(Postgres, Query, &["COPY t TO '/tmp/x'", "COPY (SELECT a FROM stdin) TO PROGRAM 'x'"]);
}

#[test]
fn what_never_ends_is_refused_where_it_begins() {
    refuses(
        Postgres,
        &[
            ("SELECT 1;\nSELECT 'a;\nb", &[("'a;", "unclosed string")]),
            ("SELECT E'a\\'", &[("E'a\\'", "unclosed string")]),
            ("SELECT \"a;\nSELECT 2", &[("\"a;", "unclosed identifier")]),
            ("SELECT 1; /* a /* b */ c\nd", &[("/* a /* b */ c", "unclosed comment")]),
            ("DO $x$ BEGIN\nEND $X$;", &[("$x$ BEGIN", "unclosed dollar quote")]),
            ("SELECT (1;\nSELECT 2;", &[("(1;", "parenthesis that is never closed")]),
            (
                "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;\nSELECT 2;",
                &[("BEGIN ATOMIC SELECT 1;", "has no `END`")],
            ),
            ("SELECT 1\0;", &[("\0", "NUL byte")]),
        ],
    );
}

#[test]
fn kinds() {
    are_of_kind(
        Postgres,
        OutsideTransaction,
        &[
            "CREATE INDEX CONCURRENTLY i ON t (a)",
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
            "CREATE INDEX CONCURRENTLY ON t (a)",
            "DROP INDEX CONCURRENTLY IF EXISTS i",
            "REINDEX INDEX CONCURRENTLY i",
            "REINDEX (VERBOSE, CONCURRENTLY) TABLE t",
            "REINDEX DATABASE d",
            "REINDEX SYSTEM d",
            "REINDEX SCHEMA s",
            "VACUUM",
            "VACUUM (FULL) t",
            "CREATE DATABASE d",
            "DROP DATABASE IF EXISTS d",
            "CREATE TABLESPACE s LOCATION '/x'",
            "DROP TABLESPACE s",
            "ALTER SYSTEM SET a = 1",
            "ALTER DATABASE d SET TABLESPACE s",
            "CREATE SUBSCRIPTION s CONNECTION 'c' PUBLICATION p",
            "DROP SUBSCRIPTION s",
            "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
            "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
            "CLUSTER",
            "CLUSTER VERBOSE",
            "DISCARD ALL",
        ],
    );
    are_of_kind(
        Postgres,
        Ddl,
        &[
            "CREATE INDEX concurrently_not ON t (a)",
            "CREATE INDEX \"concurrently\" ON t (a)",
            "DROP INDEX i",
            "REINDEX TABLE t",
            "REINDEX (CONCURRENTLY false) TABLE t",
            "ALTER TYPE e ADD VALUE 'x'",
            "ALTER DATABASE d SET search_path = x",
            "ALTER TABLE t DETACH PARTITION p",
            "ALTER TABLE t ADD COLUMN concurrently int",
            "CREATE SUBSCRIPTION s CONNECTION 'c' PUBLICATION p WITH (connect = false)",
            "CLUSTER t USING i",
            "SELECT a, b INTO TEMP n FROM t",
            "WITH x AS (SELECT 1) SELECT * INTO n FROM x",
            "CREATE TABLE n AS SELECT 1",
            "TRUNCATE t",
            "COMMENT ON TABLE t IS 'x'",
            "GRANT SELECT ON t TO r",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
            "EXPLAIN ANALYZE CREATE TABLE n AS SELECT 1",
        ],
    );
    are_of_kind(
        Postgres,
        Dml,
        &[
            "INSERT INTO t SELECT 1",
            "MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE",
            "WITH a AS (SELECT 1), b (c) AS MATERIALIZED (SELECT 2) INSERT INTO t SELECT * FROM a",
            "WITH update AS (SELECT 1) DELETE FROM t",
            "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
            "EXPLAIN ANALYZE DELETE FROM t",
            "EXPLAIN (ANALYZE, COSTS off) UPDATE t SET a = 1",
        ],
    );
    are_of_kind(
        Postgres,
        Query,
        &[
            "(SELECT 1) UNION (SELECT 2)",
            "VALUES (1)",
            "TABLE t",
            "SHOW search_path",
            "SELECT 1 FROM t FOR UPDATE",
            "WITH update AS (SELECT 1) SELECT * FROM update",
            "WITH a AS (SELECT 1 FROM t) SELECT * FROM t FOR UPDATE",
            "EXPLAIN DELETE FROM t",
            "EXPLAIN (ANALYZE off) DELETE FROM t",
            "EXPLAIN (SELECT 1)",
            "EXPLAIN VERBOSE SELECT 1",
        ],
    );
    are_of_kind(
        Postgres,
        Session,
        &["SET a = 1", "SET TRANSACTION READ ONLY", "SET LOCAL a = 1", "RESET a", "DISCARD TEMP"],
    );
    are_of_kind(
        Postgres,
        Savepoint,
        &["SAVEPOINT s", "RELEASE s", "ROLLBACK TO SAVEPOINT s", "ROLLBACK WORK TO s"],
    );
    are_of_kind(
        Postgres,
        Transaction,
        &[
            "BEGIN ISOLATION LEVEL SERIALIZABLE",
            "START TRANSACTION",
            "COMMIT AND CHAIN",
            "END",
            "ABORT",
            "ROLLBACK",
            "PREPARE TRANSACTION 'x'",
            "COMMIT PREPARED 'x'",
            "ROLLBACK PREPARED 'x'",
        ],
    );
    are_of_kind(Postgres, Other, &["DO $$BEGIN END$$", "CALL p()", "ANALYZE t", "LOCK TABLE t", "NOTIFY c"]);
}

#[test]
fn what_can_change_the_session() {
    session_effects(
        Postgres,
        true,
        &[
            "SET search_path = x",
            "RESET ALL",
            "DISCARD ALL",
            "DO $$BEGIN END$$",
            "CALL p()",
            "SELECT set_config('a.b', 'c', false)",
            "SELECT \"set_config\"('a.b', 'c', false)",
            "CREATE TABLE t AS SELECT set_config('a.b', 'c', false)",
        ],
    );
    session_effects(
        Postgres,
        false,
        &[
            "SET LOCAL search_path = x",
            "SELECT 1",
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT set_config(''a.b'', ''c'', false)'",
            "CREATE OR REPLACE PROCEDURE f() BEGIN ATOMIC SELECT set_config('a.b', 'c', false); END",
            "PREPARE TRANSACTION 'x'",
        ],
    );
}

#[test]
fn tokens_leave_out_layout_and_comments() {
    assert_eq!(
        tokens(Postgres, "SELECT/* x */a <-> b::int , $$ ; -- $$, E'\\'' -- y\n;"),
        ["SELECT", "a", "<->", "b", "::", "int", ",", "$$ ; -- $$", ",", "E'\\''"]
    );
}
