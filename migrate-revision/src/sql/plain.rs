//! Text that all databases read alike: the statements that most revisions consist of, written with nothing that one of them
//! has another meaning for. It is read once for all, by less work than each of them takes: the macro that splits is built
//! without optimisations.

use std::ops::Range;

use super::cursor::{Cursor, is_word_byte};
use super::token::{Token, TokenKind, View, contains_ignoring_case};
use super::{Statement, object};
use crate::{Object, StatementKind};

/// First words of statements that change rows everywhere.
const DML: [&str; 3] = ["insert", "update", "delete"];

/// First words of statements that change the schema everywhere, if the second is one of [`DEFINED`].
const DDL: [&str; 3] = ["create", "alter", "drop"];

const DEFINED: [&str; 4] = ["table", "index", "unique", "view"];

/// What tells one of the databases something in such statements too, be it a whole word or a part of it.
const TELLING: [&str; 3] = ["concurrently", "delimiter", "set_config"];

/// The statements of a text as every database splits it, without what [`objects`] finds; `None` where that is not certain.
pub(crate) fn split(text: &str) -> Option<Vec<Statement>> {
    let mut cursor = Cursor::new(text);
    let bytes = cursor.bytes();
    let mut statements = Vec::new();
    let mut tokens = Vec::new();
    let mut parentheses = 0_usize;
    while cursor.at < bytes.len() {
        let start = cursor.at;
        let byte = bytes[start];
        if byte == b' ' || byte == b'\n' || byte == b'\t' {
            cursor.at += 1;
            continue;
        }
        let end = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => word_end(&cursor)?,
            b'0'..=b'9' => number_end(&cursor)?,
            b'\'' | b'"' => quoted_end(&cursor, byte)?,
            b',' => start + 1,
            b'.' if !cursor.peek(1).is_ascii_digit() => start + 1,
            b'(' => {
                parentheses += 1;
                start + 1
            }
            b')' => {
                parentheses = parentheses.checked_sub(1)?;
                start + 1
            }
            b';' if parentheses == 0 => {
                finish(text, &mut tokens, &mut statements)?;
                cursor.at += 1;
                continue;
            }
            b'-' if cursor.peek(1) == b'-' && matches!(cursor.peek(2), b' ' | b'\n' | b'\t') => {
                cursor.at = plain_until(&cursor, b'\n', start + 2)?;
                continue;
            }
            _ => operator_end(&cursor)?,
        };
        tokens.push(start..end);
        cursor.at = end;
    }
    if parentheses > 0 {
        return None;
    }
    finish(text, &mut tokens, &mut statements)?;
    Some(statements)
}

/// What MySQL and MariaDB find in such a statement.
pub(crate) fn objects(text: &str, statement: &Statement) -> Vec<Object> {
    if statement.kind != StatementKind::Ddl {
        return Vec::new();
    }
    let mut tokens = Vec::with_capacity(statement.tokens.len());
    for range in &statement.tokens {
        let kind = match text.as_bytes()[range.start] {
            b'0'..=b'9' => TokenKind::Number,
            b'\'' | b'"' => TokenKind::Text,
            byte if is_word_byte(byte) => TokenKind::Word,
            _ => TokenKind::Symbol,
        };
        tokens.push(Token::new(kind, range.clone()));
    }
    object::of_mysql(View::new(text, &tokens))
}

fn finish(text: &str, tokens: &mut Vec<Range<usize>>, statements: &mut Vec<Statement>) -> Option<()> {
    let tokens = std::mem::take(tokens);
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return Some(()) };
    let range = first.start..last.end;
    let is_any = |at: usize, words: &[&str]| {
        let found = tokens.get(at).map_or("", |token| &text[token.start..token.end]);
        words.iter().any(|word| found.len() == word.len() && found.eq_ignore_ascii_case(word))
    };
    let kind = if is_any(0, &DDL) && is_any(1, &DEFINED) {
        StatementKind::Ddl
    } else if is_any(0, &DML) {
        StatementKind::Dml
    } else {
        return None;
    };
    statements.push(Statement { range, kind, session_effect: false, tokens, objects: Vec::new() });
    Some(())
}

/// A quote after it would make a prefix of it.
fn word_end(cursor: &Cursor<'_>) -> Option<usize> {
    let end = cursor.word_end(cursor.at);
    (cursor.peek(end - cursor.at) != b'\'' && !tells(cursor, end)).then_some(end)
}

fn number_end(cursor: &Cursor<'_>) -> Option<usize> {
    let end = cursor.number_end();
    (!is_word_byte(cursor.peek(end - cursor.at))).then_some(end)
}

fn quoted_end(cursor: &Cursor<'_>, quote: u8) -> Option<usize> {
    let mut end = plain_until(cursor, quote, cursor.at + 1)? + 1;
    while cursor.bytes().get(end) == Some(&quote) {
        end = plain_until(cursor, quote, end + 1)? + 1;
    }
    (!tells(cursor, end)).then_some(end)
}

