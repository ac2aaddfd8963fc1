//! The header of a revision file: prose, then keys.

use std::collections::BTreeSet;
use std::ops::Range;

use super::file::{MAX_PROBLEMS, SourceText};
use super::marker::is_marker_like;
use crate::{Problem, RevisionId, nearest};

const KEYS: [&str; 7] =
    ["revision", "revises", "depends-on", "labels", "created", "compatible", FOREIGN_KEYS];

/// The key that only Rust revisions have: sections of SQL have it as an option.
const FOREIGN_KEYS: &str = "foreign-keys";

/// What a header says, each thing with its place in the text.
#[derive(Debug, Clone, Default)]
pub(super) struct Header {
    pub(super) message: Option<String>,
    pub(super) id: Option<(RevisionId, Range<usize>)>,
    pub(super) revises: Vec<(RevisionId, Range<usize>)>,
    pub(super) depends_on: Vec<(String, Range<usize>)>,
    pub(super) labels: Vec<(String, Range<usize>)>,
    pub(super) created: Option<String>,
    pub(super) compatible: Option<bool>,
    /// Whether SQLite enforces foreign keys while a Rust revision runs, where it says so
    pub(super) foreign_keys: Option<bool>,
    /// Where the first marker, or whatever is no comment, begins
    pub(super) end: usize,
}

/// Reads the comment lines at the start of a file; `comment` is what each of them begins with. A licence may be above them.
pub(super) fn parse_header(source: &SourceText, comment: &str, problems: &mut Vec<Problem>) -> Header {
    let mut header = Header::default();
    let mut seen: Vec<&str> = Vec::new();
    let keys = if comment == "--" { &KEYS[..KEYS.len() - 1] } else { &KEYS };
    for line in lines(&source.text, above_header(&source.text, comment)) {
        let text = &source.text[line.clone()];
        header.end = line.start;
        if problems.len() >= MAX_PROBLEMS {
            break;
        }
        let begin = trimmed(&source.text, line.clone()).start;
        let Some(rest) = source.text[begin..line.end].strip_prefix(comment) else {
            if begin == line.end {
                continue;
            }
            break;
        };
        if comment == "--" && is_marker_like(text) {
            break;
        }
        header.end = line.end;
        let rest_start = line.end - rest.len();
        let key = rest.split_once(':').and_then(|(key, value)| {
            let range = trimmed(&source.text, rest_start..rest_start + key.len());
            is_key_shaped(&source.text[range.clone()]).then_some((range, value))
        });
        let Some((key_range, value)) = key else {
            if seen.is_empty() && header.message.is_none() && !rest.trim().is_empty() {
                header.message = Some(rest.trim().to_owned());
            }
            continue;
        };
        let key = &source.text[key_range.clone()];
        let value_range = trimmed(&source.text, line.end - value.len()..line.end);
        let Some(&known) = KEYS.iter().find(|known| **known == key) else {
            let near = nearest(&key.to_lowercase(), keys.iter().copied());
            if near.is_none() && seen.is_empty() {
                if header.message.is_none() {
                    header.message = Some(rest.trim().to_owned());
                }
                continue;
            }
            problems.push(source.problem(
                &key_range,
                format!("unknown key `{key}` in the header"),
                near.map_or_else(
                    || {
                        format!(
                            "the keys are {}; prose goes above them",
                            keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
                        )
                    },
                    |near| format!("there is a key with a similar name: `{near}`"),
                ),
            ));
            continue;
        };
        if known == FOREIGN_KEYS && comment == "--" {
            problems.push(source.problem(
                &key_range,
                format!("key `{FOREIGN_KEYS}` is of Rust revisions"),
                "a section of SQL has it on its marker: `-- migrate:up foreign-keys=off`",
            ));
            continue;
        }
        if seen.contains(&known) {
            problems.push(source.problem(
                &key_range,
                format!("key `{key}` is there twice"),
                "keep one of the two lines",
            ));
            continue;
        }
        seen.push(known);
        header.set(source, known, &value_range, problems);
    }
    if header.id.is_none() && !seen.contains(&"revision") {
        let help = format!("put a line `{comment} revision: <id>` into the comment at the top of the file");
        problems.push(Problem::of_path(&source.path, "the header has no `revision` key", help));
    }
    header
}

