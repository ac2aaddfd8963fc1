//! PostgreSQL has no way into the tables of another database, but databases themselves are the whole server's.

use migrate_revision::Backend;

use super::{is, is_any, words};

/// What stands behind a column or a table that is called `database`.
const NO_NAMES: [&str; 16] = [
    "set", "type", "drop", "add", "reset", "cascade", "restrict", "to", "from", "using", "for", "and", "or",
    "is", "where", "not",
];

pub(super) fn is_about_databases(statement: &str) -> bool {
    let words = words(statement, Backend::Postgres);
    let is_body = |word: &&&str| word.ends_with(['\'', '$']);
    match words.as_slice() {
        [first, second, ..] if is_any(first, &["create", "alter", "drop"]) && is(second, "database") => true,
        [first, second, ..] if is_owned(first, second) => true,
        [first, ..] if is_any(first, &["comment", "security", "grant", "revoke"]) => {
            words.windows(3).any(|words| is(words[0], "on") && is_named(words[1], words[2]))
        }
        [first, second, ..] if is(first, "alter") && is_any(second, &["role", "user", "group"]) => {
            words.windows(3).any(|words| is(words[0], "in") && is_named(words[1], words[2]))
        }
        [first, rest @ ..] if is(first, "do") || is(first, "create") && makes_a_routine(rest) => {
            rest.iter().filter(is_body).any(|body| is_within(inside(body)))
        }
        _ => false,
    }
}

fn makes_a_routine(words: &[&str]) -> bool {
    words.iter().take(3).any(|word| is_any(word, &["function", "procedure"]))
}

/// Whether it is so of a statement in a body, or in a string in one, which `EXECUTE` may run. A name that is put in its place
/// there may be that of the current database.
fn is_within(body: &str) -> bool {
    let words = words(body, Backend::Postgres);
    let is_one = |words: &[&str]| {
        is_any(words[0], &["create", "alter", "drop", "on", "in"]) && is_named(words[1], words[2])
            || is_owned(words[0], words[1])
    };
    words.windows(3).any(is_one)
        || words
            .iter()
            .filter(|word| word.len() > 2 && word.ends_with(['\'', '$']))
            .any(|text| is_within(inside(text)))
}

/// Whether `DATABASE` has a name behind it.
fn is_named(word: &str, name: &str) -> bool {
    is(word, "database")
        && name.starts_with(|c: char| c.is_alphabetic() || "_\"".contains(c))
        && !is_any(name, &NO_NAMES)
}

/// Whether it is about all that a role owns or may do, of which databases are a part.
fn is_owned(first: &str, second: &str) -> bool {
    is_any(first, &["drop", "reassign"]) && is(second, "owned")
}

/// What is between the quotes of a string.
fn inside(text: &str) -> &str {
    let quote = match text.strip_prefix('$').and_then(|rest| rest.find('$')) {
        Some(end) => &text[..end + 2],
        None => "'",
    };
    let start = text.find(quote).map_or(0, |at| at + quote.len());
    let rest = &text[start..];
    rest.strip_suffix(quote).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_made_changed_and_dropped() {
        for statement in [
            "DROP DATABASE shop",
            "create database other TEMPLATE shop",
            "ALTER /* a */ DATABASE \"shop\" SET timezone = 'UTC'",
            "COMMENT ON DATABASE shop IS 'a'",
            "SECURITY LABEL FOR p ON DATABASE shop IS 'a'",
            "GRANT CONNECT ON DATABASE a, shop TO app",
            "REVOKE ALL ON DATABASE shop FROM PUBLIC",
            "ALTER ROLE app IN DATABASE shop SET search_path = app",
            "REASSIGN OWNED BY a TO b",
            "DROP OWNED BY app",
            "DO $$ BEGIN EXECUTE 'ALTER DATABASE shop SET timezone = ''UTC'''; END $$",
            "DO LANGUAGE plpgsql $a$ BEGIN GRANT CONNECT ON DATABASE shop TO app; END $a$",
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'ALTER DATABASE shop RESET ALL'",
            "DO $$ BEGIN EXECUTE $b$DROP OWNED BY app$b$; END $$",
        ] {
            assert!(is_about_databases(statement), "{statement}");
        }
        for statement in [
            "CREATE SCHEMA shop",
            "DROP SCHEMA shop CASCADE",
            "CREATE TABLE t (database text)",
            "ALTER TABLE t DROP database",
            "GRANT SELECT ON database TO app",
            "GRANT SELECT ON shop.database TO app",
            "INSERT INTO notes VALUES ('DROP DATABASE shop')",
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database()); END $$",
            "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) || ' RESET ALL'; END $$",
            "DO $$ BEGIN ALTER TABLE t ALTER database TYPE text; ALTER TABLE t DROP database; END $$",
            "DO $$ BEGIN CREATE INDEX ON database USING btree (a); END $$",
            "ALTER ROLE app SET search_path = app",
            "CREATE TABLE t (a text DEFAULT 'drop database shop')",
            "SELECT 'on', database, a FROM t",
        ] {
            assert!(!is_about_databases(statement), "{statement}");
        }
    }
}
