//! A section as one backend's script: split, hashed, and held against the transaction that it runs in.

use std::ops::Range;

use super::file::{MAX_PROBLEMS, ParsedRevision};
use super::marker::RawSection;
use crate::checksum::Hasher;
use crate::sql::{self, Statement};
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
    served: usize,
    found: &mut Vec<Found>,
) -> Option<(Script, Option<Checksum>)> {
    let text = &parsed.source.text[section.body.clone()];
    let moved = |range: &Range<usize>| range.start + section.body.start..range.end + section.body.start;
    let mut refuse = |range: &Range<usize>, message: String, help: String| {
        let problem = parsed.source.problem(range, message, help);
        let same = |other: &Problem| other.place == problem.place && other.message == problem.message;
        match found.iter_mut().find(|found| same(&found.problem)) {
            Some(found) if found.backends.contains(&backend) => {}
            Some(found) => found.backends.push(backend),
            None => found.push(Found { problem, backends: vec![backend], served }),
        }
    };
    let statements = match sql::split(text, backend) {
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
    let mut content = Hasher::new("sql");
    if is_compared || upgrades {
        for (statement, found) in script.statements.iter_mut().zip(statements) {
            let mut hasher = Hasher::new("statement");
            for token in &found.tokens {
                hasher.part(&text.as_bytes()[token.start..token.end]);
            }
            let hash = hasher.finish();
            content.part(hash.as_bytes());
            if is_compared {
                let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
                statement.hash = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
                statement.objects = found.objects;
            }
        }
    }
    content.part(&[u8::from(section.options.no_transaction), u8::from(section.options.foreign_keys_off)]);
    let checksum = upgrades.then(|| content.finish());
    Some((script, checksum))
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
