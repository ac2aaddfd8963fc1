//! The variables of a Rust revision that are its database.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenTree};

/// The names that have, wherever they are declared, the type of what `up` is given. A name that is also something else is
/// none of them.
pub(super) fn handles(tokens: &[TokenTree]) -> BTreeSet<String> {
    let mut found = Declared::default();
    let Some(handle) = given_to_up(tokens) else { return BTreeSet::new() };
    found.walk(tokens, &handle);
    &found.handles - &found.others
}

#[derive(Default)]
struct Declared {
    handles: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Declared {
    fn walk(&mut self, tokens: &[TokenTree], handle: &str) {
        for (at, token) in tokens.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| &tokens[before]);
            match token {
                TokenTree::Group(group) => self.walk(&inside(group), handle),
                TokenTree::Ident(word) if word == "let" || word == "for" => {
                    let end = |token: &TokenTree| is(token, "=") || is(token, "in") || is(token, ":");
                    self.bind(tokens[at + 1..].iter().take_while(|token| !end(token)));
                }
                // The arguments of a closure, or what is between two patterns or numbers.
                TokenTree::Punct(mark) if mark.as_char() == '|' => {
                    let end = tokens[at + 1..].iter().position(|token| is(token, "|")).unwrap_or_default();
                    self.bind(tokens[at + 1..at + 1 + end].iter());
                }
                TokenTree::Punct(mark) if mark.as_char() == '>' && before.is_some_and(|it| is(it, "=")) => {
                    let is_end = |token: &TokenTree| match token {
                        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                        token => is(token, ","),
                    };
                    let arm = tokens[..at].iter().rposition(is_end).map_or(0, |end| end + 1);
                    // A pattern may itself be in braces: `Form { db } =>`.
                    let arm = if arm + 1 >= at { arm.saturating_sub(1) } else { arm };
                    self.bind(tokens[arm..at].iter());
                }
                TokenTree::Ident(name) => {
                    let after = &tokens[at + 1..];
                    let is_typed = after.first().is_some_and(|mark| is(mark, ":"))
                        && after.get(1).is_some_and(|next| !is(next, ":"))
                        && !before.is_some_and(|before| is(before, ":"));
                    if is_typed {
                        let names = if type_name(&after[1..]) == handle {
                            &mut self.handles
                        } else {
                            &mut self.others
                        };
                        names.insert(name.to_string());
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes every word of a pattern for a name of something else.
    fn bind<'a>(&mut self, pattern: impl Iterator<Item = &'a TokenTree>) {
        for token in pattern {
            match token {
                TokenTree::Group(group) => self.bind(inside(group).iter()),
                token => drop(self.others.insert(token.to_string())),
            }
        }
    }
}

/// The type of the argument of `up`.
fn given_to_up(tokens: &[TokenTree]) -> Option<String> {
    let up = tokens.windows(2).position(|pair| is(&pair[0], "fn") && is(&pair[1], "up"))?;
    let arguments = tokens[up..].iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(inside(group)),
        _ => None,
    })?;
    let colon = arguments.iter().position(|token| is(token, ":"))?;
    Some(type_name(&arguments[colon + 1..])).filter(|name| !name.is_empty())
}

/// A type's path, without references and what is in angle brackets.
fn type_name(tokens: &[TokenTree]) -> String {
    let mut name = String::new();
    let mut rest = tokens.iter();
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '\'' => drop(rest.next()),
            TokenTree::Punct(mark) if mark.as_char() == '&' => {}
            TokenTree::Punct(mark) if mark.as_char() == ':' => name.push(':'),
            TokenTree::Ident(word) if word == "mut" => {}
            TokenTree::Ident(word) => name.push_str(&word.to_string()),
            _ => break,
        }
    }
    name
}

fn inside(group: &proc_macro2::Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn is(token: &TokenTree, text: &str) -> bool {
    match token {
        TokenTree::Ident(word) => word == text,
        TokenTree::Punct(mark) => text.len() == 1 && text.starts_with(mark.as_char()),
        _ => false,
    }
}
