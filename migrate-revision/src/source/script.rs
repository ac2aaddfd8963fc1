//! A section as one backend's script: split, hashed, and held against the transaction that it runs in.

use std::ops::Range;

use super::file::{MAX_PROBLEMS, ParsedRevision};
use super::marker::RawSection;
use crate::checksum::Hasher;
use crate::sql::{self, SqlProblem, Statement};
use crate::{Backend, Checksum, Direction, Problem, Script, ScriptStatement, StatementKind};

/// A problem that shows only as some backends read a section.
pub(super) struct Found {
    pub(super) problem: Problem,
    pub(super) backends: Vec<Backend>,
    /// How many backends take the section
    pub(super) served: usize,
}

/// A section as a backend's script, with the content checksum of one that upgrades; `None` if it is refused.
pub(super) fn script(
    parsed: &ParsedRevision,
    section: &RawSection,
    backend: Backend,
    served: impl Fn() -> usize,
    found: &mut Vec<Found>,
    readings: &mut Readings,
) -> Option<(Script, Option<Checksum>)> {
    let text = &parsed.source.text[section.body.clone()];
    let moved = |range: &Range<usize>| range.start + section.body.start..range.end + section.body.start;
    let mut refuse = |range: &Range<usize>, message: String, help: String| {
        let problem = parsed.source.problem(range, message, help);
        let same = |other: &Problem| other.place == problem.place && other.message == problem.message;
        match found.iter_mut().find(|found| same(&found.problem)) {
            Some(found) if found.backends.contains(&backend) => {}
            Some(found) => found.backends.push(backend),
            None => found.push(Found { problem, backends: vec![backend], served: served() }),
        }
    };
    let statements = match readings.split(text, section, backend) {
        Ok(statements) => statements,
        Err(problems) => {
            for problem in problems.into_iter().take(MAX_PROBLEMS) {
                refuse(&moved(&problem.range), problem.message, problem.help);
            }
            return None;
        }
    };
    if statements.is_empty() {
        refuse(
            &section.marker,
            "the section has no statement".into(),
            match section.direction {
                Direction::Up => "write the SQL that upgrades, or remove the marker".into(),
                Direction::Down => {
                    "write the SQL that undoes the upgrade, or add `irreversible` to the marker".into()
                }
            },
        );
        return None;
    }
    let misplaced = statements.iter().filter_map(|statement| {
        let told = misplaced(statement, &text[statement.range.clone()], section);
        told.map(|(message, help)| (moved(&statement.range), message, help))
    });
    let misplaced: Vec<_> = misplaced.take(MAX_PROBLEMS).collect();
    if !misplaced.is_empty() {
        misplaced.into_iter().for_each(|(range, message, help)| refuse(&range, message, help));
        return None;
    }
    let mut script = Script { options: section.options, statements: Vec::with_capacity(statements.len()) };
    for statement in &statements {
        script.statements.push(ScriptStatement {
            range: moved(&statement.range),
            kind: statement.kind,
            session_effect: statement.session_effect,
            hash: 0,
            objects: Vec::new(),
        });
    }
    // One that is transactional is taken up again from its beginning or not at all: nothing of it is ever compared.
    let is_compared = !script.is_transactional(backend);
    let upgrades = section.direction == Direction::Up;
    if !is_compared && !upgrades {
        return Some((script, None));
    }
    let hashed = readings.hashed(text, section, &statements);
    if is_compared {
        let found = statements.into_iter().zip(&hashed.statements);
        for (statement, (found, (_, hash))) in script.statements.iter_mut().zip(found) {
            let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
            statement.hash = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            statement.objects = found.objects;
        }
    }
    Some((script, upgrades.then_some(hashed.content)))
}

/// What a revision's sections come to on the backends that were asked for already: most come to the same on the next.
#[derive(Default)]
pub(super) struct Readings {
    hashed: Vec<Hashed>,
    /// The sections that MySQL and MariaDB read alike, as they read them
    mysql: Vec<(Range<usize>, Vec<Statement>)>,
}

