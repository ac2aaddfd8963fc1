//! The procedural macro behind `embed_migrations!`: reads a directory, checks it, prints Rust. Use it through
//! [`embed-migrations`](https://docs.rs/embed-migrations), which tells it the facade's path.

mod call;
mod expand;
mod names;

use proc_macro::TokenStream;

/// What `embed_migrations!` expands to: the path of the facade, a semicolon, and what the caller wrote.
#[proc_macro]
pub fn embed(input: TokenStream) -> TokenStream {
    match syn::parse::<call::Call>(input) {
        Ok(call) => expand::expand(&call).into(),
        Err(error) => error.into_compile_error().into(),
    }
}
