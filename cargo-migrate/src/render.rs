//! Problems of revision files: in the manner of rustc for people, and for programs.

use anstyle::{AnsiColor, Style};
use migrate_cli::emphasised;
use migrate_revision::Problem;
use serde::Serialize;

const FRAME: Style = AnsiColor::Blue.on_default().bold();
const BOLD: Style = Style::new().bold();

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

impl ProblemInfo<'_> {
    /// As `problems` has it in JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }
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

/// A problem with its line shown and marked.
pub(crate) fn rendered(problem: &Problem) -> String {
    let text = problem.to_string();
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut out = format!("{}{BOLD}: {first}{BOLD:#}", emphasised("error"));
    for line in lines {
        out.push('\n');
        let trimmed = line.trim_start();
        let indent = &line[..line.len() - trimmed.len()];
        let frame = ["-->", "|", "="].into_iter().find(|frame| trimmed.starts_with(frame));
        if let Some(frame) = frame {
            let rest = &trimmed[frame.len()..];
            let marks = frame == "|" && !rest.trim().is_empty();
            let rest = if marks { emphasised(rest) } else { rest.to_owned() };
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
