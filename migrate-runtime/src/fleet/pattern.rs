//! `LIKE` as SQL has it, the same for the names of every server.

use crate::{Error, ErrorKind, Result};

/// A pattern: `%` is any text, `_` any character, and a backslash takes the next one for itself.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Piece>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Text,
    Any,
    One(char),
}

impl Pattern {
    /// # Errors
    /// When nothing is behind the last backslash.
    pub(super) fn new(text: &str) -> Result<Self> {
        let mut chars = text.chars();
        let mut pieces = Vec::new();
        while let Some(c) = chars.next() {
            pieces.push(match c {
                '%' => Piece::Text,
                '_' => Piece::Any,
                '\\' => Piece::One(chars.next().ok_or_else(|| {
                    Error::new(
                        ErrorKind::Plan,
                        format!("the pattern `{text}` ends with a backslash, which takes a character for itself\n\nhint: write `\\\\` for a backslash"),
                    )
                })?),
                c => Piece::One(c),
            });
        }
        Ok(Self(pieces))
    }

    /// Whether a name is like it. Upper and lower case are different.
    pub(super) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut piece) = (0, 0);
        // The last `%`, and where its text ended so far.
        let mut back: Option<(usize, usize)> = None;
        while at < name.len() {
            match self.0.get(piece) {
                Some(Piece::Text) => {
                    back = Some((piece, at));
                    piece += 1;
                }
                Some(found) if *found == Piece::Any || *found == Piece::One(name[at]) => {
                    at += 1;
                    piece += 1;
                }
                _ => {
                    let Some((text, end)) = back else { return false };
                    back = Some((text, end + 1));
                    (at, piece) = (end + 1, text + 1);
                }
            }
        }
        self.0[piece..].iter().all(|piece| *piece == Piece::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_like_what_sql_says() {
        for (pattern, like, unlike) in [
            ("tenant_%", &["tenant_1", "tenantX", "tenant_"][..], &["tenant", "Tenant_1", "a_tenant_1"][..]),
            ("tenant\\_%", &["tenant_1", "tenant_"], &["tenantX1"]),
            ("%", &["", "a", "%"], &[]),
            ("", &[""], &["a"]),
            ("a%b%c", &["abc", "aXbYc", "abbcbc"], &["ab", "abcd", "acb"]),
            ("%_b", &["ab", "aab"], &["b", "ba"]),
            ("50\\%", &["50%"], &["500"]),
            ("\\\\", &["\\"], &["\\\\"]),
            ("_", &["\u{e9}", "\n"], &["", "ab"]),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert!(like.iter().all(|name| pattern.matches(name)), "{pattern:?}");
            assert!(!unlike.iter().any(|name| pattern.matches(name)), "{pattern:?}");
        }
        assert_eq!(Pattern::new("a\\").unwrap_err().kind(), ErrorKind::Plan);
    }
}
