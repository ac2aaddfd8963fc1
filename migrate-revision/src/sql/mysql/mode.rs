//! What becomes of `sql_mode`, on which the reading of quotes and of routines hangs.

use std::collections::HashMap;
use std::ops::Range;

use super::lexer::Quotes;
use crate::Backend;
use crate::sql::token::{TokenKind, View};

/// What is known of `sql_mode` as far as the text tells. At first both are a server's default, in which nothing of what
/// matters here is set.
#[derive(Debug)]
pub(super) struct Mode {
    /// The session's: mode names, separated by commas, in capitals; `None` if unknown
    value: Option<String>,
    /// That of new sessions
    global: Option<String>,
    /// User variables whose value is known: dumps keep the old mode in one
    variables: HashMap<String, String>,
    /// The statement since which the session's is unknown
    unknown_since: Option<Range<usize>>,
    backend: Backend,
}

/// Whether routines are written in Oracle's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oracle {
    No,
    Yes,
    Perhaps,
}

impl Mode {
    pub(super) fn new(backend: Backend) -> Self {
        Self {
            value: Some(String::new()),
            global: Some(String::new()),
            variables: HashMap::new(),
            unknown_since: None,
            backend,
        }
    }

    pub(super) fn quotes(&self) -> Quotes {
        Quotes {
            backslash_escapes: self.contains("NO_BACKSLASH_ESCAPES").map(|found| !found),
            double_is_name: self.contains("ANSI_QUOTES"),
            unknown_since: self.unknown_since.clone(),
        }
    }

    pub(super) fn oracle(&self) -> Oracle {
        // MySQL never had the language, and has the mode no more.
        match self.contains("ORACLE") {
            _ if self.backend == Backend::Mysql => Oracle::No,
            Some(false) => Oracle::No,
            Some(true) => Oracle::Yes,
            None => Oracle::Perhaps,
        }
    }

    pub(super) fn unknown_since(&self) -> Option<Range<usize>> {
        self.unknown_since.clone()
    }

    fn contains(&self, name: &str) -> Option<bool> {
        let value = self.value.as_ref()?;
        if value.is_empty() {
            return Some(false);
        }
        Some(value.split(',').any(|part| part == name))
    }

    /// Takes note of a statement, given without the frames of executable comments.
    pub(super) fn observe(&mut self, view: View<'_>) {
        let first = view.word(0).to_ascii_lowercase();
        match first.as_str() {
            "set" if !view.is(1, "statement") => self.set(view),
            "create" | "alter" => {}
            "prepare" | "execute" | "begin" | "if" | "case" | "loop" | "repeat" | "while" | "for" => {
                self.observe_block(view);
            }
            _ if view.symbol(1, ":") => self.observe_block(view),
            _ => self.forget(view, matches!(first.as_str(), "call" | "get")),
        }
    }

    /// A statement that may run others, which are not looked at.
    fn observe_block(&mut self, view: View<'_>) {
        if (0..view.len()).any(|at| mentions_mode(view.source(at))) {
            self.assign(None, view);
            self.global = None;
        }
        self.forget(view, true);
    }

    /// Forgets the variables that a statement may change, or all that it names.
    fn forget(&mut self, view: View<'_>, all: bool) {
        if self.variables.is_empty() {
            return;
        }
        let mut into = false;
        for at in 0..view.len() {
            into |= view.is(at, "into");
            if view.symbol(at, "@") && (all || into || view.symbol(at + 2, ":=")) {
                self.variables.remove(&variable(view.source(at + 1)));
            }
        }
    }

    fn set(&mut self, statement: View<'_>) {
        let view = statement.skip(1);
        let mut scope = Scope::Session;
        let mut start = 0;
        let ends: Vec<usize> = view.outer().filter(|&at| view.symbol(at, ",")).chain([view.len()]).collect();
        let mut assignments = Vec::new();
        for end in ends {
            let part = view.skip(start).take(end - start);
            let is_known = assignments.len() < MOST_VALUES;
            assignments.extend(self.assignment(part, &mut scope, is_known));
            start = end + 1;
        }
        self.forget(view, false);
        // The values are taken before anything is set.
        for assignment in assignments {
            match assignment {
                Assignment::Mode(value) => self.assign(value, statement),
                Assignment::Global(value) => self.global = value,
                Assignment::Variable(name, Some(value))
                    if self.variables.len() < MOST_VALUES || self.variables.contains_key(&name) =>
                {
                    self.variables.insert(name, value);
                }
                Assignment::Variable(name, _) => {
                    self.variables.remove(&name);
                }
            }
        }
    }

