//! What holds for the splitting of every text, however odd.

use std::time::Duration;

use embed_migrations_properties::properties;
use migrate_revision::{Backend, sql};
use proptest::prelude::*;

use crate::{assert_linear, mutated, seeds, worked};

const SHARED: [&str; 58] = [
    " ",
    "\n",
    "\r",
    "\r\n",
    "\t",
    ";",
    ";;",
    "'",
    "''",
    "\"",
    "`",
    "[",
    "]",
    "(",
    ")",
    ",",
    ".",
    "\\",
    "\\'",
    "--",
    "-- ",
    "#",
    "/*",
    "*/",
    "/",
    "*",
    "a",
    "é",
    "😀",
    "1",
    "1.5e3",
    "SELECT",
    "CREATE",
    "BEGIN",
    "END",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "IF",
    "SET",
    "=",
    "TRIGGER",
    "FUNCTION f()",
    "'a;b'",
    "\"a;b\"",
    "/* ; */",
    "-- ;\n",
    ":",
    "@",
    "\u{feff}",
    "\u{a0}",
    "\0",
    "COMMIT",
    "WITH",
    "INSERT",
    "AS",
    "$",
];

const POSTGRES: [&str; 16] = [
    "$$",
    "$a$",
    "$ü$",
    "E'",
    "U&'",
    "ATOMIC",
    "BEGIN ATOMIC",
    "COPY t FROM STDIN;\n",
    "\\.\n",
    "SET standard_conforming_strings = off;",
    "RESET ALL;",
    "set_config('standard_conforming_strings', ",
    "DO $$",
    "+-",
    "ROLLBACK;",
    "CREATE OR REPLACE PROCEDURE",
];

const MYSQL: [&str; 30] = [
    "SET @a = CONCAT(@a, @a);",
    "SET @a = '\\'';",
    "SET sql_mode = (SELECT REPLACE(@@GLOBAL.sql_mode, 'a', @a));",
    "SET GLOBAL sql_mode = IFNULL(@a, '');",
    "/*!",
    "/*!50003 ",
    "/*M!",
    "/*+",
    "DELIMITER ",
    "\nDELIMITER //\n",
    "\nDELIMITER ;\n",
    "//",
    "DELIMITER $$\n",
    "SET sql_mode = 'NO_BACKSLASH_ESCAPES';",
    "SET sql_mode = 'ANSI_QUOTES';",
    "SET sql_mode = @x;",
    "LOOP",
    "REPEAT",
    "UNTIL",
    "WHILE",
    "DO",
    "FOR",
    "FOR EACH ROW",
    "PROCEDURE p()",
    "END IF",
    "NOT ATOMIC",
    "DECLARE HANDLER FOR",
    "EVENT e",
    "LOCK TABLES",
    "source",
];

fn soup(backend: Backend) -> BoxedStrategy<String> {
    let mut fragments = SHARED.to_vec();
    match backend {
        Backend::Postgres => fragments.extend(POSTGRES),
        Backend::Mysql | Backend::Mariadb => fragments.extend(MYSQL),
        Backend::Sqlite => fragments.extend(["TEMP", "EXPLAIN", "CREATE TRIGGER g BEGIN", ";END;", ".mode"]),
    }
    prop::collection::vec((prop::sample::select(fragments), prop::bool::ANY), 0..60)
        .prop_map(|parts| {
            parts.iter().map(|(part, space)| format!("{part}{}", if *space { " " } else { "" })).collect()
        })
        .boxed()
}

/// Takes from the front of what lies between statements everything that may lie there; gives back the rest.
fn without_layout<'a>(mut gap: &'a str, backend: Backend, delimiter: &mut String) -> &'a str {
    let mysql = matches!(backend, Backend::Mysql | Backend::Mariadb);
    loop {
        gap = gap.trim_start_matches([' ', '\n', '\r', '\t', '\u{b}', '\u{c}', '\u{feff}']);
        let line_end = match backend {
            Backend::Postgres => gap.find(['\n', '\r']),
            _ => gap.find('\n'),
        };
        let line_end = line_end.unwrap_or(gap.len());
        if let Some(rest) = gap.strip_prefix(delimiter.as_str()) {
            gap = rest;
        } else if let Some(rest) = gap.strip_prefix(';') {
            gap = rest;
        } else if gap.starts_with("--") || mysql && gap.starts_with('#') {
            gap = &gap[line_end..];
        } else if gap.starts_with("/*") {
            let executable =
                mysql && gap.starts_with("/*!") || backend == Backend::Mariadb && gap.starts_with("/*M!");
            // MySQL and MariaDB, which run an executable comment or skip it, know comments inside, and none inside of those.
            let deepest = match backend {
                Backend::Postgres => usize::MAX,
                _ if executable => 2,
                _ => 1,
            };
            gap = after_comment(gap, deepest);
        } else if mysql && gap.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("delimiter")) {
            let argument = gap[9..line_end].trim_start();
            let quote = argument.chars().next().filter(|quote| "'\"`".contains(*quote));
            let quoted = quote.and_then(|quote| argument[1..].split(quote).next());
            *delimiter = quoted.or(argument.split_whitespace().next()).unwrap_or_default().to_owned();
            gap = &gap[line_end..];
        } else {
            return gap;
        }
    }
}

