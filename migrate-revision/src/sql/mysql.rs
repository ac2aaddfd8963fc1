//! Statements of MySQL and MariaDB: by their client's `DELIMITER`, and where there is none by what the server
//! takes for one statement.

mod body;
mod kind;
mod lexer;
mod mode;

use std::ops::Range;

use self::body::{Body, Step};
use self::kind::classify;
use self::lexer::{Lexer, unknown_mode};
use self::mode::Mode;
use super::cursor::is_word_byte;
use super::token::{Token, TokenKind, View};
use super::{SqlProblem, Statement, object};
use crate::StatementKind::{self, Ddl, Other};
use crate::{Backend, Object};

pub(super) fn split(text: &str, backend: Backend) -> (Vec<Statement>, Vec<SqlProblem>) {
    let mut splitter = Splitter {
        text,
        backend,
        lexer: Lexer::new(text, backend),
        mode: Mode::new(backend),
        statements: Vec::new(),
        current: Current::new(),
        lost: false,
    };
    splitter.run();
    (splitter.statements, splitter.lexer.cursor.problems)
}

struct Splitter<'a> {
    text: &'a str,
    backend: Backend,
    lexer: Lexer<'a>,
    mode: Mode,
    statements: Vec<Statement>,
    current: Current,
    /// Whether a body was not understood: one such problem is enough, as the next ones follow from it
    lost: bool,
}

/// The statement that is being read.
struct Current {
    tokens: Vec<Token>,
    body: Body,
    /// Where the statement begins that was read last, if a delimiter of its own ends the whole
    part: usize,
    /// What the parts before it do
    parts: Vec<Part>,
    /// Its key word `LANGUAGE` was seen
    language: bool,
}

struct Part {
    kind: StatementKind,
    session_effect: bool,
    objects: Vec<Object>,
}

impl Current {
    fn new() -> Self {
        Self { tokens: Vec::new(), body: Body::new(), part: 0, parts: Vec::new(), language: false }
    }
}

