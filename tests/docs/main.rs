//! What the pages for users say, done to the letter: their command lines, their files, and what the commands print.

mod commands;
mod console;
mod page;
mod session;
mod snippets;
