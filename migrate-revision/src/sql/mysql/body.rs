//! Where a statement ends that has statements inside: stored programs and, on MariaDB, blocks of their own.

use std::ops::Range;

use crate::sql::token::{Token, TokenKind, View};

/// What a token did to the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is part of the statement
    Inside,
    /// It is the semicolon that ends it
    End,
    /// The statement cannot be understood: where it ends is not certain
    Lost(&'static str),
}

/// Follows one statement, token by token. The frames of executable comments are not to be given to it.
#[derive(Debug)]
pub(super) struct Body {
    state: State,
    /// What is open, outermost first
    open: Vec<(Open, Range<usize>)>,
    parentheses: usize,
    /// Whether the statement holds others
    compound: bool,
    before: Before,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Begin,
    If,
    Case,
    Loop,
    /// `true` after `UNTIL`
    Repeat(bool),
    While,
    For,
    /// A `CASE` that is an expression
    Choice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// At the first token of the whole statement
    Top,
    /// After a `BEGIN` that may begin a transaction or a block
    TopBegin,
    /// In a statement without statements inside
    Plain,
    /// After `CREATE` or `ALTER`: of what is open
    Create,
    /// After `DEFINER`, so many tokens of its user
    Definer(u8),
    /// At the name of a stored program, so many words of `IF NOT EXISTS` behind
    Name(Program, u8),
    /// Between name and body
    Head(Program),
    /// Before the body of a trigger, `FOLLOWS` or `PRECEDES` behind if so many tokens are left of it
    TriggerOrder(u8),
    /// At the beginning of a statement inside
    Start,
    /// After a word that may be a label
    Label,
    /// In a simple statement inside, an expression or a condition
    Inner,
    /// In `DECLARE`
    Declare,
    /// After `HANDLER FOR`; `true` where a condition must come
    Handler(bool),
    /// In `CREATE EVENT` inside: a body comes after `DO`
    InnerCreate(bool),
    /// After `BEGIN NOT`
    NotAtomic,
    /// After `END`; which word must come
    Ended(Open),
    /// After the end of a block: a label or the semicolon
    AfterBlock,
    /// The end was lost
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Routine,
    Trigger,
    Event,
}

/// The token before, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Makes a key word a name
    DotOrAt,
    /// `CHARACTER`, `CHAR` or `RETURNS`, after which `SET` is no statement
    Type,
    EachRow(u8),
}

/// Words that begin a simple statement, and so the body of a routine that is one.
const VERBS: [&str; 46] = [
    "alter", "analyze", "binlog", "cache", "call", "change", "check", "checksum", "commit", "create",
    "deallocate", "delete", "desc", "describe", "do", "drop", "execute", "explain", "flush", "get", "grant",
    "handler", "help", "insert", "install", "kill", "load", "lock", "optimize", "prepare", "rename", "repair",
    "replace", "reset", "resignal", "return", "revoke", "rollback", "savepoint", "select", "set", "show",
    "signal", "truncate", "update", "with",
];

impl Body {
    pub(super) fn new() -> Self {
        Self {
            state: State::Top,
            open: Vec::new(),
            parentheses: 0,
            compound: false,
            before: Before::Nothing,
        }
    }

    /// What is open at the end of the text, the innermost block: a statement that has not ended.
    pub(super) fn unfinished(&self) -> Option<Range<usize>> {
        match self.state {
            State::Lost => None,
            _ => self.open.iter().rev().find(|(open, _)| *open != Open::Choice).map(|(_, range)| range.clone()),
        }
    }

    /// Whether it is a block or the definition of something with a block.
    pub(super) fn is_compound(&self) -> bool {
        self.compound
    }

    pub(super) fn step(&mut self, text: &str, token: &Token, oracle: bool) -> Step {
        let step = if token.is_symbol(text, ";") {
            self.semicolon()
        } else {
            match token.kind {
                TokenKind::Symbol => self.symbol(token.text(text)),
                TokenKind::Word => {
                    let word = token.text(text).to_ascii_lowercase();
                    // A user variable or a part of a qualified name is never a key word.
                    let word = if self.before == Before::DotOrAt { "" } else { word.as_str() };
                    self.word(word, &token.range, oracle)
                }
                _ => self.other(),
            }
        };
        self.before = match token.kind {
            TokenKind::Symbol if matches!(token.text(text), "." | "@" | "@@") => Before::DotOrAt,
            TokenKind::Word => match (token.text(text).to_ascii_lowercase().as_str(), self.before) {
                ("character" | "char" | "returns", _) => Before::Type,
                ("for", _) => Before::EachRow(1),
                ("each", Before::EachRow(1)) => Before::EachRow(2),
                ("row", Before::EachRow(2)) => Before::EachRow(3),
                _ => Before::Nothing,
            },
            _ => Before::Nothing,
        };
        if matches!(step, Step::Lost(_)) {
            self.state = State::Lost;
        }
        step
    }

    fn semicolon(&mut self) -> Step {
        if self.state == State::Lost || self.open.is_empty() {
            return Step::End;
        }
        match (self.open.last(), self.state) {
            _ if self.parentheses > 0 => Step::Lost("a semicolon inside parentheses"),
            (Some((Open::Choice, _)), _) => Step::Lost("a semicolon inside a CASE expression"),
            (Some((Open::Repeat(true), _)), _) => Step::Lost("UNTIL without END REPEAT"),
            // `END;` of a block inside ends it like its label would.
            (_, State::Ended(Open::Begin)) => {
                self.close();
                if self.open.is_empty() {
                    return Step::End;
                }
                self.state = State::Start;
                Step::Inside
            }
            (_, State::Ended(_)) => Step::Lost("END without the word that says of what"),
            _ => {
                self.state = State::Start;
                Step::Inside
            }
        }
    }
}