impl Splitter<'_> {
    fn run(&mut self) {
        loop {
            if self.current.tokens.is_empty() && self.client_command() {
                continue;
            }
            let Some(token) = self.lexer.next(!self.current.tokens.is_empty()) else { break };
            self.take(token);
        }
        if self.lexer.cursor.stopped {
            return;
        }
        if let (Some(open), None) = (self.current.body.unfinished(), &self.lexer.delimiter) {
            self.refuse_lost(open, "this is never ended", "mend it");
        }
        self.finish();
    }

    fn take(&mut self, token: Token) {
        if token.kind == TokenKind::Delimiter {
            if let Some(open) = self.lexer.executable {
                self.refuse_inside_executable(open, &token.range);
            }
            self.finish();
            return;
        }
        if token.is_frame() {
            self.current.tokens.push(token);
            return;
        }
        if self.swallows_delimiter(&token) {
            let range = token.range.start..self.lexer.cursor.line_end(token.range.start);
            self.lexer.cursor.refuse(
                range,
                "`DELIMITER` before the statement above it has ended",
                "end the statement with the delimiter first",
            );
        }
        let step = self.current.body.step(self.text, &token, self.mode.oracle());
        match (step, self.lexer.delimiter.is_some()) {
            (Step::End, false) => {
                if let Some(open) = self.lexer.executable {
                    self.refuse_inside_executable(open, &token.range);
                }
                self.finish();
                return;
            }
            (Step::End, true) if self.current.tokens.is_empty() => return,
            (Step::End, true) if !self.current.body.is_lost() => {
                self.end_part();
                self.current.tokens.push(token);
                self.current.part = self.current.tokens.len();
                self.current.body = Body::new();
                return;
            }
            (Step::Lost(reason), false) => self.refuse_lost(token.range.clone(), reason, "mend it"),
            (Step::LostToMode, false) => {
                let unknown = unknown_mode(self.text, self.mode.unknown_since());
                let reason = format!("{unknown} and could be ORACLE");
                self.refuse_lost(token.range.clone(), &reason, "set `sql_mode` to a plain string before it");
            }
            (Step::Lost(_) | Step::LostToMode | Step::End, true) | (Step::Inside, _) => {}
        }
        self.current.language |= token.is_word(self.text, "language");
        self.lexer.expects_dollar_quote =
            self.current.language && self.backend == Backend::Mysql && token.is_word(self.text, "as");
        self.current.tokens.push(token);
    }

    /// Whether the client would take a word inside a statement for its command, which no one can want.
    fn swallows_delimiter(&self, token: &Token) -> bool {
        if self.current.tokens.is_empty() || !token.is_word(self.text, "delimiter") {
            return false;
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        let (before, after) = self.text.as_bytes().split_at(token.range.end);
        let before = &before[..token.range.start];
        let is_first = before.iter().rev().find(|byte| !blank(byte)).is_none_or(|&byte| byte == b'\n');
        let mut arguments =
            after.iter().take_while(|&&byte| byte != b'\n').filter(|byte| !blank(byte)).peekable();
        is_first
            && arguments.peek().is_some()
            && arguments.all(|byte| byte.is_ascii_punctuation() && !b",()=.'\"`_*".contains(byte))
    }

    fn refuse_inside_executable(&mut self, open: usize, end: &Range<usize>) {
        self.lexer.cursor.refuse(
            open..end.end,
            "a statement that ends inside of an executable comment",
            "end the comment before the statement",
        );
        self.lexer.executable = None;
    }

    fn refuse_lost(&mut self, range: Range<usize>, reason: &str, cure: &str) {
        if !std::mem::replace(&mut self.lost, true) {
            self.lexer.cursor.refuse(
                range,
                format!("where this statement ends cannot be known: {reason}"),
                format!(
                    "{cure}, or write `DELIMITER //` before the statement, `//` after it, and `DELIMITER ;`"
                ),
            );
        }
    }

    /// Takes note of the statement that was read last, be it the whole or a part of it.
    fn end_part(&mut self) {
        let part = self.current.tokens.get(self.current.part..).unwrap_or_default();
        let tokens: Vec<Token> =
            part.iter().filter(|t| !t.is_frame() && !t.is_symbol(self.text, ";")).cloned().collect();
        let view = View::new(self.text, &tokens);
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
        let range = first.range.start..last.range.end;
        self.mode.observe(view);
        self.lexer.quotes = self.mode.quotes();
        let locks = view.is_any(1, &["table", "tables"])
            && (view.is_any(0, &["lock", "unlock"])
                || view.is(0, "flush") && view.outer().any(|at| view.are(at, &["with", "read", "lock"])));
        if locks {
            self.lexer.cursor.refuse(
                range,
                format!("`{} {}` in a revision", view.source(0), view.source(1)),
                "remove it: the history table cannot be written while it holds; the runtime's own lock keeps other \
                 migrations away",
            );
        }
        let (kind, session_effect) = classify(view);
        let understood =
            !self.current.body.is_lost() || self.lexer.delimiter.is_none() || view.is(0, "create");
        let kind = if understood { kind } else { Other };
        let objects = if kind == Ddl { object::of_mysql(view) } else { Vec::new() };
        self.current.parts.push(Part { kind, session_effect, objects });
    }

    fn finish(&mut self) {
        self.end_part();
        let mut current = std::mem::replace(&mut self.current, Current::new());
        self.lexer.expects_dollar_quote = false;
        // The server itself drops semicolons at the end of what it gets.
        while current.tokens.last().is_some_and(|token| token.is_symbol(self.text, ";")) {
            current.tokens.pop();
        }
        let (Some(first), Some(last)) = (current.tokens.first(), current.tokens.last()) else { return };
        let session_effect = current.parts.iter().any(|part| part.session_effect);
        let (kind, objects) = match (current.parts.pop(), current.parts.is_empty()) {
            (None, _) => return,
            (Some(part), true) => (part.kind, part.objects),
            // Several statements, of which nothing is assumed.
            (Some(_), false) => (Other, Vec::new()),
        };
        self.statements.push(Statement {
            range: first.range.start..last.range.end,
            kind,
            session_effect,
            tokens: current.tokens.iter().map(|token| token.range.clone()).collect(),
            objects,
        });
    }

    /// At the beginning of a statement: does what `DELIMITER` says, and refuses other commands of the client.
    fn client_command(&mut self) -> bool {
        self.lexer.skip_space(false);
        let start = self.lexer.cursor.at;
        if self.lexer.at_delimiter(0) {
            return false;
        }
        if self.lexer.cursor.starts_with("--") {
            self.refuse_line("`--` begins a comment only before a space", "put a space after it");
            return true;
        }
        let rest = &self.text[start..];
        let letters = rest.bytes().take(16).take_while(u8::is_ascii_alphabetic).count();
        let word = &rest[..letters];
        let lower = word.to_ascii_lowercase();
        let after = rest.as_bytes().get(letters).copied().unwrap_or(b'\n');
        if is_word_byte(after) || after == b':' {
            return false;
        }
        if lower == "delimiter" {
            self.set_delimiter(letters);
            return true;
        }
        if !CLIENT_COMMANDS.contains(&lower.as_str()) {
            return false;
        }
        self.refuse_line(
            &format!("`{word}` is a command of the mysql client, not SQL"),
            "remove it: the server gets this text without the client",
        );
        true
    }

    fn refuse_line(&mut self, message: &str, help: &str) {
        let line = self.line();
        self.lexer.cursor.refuse(line, message, help);
        self.lexer.cursor.skip_line();
    }

    /// What is left of the line, without white space at its end.
    fn line(&self) -> Range<usize> {
        let start = self.lexer.cursor.at;
        let line = &self.text[start..self.lexer.cursor.line_end(start)];
        start..start + line.trim_end().len()
    }

    fn set_delimiter(&mut self, word: usize) {
        let line = self.line();
        self.lexer.cursor.skip_line();
        let arguments = &self.text[line.start + word..line.end];
        let help = "write `DELIMITER`, a space and what is to end statements, such as `//`";
        if !arguments.is_empty() && !arguments.starts_with([' ', '\t']) {
            self.lexer.cursor.refuse(line, "`DELIMITER` without a space after it", help);
            return;
        }
        let arguments = arguments.trim_start();
        let quoted = arguments.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'));
        let delimiter = match quoted {
            Some(quote) => match arguments[1..].split_once(quote) {
                Some((delimiter, _)) => Some(delimiter),
                // The client takes the rest of the line then, with the spaces that nobody sees at its end.
                None if line.end < self.lexer.cursor.line_end(line.start) => {
                    let what = "a delimiter whose quote is not closed, and spaces at the end of its line";
                    self.lexer.cursor.refuse(line, what, help);
                    return;
                }
                None => Some(&arguments[1..]),
            },
            None => arguments.split_whitespace().next(),
        };
        let delimiter = delimiter.unwrap_or_default();
        if delimiter.is_empty() {
            self.lexer.cursor.refuse(line, "`DELIMITER` without a delimiter", help);
        } else if delimiter.contains(['\\', '\'', '"', '`', '\0']) || delimiter.contains(char::is_whitespace)
        {
            self.lexer.cursor.refuse(line, "a delimiter with a backslash, a quote or a space in it", help);
        } else {
            self.lexer.delimiter = (delimiter != ";").then(|| delimiter.to_owned());
        }
    }
}

/// Commands of the mysql client that begin no statement of the server.
const CLIENT_COMMANDS: [&str; 20] = [
    "source",
    "system",
    "pager",
    "nopager",
    "tee",
    "notee",
    "print",
    "ego",
    "go",
    "edit",
    "exit",
    "quit",
    "clear",
    "prompt",
    "rehash",
    "status",
    "connect",
    "charset",
    "warnings",
    "nowarning",
];
