//! What is wrong with a directory of revisions, said the way the compiler would say it.

use std::fmt;
use std::ops::Range;

/// The longest line, in characters, that is shown whole.
const MAX_LINE: usize = 160;

/// One reason for which a directory is refused.
///
/// Its text is a message, the place as `path:line:column` with the line shown, and help.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file or directory, as the call named it
    pub path: String,
    /// Where in the file; `None` if it is the file or the directory as a whole
    pub place: Option<Box<Place>>,
    /// What is wrong
    pub message: String,
    /// What else is good to know
    pub notes: Vec<String>,
    /// What to do about it
    pub help: Vec<String>,
    /// Of what kind it is, for code that wants to know
    pub kind: ProblemKind,
}

/// What kind of problem it is, where that decides what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum ProblemKind {
    /// Any other
    #[default]
    Other,
    /// There are several heads
    Heads,
    /// A locked revision is gone, or stands on others than the lock file has
    Moved,
    /// The upgrade of a locked revision is not the one that was locked
    Edited,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1
    pub line: usize,
    /// Column in characters, from 1
    pub column: usize,
    /// How many characters of the line are meant
    pub length: usize,
    /// The line itself
    pub text: String,
}

impl Problem {
    /// A problem of a file or directory as a whole.
    pub fn of_path(path: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            place: None,
            message: message.into(),
            notes: Vec::new(),
            help: vec![help.into()],
            kind: ProblemKind::Other,
        }
    }

    /// Says of what kind it is.
    #[must_use]
    pub fn kind(mut self, kind: ProblemKind) -> Self {
        self.kind = kind;
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds another line of help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl Place {
    /// The place of a range of bytes in a text; of its first line if it spans several.
    #[must_use]
    pub fn new(text: &str, range: &Range<usize>) -> Self {
        let boundary =
            |at: usize| (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let start = boundary(range.start);
        let end = boundary(range.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let line = &text[line_start..line_end];
        Self {
            line: text[..line_start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            length: text[start..end.min(line_end)].chars().count().max(1),
            text: line.to_owned(),
        }
    }

    /// The line and the mark under it, cut to what is readable, tabs as spaces.
    fn excerpt(&self) -> (String, String) {
        let column = self.column - 1;
        let skipped = column.saturating_sub(MAX_LINE / 2);
        let mut shown: String = self
            .text
            .chars()
            .skip(skipped)
            .take(MAX_LINE)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let mut before = column - skipped;
        if skipped > 0 {
            shown.insert_str(0, "...");
            before += 3;
        }
        if self.text.chars().count() > skipped + MAX_LINE {
            shown.push_str("...");
        }
        let width =
            |skip: usize, take: usize| shown.chars().skip(skip).take(take).map(columns).sum::<usize>();
        let mark = "^".repeat(width(before, self.length).max(1));
        (shown.trim_end().to_owned(), format!("{}{mark}", " ".repeat(width(0, before))))
    }
}

/// How many columns of a terminal a character takes, near enough.
fn columns(c: char) -> usize {
    match c as u32 {
        0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let margin = match &self.place {
            None => {
                write!(f, "\n --> {}", self.path)?;
                " ".to_owned()
            }
            Some(place) => {
                let number = place.line.to_string();
                let margin = " ".repeat(number.len());
                let (line, mark) = place.excerpt();
                write!(f, "\n{margin}--> {}:{}:{}", self.path, place.line, place.column)?;
                write!(f, "\n{margin} |\n{number} | {line}\n{margin} | {mark}")?;
                margin
            }
        };
        for (kind, lines) in [("note", &self.notes), ("help", &self.help)] {
            for line in lines {
                write!(f, "\n{margin} = {kind}: {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str, range: Range<usize>) -> Problem {
        Problem {
            place: Some(Box::new(Place::new(text, &range))),
            ..Problem::of_path("migrations/a_b.sql", "something is wrong", "mend it")
        }
    }

    #[test]
    fn the_line_is_shown_with_a_mark_under_what_is_meant() {
        let text = "one\ntwö three\nfour\n";
        assert_eq!(
            problem(text, text.find("three").unwrap()..text.len()).to_string(),
            "something is wrong\n --> migrations/a_b.sql:2:5\n  |\n2 | twö three\n  |     ^^^^^\n  = help: mend it"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("{}HERE{}", "x".repeat(500), "y".repeat(500));
        let shown = problem(&text, 500..504).to_string();
        assert!(shown.contains(":1:501"));
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.iter().all(|line| line.len() < 200), "{shown}");
        assert_eq!(lines[3].find("HERE"), lines[4].find("^^^^"));
    }

    #[test]
    fn the_end_of_a_text_is_a_place() {
        assert_eq!(Place::new("ab\n", &(3..3)), Place { line: 2, column: 1, length: 1, text: String::new() });
    }
}
