//! The markers between the sections of an SQL revision.

use std::ops::Range;
use std::time::Duration;

use super::file::{MAX_PROBLEMS, SourceText};
use super::header::{lines, trimmed};
use crate::{Backend, Direction, Problem, SectionOptions, nearest};

/// A section as the file has it, before its SQL is looked at.
#[derive(Debug, Clone)]
pub(super) struct RawSection {
    pub(super) direction: Direction,
    /// The backends that its marker names, each with its place; none means every backend without a section of its own
    pub(super) backends: Vec<(Backend, Range<usize>)>,
    pub(super) options: SectionOptions,
    pub(super) irreversible: bool,
    /// The marker's line
    pub(super) marker: Range<usize>,
    /// What follows it
    pub(super) body: Range<usize>,
    /// What looks like a marker in it and is none: as long as it is not inside of a string
    pub(super) suspects: Vec<Range<usize>>,
}

impl SourceText {
    /// What is wrong with a line that looks like a marker and is none, and what to do about it.
    pub(super) fn suspicion(&self, range: &Range<usize>) -> (&'static str, &'static str) {
        if is_conflict(&self.text[range.clone()]) {
            return (
                "unresolved merge conflict",
                "choose between the sides, and remove the lines that mark them",
            );
        }
        (
            "this looks like a marker and is none",
            "write `-- migrate:up` or `-- migrate:down`, then backends and options; if it is prose, word it differently",
        )
    }
}

const OPTIONS: [&str; 6] = [
    "no-transaction",
    "foreign-keys=off",
    "lock-timeout=5s",
    "statement-timeout=10m",
    "keeps-data",
    "irreversible",
];

/// Whether a line is a marker or was meant as one: something like `migrate:`, whatever the spaces, the case and the
/// kind of comment, or what separates up from down in the files of other tools. What is taken for a comment here would
/// run the way down as a part of the way up.
pub(super) fn is_marker_like(line: &str) -> bool {
    // Every line of every file is asked, by a macro that cargo builds without optimisations.
    line.starts_with("-- migrate:") || may_be_marker(line.as_bytes()) && was_meant_as_marker(line)
}

/// Whether a line marks a side of a merge conflict, as version control writes it.
fn is_conflict(line: &str) -> bool {
    matches!(line.as_bytes(), [b'<' | b'>' | b'|', ..])
        && ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|mark| line.starts_with(mark))
}

/// Whether a line can be a marker, by its first word and the sign after it; what is not ASCII can always be one.
fn may_be_marker(line: &[u8]) -> bool {
    let mut start = 0;
    while start < line.len() && line[start] < 0x80 && !line[start].is_ascii_alphanumeric() {
        start += 1;
    }
    if start == line.len() || line[start].is_ascii_digit() {
        return false;
    }
    if line[start] >= 0x80 {
        return true;
    }
    let mut end = start + 1;
    while end < line.len() && line[end].is_ascii_alphabetic() {
        end += 1;
    }
    let word = &line[start..end];
    while end < line.len() && (line[end] == b' ' || line[end].is_ascii_control()) {
        end += 1;
    }
    let is_near = match line.get(end) {
        Some(b':') => is_almost_migrate(word),
        Some(0x80..) => true,
        _ => false,
    };
    is_near || start > 0 && FIRST_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether a word has as many letters of `migrate` as three edits leave.
fn is_almost_migrate(word: &[u8]) -> bool {
    let mut found = 0_u8;
    for letter in word {
        found |= match letter | 0x20 {
            b'm' => 1,
            b'i' => 2,
            b'g' => 4,
            b'r' => 8,
            b'a' => 16,
            b't' => 32,
            b'e' => 64,
            _ => 0,
        };
    }
    found.count_ones() as usize + 3 >= word.len().max("migrate".len())
}

fn was_meant_as_marker(line: &str) -> bool {
    let line = line.trim();
    let start = line.trim_start_matches(|c: char| !c.is_alphanumeric());
    if !start.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return false;
    }
    let sign = &line[..line.len() - start.len()];
    let words: Vec<String> = (start.split(|c: char| !c.is_ascii_alphabetic()))
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [first, ref others @ ..] = words[..] else { return false };
    let names_direction = others.first().is_some_and(|word| DIRECTIONS.contains(word));
    let after = start[first.len()..].trim_start();
    // `Migration: ...` and `Migrating: ...` may well be titles.
    let is_word = nearest(first, ["migrate"]).is_some() && !first.starts_with("migrati");
    let is_comment = ["--", "#", "/*", "//"].iter().any(|comment| sign.starts_with(comment));
    // An assignment and a cast have a colon as well.
    if after.starts_with(':') && !after.starts_with(":=") && !after.starts_with("::") && is_word {
        // `minute: 60` is no marker, nor is a label of a loop.
        let almost = others.first().is_some_and(|word| nearest(word, ["up", "down"]).is_some());
        let is_marker = names_direction || almost || first == "migrate" && is_comment;
        return is_marker && !sign.ends_with(['\'', '"', '`']);
    }
    if !is_comment {
        return false;
    }
    match first {
        "migrate" | "migration" | "migrations" | "goose" | "micrate" | "dbmate" => {
            // A sign between the two words, or nothing of a sentence after them.
            let goes_on = others.get(1).is_some_and(|word| !ARGUMENTS.contains(word));
            names_direction && (!goes_on || !after.starts_with(|c: char| c.is_ascii_alphabetic()))
        }
        "create" => words == ["create", "above", "drop", "below"],
        _ if DIRECTIONS.contains(&first) => others.is_empty() || others == ["migration"],
        _ => false,
    }
}

