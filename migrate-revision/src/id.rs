//! The name of a revision.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The longest id, in characters.
const MAX_LENGTH: usize = 64;

/// A revision's id: 1 to 64 ASCII letters, digits and `_`.
///
/// `head`, `heads`, `base` and `none` are words of targets and headers, and therefore no ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RevisionId(Box<str>);

impl RevisionId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for RevisionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for RevisionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Why a text is no [`RevisionId`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidId {
    /// Nothing there
    Empty,
    /// More than 64 characters
    TooLong,
    /// A character other than ASCII letters, digits and `_`
    Character(char),
    /// A word that targets and headers use
    Reserved,
}

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a revision id must not be empty"),
            Self::TooLong => write!(f, "a revision id has at most {MAX_LENGTH} characters"),
            Self::Character(c) => {
                write!(f, "character {c:?} is not allowed in a revision id; letters, digits and `_` are")
            }
            Self::Reserved => f.write_str(
                "`head`, `heads`, `base`, `none` and `current` have a meaning of their own and cannot be ids",
            ),
        }
    }
}

impl std::error::Error for InvalidId {}

impl FromStr for RevisionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.is_empty() {
            return Err(InvalidId::Empty);
        }
        for (at, byte) in text.bytes().enumerate() {
            if !(byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(text[at..].chars().next().map_or(InvalidId::Empty, InvalidId::Character));
            }
        }
        if text.len() > MAX_LENGTH {
            return Err(InvalidId::TooLong);
        }
        if ["head", "heads", "base", "none", "current"].contains(&text) {
            return Err(InvalidId::Reserved);
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_digits_and_underscore_make_an_id() {
        for good in ["1f3a9c0d27be", "add_users", "A", &"x".repeat(64)] {
            assert_eq!(good.parse::<RevisionId>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        let parse = |text: &str| text.parse::<RevisionId>().unwrap_err();
        assert_eq!(parse(""), InvalidId::Empty);
        assert_eq!(parse(&"x".repeat(65)), InvalidId::TooLong);
        assert_eq!(parse("a-b"), InvalidId::Character('-'));
        assert_eq!(parse("é"), InvalidId::Character('é'));
        assert_eq!(parse("heads"), InvalidId::Reserved);
        assert_eq!(parse("current"), InvalidId::Reserved);
    }
}
