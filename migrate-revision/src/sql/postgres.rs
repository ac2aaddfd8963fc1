//! Statements of PostgreSQL, as psql tells them apart and the server reads them.

mod kind;
mod lexer;
mod settings;

use std::ops::Range;

use self::kind::classify;
use self::lexer::Lexer;
use self::settings::Settings;
use super::token::{Token, TokenKind, View};
use super::{SqlProblem, Statement, object};

pub(super) fn split(text: &str) -> (Vec<Statement>, Vec<SqlProblem>) {
    let mut lexer = Lexer::new(text);
    let mut settings = Settings::default();
    let mut statements = Vec::new();
    let mut current = Current::default();
    while let Some(token) = lexer.next() {
        if lexer.skipped_meta {
            // It may have ended what stood before it, as `\gset` does.
            current = Current::default();
        }
        if token.is_symbol(text, ";") && current.is_complete() {
            let copies = current.finish(text, &mut lexer, &mut settings, &mut statements);
            current = Current::default();
            if copies == Some(CopyEnd::FromStdin) {
                skip_copy_data(&mut lexer);
            }
        } else {
            current.push(text, token);
        }
    }
    if !lexer.cursor.stopped {
        current.refuse_incomplete(text, &mut lexer);
        current.finish(text, &mut lexer, &mut settings, &mut statements);
    }
    (statements, lexer.cursor.problems)
}

/// The client's end of a `COPY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CopyEnd {
    FromStdin,
    ToStdout,
}

/// The statement that is being read.
#[derive(Debug, Default)]
struct Current {
    tokens: Vec<Token>,
    parentheses: usize,
    /// The outermost parenthesis that is open
    outermost: Option<Range<usize>>,
    /// Whether it makes a function or procedure
    routine: bool,
    /// `BEGIN` of the body that is open, and how many `CASE` are open in it
    body: Option<(Range<usize>, usize)>,
}

impl Current {
    /// Whether a semicolon ends it here.
    fn is_complete(&self) -> bool {
        self.parentheses == 0 && self.body.is_none()
    }

    fn push(&mut self, text: &str, token: Token) {
        match token.kind {
            TokenKind::Symbol if token.is_symbol(text, "(") => {
                if self.parentheses == 0 {
                    self.outermost = Some(token.range.clone());
                }
                self.parentheses += 1;
            }
            TokenKind::Symbol if token.is_symbol(text, ")") => {
                self.parentheses = self.parentheses.saturating_sub(1);
            }
            TokenKind::Word => self.push_word(text, &token),
            _ => {}
        }
        self.tokens.push(token);
    }

    fn push_word(&mut self, text: &str, token: &Token) {
        if self.tokens.len() < 4 {
            self.routine |= self.makes_routine(text, token);
            return;
        }
        if !self.routine {
            return;
        }
        let before = self.tokens.last();
        let after = |what: &str| before.is_some_and(|b| b.is_word(text, what));
        let is_label = after("as") || before.is_some_and(|b| b.is_symbol(text, "."));
        match &mut self.body {
            None => {
                if self.parentheses == 0 && token.is_word(text, "atomic") && after("begin") {
                    self.body = before.map(|begin| (begin.range.clone(), 0));
                }
            }
            Some(_) if is_label => {}
            Some((_, cases)) if token.is_word(text, "case") => *cases += 1,
            Some((_, cases)) if token.is_word(text, "end") => {
                if *cases > 0 {
                    *cases -= 1;
                } else if after("atomic") || before.is_some_and(|b| b.is_symbol(text, ";")) {
                    // Elsewhere it is a column's bare label.
                    self.body = None;
                }
            }
            Some(_) => {}
        }
    }

    fn makes_routine(&self, text: &str, token: &Token) -> bool {
        let head = View::new(text, &self.tokens);
        (token.is_word(text, "function") || token.is_word(text, "procedure"))
            && head.is(0, "create")
            && (head.len() == 1 || head.len() == 3 && head.are(1, &["or", "replace"]))
    }

    /// At the end of the text.
    fn refuse_incomplete(&self, text: &str, lexer: &mut Lexer<'_>) {
        if let Some((begin, _)) = &self.body {
            let end = lexer.cursor.line_end(begin.start);
            lexer.cursor.refuse(
                begin.start..end,
                "the body that `BEGIN ATOMIC` begins has no `END`",
                "end each of its statements with `;`, and the body with `END;`",
            );
        } else if let Some(open) = self.outermost.clone().filter(|_| self.parentheses > 0) {
            let end = text[open.start..].find('\n').map_or(text.len(), |length| open.start + length);
            lexer.cursor.refuse(
                open.start..end,
                "a parenthesis that is never closed: where its statement ends cannot be known",
                "close it with `)`",
            );
        }
    }

    fn finish(
        &mut self,
        text: &str,
        lexer: &mut Lexer<'_>,
        settings: &mut Settings,
        statements: &mut Vec<Statement>,
    ) -> Option<CopyEnd> {
        let tokens = std::mem::take(&mut self.tokens);
        let range = tokens.first()?.range.start..tokens.last()?.range.end;
        let view = View::new(text, &tokens);
        lexer.plain_escapes = settings.after(view, lexer.plain_escapes);
        let copies = copy_end(view);
        if let Some(end) = copies {
            let (message, help) = match end {
                CopyEnd::FromStdin => (
                    "`COPY ... FROM STDIN` takes its rows from psql",
                    "write INSERT statements, or read a file in a Rust revision",
                ),
                CopyEnd::ToStdout => {
                    ("`COPY ... TO STDOUT` sends its rows to psql", "remove it, or copy in a Rust revision")
                }
            };
            lexer.cursor.refuse(range.clone(), message, help);
        }
        let (kind, session_effect) = classify(view);
        let objects = object::of_postgres(view);
        statements.push(Statement {
            range,
            kind,
            session_effect,
            tokens: tokens.into_iter().map(|token| token.range).collect(),
            objects,
        });
        copies
    }
}

fn copy_end(view: View<'_>) -> Option<CopyEnd> {
    if !view.is(0, "copy") {
        return None;
    }
    // The server takes either word for the client's end, whichever the direction.
    view.outer().find_map(|at| match () {
        () if !view.is_any(at + 1, &["stdin", "stdout"]) => None,
        () if view.is(at, "from") => Some(CopyEnd::FromStdin),
        () if view.is(at, "to") => Some(CopyEnd::ToStdout),
        () => None,
    })
}

/// The rows that psql would send: up to a line that is `\.`
fn skip_copy_data(lexer: &mut Lexer<'_>) {
    let cursor = &mut lexer.cursor;
    loop {
        cursor.skip_line();
        if cursor.is_at_end() {
            return;
        }
        cursor.at += 1;
        let end = cursor.line_end(cursor.at);
        if cursor.text[cursor.at..end].trim_end() == "\\." {
            cursor.at = end;
            return;
        }
    }
}
