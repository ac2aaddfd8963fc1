//! On MySQL and MariaDB every statement can name a database, and one of them chooses another for all that follow.

use migrate_revision::{Backend, ObjectKind, sql};

use super::{Reach, is, is_any, words};

/// What a text begins with that is put together to be run.
const VERBS: [&str; 13] = [
    "create", "alter", "drop", "rename", "truncate", "insert", "replace", "update", "delete", "load", "call",
    "grant", "revoke",
];

pub(super) fn reach(statement: &str, neighbour: Option<&str>, backend: Backend) -> Option<Reach> {
    let words = words(statement, backend);
    if is_about_databases(&words) {
        return Some(Reach::Databases);
    }
    if neighbour.is_some_and(|name| names(&words, name)) {
        return Some(Reach::Neighbour);
    }
    changed(statement, &words, backend).map(Reach::Other).or_else(|| {
        // What `PREPARE` and `EXECUTE IMMEDIATE` run is text before it is a statement.
        words.iter().filter_map(|word| text(word)).filter(|text| begins_as_statement(text)).find_map(|text| {
            let text = text.replace("''", "'").replace("\\'", "'");
            reach(&text, neighbour, backend)
        })
    })
}

/// Whether a database is made, changed or dropped, or chosen for what follows.
fn is_about_databases(words: &[&str]) -> bool {
    // These are reserved: with them the name is left away, and the database is the one in use.
    const OPTIONS: [&str; 5] = ["character", "char", "collate", "default", "read"];
    let is_database = |word: &str| is_any(word, &["database", "schema"]);
    let rest = |at: usize| words.get(at).copied().unwrap_or_default();
    is(rest(0), "use")
        || words.iter().enumerate().any(|(at, word)| {
            is_any(word, &["create", "replace", "alter", "drop", "rename"])
                && is_database(rest(at + 1))
                && rest(at + 2) != "("
                && !(is(word, "alter") && is_any(rest(at + 2), &OPTIONS))
        })
}

/// Whether a database is named: before a point.
fn names(words: &[&str], database: &str) -> bool {
    // A privilege is on all databases with a name of a pattern.
    let has_patterns = words.first().is_some_and(|word| is_any(word, &["grant", "revoke"]));
    let database = database.to_lowercase();
    words.windows(2).any(|pair| {
        let [name, "."] = pair else { return false };
        let name = plain(name).replace("``", "`").to_lowercase();
        name == database || has_patterns && matches(&name, &database)
    })
}

/// The name of another database in which a statement changes something, where that is seen.
fn changed(statement: &str, words: &[&str], backend: Backend) -> Option<String> {
    const MODIFIERS: [&str; 8] =
        ["low_priority", "high_priority", "delayed", "quick", "ignore", "into", "from", "table"];
    let of_definitions = |text: &str| {
        let statements = sql::split(text, backend).ok()?;
        let mut objects = statements.iter().flat_map(|statement| &statement.objects);
        objects
            .find(|object| object.kind != ObjectKind::Other && object.name.len() > 1)
            .and_then(|object| object.name.first().cloned())
    };
    let of_rows = || {
        let (first, mut rest) = words.split_first()?;
        if is(first, "load") {
            let table = rest.iter().position(|word| is(word, "table"))?;
            rest = &rest[table..];
        } else if !is_any(first, &["insert", "replace", "update", "delete", "call"]) {
            return None;
        }
        let start = rest.iter().position(|word| !is_any(word, &MODIFIERS))?;
        match rest.get(start..start + 3)? {
            [name, ".", last] if *last != "*" => Some(plain(name).to_owned()),
            _ => None,
        }
    };
    // An earlier statement may have made names of what is in double quotes.
    let with_names = || of_definitions(&format!("SET sql_mode = 'ANSI_QUOTES';\n{statement}"));
    of_definitions(statement).or_else(with_names).or_else(of_rows)
}

/// A name without its quotes.
fn plain(name: &str) -> &str {
    name.trim_matches(['`', '"'])
}

/// What is in a string.
fn text<'a>(word: &&'a str) -> Option<&'a str> {
    let quote = word.chars().next().filter(|quote| "'\"".contains(*quote))?;
    word.strip_prefix(quote)?.strip_suffix(quote)
}

fn begins_as_statement(text: &str) -> bool {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len());
    is_any(&text[..end], &VERBS)
}

