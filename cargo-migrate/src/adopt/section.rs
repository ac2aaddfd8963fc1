//! The SQL of one direction, with the lines of the file that it is from.

use migrate_revision::source::{SourceText, makes_a_table_anew};
use migrate_revision::{Backend, Direction};

const BEGINS: [&str; 4] = ["begin", "begin transaction", "begin work", "start transaction"];

const ENDS: [&str; 5] = ["commit", "commit transaction", "commit work", "end", "end transaction"];

const FOREIGN_KEYS_OFF: [&str; 2] = ["pragma foreign_keys off", "pragma foreign_keys 0"];

const FOREIGN_KEYS_ON: [&str; 2] = ["pragma foreign_keys on", "pragma foreign_keys 1"];

/// SQL for one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// Up or down
    pub(crate) direction: Direction,
    /// The backends that it is for; none means every one
    pub(crate) backends: Vec<Backend>,
    /// Whether the tool runs it outside of a transaction
    pub(crate) no_transaction: bool,
    /// Whether SQLite is not to enforce foreign keys in it
    pub(crate) foreign_keys_off: bool,
    /// The file, as messages name it
    pub(crate) file: String,
    /// Its lines, each with its number in the file, from 1
    pub(crate) lines: Vec<(usize, String)>,
}

impl Section {
    /// Without a line yet.
    pub(crate) fn new(direction: Direction, file: &str) -> Self {
        Self {
            direction,
            backends: Vec::new(),
            no_transaction: false,
            foreign_keys_off: false,
            file: file.to_owned(),
            lines: Vec::new(),
        }
    }

    /// A whole file.
    pub(crate) fn whole(direction: Direction, source: &SourceText) -> Self {
        let mut section = Self::new(direction, &source.path);
        section.lines = numbered_lines(source).map(|(number, line)| (number, line.to_owned())).collect();
        section
    }

    /// Whether there is nothing but white space and comments. Not all comments are seen: what is left is for the check.
    pub(crate) fn is_empty(&self) -> bool {
        let mut inside = false;
        self.lines.iter().all(|(_, line)| {
            let mut line = line.trim();
            loop {
                if inside {
                    let Some((_, rest)) = line.split_once("*/") else { return true };
                    (inside, line) = (false, rest.trim());
                } else if let Some(rest) =
                    line.strip_prefix("/*").filter(|rest| !rest.starts_with(['!', '+']))
                {
                    (inside, line) = (true, rest);
                } else {
                    return line.is_empty() || line.starts_with("--") || line == ";";
                }
            }
        })
    }

    /// Removes what the section does itself around all else and the runtime does for it: a transaction, and SQLite's foreign
    /// keys switched off and on again. Where a table is made anew they have to be off.
    pub(crate) fn remove_own_frame(&mut self) {
        self.remove_around(&BEGINS, &ENDS);
        if self.remove_around(&FOREIGN_KEYS_OFF, &FOREIGN_KEYS_ON) {
            self.foreign_keys_off = true;
            self.remove_around(&BEGINS, &ENDS);
        }
        let lines: Vec<&str> = self.lines.iter().map(|(_, line)| line.as_str()).collect();
        self.foreign_keys_off |= makes_a_table_anew(&lines.join("\n"));
    }

