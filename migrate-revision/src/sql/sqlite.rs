//! Statements of SQLite, by the rule of its own `sqlite3_complete`.

mod kind;
mod lexer;

use std::ops::Range;

use self::kind::classify;
use self::lexer::Lexer;
use super::token::{Token, View};
use super::{SqlProblem, Statement};

pub(super) fn split(text: &str) -> (Vec<Statement>, Vec<SqlProblem>) {
    let mut lexer = Lexer::new(text);
    let mut statements = Vec::new();
    let mut tokens: Vec<Token> = Vec::new();
    let mut state = State::Start;
    while let Some(token) = lexer.next() {
        if tokens.is_empty() && refuse_command(text, &token, &mut lexer) {
            continue;
        }
        state = state.after(text, &token);
        match state {
            State::Start => finish(text, &mut tokens, &mut statements),
            // More than one semicolon in a row is nothing but one of them.
            _ => tokens.push(token),
        }
    }
    if !lexer.cursor.stopped {
        if matches!(state, State::Trigger | State::Semicolon) {
            let range = head(text, &tokens);
            lexer.cursor.refuse(
                range,
                "a trigger that is never ended",
                "end each of its statements with `;`, and the trigger with `END;`",
            );
        }
        finish(text, &mut tokens, &mut statements);
    }
    (statements, lexer.cursor.problems)
}

/// How far a statement has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Normal,
    Explain,
    Create,
    /// Inside of `CREATE TRIGGER`
    Trigger,
    /// After a semicolon inside of it
    Semicolon,
    /// After the `END` that follows a semicolon: the next semicolon ends the trigger
    End,
}

impl State {
    fn after(self, text: &str, token: &Token) -> Self {
        let is = |word: &str| token.is_word(text, word);
        if token.is_symbol(text, ";") {
            return match self {
                Self::Trigger | Self::Semicolon => Self::Semicolon,
                _ => Self::Start,
            };
        }
        match self {
            Self::Start if is("explain") => Self::Explain,
            Self::Start | Self::Explain if is("create") => Self::Create,
            Self::Start | Self::Normal => Self::Normal,
            Self::Explain if is("explain") || is("temp") || is("temporary") || is("trigger") || is("end") => {
                Self::Normal
            }
            Self::Explain => Self::Explain,
            Self::Create if is("temp") || is("temporary") => Self::Create,
            Self::Create if is("trigger") => Self::Trigger,
            Self::Create => Self::Normal,
            Self::Semicolon if is("end") => Self::End,
            Self::Trigger | Self::Semicolon | Self::End => Self::Trigger,
        }
    }
}

fn finish(text: &str, tokens: &mut Vec<Token>, statements: &mut Vec<Statement>) {
    let tokens = std::mem::take(tokens);
    let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
    let (kind, session_effect) = classify(View::new(text, &tokens));
    statements.push(Statement {
        range: first.range.start..last.range.end,
        kind,
        session_effect,
        tokens: tokens.iter().map(|token| token.range.clone()).collect(),
        objects: Vec::new(),
    });
}

/// The first line of a statement.
fn head(text: &str, tokens: &[Token]) -> Range<usize> {
    let start = tokens.first().map_or(text.len(), |token| token.range.start);
    let end = tokens.last().map_or(text.len(), |token| token.range.end);
    text[start..end].find('\n').map_or(start..end, |length| start..start + length)
}

/// Refuses what only the command-line shell understands, with the rest of its line.
fn refuse_command(text: &str, token: &Token, lexer: &mut Lexer<'_>) -> bool {
    let source = token.text(text);
    if source != "." && !source.starts_with('#') {
        return false;
    }
    let start = token.range.start;
    let end = lexer.cursor.line_end(start);
    let line = text[start..end].trim_end();
    let range = start..start + line.len();
    if source == "." {
        let name = line.split_whitespace().next().unwrap_or(".").to_owned();
        lexer.cursor.refuse(
            range,
            format!("`{name}` is a command of the sqlite3 shell, not SQL"),
            "remove it: the database gets this text without the shell",
        );
    } else {
        lexer.cursor.refuse(range, "`#` does not begin a comment in SQLite", "write `--`");
    }
    lexer.cursor.at = end;
    true
}
