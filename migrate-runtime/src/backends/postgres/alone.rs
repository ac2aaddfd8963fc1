//! Statements that must be alone, so that a crash may come between them and their record: what tells afterwards whether
//! one was done.

use migrate_revision::{Backend, ScriptStatement, StatementKind};

use super::index::{Words, identifier};
use crate::history::quote_text;

/// What doing a statement twice comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Twice {
    /// The same as once
    Harmless,
    /// This expression gives another value once it is done
    Shows(String),
    /// It is not known what it does, such as a `CALL` of a procedure that commits
    Unknown,
}

impl Twice {
    pub(super) fn of(statement: &ScriptStatement, sql: &str) -> Self {
        if statement.kind == StatementKind::Transaction {
            return Self::Harmless;
        }
        let mut words = Words::new(sql);
        let first = words.next().unwrap_or_default().to_ascii_lowercase();
        match first.as_str() {
            "vacuum" | "reindex" | "cluster" | "discard" | "analyze" => Self::Harmless,
            "create" | "drop" => made_or_dropped(&mut words),
            "alter" if words.take("table") => detached(&mut words),
            "alter" if statement.kind == StatementKind::OutsideTransaction => Self::Harmless,
            _ => Self::Unknown,
        }
    }

    /// What is recorded before the statement, as an expression; `None` if nothing needs to be.
    pub(super) fn mark(&self, statement: &ScriptStatement) -> Option<String> {
        let head = format!("{SCHEME} {:016x}", statement.hash);
        match self {
            Self::Harmless => None,
            Self::Shows(expression) => Some(format!("'{head} ' || coalesce(({expression})::text, '-')")),
            Self::Unknown => Some(format!("'{head} ?'")),
        }
    }
}

/// Whether a mark is one of these, and the same now as then.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    NotDone,
    Done,
    Unknown,
}

/// Compares what was recorded with what [`Twice::mark`] gives now.
pub(super) fn verdict(recorded: &str, now: &str) -> Verdict {
    let parts = |text: &str| -> Option<[String; 3]> {
        text.split(' ').map(str::to_owned).collect::<Vec<_>>().try_into().ok()
    };
    match (parts(recorded), parts(now)) {
        (Some([scheme, hash, then]), Some([now_scheme, now_hash, now]))
            if (&scheme, &hash) == (&now_scheme, &now_hash) && then != "?" =>
        {
            if then == now {
                Verdict::NotDone
            } else {
                Verdict::Done
            }
        }
        _ => Verdict::Unknown,
    }
}

/// The version of what is recorded.
const SCHEME: &str = "a1";

/// `CREATE DATABASE`, `DROP INDEX CONCURRENTLY` and the like.
fn made_or_dropped(words: &mut Words<'_>) -> Twice {
    let kind = words.next().unwrap_or_default().to_ascii_lowercase();
    words.take("concurrently");
    if words.take("if") {
        words.take("not");
        words.take("exists");
    }
    let (catalog, column) = match kind.as_str() {
        "database" => ("pg_database", "datname"),
        "tablespace" => ("pg_tablespace", "spcname"),
        "subscription" => ("pg_subscription", "subname"),
        "index" => {
            let mut names = Vec::new();
            loop {
                let Some(name) = qualified(words) else { return Twice::Unknown };
                names.push(format!(
                    "CASE WHEN pg_catalog.to_regclass({}) IS NULL THEN '-' ELSE '+' END",
                    quote_text(&name, Backend::Postgres)
                ));
                if !words.take(",") {
                    return Twice::Shows(names.join(" || "));
                }
            }
        }
        _ => return Twice::Unknown,
    };
    match words.next().and_then(identifier) {
        Some(name) => Twice::Shows(format!(
            "SELECT '+' FROM pg_catalog.{catalog} WHERE {column} = {}",
            quote_text(&name, Backend::Postgres)
        )),
        None => Twice::Unknown,
    }
}

/// `ALTER TABLE t DETACH PARTITION p CONCURRENTLY`
fn detached(words: &mut Words<'_>) -> Twice {
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("detach") && words.take("partition") {
            let Some(name) = qualified(words) else { return Twice::Unknown };
            return Twice::Shows(format!(
                "SELECT inhparent FROM pg_catalog.pg_inherits WHERE inhrelid = pg_catalog.to_regclass({})",
                quote_text(&name, Backend::Postgres)
            ));
        }
    }
    Twice::Unknown
}

/// A name with its schema, as it is written.
pub(super) fn qualified(words: &mut Words<'_>) -> Option<String> {
    let mut name = String::new();
    loop {
        let part = words.next()?;
        identifier(part)?;
        name.push_str(part);
        if !words.take(".") {
            return Some(name);
        }
        name.push('.');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(sql: &str) -> Twice {
        let kind = StatementKind::OutsideTransaction;
        let statement =
            ScriptStatement { range: 0..0, kind, session_effect: false, hash: 1, objects: Vec::new() };
        Twice::of(&statement, sql)
    }

    #[test]
    fn what_shows_and_what_does_no_harm_twice_is_told_apart_from_what_must_be_asked() {
        for harmless in
            ["VACUUM FULL t", "REINDEX TABLE CONCURRENTLY t", "ALTER SYSTEM SET a = 1", "DISCARD ALL"]
        {
            assert_eq!(twice(harmless), Twice::Harmless, "{harmless}");
        }
        for unknown in ["CALL p()", "DO $$ BEGIN COMMIT; END $$", "DROP INDEX CONCURRENTLY 1"] {
            assert_eq!(twice(unknown), Twice::Unknown, "{unknown}");
        }
        let shows = |sql: &str, part: &str| match twice(sql) {
            Twice::Shows(expression) => assert!(expression.contains(part), "{expression}"),
            other => panic!("{sql}: {other:?}"),
        };
        shows("CREATE DATABASE \"It's\"", "datname = E'It''s'");
        shows("DROP DATABASE IF EXISTS Other", "datname = E'other'");
        shows("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", "subname = E's'");
        shows("DROP INDEX CONCURRENTLY IF EXISTS a.\"B\", c", "to_regclass(E'a.\"B\"')");
        shows("DROP INDEX CONCURRENTLY a, c", "to_regclass(E'c')");
        shows("ALTER TABLE t DETACH PARTITION s.p CONCURRENTLY", "to_regclass(E's.p')");
    }

    #[test]
    fn only_the_same_statement_is_judged() {
        assert_eq!(verdict("a1 01 -", "a1 01 -"), Verdict::NotDone);
        assert_eq!(verdict("a1 01 -", "a1 01 77"), Verdict::Done);
        assert_eq!(verdict("a1 01 -", "a1 02 77"), Verdict::Unknown);
        assert_eq!(verdict("a1 01 ?", "a1 01 ?"), Verdict::Unknown);
        assert_eq!(verdict("a2 01 -", "a1 01 -"), Verdict::Unknown);
    }
}