fn after_comment(gap: &str, deepest: usize) -> &str {
    let mut depth = 1;
    let mut at = 2;
    while depth > 0 && at < gap.len() {
        if depth < deepest && gap.as_bytes()[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if gap.as_bytes()[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += 1;
        }
    }
    gap.get(at..).unwrap_or_default()
}

fn check(text: &str, backend: Backend) -> Result<(), TestCaseError> {
    let statements = match sql::split(text, backend) {
        Ok(statements) => statements,
        Err(problems) => {
            prop_assert!(!problems.is_empty());
            for problem in &problems {
                prop_assert!(text.get(problem.range.clone()).is_some_and(|shown| !shown.is_empty()));
                prop_assert!(!problem.message.is_empty() && !problem.help.is_empty());
            }
            prop_assert!(problems.is_sorted_by_key(|problem| problem.range.start));
            return Ok(());
        }
    };
    let mut end = 0;
    let mut delimiter = String::from(";");
    for statement in &statements {
        prop_assert!(end <= statement.range.start && statement.range.start < statement.range.end);
        prop_assert!(text.get(statement.range.clone()).is_some());
        let rest = without_layout(&text[end..statement.range.start], backend, &mut delimiter);
        prop_assert_eq!(rest, "");
        end = statement.range.end;
        let mut token_end = statement.range.start;
        for token in &statement.tokens {
            prop_assert!(token_end <= token.start && token.start < token.end);
            prop_assert!(text.get(token.clone()).is_some());
            token_end = token.end;
        }
        prop_assert_eq!(statement.tokens[0].start, statement.range.start);
        prop_assert_eq!(token_end, statement.range.end);
    }
    prop_assert_eq!(without_layout(&text[end..], backend, &mut delimiter), "");
    let lower = text.to_ascii_lowercase();
    if ["delimiter", "sql_mode", "standard_conforming_strings"].iter().any(|mode| lower.contains(mode)) {
        return Ok(());
    }
    for statement in &statements {
        let own = &text[statement.range.clone()];
        // What reads differently where a text begins or ends.
        if own.starts_with('\u{feff}') || own.ends_with("--") {
            continue;
        }
        let again = sql::split(own, backend);
        let Ok(again) = again else {
            return Err(TestCaseError::fail(format!("{own:?} alone is refused: {again:?}")));
        };
        prop_assert_eq!(again.len(), 1, "{:?} alone is {:?}", own, again);
        prop_assert_eq!(&again[0].range, &(0..own.len()));
        prop_assert_eq!(again[0].kind, statement.kind);
        prop_assert_eq!(again[0].session_effect, statement.session_effect);
    }
    Ok(())
}

/// The rows of a text that each of the databases is asked of.
const EVERY: [&str; 4] = ["SQL for SQLite", "SQL for PostgreSQL", "SQL for MySQL", "SQL for MariaDB"];

properties! {
    EVERY, 2000;

    fn any_text_is_split_or_refused(text in any::<String>()) {
        for backend in Backend::ALL {
            check(&text, backend)?;
        }
    }

    fn any_edit_of_real_sql_is_split_or_refused(text in mutated(seeds(&["tests/cases/splitter", "tests/cases/seeds/revision", "../migrations"]), [&SHARED[..], &POSTGRES, &MYSQL].concat())) {
        for backend in Backend::ALL {
            check(&text, backend)?;
        }
    }
}

properties! {
    ["SQL for SQLite"], 2000;

    fn any_soup_for_sqlite_is_split_or_refused(text in soup(Backend::Sqlite)) {
        check(&text, Backend::Sqlite)?;
    }
}

properties! {
    ["SQL for PostgreSQL"], 2000;

    fn any_soup_for_postgres_is_split_or_refused(text in soup(Backend::Postgres)) {
        check(&text, Backend::Postgres)?;
    }
}

properties! {
    ["SQL for MySQL"], 2000;

    fn any_soup_for_mysql_is_split_or_refused(text in soup(Backend::Mysql)) {
        check(&text, Backend::Mysql)?;
    }
}

properties! {
    ["SQL for MariaDB"], 2000;

    fn any_soup_for_mariadb_is_split_or_refused(text in soup(Backend::Mariadb)) {
        check(&text, Backend::Mariadb)?;
    }
}

/// What was found once.
#[test]
fn a_delimiter_in_quotes_that_do_not_end_goes_to_the_end_of_its_line() {
    for text in [
        "DELIMITER \"$$\nCREATE PROCEDURE p1() BEGIN SELECT 1; END$$\nDELIMITER ;\nSELECT 3;\n",
        "DELIMITER '//\nSELECT 1//\n",
    ] {
        assert!(check(text, Backend::Mysql).is_ok() && check(text, Backend::Mariadb).is_ok());
        assert!(sql::split(text, Backend::Mysql).is_ok());
    }
    // The client would look for the space as well.
    assert!(sql::split("DELIMITER '// \nSELECT 1//\n", Backend::Mariadb).is_err());
}

#[test]
fn an_executable_comment_that_holds_a_comment_alone_is_no_statement() {
    for text in ["/*!/* ; */*/", "/*!50003 /* a /* b */ */", "/*! -- ;\n*/"] {
        for backend in [Backend::Mysql, Backend::Mariadb] {
            assert!(check(text, backend).is_ok(), "{text} {backend}");
            assert!(sql::split(text, backend).unwrap().is_empty(), "{text} {backend}");
        }
    }
}

#[test]
fn five_megabytes_take_less_than_a_second() {
    let usual = "-- a comment; yes\nCREATE TABLE t (a int, b text DEFAULT 'it''s; ok');\n\
                 INSERT INTO t (a, b) VALUES (1, 'x'), (2, \"y\") /* z */;\nUPDATE t SET a = CASE a WHEN 1 THEN 2 END;\n";
    let length = if cfg!(debug_assertions) { 1 << 18 } else { 5 << 20 };
    let text = usual.repeat(length / usual.len());
    for backend in Backend::ALL {
        let (statements, took) = worked(|| sql::split(&text, backend).unwrap());
        assert_eq!(statements.len(), length / usual.len() * 3);
        assert!(took < Duration::from_secs(1), "{backend} takes {took:?}");
    }
}

#[test]
fn commands_of_the_client_on_one_line_are_found_in_one_pass() {
    for command in ["\\g", "\\G"] {
        for backend in [Backend::Mysql, Backend::Mariadb] {
            assert_linear(&format!("{backend} and many of {command:?}"), 1 << 14, |length| {
                let problems = sql::split(&command.repeat(length / 2), backend).unwrap_err();
                assert_eq!(problems.len(), length / 2);
            });
        }
    }
}

#[test]
fn the_cost_is_linear() {
    let megabyte = 1 << 20;
    let pieces = [
        "/*",
        "*/",
        "/**/",
        "$a$",
        "$a",
        "$",
        "$a$b",
        "'",
        "\"",
        "`",
        "[",
        "(",
        ")",
        "()",
        "BEGIN ",
        "BEGIN;",
        "CASE ",
        "END ",
        "END;",
        "\\",
        "\\'",
        "'\\'",
        "'\\\\'",
        "--",
        "-- \n",
        "#",
        ";",
        "; ",
        "a",
        "a.",
        "1",
        "1e",
        "@",
        "@@",
        ".",
        "é",
        "\n",
        "/*!",
        "/*!50000 a */",
        "/*+",
        "/*+ */",
        "DELIMITER ;\n",
        "DELIMITER //\n",
        "SET sql_mode = @x;",
        "SET sql_mode = '';",
        "SET a = 1, ",
        "SET @a = CONCAT(@a, @a);",
        "SET @a = REPLACE(@a, 'X', 'XX');",
        "\\g",
        "\\G ",
        "SET standard_conforming_strings = off;",
        "SELECT ",
        "WITH a AS (",
        "\\x\n",
        "COPY t FROM STDIN;\n",
        "CREATE TRIGGER ",
        "CREATE FUNCTION f() BEGIN ATOMIC ",
        "CREATE PROCEDURE p() BEGIN ",
        "IF ",
        "LOOP ",
        "EXPLAIN ",
        "set_config('a', ",
        "set_config(",
    ];
    let starts = [
        "",
        "CREATE PROCEDURE p() BEGIN ",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ",
        "DELIMITER ;;\nSELECT ",
        "SET sql_mode = @x; SELECT ",
        "DO $$standard_conforming_strings$$; SELECT ",
        "CREATE TRIGGER t ",
        "SET sql_mode = ",
        "SET @a = 'X'; ",
        "DROP TABLE ",
        "ALTER TABLE t ",
        "WITH ",
        "SELECT ",
    ];
    // Without optimisation a shorter text shows as well what grows faster than the text.
    let limit = Duration::from_secs(2);
    let length = if cfg!(debug_assertions) { megabyte / 64 } else { megabyte };
    for start in starts {
        for piece in pieces {
            let text = format!("{start}{}", piece.repeat(length / piece.len()));
            for backend in Backend::ALL {
                let (_, took) = worked(|| sql::split(&text, backend));
                assert!(
                    took < limit,
                    "{backend} takes {took:?} for {start:?} and {length} bytes of {piece:?}"
                );
            }
        }
    }
}
