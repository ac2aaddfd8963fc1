//! What is printed: facts to standard output as text or JSON, everything else to standard error.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use migrate_revision::Problem;
use serde::Serialize;

use crate::error::Error;
use crate::exit;

/// The version of the JSON shape. It changes when a field changes its meaning or goes, not when one is added.
const SHAPE: u32 = 1;

/// How facts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: one object on standard output
    Json,
    /// A diagram of Mermaid's; for `graph`
    #[value(hide = true)]
    Mermaid,
    /// A graph for Graphviz; for `graph`
    #[value(hide = true)]
    Dot,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes this the choice for all that is printed.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Of identifiers.
pub(crate) const ID: Style = AnsiColor::Yellow.on_default();
/// Of marks such as `(head)`.
pub(crate) const MARK: Style = AnsiColor::Cyan.on_default();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const FRAME: Style = AnsiColor::Blue.on_default().bold();
const BOLD: Style = Style::new().bold();

/// A text in a style.
pub(crate) fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Where a command prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Text or JSON
    pub(crate) format: Format,
    /// The command's name
    pub(crate) command: &'static str,
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

#[derive(Serialize)]
struct ErrorInfo<'a> {
    exit: u8,
    message: String,
    problems: Vec<ProblemInfo<'a>>,
}

/// A problem for programs.
#[derive(Serialize)]
pub(crate) struct ProblemInfo<'a> {
    path: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    notes: &'a [String],
    help: &'a [String],
}

impl<'a> From<&'a Problem> for ProblemInfo<'a> {
    fn from(problem: &'a Problem) -> Self {
        Self {
            path: &problem.path,
            line: problem.place.as_ref().map(|place| place.line),
            column: problem.place.as_ref().map(|place| place.column),
            message: &problem.message,
            notes: &problem.notes,
            help: &problem.help,
        }
    }
}

impl Output {
    /// Prints the command's facts.
    pub(crate) fn facts(&self, data: impl Serialize, text: impl FnOnce() -> String) {
        match self.format {
            Format::Text | Format::Mermaid | Format::Dot => {
                let text = text();
                if !text.is_empty() {
                    print_line(text.trim_end_matches('\n'));
                }
            }
            Format::Json => self.json(Some(data), None),
        }
    }

    /// Prints something beside the facts.
    pub(crate) fn note(&self, text: impl Display) {
        // Nobody may be left to read it, and that is no reason to fail.
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// Prints what is wrong beside the facts.
    pub(crate) fn finding(&self, message: &str) {
        self.note(format!("{ERROR}error{ERROR:#}: {}", with_hint(message)));
    }

    /// Prints why the command failed.
    pub(crate) fn error(&self, error: &Error) {
        let problems: &[Problem] = match error {
            Error::Problems { problems, .. } => problems,
            _ => &[],
        };
        if self.format == Format::Json {
            let problems = problems.iter().map(ProblemInfo::from).collect();
            let exit = exit::of_error(error) as u8;
            self.json(None::<()>, Some(ErrorInfo { exit, message: error.to_string(), problems }));
        }
        if problems.is_empty() {
            self.finding(&error.to_string());
        } else {
            self.problems(problems);
            self.finding(&error.to_string());
        }
    }

    /// Prints problems in the manner of rustc.
    pub(crate) fn problems(&self, problems: &[Problem]) {
        for problem in problems {
            self.note(format!("{}\n", rendered(problem)));
        }
    }

    fn json(&self, data: Option<impl Serialize>, error: Option<ErrorInfo<'_>>) {
        let envelope = Envelope { version: SHAPE, command: self.command, data, error };
        match serde_json::to_string_pretty(&envelope) {
            Ok(text) => print_line(&text),
            Err(error) => self.note(format!("error: cannot write JSON: {error}")),
        }
    }
}

fn print_line(text: &str) {
    let mut out = anstream::stdout();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A message with the word that begins its hint made visible.
fn with_hint(message: &str) -> String {
    message.replacen("\n\nhint:", &format!("\n\n{HINT}hint{HINT:#}:"), 1)
}

fn rendered(problem: &Problem) -> String {
    let text = problem.to_string();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut out = format!("{ERROR}error{ERROR:#}{BOLD}: {first}{BOLD:#}");
    for line in lines {
        out.push('\n');
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        let frame = ["-->", "|", "="].into_iter().find(|frame| trimmed.starts_with(frame));
        if let Some(frame) = frame {
            let rest = &trimmed[frame.len()..];
            let marks = frame == "|" && !rest.trim().is_empty();
            let rest = if marks { styled(ERROR, rest) } else { rest.to_owned() };
            out.push_str(&format!("{indent}{FRAME}{frame}{FRAME:#}{rest}"));
        } else if let Some((number, rest)) =
            trimmed.split_once(" |").filter(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()))
        {
            out.push_str(&format!("{indent}{FRAME}{number} |{FRAME:#}{rest}"));
        } else {
            out.push_str(line);
        }
    }
    out
}
