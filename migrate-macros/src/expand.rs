//! A call as Rust: data in one byte string, texts by `include_str!`, a variant of one enum per revision.

use std::fmt::Write as _;
use std::path::Path;

use migrate_revision::source::{Checks, LOCK_FILE, Resolved, resolve};
use migrate_revision::{Backend, Body, Direction, Problem, encode, encode_links};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use crate::call::Call;
use crate::names::type_names;

/// The module that a call stands for, or one error per problem and a module to go with them.
pub(crate) fn expand(call: &Call) -> TokenStream {
    let (backends, cover_all) = call.checked_backends();
    let checks = Checks { backends, cover_all, branches: call.branches, require_down: call.require_down };
    let directory = call.directory();
    let display = call.path.value();
    match resolve(&directory, display.trim_end_matches('/'), &checks) {
        Ok(resolved) => module(call, &directory, &resolved),
        Err(problems) => refusal(call, &directory, &problems),
    }
}

fn module(call: &Call, directory: &Path, resolved: &Resolved) -> TokenStream {
    let Call { facade, module, namespace, .. } = call;
    let private = quote!(#facade::__private);
    let (texts, variants) = match (read(&texts(directory, resolved)), read(&variants(resolved))) {
        (Ok(texts), Ok(variants)) => (texts, variants),
        (Err(error), _) | (_, Err(error)) => {
            return syn::Error::new(call.path.span(), error).into_compile_error();
        }
    };
    let encoded = Literal::byte_string(&encode(&resolved.revisions));
    let mut heads: Vec<&str> = resolved.heads().into_iter().map(AsRef::as_ref).collect();
    heads.sort_unstable();
    let heads = heads.join(",");
    let one_head = resolved.graph.heads().len() == 1;
    let digests = resolved.digests();
    let links = Literal::byte_string(&encode_links(&resolved.revisions, &resolved.graph, &digests));
    let digests = digests.whole().map(|digest| match digest {
        Some(digest) => {
            let bytes = Literal::byte_string(digest.as_bytes());
            quote!(::core::option::Option::Some(*#bytes))
        }
        None => quote!(::core::option::Option::None),
    });
    let (backends, _) = call.checked_backends();
    let sought = Backend::ALL.map(|backend| backends.contains(&backend));
    let (rust_modules, rust_revisions) = rust_revisions(call, directory, resolved);
    let (data, data_use) = data(call, directory, resolved);
    let types = types(call, &variants, &quote!(*self as ::core::primitive::usize));
    let lock = resolved.locked.then(|| {
        let path = path_literal(&directory.join(LOCK_FILE));
        quote!(
            const _: &::core::primitive::str = ::core::include_str!(#path);
        )
    });
    let drafts = drafts(call, resolved);
    let source = path_literal(directory);
    let display = call.path.value();
    let doc =
        format!("The {} revisions of `{display}`, checked when this was built.", resolved.revisions.len());
    quote! {
        // Nothing to a module. Where an expression is expected, the compiler's error has the name in it.
        macro_rules! __embed_migrations_belongs_at_module_level { () => {}; }
        #rust_modules
        #[doc = #doc]
        #[allow(clippy::all, clippy::pedantic)]
        pub mod #module {
            #data_use
            /// The revisions.
            pub static MIGRATIONS: #facade::Migrations = #facade::Migrations::new(#private::Embedded {
                namespace: #private::Cow::Borrowed(#namespace),
                module: ::core::module_path!(),
                directory: #private::Cow::Borrowed(#display),
                source_directory: SOURCE_DIRECTORY,
                texts: #private::Texts::Static(&[#texts]),
                revisions: #private::Cow::Borrowed(#encoded),
                links: #private::Cow::Borrowed(#links),
                heads: #private::Cow::Borrowed(#heads),
                one_head: #one_head,
                digests: [#(#digests),*],
                sought: [#(#sought),*],
                rust: &[#rust_revisions],
                data: #data,
            });
            #[cfg(debug_assertions)]
            const SOURCE_DIRECTORY: ::core::option::Option<&'static ::core::primitive::str> =
                ::core::option::Option::Some(#source);
            #[cfg(not(debug_assertions))]
            const SOURCE_DIRECTORY: ::core::option::Option<&'static ::core::primitive::str> =
                ::core::option::Option::None;
            #types
            #lock
        }
        #drafts
    }
}

/// Has the compiler take a text apart: it is built with optimisations, and a macro that makes tokens is not. Nor is
/// proc-macro2, which would look through the text first.
fn read(text: &str) -> Result<TokenStream, proc_macro::LexError> {
    text.parse::<proc_macro::TokenStream>().map(TokenStream::from)
}

/// The files' texts as items of an array.
fn texts(directory: &Path, resolved: &Resolved) -> String {
    let mut items = String::new();
    for revision in &resolved.revisions {
        match revision.body {
            Body::Sql(_) => {
                let path = directory.join(revision.file_name());
                let _ = write!(items, "::core::include_str!({:?}),", path.to_string_lossy());
            }
            Body::Rust { .. } => items.push_str("\"\","),
        }
    }
    items
}

/// The names of the revisions in Rust, each with what it stands for.
fn variants(resolved: &Resolved) -> String {
    let names = type_names(resolved.revisions.iter().map(|r| (r.id.as_str(), r.slug.as_str())));
    let mut items = String::new();
    for (name, revision) in names.iter().zip(&resolved.revisions) {
        let doc =
            format!("{}\n\nRevision `{}`, from `{}`.", revision.message, revision.id, revision.file_name());
        let _ = write!(items, "#[doc={doc:?}]{name},");
    }
    items
}

/// The typed revisions. One enum, because a struct with an implementation costs the compiler seven times as much.
fn types(call: &Call, variants: &TokenStream, index: &TokenStream) -> TokenStream {
    let facade = &call.facade;
    quote! {
        /// A revision by name, accepted wherever a target is.
        #[derive(
            ::core::clone::Clone, ::core::marker::Copy, ::core::cmp::PartialEq, ::core::cmp::Eq, ::core::hash::Hash
        )]
        #[allow(non_camel_case_types, dead_code)]
        pub enum Revision { #variants }
        #[allow(unused_imports)]
        pub use self::Revision::*;
        impl #facade::EmbeddedRevision for Revision {
            fn at(&self) -> #facade::__private::Position {
                #facade::__private::Position { set: &MIGRATIONS, index: #index }
            }
        }
        impl ::core::fmt::Debug for Revision {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(#facade::EmbeddedRevision::id(self))
            }
        }
    }
}

/// The Rust revisions as modules beside the emitted one, where editors find them, and what calls them.
fn rust_revisions(call: &Call, directory: &Path, resolved: &Resolved) -> (TokenStream, TokenStream) {
    let private = {
        let facade = &call.facade;
        quote!(#facade::__private)
    };
    let mut modules = TokenStream::new();
    let mut entries = TokenStream::new();
    for (index, revision) in resolved.revisions.iter().enumerate() {
        let Body::Rust { down, .. } = revision.body else { continue };
        // With the place of a name that the caller wrote, lints of names would look at it.
        let name = format_ident!("__{}_{}", call.module, revision.id.as_str(), span = Span::call_site());
        let path = path_literal(&directory.join(revision.file_name()));
        modules.extend(quote! {
            #[doc(hidden)]
            #[allow(unreachable_pub)]
            #[path = #path]
            mod #name;
        });
        let file = format!("{}/{}", call.path.value(), revision.file_name());
        let up = rust_function(call, &file, &name, Direction::Up);
        let down = if down {
            let down = rust_function(call, &file, &name, Direction::Down);
            quote!(::core::option::Option::Some(#down))
        } else {
            quote!(::core::option::Option::None)
        };
        let index = Literal::usize_unsuffixed(index);
        entries.extend(quote! {
            #private::RustRevision {
                index: #index,
                up: #up,
                down: #down,
            },
        });
    }
    (modules, entries)
}

/// What calls a function of a Rust revision. The compiler shows errors of the call where the macro stands, so that the one
/// that is most often made, another type of result, has a text that names the file.
fn rust_function(call: &Call, file: &str, module: &Ident, direction: Direction) -> TokenStream {
    let facade = &call.facade;
    let name = format_ident!("{}", direction.to_string());
    let file = file.replace('{', "{{").replace('}', "}}");
    let message = format!("`{name}` of `{file}` gives `{{Self}}`, which is not the result of a revision");
    let note = format!(
        "write `pub async fn {name}(db: &mut Db<'_>) -> Result<()>` with `embed_migrations::Result`; \
         `embed_migrations::Error::other` takes any other error"
    );
    quote! {{
        #[diagnostic::on_unimplemented(message = #message, label = "embedded here", note = #note)]
        trait Outcome {
            fn outcome(self) -> #facade::Result<()>;
        }
        impl Outcome for #facade::Result<()> {
            fn outcome(self) -> Self {
                self
            }
        }
        |db| ::std::boxed::Box::pin(async move { Outcome::outcome(super::#module::#name(db).await) })
    }}
}

/// The directory `data`, if it has files. The macro that embeds it looks for its crate by name.
fn data(call: &Call, directory: &Path, resolved: &Resolved) -> (TokenStream, TokenStream) {
    if resolved.data.is_empty() {
        return (quote!(::core::option::Option::None), TokenStream::new());
    }
    let facade = &call.facade;
    let private = quote!(#facade::__private);
    let path = path_literal(&directory.join("data"));
    (
        quote!(::core::option::Option::Some(&DATA)),
        quote! {
            use #private::include_dir;
            static DATA: #private::Data = #private::Data::new(include_dir::include_dir!(#path));
        },
    )
}

/// What refuses drafts where builds have no debug assertions: those of the calling crate count, not this macro's.
fn drafts(call: &Call, resolved: &Resolved) -> Option<TokenStream> {
    if call.drafts || resolved.drafts.is_empty() {
        return None;
    }
    let mut problem = Problem::of_path(
        format!("{}/{LOCK_FILE}", call.path.value()),
        format!(
            "{} not locked, and this build has no debug assertions",
            if resolved.drafts.len() == 1 {
                "1 revision is".to_owned()
            } else {
                format!("{} revisions are", resolved.drafts.len())
            }
        ),
        "lock what is ready to ship: `cargo migrate lock`",
    );
    for &draft in &resolved.drafts {
        problem = problem.note(resolved.sources[draft].path.clone());
    }
    let error = compile_error(call, &problem.help("or allow it: `drafts = allow` in the call"));
    Some(quote! {
        #[cfg(not(debug_assertions))]
        #error
    })
}

/// One error per problem, and a module with the names that the rest of the crate may use, so that nothing else fails.
fn refusal(call: &Call, directory: &Path, problems: &[Problem]) -> TokenStream {
    let Call { facade, module, .. } = call;
    let private = quote!(#facade::__private);
    let errors = problems.iter().map(|problem| compile_error(call, problem));
    let files = revision_files(directory);
    // Which part of a name is the id, only its header says: every part that may be a slug gets a type.
    let slugs = files
        .iter()
        .filter_map(|file| Some(file.rsplit_once('.')?.0))
        .flat_map(|stem| stem.match_indices('_').map(move |(at, _)| (&stem[..at], &stem[at + 1..])));
    let mut names = type_names(slugs);
    names.sort_unstable();
    names.dedup();
    let names = names.iter().filter_map(|name| syn::parse_str::<Ident>(name).ok());
    let types = types(call, &quote!(#(#names),*), &quote!(0));
    // Tracking the files makes the next build look at them again.
    let tracked = files.iter().map(|file| path_literal(&directory.join(file)));
    quote! {
        #(#errors)*
        #[doc(hidden)]
        #[allow(dead_code)]
        pub mod #module {
            pub static MIGRATIONS: #facade::Migrations = #facade::Migrations::new(#private::Embedded {
                namespace: #private::Cow::Borrowed(""),
                module: "",
                directory: #private::Cow::Borrowed(""),
                source_directory: ::core::option::Option::None,
                texts: #private::Texts::Static(&[]),
                revisions: #private::Cow::Borrowed(b""),
                links: #private::Cow::Borrowed(b""),
                heads: #private::Cow::Borrowed(""),
                one_head: true,
                digests: [::core::option::Option::None; 4],
                sought: [true; 4],
                rust: &[],
                data: ::core::option::Option::None,
            });
            #types
            #(const _: &[::core::primitive::u8] = ::core::include_bytes!(#tracked);)*
        }
    }
}

fn revision_files(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<String> = entries
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            !name.starts_with('.') && (name.ends_with(".sql") || name.ends_with(".rs") || name == LOCK_FILE)
        })
        .collect();
    files.sort_unstable();
    files
}

fn compile_error(call: &Call, problem: &Problem) -> TokenStream {
    let message = problem.to_string();
    quote_spanned!(call.path.span()=> ::core::compile_error!(#message);)
}

fn path_literal(path: &Path) -> Literal {
    Literal::string(&path.to_string_lossy())
}