    fn assign(&mut self, value: Option<String>, statement: View<'_>) {
        let ends = statement.token(0).zip(statement.token(statement.len().saturating_sub(1)));
        self.unknown_since = match value {
            Some(_) => None,
            None => ends.map(|(first, last)| first.range.start..last.range.end),
        };
        self.value = value;
    }

    /// `is_known`: whether the value is looked at.
    fn assignment(&self, view: View<'_>, scope: &mut Scope, is_known: bool) -> Option<Assignment> {
        let mut at = 0;
        if view.symbol(0, "@") {
            let assigns = view.symbol(2, "=") || view.symbol(2, ":=");
            let value = is_known.then(|| self.evaluate(view.skip(3), DEPTH)).flatten();
            return assigns.then(|| Assignment::Variable(variable(view.source(1)), value));
        }
        // The word holds for the assignments after it as well, the form with `@@` for its own only.
        if let Some(written) = Scope::from_word(view.word(0)) {
            *scope = written;
            at = 1;
        }
        let mut own = *scope;
        if view.symbol(at, "@@") {
            at += 1;
            own = Scope::Session;
            if let (Some(written), true) = (Scope::from_word(view.word(at)), view.symbol(at + 1, ".")) {
                own = written;
                at += 2;
            }
        }
        let name = view.source(at).trim_matches('`');
        let assigns = view.symbol(at + 1, "=") || view.symbol(at + 1, ":=");
        if !assigns || !name.eq_ignore_ascii_case("sql_mode") {
            return None;
        }
        let value = is_known.then(|| self.mode(view.skip(at + 2), own)).flatten();
        match own {
            Scope::Session => Some(Assignment::Mode(value)),
            Scope::Global => Some(Assignment::Global(value)),
            Scope::Later => None,
        }
    }

    /// What `sql_mode` becomes that is set to an expression. A bare word is a mode, but not inside of an expression.
    fn mode(&self, view: View<'_>, scope: Scope) -> Option<String> {
        match (view.word(0), scope) {
            ("", _) => self.evaluate(view, DEPTH).map(|value| expand(&value)),
            _ if view.len() > 1 => self.evaluate(view, DEPTH).map(|value| expand(&value)),
            (word, Scope::Session) if word.eq_ignore_ascii_case("default") => self.global.clone(),
            (word, _) if word.eq_ignore_ascii_case("default") => Some(String::new()),
            (word, _) => Some(expand(word)),
        }
    }

    /// The value of an expression, where it is simple enough and not long.
    fn evaluate(&self, view: View<'_>, depth: usize) -> Option<String> {
        if view.len() == 1 {
            return match view.token(0)?.kind {
                TokenKind::Text | TokenKind::Name => literal(view.source(0)),
                TokenKind::Number if view.source(0) == "0" => Some(String::new()),
                _ => None,
            };
        }
        if view.symbol(0, "@") && view.len() == 2 {
            return self.variables.get(&variable(view.source(1))).cloned();
        }
        if view.symbol(0, "@@") {
            let scope = Scope::from_word(view.word(1)).filter(|_| view.symbol(2, "."));
            let at = if scope.is_some() { 3 } else { 1 };
            return match scope.unwrap_or(Scope::Session) {
                _ if !view.is(at, "sql_mode") || view.len() != at + 1 => None,
                Scope::Session => self.value.clone(),
                Scope::Global => self.global.clone(),
                Scope::Later => None,
            };
        }
        let depth = depth.checked_sub(1)?;
        let is_call = !view.symbol(0, "(");
        let open = usize::from(is_call);
        let length = view.len().checked_sub(open + 2)?;
        let closes = view.symbol(open, "(")
            && view.symbol(open + 1 + length, ")")
            && view.after_parentheses(open) == view.len();
        if !closes {
            return None;
        }
        let inner = view.skip(open + 1).take(length);
        if !is_call {
            return self.evaluate(inner.skip(usize::from(inner.is(0, "select"))), depth);
        }
        if view.is_any(0, &["ifnull", "coalesce"]) {
            // What is known is not NULL.
            let first = inner.outer().find(|&at| inner.symbol(at, ",")).unwrap_or(length);
            return self.evaluate(inner.take(first), depth);
        }
        if !view.is_any(0, &["concat", "replace"]) {
            return None;
        }
        let arguments = self.arguments(inner, depth)?;
        match arguments.as_slice() {
            _ if view.is(0, "concat") => Some(arguments.concat()),
            [text, from, to] => replaced(text, from, to),
            _ => None,
        }
    }

