//! One revision file: its text, and the text as a revision.

use std::ops::Range;

use super::header::{Header, parse_header};
use super::marker::{RawSection, parse_sections};
use super::rust::{RustItems, scan_rust};
use crate::problem::Place;
use crate::{Backend, Direction, Problem, RevisionId};

/// How many problems are told of one file: each shows its line, and nobody reads more.
pub(super) const MAX_PROBLEMS: usize = 100;

/// A file's text as ranges refer to it: UTF-8 without a byte order mark, lines ended by LF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// The file, as messages name it
    pub path: String,
    /// Its name alone
    pub name: String,
    /// The normalised text
    pub text: String,
    /// Whether the file differs from `text` by a byte order mark or CRLF line ends
    pub needs_normalising: bool,
}

impl SourceText {
    /// Takes a file's bytes for text.
    ///
    /// # Errors
    /// When they are not UTF-8.
    pub fn new(path: &str, name: &str, bytes: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let start = error.valid_up_to();
            let problem = Problem::of_path(
                path,
                format!("not UTF-8 text: byte 0x{:02x}", bytes[start]),
                "save the file as UTF-8; a binary file belongs in the `data` directory",
            );
            let is_text = |byte: u8| byte >= b' ' || byte.is_ascii_whitespace();
            let line =
                bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
            if !bytes[line..start].iter().copied().all(is_text) {
                return problem;
            }
            // What is readable before the place keeps its length.
            let text = String::from_utf8_lossy(bytes);
            let mark = text[start..].chars().next().map_or(0, char::len_utf8);
            Problem { place: Some(Box::new(Place::new(&text, &(start..start + mark)))), ..problem }
        })?;
        let normalised = normalise(text);
        Ok(Self {
            path: path.to_owned(),
            name: name.to_owned(),
            needs_normalising: normalised.len() != text.len(),
            text: normalised,
        })
    }

    /// A problem at a range of the text.
    pub fn problem(
        &self,
        range: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Problem {
        Problem {
            place: Some(Box::new(Place::new(&self.text, range))),
            ..Problem::of_path(self.path.clone(), message, help)
        }
    }
}

/// A text without its byte order mark, CRLF as LF.
fn normalise(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.as_bytes().contains(&b'\r') { text.replace("\r\n", "\n") } else { text.to_owned() }
}

/// A file read as a revision: its header and what follows, before anything is known of other files.
#[derive(Debug, Clone)]
pub struct ParsedRevision {
    /// The file
    pub source: SourceText,
    pub(super) id: RevisionId,
    /// Where the header names the id
    pub(super) id_range: Range<usize>,
    pub(super) header: Header,
    pub(super) slug: String,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Sql(Vec<RawSection>),
    Rust(RustItems),
}

impl ParsedRevision {
    /// Reads a revision out of a file's text.
    ///
    /// # Errors
    /// Every problem of the file that shows without splitting its SQL.
    pub fn new(source: SourceText) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let is_rust = source.name.ends_with(".rs");
        let mut header = parse_header(&source, if is_rust { "//!" } else { "--" }, &mut problems);
        let content = if is_rust {
            Content::Rust(scan_rust(&source, &mut problems))
        } else {
            Content::Sql(parse_sections(&source, header.end, &mut problems))
        };
        let slug = slug(&source, &header, &mut problems);
        if let (Content::Sql(sections), false) = (&content, header.revises.len() > 1)
            && !sections.iter().any(|section| section.direction == Direction::Up)
            && problems.is_empty()
        {
            problems.push(Problem::of_path(
                &source.path,
                "the revision has no `-- migrate:up` section",
                "put `-- migrate:up` on a line of its own, above the SQL that upgrades",
            ));
        }
        match (header.id.take(), slug) {
            (Some((id, id_range)), Some(slug)) if problems.is_empty() => {
                Ok(Self { source, id, id_range, header, slug, content })
            }
            _ => Err(problems),
        }
    }

    /// The section that serves a backend in a direction: its own, MySQL's for MariaDB, or the one for every backend.
    pub(super) fn section(&self, backend: Backend, direction: Direction) -> Option<&RawSection> {
        let Content::Sql(sections) = &self.content else { return None };
        let named = |backend: Backend| {
            sections.iter().find(|s| s.direction == direction && s.backends.iter().any(|b| b.0 == backend))
        };
        named(backend)
            .or_else(|| (backend == Backend::Mariadb).then(|| named(Backend::Mysql)).flatten())
            .or_else(|| sections.iter().find(|s| s.direction == direction && s.backends.is_empty()))
    }
}

/// The part of the file's name between the id and the extension.
fn slug(source: &SourceText, header: &Header, problems: &mut Vec<Problem>) -> Option<String> {
    let (id, range) = header.id.as_ref()?;
    let stem = source.name.rsplit_once('.').map_or(source.name.as_str(), |(stem, _)| stem);
    let slug = stem.strip_prefix(id.as_str()).and_then(|rest| rest.strip_prefix('_'));
    match slug {
        Some(slug) if !slug.is_empty() => Some(slug.to_owned()),
        _ => {
            let extension = if source.name.ends_with(".rs") { "rs" } else { "sql" };
            problems.push(source.problem(
                range,
                format!("the file's name does not agree with its revision id `{id}`"),
                format!("rename the file to `{id}_<slug>.{extension}`, or correct the id"),
            ));
            None
        }
    }
}
