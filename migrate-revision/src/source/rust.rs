//! A Rust revision's file, as far as the build must know it: which functions it has and which data it names.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::file::SourceText;
use crate::Problem;

/// What a Rust revision's file has.
#[derive(Debug, Clone, Default)]
pub(super) struct RustItems {
    /// Whether there is a `pub async fn down`
    pub(super) down: bool,
    /// The string literals in it, sorted, among which the names of data files are looked for
    pub(super) strings: Vec<String>,
}

/// Looks for the functions at the top level and the string literals at any.
pub(super) fn scan_rust(source: &SourceText, problems: &mut Vec<Problem>) -> RustItems {
    let Ok(tokens) = source.text.parse::<TokenStream>() else {
        problems.push(Problem::of_path(
            &source.path,
            "this is not Rust: its brackets or quotes do not match",
            format!("`rustfmt --check {}` shows where", source.path),
        ));
        return RustItems::default();
    };
    let mut items = RustItems::default();
    let top: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let has = |name: &str| {
        top.windows(5).any(|window| {
            let words: Vec<String> = window[..4].iter().map(ToString::to_string).collect();
            words == ["pub", "async", "fn", name] && !is_braced(&window[4])
        })
    };
    items.down = has("down");
    if !has("up") {
        problems.push(Problem::of_path(
            &source.path,
            "the revision has no `pub async fn up`",
            "write `pub async fn up(db: &mut Db<'_>) -> Result<()>` at the top level of the file",
        ));
    }
    collect_strings(tokens, &mut items.strings);
    items.strings.sort_unstable();
    items
}

fn is_braced(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn collect_strings(tokens: TokenStream, strings: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect_strings(group.stream(), strings),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if let (Some(start), Some(end)) = (text.find('"'), text.rfind('"'))
                    && start < end
                {
                    strings.push(text[start + 1..end].to_owned());
                }
            }
            _ => {}
        }
    }
}
