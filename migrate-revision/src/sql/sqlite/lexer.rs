//! Tokens as SQLite reads them.

use crate::sql::cursor::{Cursor, is_word_byte};
use crate::sql::token::{Token, TokenKind};

#[derive(Debug)]
pub(super) struct Lexer<'a> {
    pub(super) cursor: Cursor<'a>,
}

const OPERATORS: [&str; 10] = ["->>", "->", "||", "<<", ">>", "<=", ">=", "<>", "!=", "=="];

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { cursor: Cursor::new(text) }
    }

    /// The next token; `None` at the end, or where the rest of the text was given up.
    pub(super) fn next(&mut self) -> Option<Token> {
        self.skip_space();
        if self.cursor.is_at_end() {
            return None;
        }
        let start = self.cursor.at;
        let byte = self.cursor.peek(0);
        let next = self.cursor.peek(1);
        let (kind, end) = match byte {
            b'\'' => (TokenKind::Text, self.quoted(start, start, "string", "`'`")?),
            b'X' | b'x' if next == b'\'' => {
                (TokenKind::Text, self.quoted(start, start + 1, "string", "`'`")?)
            }
            b'"' => (TokenKind::Name, self.quoted(start, start, "identifier", "`\"`")?),
            b'`' => (TokenKind::Name, self.quoted(start, start, "identifier", "a backtick")?),
            b'[' => match self.cursor.find(b']', start) {
                Some(close) => (TokenKind::Name, close + 1),
                None => {
                    self.cursor.refuse_unclosed(start, "identifier", "`]`");
                    return None;
                }
            },
            b'0'..=b'9' => (TokenKind::Number, self.word_end(self.cursor.number_end())),
            b'.' if next.is_ascii_digit() => (TokenKind::Number, self.word_end(self.cursor.number_end())),
            b'?' if next.is_ascii_digit() => (TokenKind::Word, self.word_end(start + 1)),
            b'@' | b':' | b'#' if is_word_byte(next) => (TokenKind::Text, self.word_end(start + 1)),
            _ if is_word_byte(byte) => (TokenKind::Word, self.word_end(start)),
            _ => {
                let begins = matches!(byte, b'-' | b'|' | b'<' | b'>' | b'!' | b'=');
                let operator = OPERATORS.iter().find(|operator| begins && self.cursor.starts_with(operator));
                (TokenKind::Symbol, start + operator.map_or(1, |operator| operator.len()))
            }
        };
        self.cursor.at = end;
        Some(Token::new(kind, start..end))
    }

    fn skip_space(&mut self) {
        loop {
            let byte = self.cursor.peek(0);
            if byte == b' ' || byte == b'\n' {
                self.cursor.at += 1;
                continue;
            }
            match (byte, self.cursor.peek(1)) {
                (b'\t' | b'\r' | 0x0c, _) => self.cursor.at += 1,
                (b'-', b'-') => self.cursor.skip_line(),
                (b'/', b'*') => {
                    let open = self.cursor.at;
                    match self.cursor.text[open + 2..].find("*/") {
                        Some(length) => self.cursor.at = open + 2 + length + 2,
                        None => self.cursor.refuse_unclosed(open, "comment", "`*/`"),
                    }
                }
                // SQLite takes a byte order mark for white space wherever it stands.
                (0xef, 0xbb) if self.cursor.peek(2) == 0xbf => self.cursor.at += 3,
                _ => return,
            }
        }
    }

    fn quoted(&mut self, start: usize, quote: usize, what: &str, close: &str) -> Option<usize> {
        let end = self.cursor.quoted_end(quote, false);
        if end.is_none() {
            self.cursor.refuse_unclosed(start, what, close);
        }
        end
    }

    fn word_end(&self, from: usize) -> usize {
        self.cursor.word_end(from)
    }
}
