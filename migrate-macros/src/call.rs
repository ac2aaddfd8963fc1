//! A call of `embed_migrations!`.

use std::path::{Component, Path, PathBuf};

use migrate_revision::{Backend, nearest};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{LitStr, Result, Token, bracketed, parenthesized, token};

/// What a call says.
pub(crate) struct Call {
    /// The path of the facade, as the calling crate knows it
    pub(crate) facade: TokenStream,
    /// The directory
    pub(crate) path: LitStr,
    pub(crate) module: Ident,
    pub(crate) namespace: String,
    /// The backends that are named; `None` for those whose features are on
    pub(crate) backends: Option<Vec<Backend>>,
    pub(crate) branches: bool,
    pub(crate) drafts: bool,
    pub(crate) require_down: bool,
}

const OPTIONS: [&str; 6] = ["module", "namespace", "backends", "branches", "drafts", "require"];

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut facade = TokenStream::new();
        while !input.peek(Token![;]) {
            facade.extend([input.parse::<TokenTree>()?]);
        }
        input.parse::<Token![;]>()?;
        if !input.peek(LitStr) {
            return Err(expected(
                input,
                "the directory of the revisions as a string, such as `embed_migrations!(\"migrations\")`",
            ));
        }
        let mut call = Self {
            facade,
            path: input.parse()?,
            module: Ident::new("migrations", Span::call_site()),
            namespace: "main".into(),
            backends: None,
            branches: false,
            drafts: false,
            require_down: false,
        };
        let mut seen = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if !input.is_empty() {
                call.option(input, &mut seen)?;
            }
        }
        Ok(call)
    }
}

impl Call {
    fn option(&mut self, input: ParseStream<'_>, seen: &mut Vec<Ident>) -> Result<()> {
        let Ok(name) = Ident::parse_any(input) else {
            return Err(expected(input, &format!("an option; the options are {}", OPTIONS.join(", "))));
        };
        let text = name.to_string();
        if seen.contains(&name) {
            return Err(syn::Error::new(name.span(), format!("option `{text}` is there twice")));
        }
        seen.push(name.clone());
        if text == "require" {
            if !input.peek(token::Paren) {
                return Err(syn::Error::new(name.span(), "write it as `require(down)`"));
            }
            let inside;
            parenthesized!(inside in input);
            if Ident::parse_any(&inside).ok().is_none_or(|what| what != "down") || !inside.is_empty() {
                return Err(syn::Error::new(name.span(), "only `require(down)` is known"));
            }
            self.require_down = true;
            return Ok(());
        }
        if !OPTIONS.contains(&text.as_str()) {
            let hint = nearest(&text, OPTIONS).map_or_else(
                || format!("the options are {}", OPTIONS.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(syn::Error::new(name.span(), format!("unknown option `{text}`; {hint}")));
        }
        if input.parse::<Token![=]>().is_err() {
            return Err(syn::Error::new(
                name.span(),
                format!("option `{text}` needs a value: `{text} = ...`"),
            ));
        }
        match text.as_str() {
            "module" => {
                let Ok(module) = input.parse() else {
                    return Err(expected(input, "a name for the module, without quotes: `module = db`"));
                };
                self.module = module;
            }
            "namespace" => {
                let Ok(namespace) = input.parse::<LitStr>() else {
                    return Err(expected(input, "a string: `namespace = \"billing\"`"));
                };
                self.namespace = namespace.value();
                let text = &self.namespace;
                // MySQL does not tell trailing spaces apart.
                let tellable = text.trim() == text && !text.contains(char::is_control);
                if !(1..=64).contains(&text.chars().count()) || !tellable {
                    return Err(syn::Error::new(
                        namespace.span(),
                        "a namespace has 1 to 64 characters, no control characters, and no spaces at its ends",
                    ));
                }
            }
            "backends" => self.backends = Some(backends(input)?),
            "branches" => self.branches = allow(input)?,
            _ => self.drafts = allow(input)?,
        }
        Ok(())
    }

    /// Where the directory is: relative to the Cargo.toml of the calling crate.
    pub(crate) fn directory(&self) -> PathBuf {
        let root = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
        normalised(&root.join(self.path.value()))
    }

    /// The backends to check for, and whether each of them must be covered.
    pub(crate) fn checked_backends(&self) -> (Vec<Backend>, bool) {
        match &self.backends {
            Some(named) => (named.clone(), true),
            None => {
                let on = |backend| match backend {
                    Backend::Sqlite => cfg!(feature = "sqlite"),
                    Backend::Postgres => cfg!(feature = "postgres"),
                    Backend::Mysql | Backend::Mariadb => cfg!(feature = "mysql"),
                };
                let enabled: Vec<Backend> = Backend::ALL.into_iter().filter(|backend| on(*backend)).collect();
                (if enabled.is_empty() { Backend::ALL.to_vec() } else { enabled }, false)
            }
        }
    }
}

fn allow(input: ParseStream<'_>) -> Result<bool> {
    if input.fork().parse::<Ident>().is_ok_and(|word| word == "allow") {
        return input.parse::<Ident>().map(|_| true);
    }
    Err(expected(input, "`allow`"))
}

/// An error at what comes next.
fn expected(input: ParseStream<'_>, what: &str) -> syn::Error {
    let span = input.cursor().token_tree().map_or_else(Span::call_site, |(token, _)| token.span());
    syn::Error::new(span, format!("expected {what}"))
}

/// A list of backends. MariaDB takes what MySQL has, so that naming MySQL names both.
fn backends(input: ParseStream<'_>) -> Result<Vec<Backend>> {
    if !input.peek(token::Bracket) {
        return Err(expected(input, "a list: `backends = [postgres, sqlite]`"));
    }
    let inside;
    let brackets = bracketed!(inside in input);
    let mut named = Vec::new();
    while !inside.is_empty() {
        let Ok(word) = Ident::parse_any(&inside) else {
            return Err(expected(
                &inside,
                "the name of a backend, without quotes: `backends = [postgres, sqlite]`",
            ));
        };
        let name = word.to_string();
        let backend: Backend = name.parse().map_err(|_| {
            let known = Backend::ALL.map(Backend::name);
            let hint = nearest(&name, known).map_or_else(
                || format!("the backends are {}", known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            syn::Error::new(word.span(), format!("unknown backend `{name}`; {hint}"))
        })?;
        named.push(backend);
        if backend == Backend::Mysql {
            named.push(Backend::Mariadb);
        }
        if !inside.is_empty() {
            inside.parse::<Token![,]>()?;
        }
    }
    named.sort_unstable();
    named.dedup();
    if named.is_empty() {
        return Err(syn::Error::new(
            brackets.span.join(),
            "name at least one backend, or leave the option out",
        ));
    }
    Ok(named)
}

/// The path without `.` and `..`, by its text alone: asking the file system would resolve symbolic links, and make paths
/// that some tools cannot read.
fn normalised(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if parts.parent().is_some() => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}
