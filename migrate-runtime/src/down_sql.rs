//! The text of `down_sql`: what undoes a step, so that a binary that lacks the revision can run it without a splitter.
//!
//! One plain statement is written as it is. Otherwise comments come first: `-- embed-migrations 1` and the section's options,
//! then one line per statement with its length in bytes, kind, whether it changes the session, and hash.

use std::fmt::Write as _;
use std::time::Duration;

use migrate_revision::{Script, ScriptStatement, SectionOptions, StatementKind};

const HEAD: &str = "-- embed-migrations ";
const VERSION: &str = "1";

const KINDS: [(StatementKind, &str); 8] = [
    (StatementKind::Query, "query"),
    (StatementKind::Dml, "dml"),
    (StatementKind::Ddl, "ddl"),
    (StatementKind::Session, "session"),
    (StatementKind::Savepoint, "savepoint"),
    (StatementKind::Transaction, "transaction"),
    (StatementKind::OutsideTransaction, "outside"),
    (StatementKind::Other, "other"),
];

/// Why a text cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// A later version wrote it
    Later,
    /// Its statements cannot be told apart
    Unsplit,
}

/// What is recorded of a section.
pub(crate) fn write(text: &str, script: &Script) -> String {
    let mut written = String::new();
    if !is_plain(text, script) {
        let SectionOptions { no_transaction, foreign_keys_off, keeps_data, lock_timeout, statement_timeout } =
            script.options;
        let _ = write!(written, "{HEAD}{VERSION}");
        written.push_str(if no_transaction { " no-transaction" } else { "" });
        written.push_str(if foreign_keys_off { " foreign-keys=off" } else { "" });
        written.push_str(if keeps_data { " keeps-data" } else { "" });
        for (name, timeout) in [("lock-timeout", lock_timeout), ("statement-timeout", statement_timeout)] {
            if let Some(timeout) = timeout {
                let _ = write!(written, " {name}={}ms", timeout.as_millis().max(1));
            }
        }
        written.push('\n');
        for statement in &script.statements {
            let kind =
                KINDS.iter().find(|(kind, _)| *kind == statement.kind).map_or("other", |(_, word)| word);
            let session = if statement.session_effect { "session" } else { "-" };
            let _ =
                writeln!(written, "-- {} {kind} {session} {:016x}", statement.range.len(), statement.hash);
        }
    }
    for statement in &script.statements {
        written.push_str(&text[statement.range.clone()]);
        written.push_str(";\n");
    }
    written
}

/// The script that was recorded. Its ranges are those of the text that is given.
#[inline]
pub(crate) fn read(text: &str) -> Result<Script, Unreadable> {
    let Some(head) = text.strip_prefix(HEAD) else { return read_plain(text) };
    let mut lines = head.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    let mut words = first.split_whitespace();
    if words.next() != Some(VERSION) {
        return Err(Unreadable::Later);
    }
    let mut options = SectionOptions::default();
    for word in words {
        let timeout = |value: &str| {
            let milliseconds = value.strip_suffix("ms").and_then(|value| value.parse().ok());
            milliseconds
                .map(|milliseconds| Some(Duration::from_millis(milliseconds)))
                .ok_or(Unreadable::Later)
        };
        match word.split_once('=') {
            None if word == "no-transaction" => options.no_transaction = true,
            None if word == "keeps-data" => options.keeps_data = true,
            Some(("foreign-keys", "off")) => options.foreign_keys_off = true,
            Some(("lock-timeout", value)) => options.lock_timeout = timeout(value)?,
            Some(("statement-timeout", value)) => options.statement_timeout = timeout(value)?,
            // What is not known may be what makes it safe.
            _ => return Err(Unreadable::Later),
        }
    }
    let mut at = HEAD.len() + first.len();
    let mut shapes = Vec::new();
    for line in lines {
        let Some(shape) = line.strip_prefix("-- ").and_then(shape) else { break };
        at += line.len();
        shapes.push(shape);
    }
    let mut statements = Vec::with_capacity(shapes.len());
    for (length, kind, session_effect, hash) in shapes {
        let range = at..at.checked_add(length).ok_or(Unreadable::Unsplit)?;
        if text.get(range.clone()).is_none() || !text[range.end..].starts_with(";\n") {
            return Err(Unreadable::Unsplit);
        }
        at = range.end + 2;
        statements.push(ScriptStatement { range, kind, session_effect, hash, objects: Vec::new() });
    }
    // No statements are recorded as no text: these were cut off.
    if at == text.len() && !statements.is_empty() {
        Ok(Script { options, statements })
    } else {
        Err(Unreadable::Unsplit)
    }
}

