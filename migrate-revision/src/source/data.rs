//! The data files of a Rust revision: which ones it names, and how it reads them.

use std::collections::BTreeSet;
use std::ops::Range;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::handle::handles;

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
    /// The literals that `file` and `file_bytes` of a [`handle`](super::handle) are given, each with the function's name
    asked: Vec<(String, String)>,
}

impl DataUse {
    /// Looks through a revision's tokens, but for comments.
    pub(super) fn scan(tokens: TokenStream) -> Self {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut found = Self::default();
        found.walk(&tokens, &handles(&tokens));
        found
    }

    fn walk(&mut self, tokens: &[TokenTree], handles: &BTreeSet<String>) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            if let TokenTree::Ident(word) = token
                && ["file", "file_bytes"].iter().any(|function| word == function)
                && is_of_handle(&tokens[..at - 1], handles)
                && let Some(name) = tokens.get(at).and_then(only_literal)
            {
                self.asked.push((word.to_string(), name.to_string()));
            }
            match token {
                TokenTree::Ident(word) if word == "file" && is_of_something(tokens, at - 1) => {
                    match tokens.get(at).and_then(only_literal).and_then(|literal| string(&literal)) {
                        Some(name) => {
                            self.texts.push(name);
                            at += 1;
                        }
                        None => self.texts_by_variable = true,
                    }
                }
                TokenTree::Ident(word) => self.bytes |= READERS.iter().any(|reader| word == reader),
                TokenTree::Group(group) if is_doc(group) => {}
                TokenTree::Group(group) => {
                    self.walk(&group.stream().into_iter().collect::<Vec<_>>(), handles);
                }
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

    /// The names that the revision asks its database for, as far as they are literals, and where in its text.
    pub(super) fn asked<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (&'a str, Range<usize>)> {
        self.asked.iter().filter_map(move |(function, literal)| {
            let (start, end) =
                literal.find('"').zip(literal.rfind('"')).filter(|(start, end)| start < end)?;
            let name = &literal[start + 1..end];
            // What an escape stands for is not known here.
            let is_plain = literal.starts_with('r') || !name.contains('\\');
            is_plain.then(|| (name, argument(text, function, literal)))
        })
    }

    /// The names among the strings that look like those of data files.
    pub(super) fn likely(&self) -> BTreeSet<String> {
        let names = self.texts.iter().chain(&self.others).map(|string| {
            let below = string.rsplit_once("data/").map_or(string.as_str(), |(_, below)| below);
            below.trim_start_matches("./").to_owned()
        });
        names.filter(|name| is_file_name(name)).collect()
    }
}

/// Where the text gives a literal to a function.
fn argument(text: &str, function: &str, literal: &str) -> Range<usize> {
    let is_argument = |at: &usize| {
        let before = text[..*at].trim_end().strip_suffix('(');
        before.is_some_and(|before| before.trim_end().ends_with(function))
    };
    let start = text.match_indices(literal).map(|(at, _)| at).find(is_argument);
    start.map_or(0..0, |start| start..start + literal.len())
}

/// Whether a string is a path to a name with an extension, and nothing else.
fn is_file_name(string: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || ['_', '-', '.', '/'].contains(&c);
    let name = string.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
    !string.contains("..")
        && string.chars().all(is_of_name)
        && extension.is_some_and(|(_, extension)| {
            (1..=5).contains(&extension.len()) && extension.chars().any(char::is_alphabetic)
        })
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

/// Whether what follows is a method of one of these variables.
fn is_of_handle(before: &[TokenTree], handles: &BTreeSet<String>) -> bool {
    let [.., variable, TokenTree::Punct(dot)] = before else { return false };
    dot.as_char() == '.'
        && handles.contains(&variable.to_string())
        && !is_of_something(before, before.len() - 2)
}

/// The string literal that is all that a call is given.
fn only_literal(arguments: &TokenTree) -> Option<TokenTree> {
    let TokenTree::Group(group) = arguments else { return None };
    let mut tokens = group.stream().into_iter();
    let first = tokens.next().filter(|_| group.delimiter() == Delimiter::Parenthesis)?;
    let is_end = match tokens.next() {
        None => true,
        Some(TokenTree::Punct(mark)) => mark.as_char() == ',' && tokens.next().is_none(),
        Some(_) => false,
    };
    (is_end && string(&first).is_some()).then_some(first)
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
    fn what_a_handle_is_asked_for_is_found_and_what_another_type_is_asked_for_is_not() {
        let asked = |body: &str| {
            let text = format!("pub async fn up(db: &mut Db<'_>) -> Result<()> {{ {body} }}");
            let used = DataUse::scan(text.parse().unwrap());
            let found: Vec<String> = used.asked(&text).map(|(name, _)| name.to_owned()).collect();
            for (name, range) in used.asked(&text) {
                assert!(text[range.clone()].contains(name), "{range:?}");
            }
            found.join(" ")
        };
        assert_eq!(asked(r##"let a = "a"; x(db.file("a")?); db . file_bytes(r#"b\c"#,)"##), "a b\\c");
        assert_eq!(asked(r#"} async fn help(other: &Db<'_>) { other.file("a");"#), "a");
        for none in [
            r#"form.file("a")"#,
            r#"form.db.file("a")"#,
            r#"db.file(A); db.file("a\n"); db.file(&format!("a{b}"))"#,
            r#"let db = Form::new(db); db.file("a")"#,
            r#"if let Some(db) = form { db.file("a") }"#,
            r#"forms.map(|db| db.file("a"))"#,
            r#"forms.map(|(_, db)| db.file("a"))"#,
            r#"forms.fold(0, |mut a, db| db.file("a"))"#,
            r#"match form { None => {} Some(db) => db.file("a") }"#,
            r#"match form { Form { db } => db.file("a"), _ => {} }"#,
            r#"} fn help(db: &Form) { db.file("a");"#,
            "/// db.file(\"a\")\nlet a = 1;",
            r#"Form::file("a"); file("a")"#,
        ] {
            assert_eq!(asked(none), "", "{none}");
        }
    }

    #[test]
    fn names_of_files_are_told_from_other_strings() {
        let strings = r#"("geo/a.csv", "../migrations/data/b.json", "./c.tar", "SELECT a.b", "a.b, c", "1.5", ".", "../x.sql", "a")"#;
        let likely = DataUse::scan(strings.parse().unwrap()).likely();
        assert_eq!(likely.into_iter().collect::<Vec<_>>(), ["b.json", "c.tar", "geo/a.csv"]);
    }

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
