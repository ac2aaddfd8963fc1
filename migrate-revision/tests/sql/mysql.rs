//! MySQL and MariaDB.

use migrate_revision::Backend::{self, Mariadb, Mysql};
use migrate_revision::StatementKind::{self, Ddl, Dml, Other, Query, Savepoint, Session, Transaction};

use crate::tables::{Accepted, Refused, accepts, are_of_kind, refuses, session_effects, tokens};

const BOTH: [Backend; 2] = [Mysql, Mariadb];

#[track_caller]
fn both_accept(table: &[Accepted<'_>]) {
    BOTH.iter().for_each(|backend| accepts(*backend, table));
}

#[track_caller]
fn both_refuse(table: &[Refused<'_>]) {
    BOTH.iter().for_each(|backend| refuses(*backend, table));
}

#[track_caller]
fn one_statement(kind: StatementKind, texts: &[&str]) {
    for text in texts {
        both_accept(&[
            (&format!("{text};\nSELECT 2;"), &[(text, kind), ("SELECT 2", Query)]),
            (&format!("SELECT 1;{text}"), &[("SELECT 1", Query), (text, kind)]),
            (&format!("DELIMITER $$\n{text}$$\nSELECT 2$$"), &[(text, kind), ("SELECT 2", Query)]),
            (
                &format!("delimiter //\n{text};\n//\nDELIMITER ;\nSELECT 2;"),
                &[(text, kind), ("SELECT 2", Query)],
            ),
        ]);
    }
}

#[test]
fn comments_end_nothing() {
    both_accept(&[
        ("", &[]),
        (";; # ;\n-- ;\n/* ; */ /*+ ; */;", &[]),
        ("SELECT 5--1; SELECT 2;", &[("SELECT 5--1", Query), ("SELECT 2", Query)]),
        ("SELECT 5--\t1;\n; SELECT 2--", &[("SELECT 5", Query), ("SELECT 2", Query)]),
        ("SELECT 1; # don't; stop\nSELECT 2", &[("SELECT 1", Query), ("SELECT 2", Query)]),
        ("SELECT 1 # a\r; b\n; SELECT 2", &[("SELECT 1", Query), ("SELECT 2", Query)]),
        ("/* a /* b */ SELECT 1;", &[("SELECT 1", Query)]),
        (
            "SELECT/*+ NO_INDEX(t) ; */ 1; SELECT 2",
            &[("SELECT/*+ NO_INDEX(t) ; */ 1", Query), ("SELECT 2", Query)],
        ),
        ("SELECT 1 /*\n*/", &[("SELECT 1", Query)]),
        ("SELECT 1\r\n;\r\nSELECT 2", &[("SELECT 1", Query), ("SELECT 2", Query)]),
    ]);
}

#[test]
fn executable_comments_are_part_of_the_statement() {
    both_accept(&[
        ("/*!40101 SET @a:=';' */; SELECT 2;", &[("/*!40101 SET @a:=';' */", Session), ("SELECT 2", Query)]),
        (
            "CREATE /*!50017 DEFINER=`a;`@`%` */ VIEW v AS SELECT 1; SELECT 2",
            &[("CREATE /*!50017 DEFINER=`a;`@`%` */ VIEW v AS SELECT 1", Ddl), ("SELECT 2", Query)],
        ),
        (
            "/*!50003 CREATE*/ /*!50020 DEFINER=a@localhost*/ /*!50003 TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN\n\
          SET @a = 1; SET @b = 2; END */;\nSELECT 2",
            &[
                (
                    "/*!50003 CREATE*/ /*!50020 DEFINER=a@localhost*/ /*!50003 TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN\n\
              SET @a = 1; SET @b = 2; END */",
                    Ddl,
                ),
                ("SELECT 2", Query),
            ],
        ),
        (
            "/*!40000 SELECT /* a; */ 1 # b\n */; SELECT 2",
            &[("/*!40000 SELECT /* a; */ 1 # b\n */", Query), ("SELECT 2", Query)],
        ),
        ("/*!40000 */; SELECT 2", &[("SELECT 2", Query)]),
    ]);
    let mariadb = "/*M!100100 SET @b:='x;y' */; SELECT 2";
    accepts(Mariadb, &[(mariadb, &[("/*M!100100 SET @b:='x;y' */", Session), ("SELECT 2", Query)])]);
    accepts(Mysql, &[(mariadb, &[("SELECT 2", Query)])]);
    both_refuse(&[
        (
            "/*!50000 SELECT 1; SELECT 2 */;",
            &[("/*!50000 SELECT 1;", "ends inside of an executable comment")],
        ),
        ("/*!50000 SELECT '*/' */;", &[("'*/'", "some servers end the comment there")]),
        ("/*!50000 SELECT 1 # x */\n */;", &[("# x */", "some servers end the comment there")]),
        ("/*!50000 SELECT /*!50001 1 */", &[("/*!50001", "inside of another")]),
        (
            "SELECT 1;\n/*!50000 SELECT 1\n;",
            &[("/*!50000 SELECT 1\n;", "ends inside of an executable comment")],
        ),
        ("SELECT 1 /*!50000 , 1\n", &[("/*!50000 , 1", "unclosed executable comment")]),
    ]);
}

#[test]
fn quotes_follow_sql_mode() {
    both_accept(&[
        (
            "SELECT 'a\\';b', \"c\\\";d\", `e``;f\\`, _utf8'g'';h', N'i\\'', X'3B'; SELECT 2",
            &[
                ("SELECT 'a\\';b', \"c\\\";d\", `e``;f\\`, _utf8'g'';h', N'i\\'', X'3B'", Query),
                ("SELECT 2", Query),
            ],
        ),
        (
            "SET sql_mode='NO_BACKSLASH_ESCAPES'; SELECT 'C:\\'; SELECT \"\\\"; SELECT 2;",
            &[
                ("SET sql_mode='NO_BACKSLASH_ESCAPES'", Session),
                ("SELECT 'C:\\'", Query),
                ("SELECT \"\\\"", Query),
                ("SELECT 2", Query),
            ],
        ),
        (
            "SET sql_mode='ANSI_QUOTES'; SELECT 1 AS \"a\"\"b;c\\\"; SELECT '\\';';",
            &[
                ("SET sql_mode='ANSI_QUOTES'", Session),
                ("SELECT 1 AS \"a\"\"b;c\\\"", Query),
                ("SELECT '\\';'", Query),
            ],
        ),
        (
            "SET @old = @@sql_mode, @@session.sql_mode := concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES'); SELECT '\\';\
          SET SESSION sql_mode = @old; SELECT '\\';';",
            &[
                (
                    "SET @old = @@sql_mode, @@session.sql_mode := concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES')",
                    Session,
                ),
                ("SELECT '\\'", Query),
                ("SET SESSION sql_mode = @old", Session),
                ("SELECT '\\';'", Query),
            ],
        ),
        (
            "SET sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'; SET sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '');\
          SELECT \"\\\"; SELECT '\\'';",
            &[
                ("SET sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES'", Session),
                ("SET sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')", Session),
                ("SELECT \"\\\"", Query),
                ("SELECT '\\''", Query),
            ],
        ),
        (
            "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */; SELECT '\\'';\
          /*!40101 SET SQL_MODE=@OLD_SQL_MODE */; SELECT '\\'';",
            &[
                ("/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */", Session),
                ("SELECT '\\''", Query),
                ("/*!40101 SET SQL_MODE=@OLD_SQL_MODE */", Session),
                ("SELECT '\\''", Query),
            ],
        ),
        (
            "SET GLOBAL sql_mode='NO_BACKSLASH_ESCAPES'; SET @@global.sql_mode='NO_BACKSLASH_ESCAPES'; SELECT '\\'';",
            &[
                ("SET GLOBAL sql_mode='NO_BACKSLASH_ESCAPES'", Session),
                ("SET @@global.sql_mode='NO_BACKSLASH_ESCAPES'", Session),
                ("SELECT '\\''", Query),
            ],
        ),
        // Unknown, but both readings end at the same place.
        (
            "SET sql_mode = @x; SELECT 'a\\n;', \"b\"; SELECT 2",
            &[("SET sql_mode = @x", Session), ("SELECT 'a\\n;', \"b\"", Query), ("SELECT 2", Query)],
        ),
        // No call, and one that nothing closes: nothing is known, and the server refuses them.
        (
            "SET sql_mode = 'ANSI_QUOTES'(; SELECT 'a', \"b\"",
            &[("SET sql_mode = 'ANSI_QUOTES'(", Session), ("SELECT 'a', \"b\"", Query)],
        ),
        (
            "SET sql_mode = concat('ANSI_QUOTES', ''; SELECT 'a', \"b\"",
            &[("SET sql_mode = concat('ANSI_QUOTES', ''", Session), ("SELECT 'a', \"b\"", Query)],
        ),
        (
            "DELIMITER //\nSET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\'//\nSELECT 2//",
            &[("SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\'", Other), ("SELECT 2", Query)],
        ),
    ]);
    both_refuse(&[
        ("SET sql_mode = @x; SELECT 'C:\\'; SELECT 'D:\\';", &[("'C:\\'", "cannot be known")]),
        ("SET sql_mode = (SELECT 1); SELECT \"a\\\";\"", &[("\"a\\\"", "cannot be known")]),
        ("EXECUTE IMMEDIATE 'SET sql_mode = ''''' ; SELECT 'C:\\';'", &[("'C:\\'", "cannot be known")]),
    ]);
}

#[test]
fn delimiters_are_found_as_the_client_finds_them() {
    both_accept(&[
        (
            "DELIMITER\t//\nSELECT 'http://x' -- see http://y\n, 1//\nSELECT 2 //",
            &[("SELECT 'http://x' -- see http://y\n, 1", Query), ("SELECT 2", Query)],
        ),
        (
            "  Delimiter $$ ignored\nSELECT `a$$`, b$$SELECT/* $$ */2;$$DELIMITER ;\nSELECT 3;",
            &[("SELECT `a$$`, b", Query), ("SELECT/* $$ */2", Query), ("SELECT 3", Query)],
        ),
        (
            "DELIMITER ;;\nSELECT 1; SELECT 2;;\nSELECT 3;;;\nDELIMITER ';'\nSELECT 4;",
            &[("SELECT 1; SELECT 2", Other), ("SELECT 3", Query), ("SELECT 4", Query)],
        ),
        (
            "DELIMITER |\nSELECT 1|SELECT 2||\nSELECT 3|",
            &[("SELECT 1", Query), ("SELECT 2", Query), ("SELECT 3", Query)],
        ),
        ("DELIMITER ü\nSELECT 1üSELECT 2ü", &[("SELECT 1", Query), ("SELECT 2", Query)]),
        ("SELECT 1; DELIMITER $$\nSELECT 2$$", &[("SELECT 1", Query), ("SELECT 2", Query)]),
        (
            "SELECT a AS\ndelimiter FROM t; SELECT 2",
            &[("SELECT a AS\ndelimiter FROM t", Query), ("SELECT 2", Query)],
        ),
        (
            "CREATE TABLE t (\ndelimiter\nint); SELECT 2",
            &[("CREATE TABLE t (\ndelimiter\nint)", Ddl), ("SELECT 2", Query)],
        ),
        (
            "DELIMITER //\nCREATE PACKAGE p AS PROCEDURE q; FUNCTION f RETURN int; END;\n//",
            &[("CREATE PACKAGE p AS PROCEDURE q; FUNCTION f RETURN int; END", Ddl)],
        ),
        ("DELIMITER $$\nSELECT 1\n", &[("SELECT 1", Query)]),
    ]);
    both_refuse(&[
        ("DELIMITER\nSELECT 1;", &[("DELIMITER", "without a delimiter")]),
        (
            "DELIMITER ;\nSELECT 1;\nDELIMITER \\\\\nSELECT '",
            &[("DELIMITER \\\\", "with a backslash"), ("'", "unclosed string")],
        ),
        (
            "SELECT 1\nDELIMITER //\nSELECT 2//\n",
            &[("DELIMITER //", "before the statement above it has ended")],
        ),
        (
            "DELIMITER //\n/*! SELECT 1 // */\n",
            &[("/*! SELECT 1 //", "ends inside of an executable comment")],
        ),
    ]);
}

#[test]
fn stored_programs_need_no_delimiter() {
    one_statement(
        Ddl,
        &[
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW IF NEW.a IS NULL THEN SET NEW.a=1; END IF",
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW FOLLOWS h BEGIN SET NEW.a=1; END",
            "CREATE TRIGGER IF NOT EXISTS g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = IF(NEW.b, CASE 1 WHEN 2 THEN 3 END, 4)",
            "CREATE PROCEDURE p() lbl: BEGIN WHILE i<2 DO SET i=i+1; END WHILE; END lbl",
            "CREATE PROCEDURE p() BEGIN/**/DECLARE x INT; SET x=(SELECT CASE WHEN 1 THEN 2 END); END",
            "CREATE PROCEDURE p() SELECT CASE x WHEN 1 THEN 2 END, IF(1, 2, 3)",
            "CREATE PROCEDURE p() BEGIN END",
            "CREATE DEFINER=`root`@`localhost` PROCEDURE `p`(IN a INT, OUT b SET('x', 'y')) COMMENT 'x;' DETERMINISTIC\n\
         BEGIN IF a THEN SELECT 1; ELSEIF CASE a WHEN 1 THEN 2 END THEN SELECT 2; ELSE BEGIN END; END IF; END",
            "CREATE DEFINER=CURRENT_USER() FUNCTION f(a INT) RETURNS VARCHAR(5) CHARACTER SET utf8 DETERMINISTIC RETURN IF(a, 1, 2)",
            "CREATE FUNCTION db.f() RETURNS SET('a','b') DETERMINISTIC BEGIN RETURN 'a'; END",
            "CREATE OR REPLACE FUNCTION IF NOT EXISTS f() RETURNS INT BEGIN CASE 1 WHEN 1 THEN RETURN 1; ELSE RETURN 2; END CASE; END",
            "CREATE PROCEDURE p() BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND, SQLSTATE '02000', 1051 BEGIN SET @a=1; END;\n\
         DECLARE EXIT HANDLER FOR SQLEXCEPTION SET @b=2; DECLARE c CURSOR FOR SELECT CASE 1 WHEN 2 THEN 3 END; END",
            "CREATE PROCEDURE p() BEGIN REPEAT SET i = REPEAT('a', 2); UNTIL CASE i WHEN 1 THEN 2 END END REPEAT; END",
            "CREATE PROCEDURE p() a: LOOP b: LOOP LEAVE a; END LOOP b; ITERATE a; END LOOP a",
            "CREATE PROCEDURE p() BEGIN FOR i IN 1..3 DO SELECT i; END FOR; FOR r IN (SELECT 1 a) DO SELECT r.a; END FOR; END",
            "CREATE PROCEDURE p() BEGIN SELECT t.begin, t.end, @case, @end FROM t; SELECT `begin`; END",
            "CREATE PROCEDURE p() BEGIN CREATE TABLE IF NOT EXISTS t(a int); DROP TABLE IF EXISTS t; REPLACE INTO t VALUES (1); END",
            "CREATE PROCEDURE p() BEGIN IF (SELECT 1) THEN SELECT 1; END IF; CASE WHEN 1 THEN BEGIN END; WHEN 2 THEN SELECT 1; END CASE; END",
            "CREATE PROCEDURE p() BEGIN CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN SELECT 1; END; SELECT 2; END",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY STARTS IF(1, NOW(), NOW()) DO BEGIN DELETE FROM a; DELETE FROM b; END",
            "CREATE EVENT IF NOT EXISTS e ON SCHEDULE AT NOW() ON COMPLETION PRESERVE COMMENT 'do;' DO DELETE FROM a",
            "ALTER EVENT e ON SCHEDULE EVERY 2 DAY DO BEGIN SELECT 1; SELECT 2; END",
            "ALTER EVENT e DISABLE",
            "CREATE AGGREGATE FUNCTION f RETURNS STRING SONAME 'x.so'",
            "CREATE TABLE begin (a int, `end;` int)",
            "ALTER PROCEDURE p COMMENT 'x'",
        ],
    );
    one_statement(
        Other,
        &[
            "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END",
            "IF 1 THEN SELECT 1; ELSE SELECT 2; END IF",
            "CASE 1 WHEN 1 THEN SELECT 1; END CASE",
            "WHILE 0 DO SELECT 1; END WHILE",
        ],
    );
    one_statement(
        Query,
        &[
            "SELECT IF(1,1,0), CASE WHEN 1 THEN 2 END /* END IF */ AS x",
            "SELECT REPEAT('a', 2), t.begin FROM t",
        ],
    );
    let javascript =
        "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $mle$ a = 1; return `;'${a}`; $mle$";
    accepts(Mysql, &[(&format!("{javascript}; SELECT 2"), &[(javascript, Ddl), ("SELECT 2", Query)])]);
    both_accept(&[(
        "BEGIN; SELECT 1; COMMIT; BEGIN WORK; ROLLBACK",
        &[
            ("BEGIN", Transaction),
            ("SELECT 1", Query),
            ("COMMIT", Transaction),
            ("BEGIN WORK", Transaction),
            ("ROLLBACK", Transaction),
        ],
    )]);
}

#[test]
fn programs_whose_end_is_not_certain_are_refused() {
    both_refuse(&[
        ("CREATE PROCEDURE p() BEGIN SELECT 1;\nSELECT 2;", &[("BEGIN", "never ended")]),
        ("CREATE PROCEDURE p() BEGIN IF 1 THEN SELECT 1; END; END;", &[(";", "cannot be known")]),
        ("CREATE PROCEDURE p() BEGIN LOOP SELECT 1; END WHILE; END;", &[("WHILE", "does not fit")]),
        ("CREATE PROCEDURE p() BEGIN SELECT 1; END SELECT 2; SELECT 3;", &[("2", "does not fit")]),
        ("BEGIN SELECT 1; END;", &[("SELECT", "only `;` can follow")]),
        ("CREATE PACKAGE p AS PROCEDURE q; END;", &[("PACKAGE", "package")]),
        ("CREATE PROCEDURE p() BEGIN SELECT (1; END;", &[(";", "inside parentheses")]),
    ]);
    let oracle = "SET sql_mode = ORACLE; CREATE PROCEDURE p AS BEGIN NULL; END;";
    refuses(Mariadb, &[(oracle, &[("PROCEDURE", "ORACLE follow rules that are not known")])]);
}

#[test]
fn commands_of_the_client_are_refused() {
    both_refuse(&[
        (
            "SELECT 1\\G\nSELECT 2\\g\n\\. file.sql\nSELECT '",
            &[
                ("\\G", "`\\G` is a command of the mysql client"),
                ("\\g", "`\\g` is a command of the mysql client"),
                ("\\.", "`\\.` is a command of the mysql client"),
                ("'", "unclosed string"),
            ],
        ),
        (
            "source it's.sql\nSELECT 1;\nSource b.sql;\nSELECT 2;",
            &[("source it's.sql", "`source` is a command"), ("Source b.sql;", "`Source` is a command")],
        ),
        ("--comment\nSELECT 1;", &[("--comment", "only before a space")]),
    ]);
    both_accept(&[(
        "SELECT \\N; SELECT source FROM t\n",
        &[("SELECT \\N", Query), ("SELECT source FROM t", Query)],
    )]);
}

#[test]
fn what_never_ends_or_may_not_be_is_refused() {
    both_refuse(&[
        ("SELECT 1;\nSELECT 'a\\';\nSELECT 2;", &[("'a\\';", "unclosed string")]),
        ("SELECT \"a;\nSELECT 2;", &[("\"a;", "unclosed string")]),
        ("SELECT `a;\nSELECT 2;", &[("`a;", "unclosed identifier")]),
        ("SELECT 1 /* a;\n", &[("/* a;", "unclosed comment")]),
        ("SELECT /*+ a;\n", &[("/*+ a;", "unclosed optimizer hint")]),
        (
            "LOCK TABLES t WRITE; UNLOCK /* x */ TABLES;",
            &[("LOCK TABLES t WRITE", "`LOCK TABLES`"), ("UNLOCK /* x */ TABLES", "`UNLOCK TABLES`")],
        ),
        ("/*!40000 LOCK TABLE t READ */;", &[("LOCK TABLE t READ", "`LOCK TABLE`")]),
        ("DELIMITER //\nSELECT 1; LOCK TABLES t READ//", &[("LOCK TABLES t READ", "`LOCK TABLES`")]),
        ("FLUSH TABLES WITH READ LOCK;", &[("FLUSH TABLES WITH READ LOCK", "`FLUSH TABLES`")]),
        ("SELECT 1\0;", &[("\0", "NUL")]),
    ]);
}

#[test]
fn kinds() {
    for backend in BOTH {
        are_of_kind(
            backend,
            Ddl,
            &[
                "CREATE TEMPORARY TABLE t(a int)",
                "CREATE DATABASE d",
                "CREATE USER u@h IDENTIFIED BY 'x'",
                "TRUNCATE t",
                "RENAME TABLE a TO b, c TO d",
                "GRANT SELECT ON *.* TO u",
                "ANALYZE TABLE t",
                "ANALYZE LOCAL TABLE t",
                "OPTIMIZE TABLE t",
                "SET PASSWORD FOR u = 'x'",
                "SET DEFAULT ROLE r TO u",
                "LOAD INDEX INTO CACHE t",
                "FLUSH TABLES",
                "RESET MASTER",
                "INSTALL PLUGIN p SONAME 'x'",
                "/*!50001 DROP VIEW v*/",
                "SET STATEMENT max_statement_time=1 FOR ALTER TABLE t ADD b int",
            ],
        );
        are_of_kind(
            backend,
            Dml,
            &[
                "REPLACE INTO t VALUES (1)",
                "WITH a AS (SELECT 1) UPDATE t SET a = 1",
                "LOAD DATA INFILE 'x' INTO TABLE t",
                "ANALYZE FORMAT=JSON DELETE FROM t",
                "/*!40000 INSERT*/ INTO t VALUES (1)",
            ],
        );
        are_of_kind(
            backend,
            Query,
            &[
                "SELECT 1 INTO OUTFILE '/tmp/x'",
                "(SELECT 1)",
                "SHOW TABLES",
                "DESC t",
                "EXPLAIN DELETE FROM t",
                "WITH a AS (SELECT 1) SELECT * FROM a",
            ],
        );
        are_of_kind(
            backend,
            Transaction,
            &[
                "START TRANSACTION READ ONLY",
                "SET autocommit = 0",
                "SET @@session.autocommit := 0",
                "XA START 'x'",
                "COMMIT",
            ],
        );
        are_of_kind(backend, Savepoint, &["SAVEPOINT a", "RELEASE SAVEPOINT a", "ROLLBACK WORK TO a"]);
        are_of_kind(backend, Session, &["SET NAMES utf8", "USE d", "SET @a = 1", "SET ROLE r"]);
        are_of_kind(backend, Other, &["CALL p()", "DO SLEEP(1)", "PREPARE s FROM 'x'", "HANDLER t OPEN"]);
        session_effects(
            backend,
            true,
            &["SET NAMES utf8", "USE d", "CALL p()", "SELECT @a := 1", "SELECT 1 INTO @a"],
        );
        session_effects(backend, false, &["SELECT 1", "CREATE TABLE t(a int)", "SELECT @a"]);
        session_effects(backend, false, &["CREATE PROCEDURE p() SET @a = 1"]);
    }
}

#[test]
fn tokens_show_what_runs_and_leave_out_the_rest() {
    let plain = tokens(Mysql, "SELECT /* x */ a -- y\n;");
    assert_eq!(plain, ["SELECT", "a"]);
    assert_eq!(plain, tokens(Mysql, "# z\nSELECT\ta;"));
    assert_eq!(
        tokens(Mysql, "SELECT /*+ X() */ a /*!50000 , 'b;' */;"),
        ["SELECT", "/*+ X() */", "a", "/*!50000", ",", "'b;'", "*/"]
    );
    assert_eq!(
        tokens(Mysql, "SELECT t.1a, 1.5e-3, a<=>b, @@x, 5--1"),
        [
            "SELECT", "t", ".", "1a", ",", "1.5e-3", ",", "a", "<=>", "b", ",", "@@", "x", ",", "5", "-",
            "-", "1"
        ]
    );
}
