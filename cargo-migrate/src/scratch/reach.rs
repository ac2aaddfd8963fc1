//! Statements that reach out of the database that they are run in.

mod mysql;
mod postgres;

use migrate_revision::{Backend, sql};

/// What a statement reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// The database that the URL names
    Neighbour,
    /// The database of this name
    Other(String),
    /// Databases as a whole: it makes, changes, drops or chooses one, or says who may use it
    Databases,
    /// A file
    File,
}

impl Reach {
    /// What to say of it, and what to do about it.
    pub(super) fn text(&self, neighbour: Option<&str>, backend: Backend) -> (String, &'static str) {
        let names = |name: &str, verb: &str| {
            format!("a statement {verb} the database `{name}`, which `verify` does not touch")
        };
        match self {
            Self::Neighbour => (
                names(neighbour.unwrap_or_default(), "names"),
                "leave the name away, or let `--database-url` name a server that has no such database",
            ),
            Self::Other(name) => (names(name, "changes what is in"), "leave the name away"),
            Self::Databases => (
                "a statement is about another database of the server, which `verify` does not touch"
                    .to_owned(),
                match backend {
                    Backend::Postgres => {
                        "`EXECUTE format('ALTER DATABASE %I ...', current_database())` in a `DO` block is about the \
                         database that it runs in, whatever its name; others are made and dropped where the server is \
                         set up"
                    }
                    _ => {
                        "`ALTER DATABASE` without a name is about the database that it runs in; others are made and \
                         dropped where the server is set up"
                    }
                },
            ),
            Self::File => (
                "a statement opens a file, and `verify` touches none".to_owned(),
                "what a revision does is done in the database that it is run in",
            ),
        }
    }
}

/// What a statement reaches, as far as it is written in it; `neighbour` is the database that the URL names.
pub(super) fn reach(statement: &str, neighbour: Option<&str>, backend: Backend) -> Option<Reach> {
    match backend {
        Backend::Sqlite => opens_a_file(&words(statement, backend)).then_some(Reach::File),
        Backend::Postgres => postgres::is_about_databases(statement).then_some(Reach::Databases),
        Backend::Mysql | Backend::Mariadb => mysql::reach(statement, neighbour, backend),
    }
}

fn opens_a_file(words: &[&str]) -> bool {
    match words {
        [first, rest @ ..] if is(first, "vacuum") => rest.iter().any(|word| is(word, "into")),
        [first, ..] => is(first, "attach"),
        [] => false,
    }
}

/// The tokens of a text, `;` behind each statement, without what frames executable comments.
fn words(text: &str, backend: Backend) -> Vec<&str> {
    match sql::split(text, backend) {
        Ok(statements) => {
            let tokens = statements.iter().flat_map(|statement| {
                let tokens = statement.tokens.iter().map(|token| &text[token.clone()]);
                tokens.chain([";"])
            });
            tokens.filter(|token| !token.starts_with("/*") && *token != "*/").collect()
        }
        // The body of a routine may not be splittable by itself; then every word counts.
        Err(_) => text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_').flat_map(halves).collect(),
    }
}

/// A word and the sign behind it.
fn halves(word: &str) -> impl Iterator<Item = &str> {
    let end = word.char_indices().last().filter(|(_, c)| !c.is_alphanumeric() && *c != '_');
    let (word, sign) = word.split_at(end.map_or(word.len(), |(at, _)| at));
    [word, sign].into_iter().filter(|part| !part.trim().is_empty())
}

fn is(token: &str, word: &str) -> bool {
    token.eq_ignore_ascii_case(word)
}

fn is_any(token: &str, words: &[&str]) -> bool {
    words.iter().any(|word| is(token, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_those_that_sqlite_attaches_and_writes_copies_to() {
        let reach = |statement: &str| reach(statement, None, Backend::Sqlite);
        for statement in ["ATTACH 'shop.db' AS shop", "attach database ? as b", "VACUUM main INTO 'copy.db'"]
        {
            assert_eq!(reach(statement), Some(Reach::File), "{statement}");
        }
        for statement in ["VACUUM", "INSERT INTO attach VALUES ('VACUUM INTO')", "DROP TABLE shop.attach"] {
            assert_eq!(reach(statement), None, "{statement}");
        }
    }
}