/// Operators that are one token everywhere, unless another sign follows.
fn operator_end(cursor: &Cursor<'_>) -> Option<usize> {
    let bytes = cursor.bytes();
    let is_sign =
        |byte: u8| matches!(byte, b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b'!' | b'|');
    let mut end = cursor.at;
    while end < bytes.len() && is_sign(bytes[end]) {
        end += 1;
    }
    match bytes[cursor.at..end] {
        [b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%'] => Some(end),
        [b'<' | b'>' | b'!', b'='] | [b'<', b'>'] | [b'|', b'|'] => Some(end),
        _ => None,
    }
}

/// Where the byte is next found, from `at` on, if nothing stands before it at which one of the databases would stop.
fn plain_until(cursor: &Cursor<'_>, byte: u8, at: usize) -> Option<usize> {
    let bytes = cursor.bytes();
    let mut at = at;
    while at < bytes.len() && bytes[at] != byte {
        if matches!(bytes[at], b'\\' | b'\r' | b'\0') {
            return None;
        }
        at += 1;
    }
    (at < bytes.len()).then_some(at)
}

/// Whether the token from the cursor to `end` tells one of the databases something.
fn tells(cursor: &Cursor<'_>, end: usize) -> bool {
    if end - cursor.at < "delimiter".len() {
        return false;
    }
    let token = &cursor.text[cursor.at..end];
    TELLING.iter().any(|word| contains_ignoring_case(token, word))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;
    use crate::Backend;

    const STARTS: [&str; 18] = [
        "CREATE TABLE ",
        "create unique index ",
        "CREATE VIEW v AS ",
        "ALTER TABLE t ",
        "Drop Index ",
        "DROP TABLE ",
        "INSERT INTO t ",
        "UPDATE t SET ",
        "DELETE FROM ",
        "CREATE ",
        "CREATE TRIGGER ",
        "DROP DATABASE ",
        "REPLACE INTO ",
        "SELECT ",
        "WITH a AS ",
        "SET ",
        "BEGIN",
        "source",
    ];

    const PLAIN: [&str; 50] = [
        " ",
        "\n",
        "\t",
        ";\n",
        "a",
        "b1",
        "_c",
        "d$e",
        "m\u{e9}l",
        "1",
        "2.5",
        "1e3",
        "3.",
        ".",
        ",",
        "()",
        "(a, b)",
        "'x'",
        "''",
        "'it''s; \u{e9}'",
        "\"n\"",
        "\"a\"\"b; \"",
        "-- c; '\n",
        "--\n",
        "=",
        "<",
        ">",
        "-",
        "+",
        "*",
        "/",
        "%",
        "||",
        "<=",
        "<>",
        "!=",
        " BEGIN ",
        " END ",
        " CASE ",
        " IF EXISTS ",
        " TABLE ",
        " TRIGGER ",
        " FUNCTION ",
        " LANGUAGE ",
        " AS ",
        " TO ",
        " ON ",
        " RENAME ",
        " SELECT ",
        " INTO ",
    ];

    const ODD: [&str; 56] = [
        "(a; UPDATE b)",
        "'\0'",
        "(",
        ")",
        "'",
        "\"",
        "`",
        "`n`",
        "[",
        "[n;]",
        "--",
        "--c\n",
        "-- \\\n",
        "-- \r;\n",
        "/*",
        "*/",
        "/* ; */",
        "/* /* */ ; */",
        "/*! ; */",
        "/*M! a */",
        "/*+ a */",
        "!",
        "|",
        "&",
        "=-",
        "->>",
        "<=>",
        ":=",
        "::",
        ":a",
        "@",
        "@@",
        "?1",
        "$",
        "$1",
        "$$",
        "#",
        "\\",
        "'\\'",
        "\"\\\"",
        "E'",
        "X'0'",
        "U&\"",
        "1a",
        ".5",
        "\u{e9}",
        "\u{feff}",
        "\0",
        "\r",
        "\u{b}",
        " concurrently ",
        "\nDELIMITER //\n",
        "\ndelimiter ;\n",
        "'SET_CONFIG'",
        " set_config('standard_conforming_strings', 'off', false)",
        " pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'",
    ];

    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            30 => prop::sample::select(&PLAIN[..]),
            1 => prop::sample::select(&ODD[..]),
        ];
        let statement = (prop::sample::select(&STARTS[..]), prop::collection::vec(piece, 0..10));
        let statement = statement.prop_map(|(start, pieces)| format!("{start}{}", pieces.concat()));
        prop::collection::vec(statement, 1..4).prop_map(|statements| statements.join(";"))
    }

    #[test]
    fn what_is_plain_is_read_as_every_database_reads_it() {
        let (plain, all) = (&Cell::new(0), &Cell::new(0));
        let config = ProptestConfig::default();
        let cases = config.cases.max(2000);
        proptest!(ProptestConfig { cases, failure_persistence: None, ..config }, |(text in text())| {
            all.set(all.get() + 1);
            let Some(statements) = split(&text) else { return Ok(()) };
            plain.set(plain.get() + 1);
            for backend in Backend::ALL {
                let mut expected = statements.clone();
                if backend.is_mysql_like() {
                    expected.iter_mut().for_each(|statement| statement.objects = objects(&text, statement));
                }
                prop_assert_eq!(crate::sql::split(&text, backend), Ok(expected), "{}", backend);
            }
        });
        assert!(plain.get() * 10 > all.get(), "{} of {} texts are plain", plain.get(), all.get());
    }

    #[test]
    fn what_revisions_usually_hold_is_plain() {
        let text = "-- Users; and what they own\nCREATE TABLE users (\n\tid INTEGER PRIMARY KEY, \"name\" VARCHAR(20) DEFAULT 'it''s',\n\
                    score NUMERIC(4, 2) CHECK (score >= 0.5 AND score <> 1e3)\n);\n;\nDROP INDEX old;\n\
                    INSERT INTO users (id, name) SELECT t.id, t.a || '-' || t.b FROM t WHERE t.n * 2 = -1;\n-- The end\n";
        let statements = split(text).unwrap();
        let kinds: Vec<StatementKind> = statements.iter().map(|statement| statement.kind).collect();
        assert_eq!(kinds, [StatementKind::Ddl, StatementKind::Ddl, StatementKind::Dml]);
        assert_eq!(objects(text, &statements[1])[0].name, ["old"]);
    }
}