    /// Removes the first and the last line of SQL if they are statements of these words.
    fn remove_around(&mut self, first_is: &[&str], last_is: &[&str]) -> bool {
        let counts = |(_, line): &&(usize, String)| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with("--")
        };
        let first = self.lines.iter().find(counts).map(|(number, _)| *number);
        let last = self.lines.iter().rev().find(counts).map(|(number, _)| *number);
        let is = |number: Option<usize>, statements: &[&str]| {
            self.lines.iter().find(|(other, _)| Some(*other) == number).is_some_and(|(_, line)| {
                line.trim().strip_suffix(';').is_some_and(|line| {
                    let line = line.replace(['=', '(', ')'], " ").to_ascii_lowercase();
                    statements.contains(&line.split_whitespace().collect::<Vec<_>>().join(" ").as_str())
                })
            })
        };
        let is_frame = first != last && is(first, first_is) && is(last, last_is);
        if is_frame {
            self.lines.retain(|(number, _)| Some(*number) != first && Some(*number) != last);
        }
        is_frame
    }

    /// The lines without empty ones at either end.
    pub(crate) fn body(&self) -> &[(usize, String)] {
        let is_text = |(_, line): &(usize, String)| !line.trim().is_empty();
        let start = self.lines.iter().position(is_text).unwrap_or(self.lines.len());
        let end = self.lines.iter().rposition(is_text).map_or(start, |last| last + 1);
        &self.lines[start..end]
    }

    /// Whether another one does the same in the same way.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let text = |section: &Self| section.body().iter().map(|(_, line)| line.clone()).collect::<Vec<_>>();
        self.direction == other.direction
            && self.no_transaction == other.no_transaction
            && self.foreign_keys_off == other.foreign_keys_off
            && text(self) == text(other)
    }
}

/// The lines of a text with their numbers, from 1.
pub(crate) fn numbered_lines(source: &SourceText) -> impl Iterator<Item = (usize, &str)> {
    source.text.split('\n').enumerate().map(|(place, line)| (place + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(text: &str) -> Section {
        let source = SourceText::new("x.sql", "x.sql", text.as_bytes()).unwrap();
        Section::whole(Direction::Up, &source)
    }

    #[test]
    fn a_section_of_comments_is_empty() {
        for empty in ["", "\n-- nothing\n", "/* a\n b */ -- c\n", "/* a */ /* b */", ";"] {
            assert!(section(empty).is_empty(), "{empty}");
        }
        for full in ["SELECT 1", "/* a */ SELECT 1;", "/* a\n*/\nSELECT 1;", "/*! SET x = 1 */;"] {
            assert!(!section(full).is_empty(), "{full}");
        }
    }

    #[test]
    fn a_transaction_around_everything_is_taken_off() {
        let mut whole = section("-- why\nBEGIN;\nSELECT 1;\nCommit;\n");
        whole.remove_own_frame();
        assert_eq!(whole.body().iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 3]);
        let mut part = section("BEGIN;\nSELECT 1;\nCOMMIT;\nSELECT 2;");
        part.remove_own_frame();
        assert_eq!(part.body().len(), 4);
    }

    #[test]
    fn foreign_keys_that_are_off_around_everything_become_an_option() {
        let rebuild = "CREATE TABLE new (id INTEGER);\nDROP TABLE t;\nALTER TABLE new RENAME TO \"T\";";
        for (before, after) in [
            ("PRAGMA foreign_keys = OFF;", "PRAGMA foreign_keys=ON;"),
            ("-- why\nPRAGMA foreign_keys=0;\nBEGIN;", "COMMIT;\nPRAGMA foreign_keys(1);\n"),
            ("BEGIN;\nPRAGMA foreign_keys=off;", "PRAGMA foreign_keys=on;\nCOMMIT;"),
            ("", ""),
        ] {
            let mut whole = section(&format!("{before}\n{rebuild}\n{after}"));
            whole.remove_own_frame();
            let left: Vec<&str> = whole.body().iter().map(|(_, line)| line.as_str()).collect();
            assert!(
                whole.foreign_keys_off && left.join("\n").trim_start_matches("-- why\n\n").ends_with(rebuild),
                "{left:?}"
            );
            assert!(!left.iter().any(|line| line.contains("PRAGMA") || line.contains("BEGIN")), "{left:?}");
        }
        for other in ["PRAGMA foreign_keys = OFF;\nSELECT 1;", "DROP TABLE t;\nALTER TABLE new RENAME TO u;"]
        {
            let mut section = section(other);
            section.remove_own_frame();
            assert!(!section.foreign_keys_off && section.body().len() == 2, "{other}");
        }
    }
}