/// What a marker begins with, here and elsewhere, after the sign of a comment and without a colon.
const FIRST_WORDS: [&str; 16] = [
    "migrate",
    "migration",
    "migrations",
    "goose",
    "micrate",
    "dbmate",
    "create",
    "up",
    "down",
    "ups",
    "downs",
    "upgrade",
    "downgrade",
    "rollback",
    "revert",
    "undo",
];

/// What a marker's arguments begin with.
const ARGUMENTS: [&str; 10] =
    ["sqlite", "postgres", "mysql", "mariadb", "no", "foreign", "lock", "statement", "keeps", "irreversible"];

/// The words for up and down, here and elsewhere.
const DIRECTIONS: [&str; 9] =
    ["up", "down", "ups", "downs", "upgrade", "downgrade", "rollback", "revert", "undo"];

/// Splits what follows the header into sections.
pub(super) fn parse_sections(
    source: &SourceText,
    start: usize,
    problems: &mut Vec<Problem>,
) -> Vec<RawSection> {
    let mut sections: Vec<RawSection> = Vec::new();
    let mut stray = false;
    // The header ends where a line begins, or where its last one ends.
    let is_beginning = start == 0 || source.text.as_bytes()[start - 1] == b'\n';
    for line in lines(&source.text, if is_beginning { start } else { start + 1 }) {
        if problems.len() >= MAX_PROBLEMS {
            break;
        }
        let text = &source.text[line.clone()];
        if is_marker_like(text) || is_conflict(text) {
            let marker = trimmed(&source.text, line.clone());
            let is_one = ["-- migrate:up", "-- migrate:down"]
                .iter()
                .any(|it| source.text[marker.clone()].starts_with(it));
            if let (Some(last), false) = (sections.last_mut(), is_one) {
                if last.suspects.len() < MAX_PROBLEMS {
                    last.suspects.push(marker);
                }
                continue;
            }
            if let Some(last) = sections.last_mut() {
                last.body.end = line.start;
            }
            if let Some(section) = parse_marker(source, &line, problems) {
                reject_twins(source, &sections, &section, problems);
                sections.push(section);
            } else if sections.is_empty() {
                stray = true;
            }
        } else if sections.is_empty()
            && !stray
            && !text.trim().is_empty()
            && !text.trim_start().starts_with("--")
        {
            stray = true;
            problems.push(source.problem(
                &trimmed(&source.text, line.clone()),
                "SQL before the first marker",
                "put `-- migrate:up` on a line of its own above it",
            ));
        }
    }
    sections
}