impl Header {
    fn set(&mut self, source: &SourceText, key: &str, range: &Range<usize>, problems: &mut Vec<Problem>) {
        let value = &source.text[range.clone()];
        if value.is_empty() {
            if key != "revises" {
                problems.push(source.problem(
                    range,
                    format!("key `{key}` has no value"),
                    match key {
                        "revision" => "write the id after the colon",
                        _ => "write the value after the colon, or remove the line",
                    },
                ));
            }
            return;
        }
        match key {
            "revision" => self.id = parse_id(source, range, problems).map(|id| (id, range.clone())),
            "revises" if value == "none" => {}
            "revises" => {
                let mut ids = BTreeSet::new();
                for range in items(&source.text, range) {
                    if problems.len() >= MAX_PROBLEMS {
                        break;
                    }
                    if let Some(id) = parse_id(source, &range, problems) {
                        if !ids.insert(&source.text[range.clone()]) {
                            problems.push(source.problem(
                                &range,
                                format!("parent `{id}` is there twice"),
                                "name every parent once",
                            ));
                        }
                        self.revises.push((id, range));
                    }
                }
            }
            "depends-on" => {
                for range in items(&source.text, range) {
                    self.depends_on.push((source.text[range.clone()].to_owned(), range));
                }
            }
            "labels" => {
                let mut labels = BTreeSet::new();
                for range in items(&source.text, range) {
                    if problems.len() >= MAX_PROBLEMS {
                        break;
                    }
                    let label = &source.text[range.clone()];
                    if !labels.insert(label) {
                        problems.push(source.problem(
                            &range,
                            format!("label `{label}` is there twice"),
                            "name every label once",
                        ));
                    } else if is_label(label) {
                        self.labels.push((label.to_owned(), range));
                    } else {
                        problems.push(source.problem(
                            &range,
                            format!("`{label}` cannot be a label"),
                            "a label has no spaces, none of `@`, `+`, `:`, does not begin with `-`, and is not `head`, `heads`, `base` or `none`",
                        ));
                    }
                }
            }
            "created" => {
                if is_date(value) {
                    self.created = Some(value.to_owned());
                } else {
                    problems.push(source.problem(
                        range,
                        format!("`{value}` is no date"),
                        "write it as in `2026-11-23T10:12:00Z`",
                    ));
                }
            }
            FOREIGN_KEYS => match value {
                "on" => self.foreign_keys = Some(true),
                "off" => self.foreign_keys = Some(false),
                _ => problems.push(source.problem(
                    range,
                    format!("`{value}` is no value for `{FOREIGN_KEYS}`"),
                    "write `off` if SQLite is not to enforce foreign keys while the revision runs, else `on`",
                )),
            },
            _ => match value {
                "yes" => self.compatible = Some(true),
                "no" => self.compatible = Some(false),
                _ => problems.push(source.problem(
                    range,
                    format!("`{value}` is no value for `compatible`"),
                    "write `yes` if a binary without this revision still runs on the new schema, else `no`",
                )),
            },
        }
    }
}

/// Where the header may begin: below comments of another kind, and in Rust below what is of the whole file.
fn above_header(text: &str, comment: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let begin = at + (rest.len() - rest.trim_start().len());
        if let Some(end) = block_comment(text, begin) {
            at = end;
            continue;
        }
        let line = text[begin..].lines().next().unwrap_or_default();
        let is_above = comment == "//!"
            && (line.starts_with("//") && !line.starts_with(comment)
                || line.starts_with("#![") && line.trim_end().ends_with(']'));
        if !is_above {
            return at;
        }
        at = begin + line.len();
    }
}

/// The end of the line that ends a comment in `/*` and `*/`, if one begins there, is alone on its lines and is nothing else:
/// MySQL executes some of them, and a marker in one is told of.
pub(super) fn block_comment(text: &str, begin: usize) -> Option<usize> {
    let rest = text[begin..].strip_prefix("/*")?;
    if ["!", "M!", "+"].iter().any(|sign| rest.starts_with(sign)) {
        return None;
    }
    let end = rest.find("*/")?;
    let after = rest[end + 2..].split('\n').next().unwrap_or_default();
    let inside = &text[begin..begin + 2 + end];
    let is_alone = after.trim().is_empty() && !inside.lines().any(is_marker_like);
    is_alone.then_some(begin + 2 + end + 2 + after.len())
}

fn parse_id(source: &SourceText, range: &Range<usize>, problems: &mut Vec<Problem>) -> Option<RevisionId> {
    source.text[range.clone()]
        .parse()
        .map_err(|error| {
            let help = if source.text[range.clone()].contains([' ', '\t']) {
                "put commas between several ids"
            } else {
                "write an id such as `1f3a9c0d27be`"
            };
            problems.push(source.problem(
                range,
                format!("`{}` is no revision id: {error}", &source.text[range.clone()]),
                help,
            ));
        })
        .ok()
}

/// A word such as a key is: so that `Note that: …` and `http://…` stay prose.
fn is_key_shaped(key: &str) -> bool {
    for byte in key.as_bytes() {
        if !(byte.is_ascii_alphabetic() || *byte == b'-' || *byte == b'_') {
            return false;
        }
    }
    !key.is_empty()
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.contains(|c: char| c.is_whitespace() || c.is_control() || "@+:".contains(c))
        && !["head", "heads", "base", "none"].contains(&label)
}

/// `YYYY-MM-DD`, alone or followed by a time.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes[..10]
            .iter()
            .enumerate()
            .all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() })
        && bytes.get(10).is_none_or(|b| matches!(b, b'T' | b' '))
        && bytes.get(10..).is_some_and(|rest| rest.is_ascii() && rest.len() <= 30)
}

/// The comma-separated items of a value, without the spaces around them.
fn items(text: &str, range: &Range<usize>) -> Vec<Range<usize>> {
    let mut start = range.start;
    let mut found = Vec::new();
    for part in text[range.clone()].split(',') {
        found.push(trimmed(text, start..start + part.len()));
        start += part.len() + 1;
    }
    found
}

/// A range without the white space at its ends.
pub(super) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let bytes = text.as_bytes();
    let Range { mut start, mut end } = range;
    while start < end && is_space(bytes[start]) {
        start += 1;
    }
    while start < end && is_space(bytes[end - 1]) {
        end -= 1;
    }
    if start < end && (bytes[start] >= 0x80 || bytes[end - 1] >= 0x80) {
        let slice = &text[start..end];
        start += slice.len() - slice.trim_start().len();
        end = start.max(start + slice.trim().len());
    }
    start..end
}

/// White space as `char::is_whitespace` has it, of ASCII.
fn is_space(byte: u8) -> bool {
    byte == b' ' || matches!(byte, b'\t'..=b'\r')
}

/// The lines of a text without their ends, from the beginning of one on.
pub(super) fn lines(text: &str, from: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    let bytes = text.as_bytes();
    let mut start = from;
    std::iter::from_fn(move || {
        let mut end = start;
        while end < bytes.len() && bytes[end] != b'\n' {
            end += 1;
        }
        let line = start..end;
        start = end + 1;
        (line.start <= bytes.len()).then_some(line)
    })
}
