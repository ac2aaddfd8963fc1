//! A place in a text, and how far the things go that all three dialects share.

use std::ops::Range;

use super::SqlProblem;

/// Reads bytes. Every byte from 0x80 on counts as part of a word in all three dialects, so a cursor that moves by
/// tokens never stops inside a character.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    bytes: &'a [u8],
    pub(super) at: usize,
    /// What was found wrong, in any order
    pub(super) problems: Vec<SqlProblem>,
    /// Whether the rest of the text was given up: something in it never ends
    pub(super) stopped: bool,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, bytes: text.as_bytes(), at, problems: Vec::new(), stopped: false }
    }

    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The byte `offset` further on; NUL beyond the end, where nothing of a token can be.
    pub(super) fn peek(&self, offset: usize) -> u8 {
        let at = self.at + offset;
        if at < self.bytes.len() { self.bytes[at] } else { 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn starts_with(&self, prefix: &str) -> bool {
        let end = self.at + prefix.len();
        end <= self.bytes.len() && self.bytes[self.at..end] == *prefix.as_bytes()
    }

    /// End of the line that holds `at`, without its line feed.
    pub(super) fn line_end(&self, at: usize) -> usize {
        self.find(b'\n', at).unwrap_or(self.text.len())
    }

    /// Where the byte is next found, from `at` on.
    pub(super) fn find(&self, byte: u8, at: usize) -> Option<usize> {
        let mut at = at;
        while at < self.bytes.len() {
            if self.bytes[at] == byte {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    pub(super) fn refuse(
        &mut self,
        range: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let end = range.end.min(self.text.len());
        self.problems.push(SqlProblem {
            range: range.start.min(end)..end,
            message: message.into(),
            help: help.into(),
        });
    }

    /// Something that begins at `open` never ends: nothing after it can be told.
    pub(super) fn refuse_unclosed(&mut self, open: usize, what: &str, close: &str) {
        let mut end = self.line_end(open);
        if self.bytes().get(end.wrapping_sub(1)) == Some(&b'\r') && end > open + 1 {
            end -= 1;
        }
        self.refuse(open..end, format!("unclosed {what}"), format!("close it with {close}"));
        self.give_up();
    }

    /// Reads no further.
    pub(super) fn give_up(&mut self) {
        self.at = self.text.len();
        self.stopped = true;
    }

    /// Skips what is left of the line.
    pub(super) fn skip_line(&mut self) {
        self.at = self.line_end(self.at);
    }

    /// Where the quoted thing ends that begins with a quote at `open`. A doubled quote does not end it, nor does one
    /// after a backslash if `escapes`.
    pub(super) fn quoted_end(&self, open: usize, escapes: bool) -> Option<usize> {
        let bytes = self.bytes;
        let quote = *bytes.get(open)?;
        let mut at = open + 1;
        while at < bytes.len() {
            let byte = bytes[at];
            if byte == b'\\' && escapes {
                at += 2;
            } else if byte != quote {
                at += 1;
            } else if bytes.get(at + 1) == Some(&quote) {
                at += 2;
            } else {
                return Some(at + 1);
            }
        }
        None
    }

    /// Where the bytes end that go on a word, from `at` on.
    pub(super) fn word_end(&self, at: usize) -> usize {
        let mut at = at;
        while at < self.bytes.len() && WORD_BYTES[self.bytes[at] as usize] {
            at += 1;
        }
        at
    }

    /// Where the number ends that begins at the cursor: digits, fraction, exponent.
    pub(super) fn number_end(&self) -> usize {
        let bytes = self.bytes();
        let digits = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let mut at = digits(self.at);
        // `1..3` is a range, not a fraction
        if bytes.get(at) == Some(&b'.') && bytes.get(at + 1) != Some(&b'.') {
            at = digits(at + 1);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
                at = digits(at + 1 + sign);
            }
        }
        at
    }
}

/// Whether a byte can go on a bare identifier in every dialect.
pub(super) fn is_word_byte(byte: u8) -> bool {
    WORD_BYTES[byte as usize]
}

/// Looked up rather than computed: the macro that splits is built without optimisations.
static WORD_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        table[byte] = value.is_ascii_alphanumeric() || value == b'_' || value == b'$' || value >= 0x80;
        byte += 1;
    }
    table
};
