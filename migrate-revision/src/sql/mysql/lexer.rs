//! Tokens as the servers of MySQL and MariaDB read them, and delimiters as their client finds them.

use std::ops::Range;

use crate::Backend;
use crate::sql::cursor::{Cursor, is_word_byte};
use crate::sql::token::{Token, TokenKind};

const OPERATORS: [&str; 14] =
    ["<=>", "->>", "->", "<=", ">=", "<>", "!=", "<<", ">>", "||", "&&", ":=", "@@", "=="];

/// What `sql_mode` says about quotes; `None` where it cannot be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quotes {
    pub(super) backslash_escapes: Option<bool>,
    pub(super) double_is_name: Option<bool>,
    /// The statement since which `sql_mode` cannot be known
    pub(super) unknown_since: Option<Range<usize>>,
}

#[derive(Debug)]
pub(super) struct Lexer<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) quotes: Quotes,
    /// What `DELIMITER` set; `None` for the semicolon
    pub(super) delimiter: Option<String>,
    /// Where the executable comment begins that is open
    pub(super) executable: Option<usize>,
    /// The next word can be a dollar quote, as the body of a routine in another language
    pub(super) expects_dollar_quote: bool,
    backend: Backend,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, backend: Backend) -> Self {
        Self {
            cursor: Cursor::new(text),
            quotes: Quotes {
                backslash_escapes: Some(true),
                double_is_name: Some(false),
                unknown_since: None,
            },
            delimiter: None,
            executable: None,
            expects_dollar_quote: false,
            backend,
        }
    }

    /// The next token; `None` at the end, or where the rest of the text was given up. Optimizer hints count only
    /// inside a statement.
    pub(super) fn next(&mut self, inside: bool) -> Option<Token> {
        loop {
            self.skip_space(inside);
            if self.cursor.is_at_end() {
                if let (Some(open), false) = (self.executable, self.cursor.stopped) {
                    self.cursor.refuse_unclosed(open, "executable comment", "`*/`");
                }
                return None;
            }
            if self.cursor.peek(0) != b'\\' || self.cursor.peek(1) == b'N' || self.at_delimiter(0) {
                break;
            }
            self.refuse_backslash();
        }
        let start = self.cursor.at;
        if self.at_delimiter(0) {
            let length = self.delimiter.as_ref().map_or(0, String::len);
            self.cursor.at += length;
            return Some(Token::new(TokenKind::Delimiter, start..self.cursor.at));
        }
        let next = self.cursor.peek(1);
        let (kind, end) = match self.cursor.peek(0) {
            b'\'' => (TokenKind::Text, self.string_end(start, start)?),
            b'X' | b'x' | b'B' | b'b' if next == b'\'' => {
                (TokenKind::Text, self.string_end(start, start + 1)?)
            }
            b'N' | b'n' if next == b'\'' => (TokenKind::Text, self.string_end(start, start + 1)?),
            b'"' => self.double_quoted(start)?,
            b'`' => match self.cursor.quoted_end(start, false) {
                Some(end) => (TokenKind::Name, end),
                None => {
                    self.cursor.refuse_unclosed(start, "identifier", "a backtick");
                    return None;
                }
            },
            b'\\' => (TokenKind::Word, start + 2),
            b'/' if self.executable_length().is_some() => {
                (TokenKind::Open, start + self.open_executable(start))
            }
            b'/' if self.cursor.starts_with("/*+") => (TokenKind::Hint, self.hint_end(start)?),
            b'*' if next == b'/' && self.executable.is_some() => {
                self.executable = None;
                (TokenKind::Close, start + 2)
            }
            b'$' if self.expects_dollar_quote => self.dollar_quoted(start)?,
            b'0'..=b'9' => (TokenKind::Number, self.until_delimiter(start, self.number_end())),
            b'.' if next.is_ascii_digit() && !self.continues_name(start) => {
                (TokenKind::Number, self.until_delimiter(start, self.cursor.number_end()))
            }
            byte if is_word_byte(byte) => {
                (TokenKind::Word, self.until_delimiter(start, self.word_end(start)))
            }
            byte => {
                let begins = matches!(byte, b'-' | b'|' | b'<' | b'>' | b'!' | b'=' | b'&' | b':' | b'@');
                let operator = OPERATORS.iter().find(|operator| begins && self.cursor.starts_with(operator));
                let end = start + operator.map_or(1, |operator| operator.len());
                (TokenKind::Symbol, self.until_delimiter(start, end))
            }
        };
        self.cursor.at = end;
        if self.executable.is_some() && matches!(kind, TokenKind::Text | TokenKind::Name) {
            self.refuse_hidden_end(start, end);
        }
        Some(Token::new(kind, start..end))
    }

    /// Whether the delimiter that `DELIMITER` set stands `offset` bytes on.
    pub(super) fn at_delimiter(&self, offset: usize) -> bool {
        match (&self.delimiter, self.cursor.bytes().get(self.cursor.at + offset..)) {
            (Some(delimiter), Some(rest)) => rest.starts_with(delimiter.as_bytes()),
            _ => false,
        }
    }

    /// The client looks for its delimiter at every byte outside quotes, also inside words.
    fn until_delimiter(&self, start: usize, end: usize) -> usize {
        if self.delimiter.is_none() {
            return end;
        }
        let inside = (1..end - start).find(|&offset| self.at_delimiter(offset));
        inside.map_or(end, |offset| start + offset)
    }

    /// Skips white space and comments, but stops at a delimiter, at executable comments and, inside a statement, at
    /// optimizer hints.
    pub(super) fn skip_space(&mut self, inside: bool) {
        loop {
            if self.delimiter.is_some() && self.at_delimiter(0) {
                return;
            }
            let byte = self.cursor.peek(0);
            if byte == b' ' || byte == b'\n' {
                self.cursor.at += 1;
                continue;
            }
            match (byte, self.cursor.peek(1), self.cursor.peek(2)) {
                (b'\t' | b'\r' | 0x0b | 0x0c, ..) => self.cursor.at += 1,
                (b'#', ..) => self.skip_line_comment(),
                (b'-', b'-', after) if after == b' ' || after.is_ascii_control() => self.skip_line_comment(),
                (b'/', b'*', b'+') if inside => return,
                (b'/', b'*', _) if self.executable_length().is_some() => return,
                (b'/', b'*', _) => {
                    let open = self.cursor.at;
                    match self.cursor.text[open + 2..].find("*/") {
                        Some(length) => self.cursor.at = open + 2 + length + 2,
                        None => self.cursor.refuse_unclosed(open, "comment", "`*/`"),
                    }
                }
                _ => return,
            }
        }
    }

    fn skip_line_comment(&mut self) {
        let start = self.cursor.at;
        self.cursor.skip_line();
        if self.executable.is_some() {
            self.refuse_hidden_end(start, self.cursor.at);
        }
    }

    /// A server that skips the executable comment ends it at the first `*/`, one that runs it does not look inside
    /// strings and comments for it.
    fn refuse_hidden_end(&mut self, start: usize, end: usize) {
        if self.cursor.text[start..end].contains("*/") {
            self.cursor.refuse(
                start..end,
                "`*/` in a string or comment inside of an executable comment: some servers end the comment there",
                "write it without the executable comment, or without `*/`",
            );
        }
    }

    /// Length of what opens an executable comment at the cursor, with the version.
    fn executable_length(&self) -> Option<usize> {
        let length = if self.cursor.starts_with("/*!") {
            3
        } else if self.cursor.starts_with("/*M!") && self.backend == Backend::Mariadb {
            4
        } else {
            return None;
        };
        let digits = (0..6).take_while(|&offset| self.cursor.peek(length + offset).is_ascii_digit()).count();
        Some(length + digits)
    }

    fn open_executable(&mut self, start: usize) -> usize {
        let length = self.executable_length().unwrap_or_default();
        if self.executable.is_some() {
            self.cursor.refuse(
                start..start + length,
                "an executable comment inside of another",
                "end the outer one first",
            );
        }
        self.executable = Some(start);
        length
    }

    fn hint_end(&mut self, start: usize) -> Option<usize> {
        let end = self.cursor.text[start + 3..].find("*/");
        if end.is_none() {
            self.cursor.refuse_unclosed(start, "optimizer hint", "`*/`");
        }
        end.map(|length| start + 3 + length + 2)
    }

    fn refuse_backslash(&mut self) {
        let start = self.cursor.at;
        let command = self.cursor.text[start + 1..].chars().next().filter(|c| !c.is_whitespace());
        let end = start + 1 + command.map_or(0, char::len_utf8);
        // After these two the client goes on in the line: its end is not looked for, as a line can have many.
        let ends_statement = matches!(command, Some('g' | 'G'));
        let help = if ends_statement {
            "end the statement with `;`"
        } else {
            "remove it: the server gets this text without the client"
        };
        let name = &self.cursor.text[start..end];
        self.cursor.refuse(start..end, format!("`{name}` is a command of the mysql client, not SQL"), help);
        if ends_statement {
            self.cursor.at = end;
        } else {
            self.cursor.skip_line();
        }
    }

    /// Where the string ends whose quote is at `quote`. Refuses it if that hangs on an unknown `sql_mode`.
    fn string_end(&mut self, start: usize, quote: usize) -> Option<usize> {
        let close = if self.cursor.bytes().get(quote) == Some(&b'"') { "`\"`" } else { "`'`" };
        let end = match self.quotes.backslash_escapes {
            Some(escapes) => self.cursor.quoted_end(quote, escapes),
            None => self.end_either_way(start, quote),
        };
        if end.is_none() && !self.cursor.stopped {
            self.cursor.refuse_unclosed(start, "string", close);
        }
        end
    }

    fn end_either_way(&mut self, start: usize, quote: usize) -> Option<usize> {
        let plain = self.cursor.quoted_end(quote, false)?;
        if self.cursor.text[quote..plain].contains('\\') && self.cursor.quoted_end(quote, true) != Some(plain)
        {
            let reason = unknown_mode(self.cursor.text, self.quotes.unknown_since.clone());
            self.cursor.refuse(
                start..plain,
                format!("a backslash in a string whose end cannot be known: {reason}"),
                "set `sql_mode` to a plain string, or write the string without backslashes",
            );
            self.cursor.give_up();
            return None;
        }
        Some(plain)
    }

    fn double_quoted(&mut self, start: usize) -> Option<(TokenKind, usize)> {
        match (self.quotes.double_is_name, self.quotes.backslash_escapes) {
            (Some(false), _) => Some((TokenKind::Text, self.string_end(start, start)?)),
            (None, escapes) if escapes != Some(false) => {
                let end = self.end_either_way(start, start);
                if end.is_none() && !self.cursor.stopped {
                    self.cursor.refuse_unclosed(start, "string", "`\"`");
                }
                Some((TokenKind::Text, end?))
            }
            _ => {
                let end = self.cursor.quoted_end(start, false);
                if end.is_none() {
                    self.cursor.refuse_unclosed(start, "identifier", "`\"`");
                }
                Some((TokenKind::Name, end?))
            }
        }
    }

    fn dollar_quoted(&mut self, start: usize) -> Option<(TokenKind, usize)> {
        let bytes = self.cursor.bytes();
        let length =
            bytes[start + 1..].iter().take_while(|&&byte| is_word_byte(byte) && byte != b'$').count();
        let tag_end = start + length + 2;
        if bytes.get(tag_end - 1) != Some(&b'$') {
            return Some((TokenKind::Word, self.until_delimiter(start, self.word_end(start))));
        }
        let tag = &self.cursor.text[start..tag_end];
        let Some(offset) = self.cursor.text[tag_end..].find(tag) else {
            let close = format!("`{tag}`");
            self.cursor.refuse_unclosed(start, "dollar quote", &close);
            return None;
        };
        Some((TokenKind::Text, tag_end + offset + tag.len()))
    }

    /// A dot right after a name leads to the next part of it, even if that begins with a digit.
    fn continues_name(&self, start: usize) -> bool {
        let before = start.checked_sub(1).and_then(|at| self.cursor.bytes().get(at));
        before.is_some_and(|&byte| is_word_byte(byte) || byte == b'`' || byte == b'"')
    }

    /// Identifiers may begin with digits.
    fn number_end(&self) -> usize {
        self.word_end(self.cursor.number_end())
    }

    fn word_end(&self, from: usize) -> usize {
        self.cursor.word_end(from)
    }
}

/// Says that `sql_mode` is not known since a statement.
pub(super) fn unknown_mode(text: &str, since: Option<Range<usize>>) -> String {
    const LONGEST: usize = 60;
    let statement = since.and_then(|range| text.get(range)).unwrap_or_default();
    let mut characters = statement.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() {
        shown.push_str("...");
    }
    format!("`sql_mode` was set above, by `{shown}`, to something that is not known here")
}
