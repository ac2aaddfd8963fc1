//! A section as one backend's script: split, hashed, and held against the transaction that it runs in.

use std::ops::Range;

use super::file::{MAX_PROBLEMS, ParsedRevision};
use super::marker::RawSection;
use super::rebuild::{enforces, rebuilt};
use crate::checksum::Hasher;
use crate::sql::{self, Statement, plain};
use crate::{Backend, Checksum, Direction, Problem, Script, ScriptStatement, StatementKind};

/// A problem that shows only as some backends read a section.
pub(super) struct Found {
    pub(super) problem: Problem,
    pub(super) backends: Vec<Backend>,
    /// How many backends take the section
    pub(super) served: usize,
}

/// A section, and what was made of it for the backends that were asked for already: most come to the same on the next.
pub(super) struct Reading<'a> {
    pub(super) section: &'a RawSection,
    parsed: &'a ParsedRevision,
    text: &'a str,
    /// Whether the revision is locked: what may no longer change is not refused for what it should have said
    locked: bool,
    /// Its statements, if every backend reads it alike
    plain: Option<Vec<Statement>>,
    hashed: Vec<Hashed>,
    /// Where its scripts were put
    placed: Vec<(Backend, Placed)>,
}

/// The place of a script among those of its revision, and the content checksum of one that upgrades.
pub(super) type Placed = (u8, Option<Checksum>);

impl<'a> Reading<'a> {
    pub(super) fn new(parsed: &'a ParsedRevision, section: &'a RawSection, locked: bool) -> Self {
        let text = &parsed.source.text[section.body.clone()];
        Self {
            section,
            parsed,
            text,
            locked,
            plain: plain::split(text),
            hashed: Vec::new(),
            placed: Vec::new(),
        }
    }

    /// Puts the section's script for a backend among those of its revision, unless it is there; `None` if it is refused.
    pub(super) fn place(
        &mut self,
        backend: Backend,
        scripts: &mut Vec<Script>,
        served: &dyn Fn() -> usize,
        found: &mut Vec<Found>,
    ) -> Option<Placed> {
        if let Some((_, placed)) = self.placed.iter().find(|(other, _)| self.is_one_to(*other, backend)) {
            return Some(*placed);
        }
        let (script, checksum) = self.script(backend, served, found)?;
        let placed = (place(script, scripts), checksum);
        self.placed.push((backend, placed));
        Some(placed)
    }

    /// Whether it makes no difference which of two backends takes the section. Those of MySQL's kind commit at DDL, and SQLite
    /// alone refuses some.
    fn is_one_to(&self, one: Backend, other: Backend) -> bool {
        let is_plain = || self.plain.as_ref().is_some_and(|plain| self.rebuilt(plain).is_none());
        one.is_mysql_like() == other.is_mysql_like()
            && (is_plain() || one.is_mysql_like() && sql::is_one_to_mysql_and_mariadb(self.text))
    }

    /// A table that the section makes anew while SQLite enforces foreign keys, with the statement that drops it.
    fn rebuilt(&self, statements: &[Statement]) -> Option<(Range<usize>, &'a str)> {
        let options = &self.section.options;
        if self.locked || options.foreign_keys_off {
            return None;
        }
        let found = rebuilt(statements, self.text);
        // In a transaction the pragma would do nothing.
        let enforced =
            |range: &Range<usize>| !options.no_transaction || enforces(statements, self.text, range.start);
        found.into_iter().find(|(range, _)| enforced(range))
    }