    /// The values of arguments, which are not long together either.
    fn arguments(&self, view: View<'_>, depth: usize) -> Option<Vec<String>> {
        let mut start = 0;
        let mut length = 0;
        let mut values = Vec::new();
        for end in view.outer().filter(|&at| view.symbol(at, ",")).chain([view.len()]) {
            let value = self.evaluate(view.skip(start).take(end - start), depth)?;
            length += value.len();
            if length > LONGEST {
                return None;
            }
            values.push(value);
            start = end + 1;
        }
        Some(values)
    }
}

/// How deep calls and parentheses may be nested in an expression that is still evaluated.
const DEPTH: usize = 10;

/// How many bytes a value has at most that is known: all names of modes together have about 500.
const LONGEST: usize = 1024;

/// How many variables are known at most, and how many values of one statement are looked at.
const MOST_VALUES: usize = 64;

enum Assignment {
    Mode(Option<String>),
    Global(Option<String>),
    Variable(String, Option<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Session,
    Global,
    /// When the server is started again
    Later,
}

impl Scope {
    fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "session" | "local" => Some(Self::Session),
            "global" | "persist" => Some(Self::Global),
            "persist_only" => Some(Self::Later),
            _ => None,
        }
    }
}

/// The name of a user variable, as it is written after `@`.
fn variable(source: &str) -> String {
    source.trim_matches(|c| "'`\"".contains(c)).to_ascii_lowercase()
}

/// What stands between the quotes, if nothing has to be decoded.
fn literal(source: &str) -> Option<String> {
    if source.len() > LONGEST {
        return None;
    }
    let quote = source.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let inner = source.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains([quote, '\\'])).then(|| inner.to_owned())
}

/// What `REPLACE` makes of a text that may have come from `sql_mode`, where the server has names that do not matter and are
/// not known here: none of them may turn into one that matters.
fn replaced(text: &str, from: &str, to: &str) -> Option<String> {
    const MATTER: [&str; 7] = ["ANSI", "BACKSLASH", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];
    let [upper_text, upper_from, upper_to] = [text, from, to].map(str::to_ascii_uppercase);
    if from.is_empty() || MATTER.iter().any(|name| upper_to.contains(name)) {
        return None;
    }
    // Whether case counts hangs on collations.
    let found = text.match_indices(from).map(|(at, _)| at);
    if !found.clone().eq(upper_text.match_indices(&upper_from).map(|(at, _)| at)) {
        return None;
    }
    let count = found.count();
    let length = text.len() - count * from.len() + count * to.len();
    (length <= LONGEST).then(|| text.replace(from, to))
}

/// Names of modes in capitals, with what the combined ones stand for.
fn expand(value: &str) -> String {
    let mut expanded = value.split(',').map(str::trim).collect::<Vec<_>>().join(",").to_ascii_uppercase();
    let combined = ["ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];
    if expanded.split(',').any(|part| combined.contains(&part)) {
        expanded.push_str(",ANSI_QUOTES");
    }
    expanded
}

fn mentions_mode(source: &str) -> bool {
    source.as_bytes().windows(8).any(|window| window.eq_ignore_ascii_case(b"sql_mode"))
}