fn parse_marker(source: &SourceText, line: &Range<usize>, problems: &mut Vec<Problem>) -> Option<RawSection> {
    let marker = trimmed(&source.text, line.clone());
    let text = &source.text[marker.clone()];
    let (direction, arguments) = if let Some(rest) = text.strip_prefix("-- migrate:up") {
        (Direction::Up, rest)
    } else if let Some(rest) = text.strip_prefix("-- migrate:down") {
        (Direction::Down, rest)
    } else {
        let (message, help) = source.suspicion(&marker);
        problems.push(source.problem(&marker, message, help));
        return None;
    };
    if !(arguments.is_empty() || arguments.starts_with([' ', '\t'])) {
        problems.push(source.problem(
            &marker,
            "this looks like a marker and is none",
            format!("write `-- migrate:{direction}`, a space, then backends and options"),
        ));
        return None;
    }
    let mut section = RawSection {
        direction,
        backends: Vec::new(),
        options: SectionOptions::default(),
        irreversible: false,
        body: (line.end + 1).min(source.text.len())..source.text.len(),
        suspects: Vec::new(),
        marker: marker.clone(),
    };
    let mut at = marker.end - arguments.len();
    for word in arguments.split([' ', '\t', ',']) {
        let range = at..at + word.len();
        at = range.end + 1;
        if !word.is_empty()
            && let Err((message, help)) = section.argument(word, &range)
        {
            problems.push(source.problem(&range, message, help));
        }
    }
    if section.options.foreign_keys_off && section.options.no_transaction {
        problems.push(source.problem(
            &marker,
            "`foreign-keys=off` and `no-transaction` do not go together",
            "remove `no-transaction`: foreign keys are checked before the commit of the section's one transaction",
        ));
    }
    if section.irreversible && section.options.keeps_data {
        problems.push(source.problem(
            &marker,
            "`irreversible` and `keeps-data` do not go together",
            "remove `keeps-data`: it is of what a way down leaves, and there is none",
        ));
    }
    if section.options.foreign_keys_off
        && !section.backends.is_empty()
        && section.backends.iter().all(|(backend, _)| *backend != Backend::Sqlite)
    {
        problems.push(source.problem(
            &marker,
            "`foreign-keys=off` is for SQLite, and this section is not",
            "remove the option",
        ));
    }
    Some(section)
}

impl RawSection {
    fn argument(&mut self, word: &str, range: &Range<usize>) -> Result<(), (String, String)> {
        if let Ok(backend) = word.parse::<Backend>() {
            if self.backends.iter().any(|(other, _)| *other == backend) {
                return Err((format!("`{backend}` is named twice"), "name it once".into()));
            }
            self.backends.push((backend, range.clone()));
            return Ok(());
        }
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        match (name, value) {
            ("no-transaction", None) => self.options.no_transaction = true,
            ("foreign-keys", Some("off")) => self.options.foreign_keys_off = true,
            ("lock-timeout", Some(value)) => self.options.lock_timeout = Some(duration(word, value)?),
            ("statement-timeout", Some(value)) => {
                self.options.statement_timeout = Some(duration(word, value)?);
            }
            ("irreversible", None) if self.direction == Direction::Down => self.irreversible = true,
            ("keeps-data", None) if self.direction == Direction::Down => self.options.keeps_data = true,
            ("keeps-data", None) => {
                return Err((
                    "`keeps-data` belongs to a down marker".into(),
                    "write it behind `-- migrate:down`: it is of the rows that up and down leave".into(),
                ));
            }
            ("irreversible", None) => {
                return Err((
                    "`irreversible` belongs to a down marker".into(),
                    "write `-- migrate:down irreversible`, without a body".into(),
                ));
            }
            _ => {
                let known = Backend::ALL.map(Backend::name).into_iter();
                let options = OPTIONS.into_iter().filter_map(|option| option.split('=').next());
                let near = nearest(name, known.chain(options)).map(|near| {
                    OPTIONS.into_iter().find(|option| option.split('=').next() == Some(near)).unwrap_or(near)
                });
                let help = near.map_or_else(
                    || {
                        format!(
                            "backends are {}; options are {}",
                            Backend::ALL.map(|b| format!("`{b}`")).join(", "),
                            OPTIONS.map(|option| format!("`{option}`")).join(", ")
                        )
                    },
                    |near| format!("there is one with a similar name: `{near}`"),
                );
                return Err((format!("unknown backend or option `{word}`"), help));
            }
        }
        Ok(())
    }
}

