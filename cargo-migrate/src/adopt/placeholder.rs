//! Placeholders in another tool's SQL: given a value, or named as what is missing.

use migrate_revision::{Place, Problem};

use super::Section;

/// How a tool writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `${name}`
    Braces,
    /// `${NAME}`, `${NAME:-else}` and `$NAME`, with `$$` and `\$` for a plain dollar
    Shell,
}

/// Puts the values into a section.
pub(super) fn replace(
    section: &mut Section,
    style: Style,
    values: &[(String, String)],
    problems: &mut Vec<Problem>,
) {
    let file = section.file.clone();
    for (number, line) in &mut section.lines {
        *line = replaced(line, style, values, |name, column| {
            let place =
                Place { line: *number, column: column + 1, length: name.chars().count(), text: line.clone() };
            problems.push(Problem {
                place: Some(Box::new(place)),
                ..Problem::of_path(
                    &file,
                    format!("placeholder `{name}` has no value"),
                    format!("give it one with `--placeholder {name}=VALUE`"),
                )
            });
        });
    }
}

/// A line with the values in it. `missing` is told the name and the column, from 0, of what has none.
pub(super) fn replaced(
    line: &str,
    style: Style,
    values: &[(String, String)],
    mut missing: impl FnMut(&str, usize),
) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        if style == Style::Shell && before.ends_with('\\') {
            out.push_str(&before[..before.len() - 1]);
            out.push('$');
            rest = &from[1..];
            continue;
        }
        out.push_str(before);
        if style == Style::Shell && from.starts_with("$$") {
            out.push('$');
            rest = &from[2..];
            continue;
        }
        let Some((name, otherwise, length)) = named(from, style) else {
            out.push('$');
            rest = &from[1..];
            continue;
        };
        let given = values.iter().find(|(other, _)| match style {
            Style::Braces => other.eq_ignore_ascii_case(name),
            Style::Shell => other == name,
        });
        match given.map(|(_, value)| value.as_str()).or(otherwise) {
            Some(value) => out.push_str(value),
            None => {
                missing(name, line[..line.len() - from.len()].chars().count());
                out.push_str(&from[..length]);
            }
        }
        rest = &from[length..];
    }
    out.push_str(rest);
    out
}

/// The name at the beginning of a text, what stands there without a value, and how long the whole is.
fn named(text: &str, style: Style) -> Option<(&str, Option<&str>, usize)> {
    if let Some(inside) = text.strip_prefix("${") {
        let end = inside.find('}')?;
        let whole = &inside[..end];
        let (name, otherwise) = match whole.split_once(":-").filter(|_| style == Style::Shell) {
            Some((name, otherwise)) => (name, Some(otherwise)),
            None => (whole, None),
        };
        return (!name.is_empty()).then_some((name, otherwise, end + 3));
    }
    if style == Style::Braces {
        return None;
    }
    let name = &text[1..];
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins.then_some((&name[..end], None, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_has_a_value_or_is_named() {
        let values = [("schema".to_owned(), "app".to_owned())];
        let run = |line: &str, style| {
            let mut missing = Vec::new();
            let out = replaced(line, style, &values, |name, column| missing.push(format!("{name}@{column}")));
            (out, missing.join(" "))
        };
        let text = |text: &str, missing: &str| (text.to_owned(), missing.to_owned());
        assert_eq!(run("a ${Schema}.t ${x} $y $$", Style::Braces), text("a app.t ${x} $y $$", "x@14"));
        assert_eq!(
            run("${schema}.$schema ${x:-1} $y \\$z $$ $1 é $q", Style::Shell),
            text("app.app 1 $y $z $ $1 é $q", "y@26 q@41")
        );
    }
}
