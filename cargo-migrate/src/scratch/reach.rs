//! Statements that reach out of the database that they are run in.

use migrate_revision::{Backend, sql};

/// Whether a statement of MySQL names a database: before a point, or behind `USE`.
pub(super) fn names(statement: &str, database: &str, backend: Backend) -> bool {
    // The body of a routine may not be splittable by itself; then every word counts.
    let tokens: Vec<&str> = match sql::split(statement, backend) {
        Ok(statements) => {
            let tokens = statements.iter().flat_map(|statement| &statement.tokens);
            tokens.map(|token| &statement[token.clone()]).collect()
        }
        Err(_) => {
            statement.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_').flat_map(halves).collect()
        }
    };
    let is_it = |token: &str| token.trim_matches('`').eq_ignore_ascii_case(database);
    tokens.windows(2).any(|pair| match pair {
        [name, "."] => is_it(name),
        [word, name] => word.eq_ignore_ascii_case("use") && is_it(name),
        _ => false,
    })
}

/// A word and the sign behind it.
fn halves(word: &str) -> impl Iterator<Item = &str> {
    let end = word.char_indices().last().map_or(0, |(at, _)| at);
    let (word, sign) = word.split_at(end);
    [word, sign].into_iter().filter(|part| !part.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_named_before_a_point_or_behind_use() {
        let names = |statement: &str| names(statement, "shop", Backend::Mariadb);
        for statement in [
            "INSERT INTO shop.users VALUES (1)",
            "DROP TABLE `Shop` . users",
            "USE shop",
            "CREATE TABLE a (b INT REFERENCES shop.b (c))",
            "CREATE PROCEDURE p() BEGIN DELETE FROM shop.users; END",
        ] {
            assert!(names(statement), "{statement}");
        }
        for statement in [
            "INSERT INTO users VALUES ('a@shop.example') -- shop.users",
            "SELECT shop FROM workshop.users",
            "DROP TABLE shop",
        ] {
            assert!(!names(statement), "{statement}");
        }
    }
}
