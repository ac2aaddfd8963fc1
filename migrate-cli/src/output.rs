//! What is printed: facts to standard output as text or JSON, everything else to standard error.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;

use crate::error::Error;

/// The version of the JSON shape. It changes when a field changes its meaning or goes, not when one is added.
const SHAPE: u32 = 1;

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// The same for another program that has the option.
    #[must_use]
    pub fn words(self) -> Option<String> {
        let named = self.to_possible_value().filter(|_| self != Self::Auto);
        named.map(|value| format!("--color={}", value.get_name()))
    }

    /// Makes this the choice for all that is printed.
    pub fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Of identifiers.
pub const ID: Style = AnsiColor::Yellow.on_default();
/// Of marks such as `(head)`.
pub const MARK: Style = AnsiColor::Cyan.on_default();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// A text in a style.
pub fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The word that begins an error, and other things that are wrong.
pub fn emphasised(text: impl Display) -> String {
    styled(ERROR, text)
}

/// The commands that an application has, too.
pub(crate) const EMBEDDED: [&str; 12] = [
    "upgrade",
    "downgrade",
    "current",
    "history",
    "heads",
    "show",
    "stamp",
    "resolve",
    "undo",
    "plan",
    "status",
    "check",
];

/// Where a command prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Facts as JSON
    pub json: bool,
    /// The command's name
    pub command: &'static str,
    /// What stands before the command's name where it is to be typed
    pub program: &'static str,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    version: u32,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorInfo<'a>>,
}

/// An error for programs.
#[derive(Serialize)]
pub(crate) struct ErrorInfo<'a> {
    exit: u8,
    message: String,
    problems: Vec<&'a serde_json::Value>,
}

impl Output {
    /// Prints the command's facts.
    pub fn facts(&self, data: impl Serialize, text: impl FnOnce() -> String) {
        if self.json {
            return self.print_json(Some(data), None);
        }
        let text = text();
        if !text.is_empty() {
            self.text(text.trim_end_matches('\n'));
        }
    }

    /// Prints a text that has one form only.
    pub fn text(&self, text: &str) {
        let mut out = anstream::stdout();
        // Nobody may be left to read it, and that is no reason to fail.
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// Prints something beside the facts.
    pub fn note(&self, text: impl Display) {
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// Prints what is wrong beside the facts.
    pub fn finding(&self, message: &str) {
        self.note(format!("{}: {}", emphasised("error"), with_hint(&self.own(message))));
    }

    /// Prints why the command failed.
    pub fn error(&self, error: &Error) {
        if self.json {
            self.print_json(None::<()>, Some(self.error_info(error)));
        }
        for detail in error.details() {
            self.note(format_args!("{}\n", detail.text));
        }
        self.finding(&error.to_string());
    }

    /// An error as JSON has it.
    pub(crate) fn error_info<'a>(&self, error: &'a Error) -> ErrorInfo<'a> {
        let problems = error.details().iter().map(|detail| &detail.data).collect();
        ErrorInfo { exit: error.exit().code(), message: self.own(&error.to_string()), problems }
    }

    /// A message with this program's commands in place of those of cargo-migrate, where it has them as well.
    pub(crate) fn own(&self, message: &str) -> String {
        EMBEDDED.iter().fold(message.to_owned(), |message, name| {
            message.replace(&format!("cargo migrate {name}"), &format!("{} {name}", self.program))
        })
    }

    fn print_json(&self, data: Option<impl Serialize>, error: Option<ErrorInfo<'_>>) {
        let envelope = Envelope { version: SHAPE, command: self.command, data, error };
        match serde_json::to_string_pretty(&envelope) {
            Ok(text) => self.text(&text),
            Err(error) => self.note(format_args!("error: cannot write JSON: {error}")),
        }
    }
}

/// A message with the word that begins its hint made visible.
fn with_hint(message: &str) -> String {
    message.replacen("\n\nhint:", &format!("\n\n{}:", styled(HINT, "hint")), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_names_the_program_that_has_the_command() {
        let message = "edited\n\nhint: `cargo migrate undo`, or `cargo migrate stamp base`; or `cargo migrate repair a`";
        let output = |program| Output { json: false, command: "upgrade", program };
        assert_eq!(output("cargo migrate").own(message), message);
        assert_eq!(
            output("app db").own(message),
            "edited\n\nhint: `app db undo`, or `app db stamp base`; or `cargo migrate repair a`"
        );
    }
}
