//! Problems of revision files: in the manner of rustc for people, and for programs.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use migrate_revision::Problem;
use serde::Serialize;

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
    let mut group = Level::ERROR.primary_title(&problem.message).elements(Vec::<Origin<'_>>::new());
    match &problem.place {
        None => group = group.element(Origin::path(&problem.path)),
        Some(place) => {
            let byte =
                |column: usize| place.text.char_indices().nth(column).map_or(place.text.len(), |(at, _)| at);
            let start = place.column - 1;
            let mark = AnnotationKind::Primary.span(byte(start)..byte(start + place.length));
            let line = Snippet::source(&place.text).line_start(place.line).path(&problem.path);
            group = group.element(line.annotation(mark));
        }
    }
    for (level, lines) in [(Level::NOTE, &problem.notes), (Level::HELP, &problem.help)] {
        group = group.elements(lines.iter().map(|line| level.clone().message(line)));
    }
    let text = Renderer::styled().render(&[group]);
    // Without a line's number there is no margin, and rustc leaves one all the same.
    if problem.place.is_some() { text } else { text.replace('\n', "\n ") }
}