impl Readings {
    fn split(
        &mut self,
        text: &str,
        section: &RawSection,
        backend: Backend,
    ) -> Result<Vec<Statement>, Vec<SqlProblem>> {
        if !backend.is_mysql_like() || !sql::is_one_to_mysql_and_mariadb(text) {
            return sql::split(text, backend);
        }
        if let Some((_, statements)) = self.mysql.iter().find(|(body, _)| *body == section.body) {
            return Ok(statements.clone());
        }
        let statements = sql::split(text, backend)?;
        self.mysql.push((section.body.clone(), statements.clone()));
        Ok(statements)
    }

    fn hashed(&mut self, text: &str, section: &RawSection, statements: &[Statement]) -> &Hashed {
        let known = self.hashed.iter().position(|other| other.is_of(section, statements));
        let place = known.unwrap_or_else(|| {
            self.hashed.push(Hashed::new(text, section, statements));
            self.hashed.len() - 1
        });
        &self.hashed[place]
    }
}

/// A section's statements as tokens, and their hashes.
struct Hashed {
    body: Range<usize>,
    statements: Vec<(Vec<Range<usize>>, Checksum)>,
    content: Checksum,
}

impl Hashed {
    fn new(text: &str, section: &RawSection, statements: &[Statement]) -> Self {
        let mut content = Hasher::new("sql");
        let mut hashes = Vec::with_capacity(statements.len());
        for statement in statements {
            let mut hasher = Hasher::new("statement");
            for token in &statement.tokens {
                hasher.part(&text.as_bytes()[token.start..token.end]);
            }
            let hash = hasher.finish();
            content.part(hash.as_bytes());
            hashes.push((statement.tokens.clone(), hash));
        }
        let options = &section.options;
        content.part(&[u8::from(options.no_transaction), u8::from(options.foreign_keys_off)]);
        Self { body: section.body.clone(), statements: hashes, content: content.finish() }
    }

    /// Whether the section comes to the same tokens as another backend splits it.
    fn is_of(&self, section: &RawSection, statements: &[Statement]) -> bool {
        self.body == section.body
            && self.statements.len() == statements.len()
            && self.statements.iter().zip(statements).all(|((tokens, _), other)| *tokens == other.tokens)
    }
}

/// A statement that does not go with the transaction that its section runs in.
fn misplaced(statement: &Statement, text: &str, section: &RawSection) -> Option<(String, String)> {
    if section.options.no_transaction {
        return None;
    }
    if turns_backslashes_on(text) {
        return Some((
            "strings are read before this takes effect: a section in a transaction is parsed as a whole"
                .into(),
            "write strings with backslashes as `E'...'`; or add `no-transaction` to the marker".into(),
        ));
    }
    if !matches!(statement.kind, StatementKind::Transaction | StatementKind::OutsideTransaction) {
        return None;
    }
    let words: Vec<&str> = text.split_whitespace().take(8).collect();
    let concurrently = words.iter().position(|word| word.eq_ignore_ascii_case("concurrently"));
    let shown = words[..concurrently.map_or(words.len().min(3), |at| at + 1)].join(" ");
    Some(match statement.kind {
        StatementKind::Transaction => (
            format!("`{shown}` in a section that runs in a transaction"),
            "remove it: the runtime begins and commits; or add `no-transaction` to the marker".into(),
        ),
        _ if text.to_ascii_lowercase().contains("foreign_keys") => (
            format!("`{shown}` does nothing in a transaction"),
            "remove it, and add `foreign-keys=off` to the marker".into(),
        ),
        _ => (
            format!("`{shown}` cannot run in a transaction"),
            "add `no-transaction` to the marker; it is best alone in a revision of its own".into(),
        ),
    })
}

/// Whether a statement of PostgreSQL makes backslashes escape in plain strings.
fn turns_backslashes_on(text: &str) -> bool {
    const NAME: &str = "standard_conforming_strings";
    if !matches!(text.as_bytes(), [b's' | b'S', ..]) {
        return false;
    }
    let begins = |word: &str| text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    (begins("set") || begins("select"))
        && text.to_ascii_lowercase().split_once(NAME).is_some_and(|(_, value)| {
            let mut words = value.split(|c: char| !c.is_ascii_alphanumeric());
            words.any(|word| ["off", "false", "no", "0"].contains(&word))
        })
}
