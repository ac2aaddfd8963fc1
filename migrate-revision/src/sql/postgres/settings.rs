//! What becomes of `standard_conforming_strings`, on which the reading of later strings hangs.

use super::lexer::Escapes;
use crate::sql::token::{TokenKind, View, contains_ignoring_case};

const NAME: &str = "standard_conforming_strings";

/// What a transaction would give back.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The value before a `SET LOCAL`, which holds again after the transaction
    before_local: Option<Escapes>,
    /// Whether a rollback could bring back another value
    changed: bool,
}

impl Settings {
    /// How plain strings are read after a statement.
    pub(super) fn after(&mut self, view: View<'_>, now: Escapes) -> Escapes {
        let next = self.effect(view, now);
        self.changed |= next != now;
        next
    }

    fn effect(&mut self, view: View<'_>, now: Escapes) -> Escapes {
        let first = view.word(0).to_ascii_lowercase();
        match first.as_str() {
            "set" => self.set(view, now),
            "reset" if names_it(view, 1) || view.is(1, "all") => self.outright(Escapes::Off),
            "discard" if view.is(1, "all") => self.outright(Escapes::Off),
            "commit" | "end" if !view.is(1, "prepared") => self.before_local.take().unwrap_or(now),
            "rollback" | "abort" if !view.is(1, "prepared") => {
                self.before_local = None;
                if self.changed { Escapes::Unknown } else { now }
            }
            // A body is not run, and a setting of a role, database or routine is not the session's.
            "create" if view.is_any(1, &["function", "procedure", "or"]) => now,
            "alter" | "comment" => now,
            "do" | "call" | "execute" | "prepare" if mentions(view) => Escapes::Unknown,
            "update" if mentions(view) && view.has("pg_settings") => Escapes::Unknown,
            _ => self.set_config(view, now),
        }
    }

    fn outright(&mut self, value: Escapes) -> Escapes {
        self.before_local = None;
        value
    }

    fn set(&mut self, view: View<'_>, now: Escapes) -> Escapes {
        let local = view.is(1, "local");
        let name = if local || view.is(1, "session") { 2 } else { 1 };
        if !names_it(view, name) || !(view.symbol(name + 1, "=") || view.is(name + 1, "to")) {
            return now;
        }
        let value = if view.len() == name + 3 { value(view, name + 2) } else { Escapes::Unknown };
        if local { self.locally(value, now) } else { self.outright(value) }
    }

    fn locally(&mut self, value: Escapes, now: Escapes) -> Escapes {
        self.before_local.get_or_insert(now);
        value
    }

    fn set_config(&mut self, view: View<'_>, now: Escapes) -> Escapes {
        let mut calls = (0..view.len()).filter(|&at| {
            view.is(at, "set_config") || view.source(at).eq_ignore_ascii_case("\"set_config\"")
        });
        let Some(at) = calls.next() else { return now };
        let literal = view.symbol(at + 1, "(") && string(view, at + 2).is_some() && view.symbol(at + 3, ",");
        let other = literal && string(view, at + 2).is_some_and(|name| !name.eq_ignore_ascii_case(NAME));
        if other && calls.next().is_none() {
            return now;
        }
        // Only a call that stands alone is certain to run, and once.
        let start = if view.is(1, "pg_catalog") && view.symbol(2, ".") { 3 } else { 1 };
        let alone = view.is(0, "select") && at == start && literal && view.len() == start + 8;
        if !alone || !view.symbol(start + 5, ",") || !view.symbol(start + 7, ")") {
            return Escapes::Unknown;
        }
        let value = value(view, start + 4);
        match view.word(start + 6).to_ascii_lowercase().as_str() {
            "true" => self.locally(value, now),
            "false" => self.outright(value),
            _ => Escapes::Unknown,
        }
    }
}

fn names_it(view: View<'_>, at: usize) -> bool {
    view.is(at, NAME) || view.source(at) == "\"standard_conforming_strings\""
}

fn mentions(view: View<'_>) -> bool {
    (0..view.len()).any(|at| contains_ignoring_case(view.source(at), NAME))
}

/// A string without anything in it that would have to be decoded.
fn string<'a>(view: View<'a>, at: usize) -> Option<&'a str> {
    let token = view.token(at)?;
    let inner = view.source(at).strip_prefix('\'')?.strip_suffix('\'')?;
    (token.kind == TokenKind::Text && !inner.contains(['\'', '\\'])).then_some(inner)
}

/// A boolean as the server parses it: any unique beginning of a word will do.
fn value(view: View<'_>, at: usize) -> Escapes {
    let written = string(view, at).unwrap_or_else(|| view.source(at)).trim().to_ascii_lowercase();
    let begins = |word: &str, least: usize| written.len() >= least && word.starts_with(&written);
    let is_default = written == "default" && string(view, at).is_none();
    if is_default || begins("true", 1) || begins("yes", 1) || written == "on" || written == "1" {
        Escapes::Off
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || written == "0" {
        Escapes::On
    } else {
        Escapes::Unknown
    }
}
