//! The data files of a Rust revision: which ones it names, and how it reads them.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// How the code of a Rust revision gets at data files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DataUse {
    /// What is given to `file` as a literal
    texts: Vec<String>,
    /// The other string literals
    others: Vec<String>,
    /// Whether `file` is given anything but a literal
    texts_by_variable: bool,
    /// Whether anything reads files as they are
    bytes: bool,
}

impl DataUse {
    /// Looks through a revision's tokens, but for comments.
    pub(super) fn scan(tokens: TokenStream) -> Self {
        let mut found = Self::default();
        found.walk(&tokens.into_iter().collect::<Vec<_>>());
        found
    }

    fn walk(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Ident(word) if word == "file" && is_of_something(tokens, at - 1) => {
                    match tokens.get(at).and_then(only_string) {
                        Some(name) => {
                            self.texts.push(name);
                            at += 1;
                        }
                        None => self.texts_by_variable = true,
                    }
                }
                TokenTree::Ident(word) => self.bytes |= READERS.iter().any(|reader| word == reader),
                TokenTree::Group(group) if is_doc(group) => {}
                TokenTree::Group(group) => self.walk(&group.stream().into_iter().collect::<Vec<_>>()),
                token => self.others.extend(string(token)),
            }
        }
    }

    /// Whether the revision gets a file as text alone, and so with LF whatever the file has. Where that is not certain
    /// its bytes count.
    pub(super) fn is_text(&self, name: &str) -> bool {
        let named = |strings: &[String]| data_names(strings).contains(name);
        if named(&self.others) { self.texts_by_variable && !self.bytes } else { named(&self.texts) }
    }
}

/// What gives a file's bytes, or a text as it is.
const READERS: [&str; 5] = ["file_bytes", "include_bytes", "include_str", "include_dir", "include"];

/// The names under `data/` that some strings can mean: a path is the same with `./` and with two slashes, and
/// `include_str!` has one that leads there.
pub(super) fn data_names(strings: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for string in strings {
        let parts: Vec<&str> = string.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        names.insert(parts.join("/"));
        for (place, part) in parts.iter().enumerate() {
            if *part == "data" {
                names.insert(parts[place + 1..].join("/"));
            }
        }
    }
    names
}

/// The bytes of a text without the CR of CRLF; those of anything else as they are.
pub(super) fn with_unix_line_ends(bytes: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) if text.contains("\r\n") => text.replace("\r\n", "\n").into_bytes(),
        Ok(text) => text.into_bytes(),
        Err(error) => error.into_bytes(),
    }
}

/// Whether a group is what a comment for documentation comes to: `#[doc = "..."]`.
pub(super) fn is_doc(group: &proc_macro2::Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket && matches!(first, Some(TokenTree::Ident(word)) if word == "doc")
}

/// Whether a name follows on `.` or `::`.
fn is_of_something(tokens: &[TokenTree], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    matches!(before, Some(TokenTree::Punct(mark)) if ['.', ':'].contains(&mark.as_char()))
}

/// The string that is all that a call is given.
fn only_string(arguments: &TokenTree) -> Option<String> {
    let TokenTree::Group(group) = arguments else { return None };
    let mut tokens = group.stream().into_iter();
    let first = tokens.next().filter(|_| group.delimiter() == Delimiter::Parenthesis)?;
    let is_end = match tokens.next() {
        None => true,
        Some(TokenTree::Punct(mark)) => mark.as_char() == ',' && tokens.next().is_none(),
        Some(_) => false,
    };
    string(&first).filter(|_| is_end)
}

/// What is between the quotes of a string literal.
pub(super) fn string(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    let text = literal.to_string();
    let (start, end) = text.find('"').zip(text.rfind('"')).filter(|(start, end)| start < end)?;
    text.get(start + 1..end).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_text_where_nothing_else_can_read_it() {
        let is_text = |body: &str| DataUse::scan(body.parse().unwrap()).is_text("a.csv");
        for text in [
            r#"db.file("a.csv")?.lines()"#,
            r##"x(db.file(r#"a.csv"#,)); db.file_bytes("b.bin")"##,
            r#"const A: &str = "a.csv"; db.file(A)"#,
            r#"Db::file(db, "a.csv")"#,
            "for name in [\"a.csv\"] { db.file(name)?; } /// a.csv\nlet a = 1;",
        ] {
            assert!(is_text(text), "{text}");
        }
        for other in [
            r#"db.file_bytes("a.csv")"#,
            r#"db.file("a.csv"); db.file_bytes("a.csv")"#,
            r#"db.file("a.csv"); include_str!("data/a.csv")"#,
            r#"for name in ["a.csv"] { db.file(name); db.file_bytes(name); }"#,
            r#"crate::read(db, "a.csv")"#,
            "/// a.csv\nfn x() {}",
        ] {
            assert!(!is_text(other), "{other}");
        }
    }
}
