//! What MySQL and MariaDB are told of `sql_mode`, and what of the text hangs on it.

use migrate_revision::Backend::{Mariadb, Mysql};
use migrate_revision::sql;

use crate::tables::refuses;

/// Statements that read differently in each mode: the first with escapes, and none in ORACLE.
const STRING: &str = "SELECT '\\'; SELECT '; SELECT 2;";
const PROGRAM: &str = "CREATE PROCEDURE p() BEGIN SELECT 1; END; SELECT 2;";

/// Both databases read what comes after the statements as in the mode that they have at first.
#[track_caller]
fn leaves_the_default(before: &str) {
    for backend in [Mysql, Mariadb] {
        let own = count(backend, before);
        assert_eq!(count(backend, &format!("{before}{STRING}")), own + 2, "{backend}: {before}");
        assert_eq!(count(backend, &format!("{before}{PROGRAM}")), own + 2, "{backend}: {before}");
    }
}

/// Strings have no escapes after the statements.
#[track_caller]
fn sets_no_escapes(before: &str) {
    for backend in [Mysql, Mariadb] {
        let own = count(backend, before);
        let text = format!("{before}SELECT '\\'; SELECT 1;");
        assert_eq!(count(backend, &text), own + 2, "{backend}: {before}");
    }
}

/// Neither strings nor, on MariaDB, programs can be read after the statements, of which the last is told.
#[track_caller]
fn makes_it_unknown(before: &str, last: &str) {
    let reason = format!("`sql_mode` was set above, by `{last}`, to something that is not known here");
    for backend in [Mysql, Mariadb] {
        refuses(backend, &[(&format!("{before}{STRING}"), &[("'\\'", &reason)])]);
    }
    let reason = format!("{reason} and could be ORACLE");
    refuses(Mariadb, &[(&format!("{before}{PROGRAM}"), &[("PROCEDURE", &reason)])]);
    // MySQL has no such mode.
    assert_eq!(count(Mysql, &format!("{before}{PROGRAM}")), count(Mysql, before) + 2);
}

#[track_caller]
fn count(backend: migrate_revision::Backend, text: &str) -> usize {
    sql::split(text, backend).unwrap_or_else(|problems| panic!("{backend}: {text}\n{problems:#?}")).len()
}

#[test]
fn a_mode_that_is_computed_from_the_old_one_is_known() {
    leaves_the_default("SET sql_mode=(SELECT REPLACE(@@sql_mode,'ONLY_FULL_GROUP_BY',''));");
    leaves_the_default(
        "SET SESSION sql_mode = ((SELECT (REPLACE(@@SESSION.sql_mode, 'STRICT_ALL_TABLES', ''))));",
    );
    leaves_the_default(
        "SET sql_mode = (SELECT REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(@@sql_mode, 'A', ''), 'B', ''), 'C', ''), 'D', ''), 'E', ''));",
    );
    leaves_the_default("SET sql_mode = REPLACE(@@sql_mode, 'STRICT_ALL_TABLES', 'STRICT_TRANS_TABLES');");
    leaves_the_default("SET sql_mode = @@GLOBAL.sql_mode;");
    leaves_the_default("SET sql_mode = COALESCE(@@local.sql_mode, '');");
    leaves_the_default(
        "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;\
         /*!40101 SET SQL_MODE=IFNULL(@OLD_SQL_MODE, '') */;",
    );
    sets_no_escapes("SET sql_mode = (SELECT CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES'));");
    sets_no_escapes(
        "SET sql_mode = 'no_backslash_escapes,STRICT_ALL_TABLES'; SET sql_mode = (SELECT REPLACE(@@sql_mode, 'STRICT_ALL_TABLES', ''));",
    );
}

