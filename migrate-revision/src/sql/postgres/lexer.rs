//! Tokens as PostgreSQL's server reads them.

use std::ops::Range;

use crate::sql::cursor::{Cursor, is_word_byte};
use crate::sql::token::{Token, TokenKind};

/// Whether a plain string knows backslash escapes, which hangs on `standard_conforming_strings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// It does not: the server's default
    Off,
    On,
    Unknown,
}

#[derive(Debug)]
pub(super) struct Lexer<'a> {
    pub(super) cursor: Cursor<'a>,
    /// How plain strings are read from here on
    pub(super) plain_escapes: Escapes,
    /// End and escapes of the string before: the next one goes on with it after a line feed
    last_text: Option<(usize, bool)>,
    /// What stands between the token before and the next
    gap: Gap,
    /// A psql meta command was skipped since the token before
    pub(super) skipped_meta: bool,
}

#[derive(Debug, Default, Clone, Copy)]
struct Gap {
    line_feed: bool,
    block_comment: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            cursor: Cursor::new(text),
            plain_escapes: Escapes::Off,
            last_text: None,
            gap: Gap::default(),
            skipped_meta: false,
        }
    }

    /// The next token; `None` at the end, or where the rest of the text was given up.
    pub(super) fn next(&mut self) -> Option<Token> {
        self.gap = Gap::default();
        self.skipped_meta = false;
        loop {
            self.skip_space();
            if self.cursor.is_at_end() {
                return None;
            }
            if self.cursor.peek(0) != b'\\' {
                break;
            }
            self.refuse_meta_command();
        }
        let start = self.cursor.at;
        let continued = self.last_text.take().filter(|_| self.gap.line_feed && !self.gap.block_comment);
        let byte = self.cursor.peek(0);
        let next = self.cursor.peek(1);
        let (kind, end) = match byte {
            b'\'' => {
                let escapes = match continued {
                    Some((_, escapes)) => escapes,
                    None => self.plain_string_escapes(start)?,
                };
                (TokenKind::Text, self.string_end(start, start, escapes)?)
            }
            b'E' | b'e' if next == b'\'' => (TokenKind::Text, self.string_end(start, start + 1, true)?),
            b'B' | b'b' | b'X' | b'x' if next == b'\'' => {
                (TokenKind::Text, self.string_end(start, start + 1, false)?)
            }
            b'N' | b'n' if next == b'\'' => {
                let escapes = self.plain_string_escapes(start + 1)?;
                (TokenKind::Text, self.string_end(start, start + 1, escapes)?)
            }
            b'U' | b'u' if next == b'&' && self.cursor.peek(2) == b'\'' => {
                (TokenKind::Text, self.string_end(start, start + 2, false)?)
            }
            b'U' | b'u' if next == b'&' && self.cursor.peek(2) == b'"' => {
                (TokenKind::Name, self.name_end(start, start + 2)?)
            }
            b'"' => (TokenKind::Name, self.name_end(start, start)?),
            b'$' => self.dollar(start)?,
            b'0'..=b'9' => (TokenKind::Number, self.cursor.number_end()),
            b'.' if next.is_ascii_digit() => (TokenKind::Number, self.cursor.number_end()),
            _ if is_word_byte(byte) => (TokenKind::Word, self.word_end(start)),
            b':' if matches!(next, b':' | b'=') => (TokenKind::Symbol, start + 2),
            _ if is_operator_byte(byte) => (TokenKind::Symbol, self.operator_end(start)),
            _ => (TokenKind::Symbol, start + 1),
        };
        self.cursor.at = end;
        Some(Token::new(kind, start..end))
    }

    /// Skips white space and comments.
    fn skip_space(&mut self) {
        loop {
            match (self.cursor.peek(0), self.cursor.peek(1)) {
                (b'\n' | b'\r', _) => {
                    self.gap.line_feed = true;
                    self.cursor.at += 1;
                }
                (b' ' | b'\t' | 0x0b | 0x0c, _) => self.cursor.at += 1,
                (b'-', b'-') => {
                    let bytes = self.cursor.bytes();
                    while self.cursor.at < bytes.len() && !matches!(bytes[self.cursor.at], b'\n' | b'\r') {
                        self.cursor.at += 1;
                    }
                }
                (b'/', b'*') => {
                    self.gap.block_comment = true;
                    self.skip_comment();
                }
                _ => return,
            }
        }
    }

    fn skip_comment(&mut self) {
        let open = self.cursor.at;
        let mut depth = 0_usize;
        while !self.cursor.is_at_end() {
            match (self.cursor.peek(0), self.cursor.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.cursor.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.cursor.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.cursor.at += 1,
            }
        }
        self.cursor.refuse_unclosed(open, "comment", "`*/`; comments nest in PostgreSQL");
    }

    fn refuse_meta_command(&mut self) {
        let start = self.cursor.at;
        let line = self.cursor.line_end(start);
        let name = self.cursor.text[start..line].split_whitespace().next().unwrap_or("\\").to_owned();
        self.cursor.refuse(
            start..line,
            format!("`{name}` is a command of psql, not SQL"),
            "remove it: the server gets this text without psql",
        );
        self.cursor.at = line;
        self.skipped_meta = true;
    }

    /// Whether the plain string at `open` knows escapes. Refuses it if that cannot be known and matters.
    fn plain_string_escapes(&mut self, open: usize) -> Option<bool> {
        match self.plain_escapes {
            Escapes::Off => Some(false),
            Escapes::On => Some(true),
            Escapes::Unknown => {
                let Some(end) = self.cursor.quoted_end(open, false) else {
                    self.cursor.refuse_unclosed(open, "string", "`'`");
                    return None;
                };
                if !self.cursor.text[open..end].contains('\\') {
                    return Some(false);
                }
                self.cursor.refuse(
                    open..end,
                    "a backslash in a string whose end cannot be known: `standard_conforming_strings` was \
                     set to something unknown before",
                    "write E'...', or set `standard_conforming_strings` to `on` or `off`",
                );
                if self.cursor.quoted_end(open, true) != Some(end) {
                    self.cursor.give_up();
                    return None;
                }
                // Once is enough.
                self.plain_escapes = Escapes::Off;
                Some(false)
            }
        }
    }

    fn string_end(&mut self, start: usize, quote: usize, escapes: bool) -> Option<usize> {
        let end = self.cursor.quoted_end(quote, escapes);
        match end {
            Some(end) => self.last_text = Some((end, escapes)),
            None => self.cursor.refuse_unclosed(start, "string", "`'`"),
        }
        end
    }

    fn name_end(&mut self, start: usize, quote: usize) -> Option<usize> {
        let end = self.cursor.quoted_end(quote, false);
        if end.is_none() {
            self.cursor.refuse_unclosed(start, "identifier", "`\"`");
        }
        end
    }

    /// A parameter such as `$1`, a dollar quote, or a lone `$`.
    fn dollar(&mut self, start: usize) -> Option<(TokenKind, usize)> {
        let bytes = self.cursor.bytes();
        if self.cursor.peek(1).is_ascii_digit() {
            let digits = bytes[start + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            return Some((TokenKind::Number, start + 1 + digits));
        }
        let tag_length =
            bytes[start + 1..].iter().take_while(|&&byte| is_word_byte(byte) && byte != b'$').count();
        let tag: Range<usize> = start..start + tag_length + 2;
        if bytes.get(tag.end - 1) != Some(&b'$') {
            return Some((TokenKind::Symbol, start + 1));
        }
        let tag_text = &self.cursor.text[tag.clone()];
        match self.cursor.text[tag.end..].find(tag_text) {
            Some(offset) => Some((TokenKind::Text, tag.end + offset + tag_text.len())),
            None => {
                let close = format!("`{tag_text}`");
                self.cursor.refuse_unclosed(start, "dollar quote", &close);
                None
            }
        }
    }

    fn word_end(&self, start: usize) -> usize {
        self.cursor.word_end(start)
    }

    /// An operator goes as far as it can, but a comment inside of it begins a comment.
    fn operator_end(&self, start: usize) -> usize {
        let bytes = self.cursor.bytes();
        let mut end = start + 1;
        while bytes.get(end).is_some_and(|&byte| is_operator_byte(byte)) {
            if matches!((bytes[end], bytes.get(end + 1)), (b'-', Some(b'-')) | (b'/', Some(b'*'))) {
                break;
            }
            end += 1;
        }
        end
    }
}

fn is_operator_byte(byte: u8) -> bool {
    matches!(
        byte,
        b'+' | b'-'
            | b'*'
            | b'/'
            | b'<'
            | b'>'
            | b'='
            | b'~'
            | b'!'
            | b'@'
            | b'#'
            | b'%'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
    )
}