fn shape(line: &str) -> Option<(usize, StatementKind, bool, u64)> {
    let [length, kind, session, hash] = line.split_whitespace().collect::<Vec<_>>().try_into().ok()?;
    let (kind, _) = KINDS.iter().find(|(_, word)| *word == kind)?;
    Some((length.parse().ok()?, *kind, session == "session", u64::from_str_radix(hash, 16).ok()?))
}

/// Whether the text alone says all that there is to know.
fn is_plain(text: &str, script: &Script) -> bool {
    let [statement] = script.statements.as_slice() else { return script.statements.is_empty() };
    let sql = &text[statement.range.clone()];
    script.options == SectionOptions::default()
        && !statement.session_effect
        && !sql.contains(";\n")
        && !sql.starts_with("--")
        && plain_kind(sql) == statement.kind
}

#[inline]
fn read_plain(text: &str) -> Result<Script, Unreadable> {
    let Some(sql) = text.strip_suffix(";\n") else {
        return if text.is_empty() { Ok(Script::default()) } else { Err(Unreadable::Unsplit) };
    };
    if sql.contains(";\n") {
        return Err(Unreadable::Unsplit);
    }
    let kind = plain_kind(sql);
    let statement =
        ScriptStatement { range: 0..sql.len(), kind, session_effect: false, hash: 0, objects: Vec::new() };
    Ok(Script { options: SectionOptions::default(), statements: vec![statement] })
}

fn plain_kind(sql: &str) -> StatementKind {
    let word = sql.split_whitespace().next().unwrap_or_default();
    let is = |words: &[&str]| words.iter().any(|one| word.eq_ignore_ascii_case(one));
    if is(&["insert", "update", "delete", "replace"]) {
        StatementKind::Dml
    } else if is(&["create", "drop", "alter"]) {
        StatementKind::Ddl
    } else {
        StatementKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str, options: SectionOptions) -> Script {
        let mut at = 0;
        let statements = text.split('|').map(|sql| {
            let range = at..at + sql.len();
            at = range.end + 1;
            let kind = if sql.starts_with("DROP") { StatementKind::Ddl } else { StatementKind::Query };
            ScriptStatement { range, kind, session_effect: sql.contains('@'), hash: 7, objects: Vec::new() }
        });
        Script { options, statements: statements.collect() }
    }

    #[test]
    fn what_is_written_reads_back_with_its_statements_and_options() {
        let all = SectionOptions {
            no_transaction: true,
            foreign_keys_off: true,
            keeps_data: true,
            lock_timeout: Some(Duration::from_secs(5)),
            statement_timeout: Some(Duration::from_millis(1)),
        };
        for text in
            ["DROP TABLE é;\nx|SELECT @a", "DROP TABLE a|-- 3 ddl - 0\nSELECT 1", "DROP TABLE a", "SELECT 1"]
        {
            for options in [all, SectionOptions::default()] {
                let script = script(text, options);
                let written = write(text, &script);
                let read = read(&written).unwrap();
                assert_eq!(read.options, options);
                let texts = |text: &str, script: &Script| {
                    let texts = script
                        .statements
                        .iter()
                        .map(|s| (text[s.range.clone()].to_owned(), s.kind, s.session_effect));
                    texts.collect::<Vec<_>>()
                };
                assert_eq!(texts(&written, &read), texts(text, &script), "{written}");
            }
        }
    }

    #[test]
    fn one_plain_statement_is_written_as_it_is() {
        let plain = script("DROP TABLE a", SectionOptions::default());
        assert_eq!(write("DROP TABLE a", &plain), "DROP TABLE a;\n");
        assert_eq!(read("").unwrap(), Script::default());
    }

    #[test]
    fn what_cannot_be_told_apart_or_is_of_a_later_version_is_not_run() {
        assert_eq!(read("DROP TABLE a;\nDROP TABLE b;\n"), Err(Unreadable::Unsplit));
        assert_eq!(read("-- embed-migrations 2\nDROP TABLE a;\n"), Err(Unreadable::Later));
        assert_eq!(
            read("-- embed-migrations 1 new-option\n-- 12 ddl - 0\nDROP TABLE a;\n"),
            Err(Unreadable::Later)
        );
        for cut in ["-- embed-migrations 1", "-- embed-migrations 1 no-transaction\n"] {
            assert_eq!(read(cut), Err(Unreadable::Unsplit));
        }
        for length in ["11", "18446744073709551615"] {
            let text = format!("-- embed-migrations 1\n-- {length} ddl - 0\nDROP TABLE a;\n");
            assert_eq!(read(&text), Err(Unreadable::Unsplit));
        }
        assert_eq!(
            read("-- embed-migrations 1\n-- 12 ddl - 0\nDROP TABLE a;\nDROP TABLE b;\n"),
            Err(Unreadable::Unsplit)
        );
    }
}
