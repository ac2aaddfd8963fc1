//! Tokens, and questions about a run of them.

use std::ops::Range;

/// What a token is, as far as finding ends and kinds needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Key word or bare identifier
    Word,
    /// Quoted identifier, quotes included
    Name,
    /// String, quotes and prefix included
    Text,
    /// Number, also what begins like one
    Number,
    /// Operator or punctuation
    Symbol,
    /// Optimizer hint, whole
    Hint,
    /// Where an executable comment begins, with its version
    Open,
    /// Where an executable comment ends
    Close,
    /// A delimiter set with `DELIMITER`
    Delimiter,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: Range<usize>,
}

impl Token {
    pub(super) fn new(kind: TokenKind, range: Range<usize>) -> Self {
        Self { kind, range }
    }

    pub(super) fn text<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.range.clone()).unwrap_or_default()
    }

    pub(super) fn is_word(&self, text: &str, word: &str) -> bool {
        self.range.len() == word.len()
            && self.kind == TokenKind::Word
            && self.text(text).eq_ignore_ascii_case(word)
    }

    pub(super) fn is_symbol(&self, text: &str, symbol: &str) -> bool {
        self.range.len() == symbol.len() && self.kind == TokenKind::Symbol && self.text(text) == symbol
    }

    /// Whether it is there only to steer the reading of others.
    pub(super) fn is_frame(&self) -> bool {
        matches!(self.kind, TokenKind::Open | TokenKind::Close | TokenKind::Hint)
    }
}

/// The tokens of a statement, or their rest. Every question may be asked beyond the end: the answer is no.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    text: &'a str,
    tokens: &'a [Token],
}

impl<'a> View<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [Token]) -> Self {
        Self { text, tokens }
    }

    pub(super) fn len(self) -> usize {
        self.tokens.len()
    }

    pub(super) fn token(self, at: usize) -> Option<&'a Token> {
        self.tokens.get(at)
    }

    /// Without the first `count` tokens.
    pub(super) fn skip(self, count: usize) -> Self {
        Self { text: self.text, tokens: self.tokens.get(count..).unwrap_or_default() }
    }

    /// The first `count` tokens.
    pub(super) fn take(self, count: usize) -> Self {
        Self { text: self.text, tokens: self.tokens.get(..count).unwrap_or(self.tokens) }
    }

    /// Without the parentheses it begins with.
    pub(super) fn skip_open(self) -> Self {
        self.skip((0..self.len()).take_while(|&at| self.symbol(at, "(")).count())
    }

    pub(super) fn source(self, at: usize) -> &'a str {
        self.token(at).map_or("", |token| token.text(self.text))
    }

    /// A bare word, `""` if there is none at that place.
    pub(super) fn word(self, at: usize) -> &'a str {
        match self.token(at) {
            Some(token) if token.kind == TokenKind::Word => token.text(self.text),
            _ => "",
        }
    }

    pub(super) fn is(self, at: usize, word: &str) -> bool {
        self.token(at).is_some_and(|token| token.is_word(self.text, word))
    }

    pub(super) fn is_any(self, at: usize, words: &[&str]) -> bool {
        let found = self.word(at);
        !found.is_empty()
            && words.iter().any(|word| found.len() == word.len() && found.eq_ignore_ascii_case(word))
    }

    /// Whether the words stand in a row from `at` on.
    pub(super) fn are(self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(offset, word)| self.is(at + offset, word))
    }

    pub(super) fn symbol(self, at: usize, symbol: &str) -> bool {
        self.token(at).is_some_and(|token| token.is_symbol(self.text, symbol))
    }

    /// Whether the word occurs at all, in parentheses or not.
    pub(super) fn has(self, word: &str) -> bool {
        (0..self.len()).any(|at| self.is(at, word))
    }

    /// Positions of the tokens outside parentheses, the parentheses left out.
    pub(super) fn outer(self) -> impl Iterator<Item = usize> + 'a {
        let mut depth = 0_usize;
        (0..self.len()).filter(move |&at| {
            if self.symbol(at, "(") {
                depth += 1;
                return false;
            }
            if self.symbol(at, ")") {
                depth = depth.saturating_sub(1);
                return false;
            }
            depth == 0
        })
    }

    /// Position of the first token outside parentheses that is this word, and not a part of a qualified name.
    pub(super) fn outer_word(self, word: &str) -> Option<usize> {
        self.outer().find(|&at| self.is(at, word) && !(at > 0 && self.symbol(at - 1, ".")))
    }

    /// Position after the parenthesis that closes the one at `at`.
    pub(super) fn after_parentheses(self, at: usize) -> usize {
        let mut depth = 0_usize;
        for position in at..self.len() {
            if self.symbol(position, "(") {
                depth += 1;
            } else if self.symbol(position, ")") {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return position + 1;
                }
            }
        }
        self.len()
    }
}

/// Whether a word of letters and the like, in lower case, occurs in a text, whatever the case.
pub(super) fn contains_ignoring_case(text: &str, word: &str) -> bool {
    let (bytes, word) = (text.as_bytes(), word.as_bytes());
    let mut at = 0;
    while at + word.len() <= bytes.len() {
        if bytes[at] | 0x20 == word[0] && bytes[at..at + word.len()].eq_ignore_ascii_case(word) {
            return true;
        }
        at += 1;
    }
    false
}
