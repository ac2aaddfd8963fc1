//! Commands for working on this repository.
fn main() {}