#[test]
fn the_mode_of_new_sessions_is_kept_apart() {
    let set = "SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES';";
    leaves_the_default(set);
    leaves_the_default(&set.replace("GLOBAL", "PERSIST_ONLY"));
    leaves_the_default("SET PERSIST_ONLY sql_mode = 'ORACLE'; SET sql_mode = @@GLOBAL.sql_mode;");
    leaves_the_default(
        "SET GLOBAL sql_mode = 'ORACLE'; SET GLOBAL sql_mode = DEFAULT; SET sql_mode = DEFAULT;",
    );
    sets_no_escapes(&format!("{set} SET sql_mode = @@global.sql_mode;"));
    sets_no_escapes(&format!("{set} SET sql_mode = DEFAULT;"));
    sets_no_escapes(&format!("{} SET SESSION sql_mode = DEFAULT;", set.replace("GLOBAL", "PERSIST")));
    makes_it_unknown("SET GLOBAL sql_mode = @x; SET sql_mode = DEFAULT;", "SET sql_mode = DEFAULT");
}

#[test]
fn what_is_not_known_is_told_with_the_statement_that_set_it() {
    for unknown in [
        "SET sql_mode = @x",
        "SET sql_mode = IFNULL(@x, '')",
        "SET sql_mode = (SELECT m FROM t)",
        "SET sql_mode = (SELECT '', '')",
        "SET sql_mode = (('')",
        "SET sql_mode = LOWER('')",
        "SET sql_mode = @@PERSIST_ONLY.sql_mode",
        "EXECUTE IMMEDIATE 'SET sql_mode = '''''",
        // The server's value may have it, which the default that is assumed here has not.
        "SET sql_mode = REPLACE(@@sql_mode, 'STRICT_TRANS_TABLES', 'ORACLE')",
        // Whether case counts here is not the same on all servers.
        "SET sql_mode = REPLACE('NO_BACKSLASH_ESCAPES', 'no_backslash_escapes', '')",
        "l: LOOP SET sql_mode = ''; LEAVE l; END LOOP",
    ] {
        let shown: String = unknown.chars().take(60).collect();
        let rest = if unknown.len() > 60 { "..." } else { "" };
        makes_it_unknown(&format!("{unknown};"), &format!("{shown}{rest}"));
        leaves_the_default(&format!("{unknown}; SET sql_mode = '';"));
    }
    let problems = sql::split(&format!("SET sql_mode = @x;{PROGRAM}"), Mariadb).unwrap_err();
    assert!(
        problems[0].help.starts_with("set `sql_mode` to a plain string before it, or write `DELIMITER //`")
    );
}

#[test]
fn a_variable_that_something_else_may_set_is_not_known() {
    let last = "SET sql_mode = @a";
    for change in [
        "SELECT 'ORACLE' INTO @a",
        "SELECT @b, @A := 'ORACLE'",
        "SET @b = (SELECT @a := 'ORACLE')",
        "CALL p(1, @a)",
        "GET DIAGNOSTICS @a = NUMBER",
        "BEGIN NOT ATOMIC SET @a = 'ORACLE'; END",
        "SET @a = NULL",
    ] {
        let before = format!("SET @a = ''; {change}; {last};");
        refuses(Mariadb, &[(&format!("{before}{PROGRAM}"), &[("PROCEDURE", last)])]);
    }
    leaves_the_default("SET @a = ''; SELECT @a; INSERT INTO t SELECT 1; CALL p(@b); SET sql_mode = @a;");
}

#[test]
fn no_value_grows_without_end() {
    let growing = [
        "SET @a = CONCAT(@a, @a);".repeat(64),
        "SET @a = REPLACE(@a, 'Q', 'QQ');".repeat(64),
        format!("SET @a = CONCAT({}@a);", "@a, ".repeat(999)).repeat(64),
        format!("SET @b = @a{};", ", @b = REPLACE(@a, 'Q', 'QQQQQQQQQQ')".repeat(1000)).repeat(64),
    ];
    for grow in growing {
        for backend in [Mysql, Mariadb] {
            let text = format!("SET @a = 'Q';{grow}SELECT 1;");
            assert_eq!(count(backend, &text), 66);
        }
    }
    let most = |length: usize| format!("SET @a = '{}'; SET sql_mode = @a;", "Q".repeat(length));
    leaves_the_default(&most(1000));
    makes_it_unknown(&most(1025), "SET sql_mode = @a");
}