fn duration(word: &str, value: &str) -> Result<Duration, (String, String)> {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let milliseconds = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" | "min" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    number
        .parse::<u64>()
        .ok()
        .zip(milliseconds)
        .and_then(|(number, unit)| number.checked_mul(unit))
        // The databases keep it in milliseconds, in 32 bits.
        .filter(|milliseconds| (1..=i32::MAX as u64).contains(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(|| {
            (
                format!("`{word}` has no duration that can be used"),
                "write a whole number with its unit, such as `500ms`, `5s`, `10m` or `1h`, up to `596h`"
                    .into(),
            )
        })
}

/// Two sections of one direction must not serve the same backend.
fn reject_twins(
    source: &SourceText,
    before: &[RawSection],
    section: &RawSection,
    problems: &mut Vec<Problem>,
) {
    let same = || before.iter().filter(|other| other.direction == section.direction);
    let direction = section.direction;
    if section.backends.is_empty() && same().any(|other| other.backends.is_empty()) {
        problems.push(source.problem(
            &section.marker,
            format!("a second `{direction}` section for every backend"),
            "join the two, or name the backends of each",
        ));
    }
    for (backend, range) in &section.backends {
        if same().any(|other| other.backends.iter().any(|(named, _)| named == backend)) {
            problems.push(source.problem(
                range,
                format!("a second `{direction}` section for {backend}"),
                "join the two, or correct the name",
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_as_a_marker_is_told_from_prose_and_sql() {
        for marker in [
            "-- migrate:up",
            "  --migrate : down sqlite",
            "-- migrate up mysql no-transaction",
            "-- Migration Down",
            "-- +goose Up",
            "# migrate:down",
            "/* migrate:down */",
            "migrate: up",
            "-- migrat:up",
            "-- migrate: dwon",
            "-- migrate: sqlite",
            "-- DOWN",
            "--\u{a0}migrate:up",
            "\u{feff}-- migrate:down",
        ] {
            assert!(is_marker_like(marker), "{marker}");
        }
        for other in [
            "-- Migration: add the users",
            "-- Migrations up to the third were squashed into this one",
            "-- migrate the users",
            "-- down the line this becomes a table of its own",
            "-- rollback is not possible",
            "-- up to date",
            "SELECT 'migrate:up';",
            "  'migrate:up',",
            "ROLLBACK;",
            "\u{4e2d}a",
            "-- \u{dc} migrate:up",
            "UPDATE settings SET migrate = 1;",
            "  migrated := migrated + 1;",
            "  migrated::boolean,",
            "  minute := up;",
            "minute: 60",
            "-- Moderate: 60 requests",
            "Operate: never",
            "migrate: LOOP",
            "",
        ] {
            assert!(!is_marker_like(other), "{other}");
        }
    }

    #[test]
    fn what_looks_at_the_first_word_alone_lets_every_marker_through() {
        let words = ["migrate", "MIGRATE", "mgrt", "amigrates", "m\u{131}grate", "revises", "created"];
        let words = words.iter().chain(&FIRST_WORDS).chain(&DIRECTIONS).chain(&["up1", "1up", "updown"]);
        for word in words {
            for sign in
                ["", "--", " -- ", "/*", "'", "\u{feff}--", "--\u{a0}", "\t#", "// \u{2192}", "--\u{b2}"]
            {
                for after in
                    ["", ":", " :", "\u{a0}:", "\u{b}: up", " up", " Down */", "\u{a0}", "(", "-down: x"]
                {
                    let line = format!("{sign}{word}{after}");
                    assert_eq!(is_marker_like(&line), was_meant_as_marker(&line), "{line:?}");
                }
            }
        }
    }
}