/// Whether a name is one of a pattern, as `LIKE` has it.
fn matches(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // Where in the name the pattern so far can end
    let mut ends = vec![false; name.len() + 1];
    ends[0] = true;
    let mut signs = pattern.chars();
    while let Some(sign) = signs.next() {
        if sign == '%' {
            let first = ends.iter().position(|end| *end).unwrap_or(ends.len());
            ends[first..].fill(true);
            continue;
        }
        let one = if sign == '\\' { signs.next() } else { Some(sign).filter(|sign| *sign != '_') };
        for at in (0..name.len()).rev() {
            ends[at + 1] = ends[at] && one.is_none_or(|one| one == name[at]);
        }
        ends[0] = false;
    }
    ends.last().is_some_and(|end| *end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaches(statement: &str) -> Option<Reach> {
        let [mysql, mariadb] =
            [Backend::Mysql, Backend::Mariadb].map(|backend| reach(statement, Some("my_shop"), backend));
        assert_eq!(mysql, mariadb, "{statement}");
        mysql
    }

    #[test]
    fn a_database_is_named_before_a_point() {
        for statement in [
            "INSERT INTO my_shop.users VALUES (1)",
            "DROP TABLE `My_Shop` . users",
            "DROP TABLE \"my_shop\".users",
            "CREATE TABLE a (b INT REFERENCES my_shop.b (c))",
            "CREATE PROCEDURE p() BEGIN DELETE FROM my_shop.users; END",
            "RENAME TABLE a TO my_shop.a",
            "ALTER TABLE a RENAME my_shop.a",
            "/*!50000 DROP TABLE my_shop.a */",
            "DROP TABLE my_shop/*!50000 . */a",
            "GRANT ALL ON my_shop.* TO app",
            "GRANT ALL ON `my\\_shop`.* TO app",
            "REVOKE SELECT ON `my%`.* FROM app",
            "PREPARE s FROM 'DROP TABLE my_shop.users'",
            "EXECUTE IMMEDIATE \"DELETE FROM my_shop.users WHERE a = 'b'\"",
            "SET @sql = ' update my_shop.users SET a = ''b'''",
        ] {
            assert_eq!(reaches(statement), Some(Reach::Neighbour), "{statement}");
        }
        for statement in [
            "INSERT INTO users VALUES ('a@my_shop.example') -- my_shop.users",
            "SELECT my_shop FROM workshop.users",
            "DROP TABLE my_shop",
            "SELECT a FROM `my%`.b",
            "GRANT ALL ON `your%`.* TO app",
            "INSERT INTO users VALUES ('update')",
        ] {
            assert_eq!(reaches(statement), None, "{statement}");
        }
    }

    #[test]
    fn databases_are_made_changed_dropped_and_chosen() {
        for statement in [
            "DROP DATABASE IF EXISTS my_shop",
            "drop schema other",
            "CREATE DATABASE other",
            "CREATE SCHEMA IF NOT EXISTS other",
            "ALTER DATABASE `my_shop` CHARACTER SET utf8mb4",
            "ALTER SCHEMA charset COLLATE utf8mb4_bin",
            "RENAME DATABASE a TO b",
            "USE other",
            "/*!50000 DROP DATABASE my_shop */",
            "DROP /* a */ DATABASE -- b\n my_shop",
            "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DROP DATABASE my_shop",
            "CREATE PROCEDURE p() BEGIN DROP DATABASE my_shop; END",
            "SET @sql = 'DROP DATABASE my_shop'",
        ] {
            assert_eq!(reaches(statement), Some(Reach::Databases), "{statement}");
        }
        assert_eq!(
            reach("CREATE OR REPLACE DATABASE my_shop", None, Backend::Mariadb),
            Some(Reach::Databases)
        );
        for statement in [
            "ALTER DATABASE CHARACTER SET utf8mb4",
            "ALTER SCHEMA DEFAULT COLLATE utf8mb4_bin",
            "INSERT INTO notes VALUES ('how to drop database my_shop')",
            "INSERT INTO notes VALUES (DATABASE())",
            "CREATE TABLE `database` (`schema` INT)",
            "ALTER TABLE t DROP `database`",
            "SELECT a FROM t USE INDEX (i)",
        ] {
            assert_eq!(reaches(statement), None, "{statement}");
        }
    }

    #[test]
    fn what_is_in_another_database_is_not_changed() {
        for statement in [
            "DROP TABLE audit.log",
            "DROP TABLE IF EXISTS t, `audit`.log",
            "CREATE TABLE audit.log (a INT)",
            "ALTER TABLE t RENAME TO audit.t",
            "TRUNCATE audit.log",
            "CREATE VIEW audit.v AS SELECT 1",
            "INSERT IGNORE INTO audit.log VALUES (1)",
            "UPDATE LOW_PRIORITY audit.log SET a = 1",
            "DELETE FROM audit.log",
            "CALL audit.clear()",
            "LOAD DATA LOCAL INFILE 'a.b' REPLACE INTO TABLE audit.log",
            "CREATE TABLE \"audit\".\"log\" (a INT)",
            "DELETE FROM \"audit\".log",
            "SET @sql = 'DELETE FROM audit.log'",
        ] {
            assert_eq!(reaches(statement), Some(Reach::Other("audit".into())), "{statement}");
        }
        for statement in [
            "INSERT INTO t SELECT a FROM audit.log",
            "CREATE VIEW v AS SELECT table_name FROM information_schema.tables",
            "UPDATE t SET t.a = 1 WHERE t.b = 2",
            "DELETE t.* FROM t JOIN u ON t.a = u.a",
            "CREATE USER 'a'@'b.c'",
            "ALTER TABLE t ADD INDEX i (a)",
        ] {
            assert_eq!(reaches(statement), None, "{statement}");
        }
    }
}
