//! What becomes of `sql_mode`, on which the reading of quotes and of routines hangs.

use std::collections::HashMap;

use super::lexer::Quotes;
use crate::sql::token::{TokenKind, View};

/// The session's `sql_mode` as far as the text tells. At first it is a server's default, in which nothing of what
/// matters here is set.
#[derive(Debug)]
pub(super) struct Mode {
    /// Mode names, separated by commas, in capitals; `None` if unknown
    value: Option<String>,
    /// User variables that were assigned: dumps keep the old mode in one
    variables: HashMap<String, Option<String>>,
}

impl Mode {
    pub(super) fn new() -> Self {
        Self { value: Some(String::new()), variables: HashMap::new() }
    }

    pub(super) fn quotes(&self) -> Quotes {
        Quotes {
            backslash_escapes: self.contains("NO_BACKSLASH_ESCAPES").map(|found| !found),
            double_is_name: self.contains("ANSI_QUOTES"),
        }
    }

    /// Whether routines are, or may be, written in Oracle's language.
    pub(super) fn may_be_oracle(&self) -> bool {
        self.contains("ORACLE") != Some(false)
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
        match view.word(0).to_ascii_lowercase().as_str() {
            "set" if !view.is(1, "statement") => self.set(view.skip(1)),
            "prepare" | "execute" | "begin" | "if" | "case" | "loop" | "repeat" | "while" | "for"
                if (0..view.len()).any(|at| mentions_mode(view.source(at))) =>
            {
                self.value = None;
            }
            _ => {}
        }
    }

    fn set(&mut self, view: View<'_>) {
        let mut scope = Scope::Session;
        let mut start = 0;
        let ends: Vec<usize> = view.outer().filter(|&at| view.symbol(at, ",")).chain([view.len()]).collect();
        let mut assignments = Vec::new();
        for end in ends {
            assignments.push(self.assignment(view.skip(start).take(end - start), &mut scope));
            start = end + 1;
        }
        // The values are taken before anything is set.
        for assignment in assignments.into_iter().flatten() {
            match assignment {
                Assignment::Mode(value) => self.value = value.map(|value| expand(&value)),
                Assignment::Variable(name, value) => {
                    self.variables.insert(name, value);
                }
            }
        }
    }

    fn assignment(&self, view: View<'_>, scope: &mut Scope) -> Option<Assignment> {
        let mut at = 0;
        if view.symbol(0, "@") {
            let name = view.source(1).trim_matches(|c| "'`\"".contains(c)).to_ascii_lowercase();
            let assigns = view.symbol(2, "=") || view.symbol(2, ":=");
            return assigns.then(|| Assignment::Variable(name, self.evaluate(view.skip(3), DEPTH)));
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
        (name.eq_ignore_ascii_case("sql_mode") && assigns && own == Scope::Session)
            .then(|| Assignment::Mode(self.evaluate(view.skip(at + 2), DEPTH)))
    }

    /// The value of an expression, in capitals, where it is simple enough.
    fn evaluate(&self, view: View<'_>, depth: usize) -> Option<String> {
        if view.len() == 1 {
            return match view.token(0)?.kind {
                TokenKind::Text => literal(view.source(0)),
                TokenKind::Name => literal(view.source(0)),
                TokenKind::Word if view.is(0, "default") => Some(String::new()),
                TokenKind::Word => Some(view.source(0).to_ascii_uppercase()),
                TokenKind::Number if view.source(0) == "0" => Some(String::new()),
                _ => None,
            };
        }
        if view.symbol(0, "@") && view.len() == 2 {
            let name = view.source(1).trim_matches(|c| "'`\"".contains(c)).to_ascii_lowercase();
            return self.variables.get(&name).cloned().flatten();
        }
        if view.symbol(0, "@@") {
            let scoped = view.is_any(1, &["session", "local"]) && view.symbol(2, ".");
            let at = if scoped { 3 } else { 1 };
            return (view.is(at, "sql_mode") && view.len() == at + 1).then(|| self.value.clone()).flatten();
        }
        let closed =
            view.len() > 2 && view.after_parentheses(1) == view.len() && view.symbol(view.len() - 1, ")");
        if depth == 0 || !view.symbol(1, "(") || !closed {
            return None;
        }
        let arguments = self.arguments(view.skip(2).take(view.len() - 3), depth - 1)?;
        if view.is(0, "concat") {
            return Some(arguments.concat());
        }
        match (view.is(0, "replace"), arguments.as_slice()) {
            (true, [text, from, to]) if !from.is_empty() => Some(text.replace(from.as_str(), to)),
            _ => None,
        }
    }

    fn arguments(&self, view: View<'_>, depth: usize) -> Option<Vec<String>> {
        let mut start = 0;
        let ends: Vec<usize> = view.outer().filter(|&at| view.symbol(at, ",")).chain([view.len()]).collect();
        let mut values = Vec::with_capacity(ends.len());
        for end in ends {
            values.push(self.evaluate(view.skip(start).take(end - start), depth)?);
            start = end + 1;
        }
        Some(values)
    }
}

/// How deep calls may be nested in an expression that is still evaluated.
const DEPTH: usize = 4;

enum Assignment {
    Mode(Option<String>),
    Variable(String, Option<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Session,
    Other,
}

impl Scope {
    fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "session" | "local" => Some(Self::Session),
            "global" | "persist" | "persist_only" => Some(Self::Other),
            _ => None,
        }
    }
}

/// What stands between the quotes, in capitals, if nothing has to be decoded.
fn literal(source: &str) -> Option<String> {
    let quote = source.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let inner = source.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains([quote, '\\'])).then(|| inner.to_ascii_uppercase())
}

/// Writes out what the combined modes stand for.
fn expand(value: &str) -> String {
    let mut expanded = value.split(',').map(str::trim).collect::<Vec<_>>().join(",");
    let combined = ["ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"];
    if expanded.split(',').any(|part| combined.contains(&part)) {
        expanded.push_str(",ANSI_QUOTES");
    }
    expanded
}

fn mentions_mode(source: &str) -> bool {
    source.as_bytes().windows(8).any(|window| window.eq_ignore_ascii_case(b"sql_mode"))
}
