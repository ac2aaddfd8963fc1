//! Placeholders in another tool's SQL: given a value, or named as what is missing.

use migrate_revision::{Place, Problem};

use super::Section;

/// How a tool writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `${name}`
    Braces,
    /// `${NAME}`, `${NAME:-else}`, `${NAME-else}` and `$NAME`, with `$$` and `\$` for a plain dollar
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
    expanded(line, style, values, &mut missing)
}

fn expanded(
    line: &str,
    style: Style,
    values: &[(String, String)],
    missing: &mut dyn FnMut(&str, usize),
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
        let Some(Named { name, otherwise, length }) = named(from, style) else {
            out.push('$');
            rest = &from[1..];
            continue;
        };
        let given = values.iter().find(|(other, _)| match style {
            Style::Braces => other.eq_ignore_ascii_case(name),
            Style::Shell => other == name,
        });
        let column = line[..line.len() - from.len()].chars().count();
        let given = given.map(|(_, value)| value.as_str());
        match (given, otherwise) {
            (Some(value), None) => out.push_str(value),
            (Some(value), Some(otherwise)) if !(otherwise.if_empty && value.is_empty()) => {
                out.push_str(value);
            }
            (_, Some(otherwise)) => {
                let mut within = |name: &str, inner: usize| missing(name, column + inner);
                out.push_str(&expanded(otherwise.text, style, values, &mut within));
            }
            (None, None) => {
                missing(name, column);
                out.push_str(&from[..length]);
            }
        }
        rest = &from[length..];
    }
    out.push_str(rest);
    out
}

/// A placeholder.
struct Named<'a> {
    name: &'a str,
    otherwise: Option<Otherwise<'a>>,
    /// How long the whole is
    length: usize,
}

/// What stands there without a value. There may be placeholders in it.
struct Otherwise<'a> {
    text: &'a str,
    /// Whether an empty value is as good as none
    if_empty: bool,
}

/// The placeholder at the beginning of a text.
fn named(text: &str, style: Style) -> Option<Named<'_>> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(inside) = text.strip_prefix("${") {
        let end = closing(inside, style)?;
        let whole = &inside[..end];
        let (name, rest) = whole.split_at(whole.find(|c| !is_name(c)).unwrap_or(end));
        let otherwise = match (style, rest.strip_prefix(":-"), rest.strip_prefix('-')) {
            (Style::Shell, Some(text), _) => Some(Otherwise { text, if_empty: true }),
            (Style::Shell, None, Some(text)) => Some(Otherwise { text, if_empty: false }),
            _ => None,
        };
        let name = if otherwise.is_some() { name } else { whole };
        return (!name.is_empty()).then_some(Named { name, otherwise, length: end + 3 });
    }
    if style == Style::Braces {
        return None;
    }
    let name = &text[1..];
    let end = name.find(|c| !is_name(c)).unwrap_or(name.len());
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins.then_some(Named { name: &name[..end], otherwise: None, length: end + 1 })
}

/// Where the brace is that closes one before the text.
fn closing(inside: &str, style: Style) -> Option<usize> {
    let mut depth = 0_usize;
    inside.char_indices().find_map(|(at, c)| {
        match c {
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            '{' if style == Style::Shell && inside[..at].ends_with('$') => depth += 1,
            _ => {}
        }
        None
    })
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
        assert_eq!(run("${x:-${schema}}${x:-${y:-${z}}};", Style::Shell), text("app${z};", "z@15"));
        let values = [("empty".to_owned(), String::new())];
        let plain = |line: &str| replaced(line, Style::Shell, &values, |_, _| {});
        assert_eq!(plain("[${empty:-a}] [${empty-a}] [${none-a}] [${none:-}]"), "[a] [] [a] []");
    }
}
