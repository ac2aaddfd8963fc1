//! What `alembic upgrade --sql` and `alembic downgrade --sql` print, cut into the revisions' parts.

use std::ops::Range;

use migrate_revision::source::SourceText;
use migrate_revision::{Backend, Direction, sql};

use super::Section;
use super::section::numbered_lines;

/// What a line of Alembic's log begins with, where that is in the output as well.
const LOG: &str = "INFO  [";

const TRANSACTION: [&str; 3] = ["BEGIN;", "COMMIT;", "START TRANSACTION;"];

/// A revision's part of the script.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) revision: String,
    pub(super) section: Section,
    /// Whether it ends with the revision's record in the version table; what Alembic broke off does not
    pub(super) is_recorded: bool,
}

/// A script, without what it does to the version table and without its transactions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) parts: Vec<Part>,
    /// Whether anything stands before the first part that the runtime would not do itself
    pub(super) has_preamble: bool,
}

type Line<'a> = (usize, &'a str);

impl Script {
    /// Cuts a script that is for one of these databases; `table` is the version table. What is inside of a statement stays.
    ///
    /// # Errors
    /// Two of the databases that take other lines for Alembic's own.
    pub(super) fn read(source: &SourceText, table: &str, backends: &[Backend]) -> Result<Self, [Backend; 2]> {
        let mut announced: Vec<(Direction, String, Vec<Line<'_>>)> = Vec::new();
        let mut preamble = Vec::new();
        for (number, line) in numbered_lines(source) {
            match (announcement(line), announced.last_mut()) {
                (Some((direction, revision)), _) => announced.push((direction, revision, Vec::new())),
                (None, Some((_, _, lines))) => lines.push((number, line)),
                (None, None) => preamble.push(line),
            }
        }
        let read = |backend: Backend| {
            let mut is_whole = true;
            let parts = announced.iter().map(|(direction, revision, lines)| {
                let mut section = Section::new(*direction, &source.path);
                let is_recorded = fill(&mut section, lines, table, backend);
                is_whole &= is_recorded.is_some();
                Part { revision: revision.clone(), section, is_recorded: is_recorded.unwrap_or(true) }
            });
            let parts = parts.collect();
            (backend, Self { parts, has_preamble: has_preamble(&preamble, table) }, is_whole)
        };
        // What no database can split is a problem of the section, which the check shows.
        let (whole, broken): (Vec<_>, Vec<_>) =
            backends.iter().copied().map(read).partition(|(_, _, is_whole)| *is_whole);
        let mut readings = if whole.is_empty() { broken } else { whole }.into_iter();
        let Some((first, script, is_whole)) = readings.next() else {
            return Ok(Self { parts: Vec::new(), has_preamble: false });
        };
        match readings.find(|(_, other, _)| is_whole && *other != script) {
            Some((other, _, _)) => Err([first, other]),
            None => Ok(script),
        }
    }
}

/// Puts the lines of a part into its section, but for those of Alembic's own, and tells whether the version table is among
/// these. All stay where it cannot be told what is a statement.
fn fill(section: &mut Section, lines: &[Line<'_>], table: &str, backend: Backend) -> Option<bool> {
    let mut kept: Vec<Line<'_>> = Vec::new();
    for &(number, line) in lines {
        if !(line.starts_with(LOG) && ends_outside(&joined(&kept), backend)) {
            kept.push((number, line));
        }
    }
    let text = joined(&kept);
    let Some(statements) = statements(&text, backend) else {
        section.lines = kept.iter().map(|(number, line)| (*number, (*line).to_owned())).collect();
        return None;
    };
    let line_of = |at: usize| text[..at].matches('\n').count();
    let mut is_own = vec![false; kept.len()];
    let mut is_ended_in_comment = vec![false; kept.len()];
    let mut recorded = false;
    for Printed { range, ends_in_comment } in statements {
        let (first, last) = (line_of(range.start), line_of(range.end));
        let statement = &text[range];
        let records = changes_table(statement, table);
        recorded |= records;
        let is_transaction = TRANSACTION.contains(&kept[first].1.trim_end());
        if records || is_transaction {
            is_own[first..=last].fill(true);
        }
        is_ended_in_comment[last] |= ends_in_comment;
        // Between parts it is the transaction of a revision or of the run; inside of one it is an `autocommit_block`, or
        // means the same.
        section.no_transaction |= is_transaction && !recorded;
    }
    for (place, &(number, line)) in kept.iter().enumerate().filter(|(place, _)| !is_own[*place]) {
        match line.strip_suffix(';').filter(|_| is_ended_in_comment[place]) {
            Some(line) => section.lines.extend([(number, line.to_owned()), (number, ";".to_owned())]),
            None => section.lines.push((number, line.to_owned())),
        }
    }
    Some(recorded)
}

fn joined(lines: &[Line<'_>]) -> String {
    lines.iter().map(|(_, line)| *line).collect::<Vec<_>>().join("\n")
}

/// Whether a text ends between two statements.
fn ends_outside(text: &str, backend: Backend) -> bool {
    let Ok(statements) = sql::split(text, backend) else { return false };
    statements.last().is_none_or(|last| text[last.range.end..].contains(';'))
}

/// A statement as Alembic printed it.
struct Printed {
    range: Range<usize>,
    /// Whether the `;` that Alembic put behind it is inside of its comment, where no database sees it
    ends_in_comment: bool,
}

/// The statements. Alembic ends each with `;` and an empty line, also one that ends in a comment.
fn statements(text: &str, backend: Backend) -> Option<Vec<Printed>> {
    let mut found = Vec::new();
    for statement in sql::split(text, backend).ok()? {
        let (mut start, mut last) = (statement.range.start, statement.range.start);
        for token in &statement.tokens {
            let end = end_in_comment(&text[last..token.start]);
            // Inside of a body each statement has a `;` of its own.
            if let Some(end) = end.filter(|_| last > start && !text[..last].ends_with(';')) {
                found.push(Printed { range: start..last + end, ends_in_comment: true });
                start = token.start;
            }
            last = token.end;
        }
        found.push(Printed { range: start..statement.range.end, ends_in_comment: false });
    }
    Some(found)
}

/// Where in what is between two tokens a comment ends with `;` before an empty line.
fn end_in_comment(between: &str) -> Option<usize> {
    let mut ends = between.match_indices(";\n\n").map(|(at, _)| at);
    ends.find(|at| between[..*at].rsplit('\n').next().is_some_and(|line| line.contains(['-', '#'])))
}

fn has_preamble(lines: &[&str], table: &str) -> bool {
    // Inside a statement that changes the version table
    let mut inside = false;
    lines.iter().any(|line| {
        let is_own = inside || changes_table(line, table);
        inside = is_own && !line.trim_end().ends_with(';');
        let is_nothing = line.trim().is_empty() || line.starts_with("--") || line.starts_with(LOG);
        !(is_own || is_nothing || TRANSACTION.contains(&line.trim_end()))
    })
}

/// The direction and the revision of a line such as `-- Running upgrade a, b -> c`.
fn announcement(line: &str) -> Option<(Direction, String)> {
    let rest = line.strip_prefix("-- Running ")?;
    let (direction, rest) = match rest.strip_prefix("upgrade ") {
        Some(rest) => (Direction::Up, rest),
        None => (Direction::Down, rest.strip_prefix("downgrade ")?),
    };
    let (from, to) = rest.split_once("->")?;
    let revision = if direction == Direction::Up { to } else { from };
    Some((direction, revision.trim().to_owned()))
}

/// Whether a statement, or what a line begins, changes the version table.
fn changes_table(text: &str, table: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().take(4).collect();
    let upper: Vec<String> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
    let name = match upper.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["INSERT", "INTO", ..] | ["DELETE", "FROM", ..] | ["CREATE" | "DROP", "TABLE", ..] => words.get(2),
        ["UPDATE", ..] => words.get(1),
        _ => None,
    };
    let parts = |name: &str| -> Vec<String> {
        let name = name.split('(').next().unwrap_or_default().trim_end_matches(';');
        let plain = |part: &str| part.trim_matches(['"', '`', '[', ']']).to_ascii_lowercase();
        name.split('.').map(plain).collect()
    };
    let table = parts(table);
    name.is_some_and(|name| match table.as_slice() {
        // Its schema may be one that only Alembic's settings name.
        [_] => parts(name).last() == table.last(),
        _ => parts(name) == table,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_at_its_announcements() {
        let text = "BEGIN;\n\nCREATE TABLE alembic_version (\n    version_num VARCHAR(32) NOT NULL\n);\n\n\
                    -- Running upgrade  -> a\n\nCREATE TABLE t (x INTEGER);\n\n\
                    INSERT INTO alembic_version (version_num) VALUES ('a') RETURNING alembic_version.version_num;\n\n\
                    COMMIT;\n\nBEGIN;\n\n-- Running upgrade a, b -> c\n\nCOMMIT;\n\nVACUUM;\n\nBEGIN;\n\n\
                    DELETE FROM alembic_version WHERE alembic_version.version_num = 'b';\n\n\
                    UPDATE app.\"alembic_version\" SET version_num='c' WHERE version_num = 'a';\n\nCOMMIT;\n\n";
        let source = SourceText::new("x.sql", "x.sql", text.as_bytes()).unwrap();
        let Script { parts, has_preamble } = Script::read(&source, "alembic_version", &Backend::ALL).unwrap();
        assert!(!has_preamble);
        let shown: Vec<(&str, bool, Vec<&str>)> = (parts.iter())
            .map(|part| {
                let lines = part.section.lines.iter().map(|(_, line)| line.as_str());
                (
                    part.revision.as_str(),
                    part.section.no_transaction,
                    lines.filter(|l| !l.is_empty()).collect(),
                )
            })
            .collect();
        assert_eq!(shown, [("a", false, vec!["CREATE TABLE t (x INTEGER);"]), ("c", true, vec!["VACUUM;"])]);
        assert_eq!(parts[1].section.body()[0].0, 21);
    }

    /// The lines of the only part, for PostgreSQL, and whether it is outside of a transaction.
    fn only_part(text: &str) -> (Vec<String>, bool) {
        let text = format!("-- Running upgrade  -> a\n{text}");
        let source = SourceText::new("x.sql", "x.sql", text.as_bytes()).unwrap();
        let mut script = Script::read(&source, "alembic_version", &[Backend::Postgres]).unwrap();
        let Part { section, .. } = script.parts.remove(0);
        let lines = section.body().iter().map(|(_, line)| line.clone()).collect();
        (lines, section.no_transaction)
    }

    #[test]
    fn what_is_inside_of_a_statement_stays() {
        let body = "CREATE PROCEDURE p() LANGUAGE plpgsql AS $$\nBEGIN\nINSERT INTO t VALUES (1);\n\nCOMMIT;\n\n\
                    DELETE FROM alembic_version;\nINFO  [x] it's;\nEND $$;\n\n\
                    INSERT INTO notes VALUES ('\nBEGIN;\nINFO  [y]\nCOMMIT;\n');\n\n/*\nINFO  [z]\n*/";
        let record = "\n\nINSERT INTO alembic_version (version_num) VALUES ('a');\n\nCOMMIT;\n";
        let log = "INFO  [alembic.runtime.migration] Running upgrade  -> a, it's\n";
        let expected: Vec<String> = body.split('\n').map(str::to_owned).collect();
        assert_eq!(only_part(&format!("{log}{body}\n{log}{record}{log}")), (expected.clone(), false));
        let outside = format!("COMMIT;\n\n{body}\n\nBEGIN;{record}");
        assert_eq!(only_part(&outside), (expected, true));
    }

    #[test]
    fn a_statement_may_end_in_a_comment() {
        let text = "ALTER TABLE t ADD a INT -- why;\n\nINSERT INTO alembic_version (version_num) VALUES ('a');\n\nCOMMIT;\n";
        let lines = ["ALTER TABLE t ADD a INT -- why", ";"].map(str::to_owned).to_vec();
        assert_eq!(only_part(text), (lines, false));
        let text = text.replace("INSERT", "COMMIT;\n\nVACUUM t;\n\nBEGIN;\n\nINSERT");
        let lines = ["ALTER TABLE t ADD a INT -- why", ";", "", "", "VACUUM t;"].map(str::to_owned).to_vec();
        assert_eq!(only_part(&text), (lines, true));
        let text = "INSERT INTO t VALUES (1) -- first row;\n\n-- second\nINSERT INTO t VALUES (2) -- row;\n\n\
                    INSERT INTO alembic_version (version_num) VALUES ('a');\n";
        let lines = [
            "INSERT INTO t VALUES (1) -- first row",
            ";",
            "",
            "-- second",
            "INSERT INTO t VALUES (2) -- row",
            ";",
        ];
        assert_eq!(only_part(text), (lines.map(str::to_owned).to_vec(), false));
    }

    #[test]
    fn a_table_with_a_schema_is_no_table_of_another() {
        for (statement, table, changes) in [
            ("UPDATE meta.versions SET x = 1", "meta.versions", true),
            ("INSERT INTO \"Meta\".\"versions\"(x) VALUES (1)", "meta.versions", true),
            ("INSERT INTO app.versions (x) VALUES (1)", "meta.versions", false),
            ("INSERT INTO versions (x) VALUES (1)", "meta.versions", false),
            ("INSERT INTO meta.versions (x) VALUES (1)", "versions", true),
        ] {
            assert_eq!(changes_table(statement, table), changes, "{statement} {table}");
        }
    }

    #[test]
    fn where_databases_differ_on_what_is_inside_nothing_is_guessed() {
        let text = "-- Running upgrade  -> a\nSELECT 'a\\';\nCOMMIT;\n--';\n";
        let source = SourceText::new("x.sql", "x.sql", text.as_bytes()).unwrap();
        let read = |backends: &[Backend]| Script::read(&source, "alembic_version", backends);
        assert_eq!(read(&Backend::ALL).unwrap_err(), [Backend::Sqlite, Backend::Mysql]);
        for (backend, is_outside) in [(Backend::Postgres, true), (Backend::Mariadb, false)] {
            assert_eq!(read(&[backend]).unwrap().parts[0].section.no_transaction, is_outside);
        }
    }

    #[test]
    fn what_cannot_be_split_is_left_for_the_check() {
        let text = "CREATE TABLE t (a INT DEFAULT 'a);\n\nCOMMIT;";
        assert_eq!(only_part(text).0, text.split('\n').collect::<Vec<_>>());
    }

    #[test]
    fn a_way_down_is_of_the_revision_that_it_leaves() {
        assert_eq!(announcement("-- Running downgrade c -> a, b"), Some((Direction::Down, "c".into())));
        assert_eq!(announcement("-- Running downgrade a -> "), Some((Direction::Down, "a".into())));
        assert_eq!(announcement("-- Running stamp_revision  -> a"), None);
    }
}
