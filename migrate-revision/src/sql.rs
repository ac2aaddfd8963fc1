//! SQL text as statements: what a client of each database would send, where each begins and ends, and of what
//! kind it is. Text whose statements cannot be told apart with certainty is refused, never guessed at.

mod cursor;
mod mysql;
mod object;
pub(crate) mod plain;
mod postgres;
mod sqlite;
mod token;

use std::ops::Range;

use crate::{Backend, Object, StatementKind};

/// One statement of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Bytes of the text: from the first token to the last, without the terminator
    pub range: Range<usize>,
    /// What it does
    pub kind: StatementKind,
    /// Whether running it can leave the session changed
    pub session_effect: bool,
    /// Its tokens, for hashing: bytes of the text, without comments and white space, but with what executable comments
    /// and optimizer hints hold
    pub tokens: Vec<Range<usize>>,
    /// The objects it names whose definition tells, after it was interrupted, whether it was done: those of DDL on
    /// MySQL and MariaDB, and index and table of what PostgreSQL does concurrently. Not those inside of bodies and
    /// queries
    pub objects: Vec<Object>,
}

/// A reason for which a text is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlProblem {
    /// Bytes of the text to show
    pub range: Range<usize>,
    /// What is wrong: lower case, no final period
    pub message: String,
    /// What to do about it
    pub help: String,
}

/// Whether it makes no difference to a text which of the two reads it: it has neither the executable comments that MariaDB
/// alone runs, nor what may be a dollar quote, which MySQL alone knows, nor `sql_mode`, which has ORACLE on MariaDB alone.
pub(crate) fn is_one_to_mysql_and_mariadb(text: &str) -> bool {
    let is_mode = |at: usize| {
        at.checked_sub(3)
            .and_then(|start| text.as_bytes().get(start..at + 5))
            .is_some_and(|word| word.eq_ignore_ascii_case(b"sql_mode"))
    };
    !text.contains('$')
        && text.match_indices('!').all(|(at, _)| !text[..at].ends_with("/*M"))
        && !text.match_indices('_').any(|(at, _)| is_mode(at))
}

/// Splits a text into the statements that the database's own client would send.
///
/// Statements come in the order of the text and do not overlap; empty ones are left out. A byte order mark at the
/// beginning is skipped.
///
/// ```
/// use migrate_revision::{Backend, StatementKind, sql};
///
/// let text = "CREATE TABLE t (a text); -- not the end;\nINSERT INTO t VALUES ('a;b')";
/// let statements = sql::split(text, Backend::Postgres).unwrap();
/// assert_eq!(&text[statements[1].range.clone()], "INSERT INTO t VALUES ('a;b')");
/// assert_eq!(statements[0].kind, StatementKind::Ddl);
/// ```
///
/// # Errors
/// Every reason for which the text is refused, in the order of the text.
pub fn split(text: &str, backend: Backend) -> Result<Vec<Statement>, Vec<SqlProblem>> {
    let (statements, mut problems) = match backend {
        Backend::Sqlite => sqlite::split(text),
        Backend::Postgres => postgres::split(text),
        Backend::Mysql | Backend::Mariadb => mysql::split(text, backend),
    };
    if let Some(at) = text.find('\0') {
        problems.push(SqlProblem {
            range: at..at + 1,
            message: "a NUL byte, at which the database would stop reading".into(),
            help: "remove it".into(),
        });
    }
    if problems.is_empty() {
        return Ok(statements);
    }
    problems.sort_by_key(|problem| (problem.range.start, problem.range.end));
    Err(problems)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECES: [&str; 20] = [
        "SET sql_mode = @x;",
        "SET SQL_Mode = 'ORACLE';",
        "CREATE PROCEDURE p() ",
        "LANGUAGE JAVASCRIPT ",
        "AS ",
        "$$",
        "$a$",
        "/*M!",
        "/*M!100100 ",
        "/*!50000 ",
        "/*",
        "*/",
        "M!",
        "BEGIN ",
        "END",
        ";",
        "'",
        "SELECT 1",
        "\n",
        "DELIMITER //\n",
    ];

    proptest! {
        #[test]
        fn what_is_one_to_mysql_and_mariadb_is_split_alike(
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12),
        ) {
            let text = pieces.concat();
            if is_one_to_mysql_and_mariadb(&text) {
                prop_assert_eq!(split(&text, Backend::Mysql), split(&text, Backend::Mariadb));
            }
        }
    }

    #[test]
    fn the_two_differ_where_it_says_so() {
        for text in [
            "SELECT /*M! 1, */ 2",
            "CREATE FUNCTION f() RETURNS INT LANGUAGE JAVASCRIPT AS $$;$$; SELECT 1",
            "SET Sql_Mode = @x; CREATE PROCEDURE p() BEGIN SELECT 1; END",
        ] {
            assert!(!is_one_to_mysql_and_mariadb(text));
            assert_ne!(split(text, Backend::Mysql), split(text, Backend::Mariadb), "{text}");
        }
    }
}