    fn script(
        &mut self,
        backend: Backend,
        served: &dyn Fn() -> usize,
        found: &mut Vec<Found>,
    ) -> Option<(Script, Option<Checksum>)> {
        let Self { section, parsed, text, .. } = *self;
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
        let split = match &self.plain {
            Some(_) => Vec::new(),
            None => match sql::split(text, backend) {
                Ok(statements) => statements,
                Err(problems) => {
                    for problem in problems.into_iter().take(MAX_PROBLEMS) {
                        refuse(&moved(&problem.range), problem.message, problem.help);
                    }
                    for range in &section.suspects {
                        let (message, help) = parsed.source.suspicion(range);
                        refuse(range, message.into(), help.into());
                    }
                    return None;
                }
            },
        };
        let statements = self.plain.as_ref().unwrap_or(&split);
        let mut suspects =
            section.suspects.iter().filter(|range| !is_inside(statements, range, section)).peekable();
        if suspects.peek().is_some() {
            for range in suspects {
                let (message, help) = parsed.source.suspicion(range);
                refuse(range, message.into(), help.into());
            }
            return None;
        }
        let rebuilt = if backend == Backend::Sqlite { self.rebuilt(statements) } else { None };
        if let Some((range, table)) = rebuilt {
            refuse(
                &moved(&range),
                format!("table `{table}` is dropped and made anew while foreign keys are in force"),
                if section.options.no_transaction {
                    "put `PRAGMA foreign_keys = OFF;` before it, or take `foreign-keys=off` in the place of `no-transaction`: else \
                     SQLite deletes its rows first, and with them those that refer to it by `ON DELETE CASCADE`"
                        .into()
                } else {
                    "add `foreign-keys=off` to the marker: else SQLite deletes its rows first, and with them those that refer to \
                     it by `ON DELETE CASCADE`"
                        .into()
                },
            );
            return None;
        }
        if statements.is_empty() {
            refuse(
                &section.marker,
                "the section has no statement".into(),
                match section.direction {
                    Direction::Up => "write the SQL that upgrades".into(),
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
        let mut script =
            Script { options: section.options, statements: Vec::with_capacity(statements.len()) };
        for statement in statements {
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
        let known = self.hashed.iter().position(|other| self.plain.is_some() || other.is_of(statements));
        let known = known.unwrap_or_else(|| {
            self.hashed.push(Hashed::new(text, statements));
            self.hashed.len() - 1
        });
        let hashed = &mut self.hashed[known];
        if is_compared {
            for (at, statement) in script.statements.iter_mut().enumerate() {
                let [a, b, c, d, e, f, g, h, ..] = *hashed.statements[at].1.as_bytes();
                statement.hash = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
                statement.objects = match &self.plain {
                    Some(_) if backend.is_mysql_like() => plain::objects(text, &statements[at]),
                    _ => statements[at].objects.clone(),
                };
            }
        }
        Some((script, upgrades.then(|| hashed.content(section))))
    }
}

/// The place of a script among those of its revision, to which it is added if it is another.
pub(super) fn place(script: Script, scripts: &mut Vec<Script>) -> u8 {
    let place = scripts.iter().position(|other| *other == script).unwrap_or_else(|| {
        scripts.push(script);
        scripts.len() - 1
    });
    place as u8
}

/// A section's statements as tokens, and their hashes.
struct Hashed {
    statements: Vec<(Vec<Range<usize>>, Checksum)>,
    /// The content checksum, if it was asked for
    content: Option<Checksum>,
}

impl Hashed {
    fn new(text: &str, statements: &[Statement]) -> Self {
        let mut hashes = Vec::with_capacity(statements.len());
        for statement in statements {
            let mut hasher = Hasher::new("statement");
            for token in &statement.tokens {
                hasher.part(&text.as_bytes()[token.start..token.end]);
            }
            hashes.push((statement.tokens.clone(), hasher.finish()));
        }
        Self { statements: hashes, content: None }
    }

    /// The content checksum of the section.
    fn content(&mut self, section: &RawSection) -> Checksum {
        *self.content.get_or_insert_with(|| {
            let mut content = Hasher::new("sql");
            for (_, hash) in &self.statements {
                content.part(hash.as_bytes());
            }
            let options = &section.options;
            content.part(&[u8::from(options.no_transaction), u8::from(options.foreign_keys_off)]);
            content.finish()
        })
    }

    /// Whether another backend splits the section into the same tokens.
    fn is_of(&self, statements: &[Statement]) -> bool {
        self.statements.len() == statements.len()
            && self.statements.iter().zip(statements).all(|((tokens, _), other)| *tokens == other.tokens)
    }
}

/// Whether a line is inside of a string, or of whatever else is one token.
fn is_inside(statements: &[Statement], line: &Range<usize>, section: &RawSection) -> bool {
    let line = line.start - section.body.start..line.end - section.body.start;
    let after = statements.partition_point(|statement| statement.range.end <= line.start);
    statements.get(after).is_some_and(|statement| {
        let after = statement.tokens.partition_point(|token| token.end <= line.start);
        statement.tokens.get(after).is_some_and(|token| token.start < line.start && line.end < token.end)
    })
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
    if statement.kind == StatementKind::Transaction {
        return Some((
            format!("`{shown}` in a section that runs in a transaction"),
            "remove it: the runtime begins and commits; or add `no-transaction` to the marker".into(),
        ));
    }
    Some(match switches_foreign_keys(text) {
        Some(off) => (
            format!("`{shown}` does nothing in a transaction"),
            if off {
                "remove it, and add `foreign-keys=off` to the marker".into()
            } else {
                "remove it: foreign keys are enforced where the connection has them enforced".into()
            },
        ),
        None => (
            format!("`{shown}` cannot run in a transaction"),
            "add `no-transaction` to the marker; it is best alone in a revision of its own".into(),
        ),
    })
}

/// Whether SQLite's pragma for foreign keys switches them off, if a statement is that.
fn switches_foreign_keys(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let (_, value) = text.strip_prefix("pragma")?.split_once("foreign_keys")?;
    let mut words = value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    Some(words.next().is_some_and(|word| ["off", "false", "no", "0"].contains(&word)))
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
