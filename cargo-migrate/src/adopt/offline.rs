//! What `alembic upgrade --sql` and `alembic downgrade --sql` print, cut into the revisions' parts.

use migrate_revision::Direction;
use migrate_revision::source::SourceText;

use super::Section;
use super::section::numbered_lines;

/// A revision's part of the script.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) revision: String,
    pub(super) section: Section,
}

/// Cuts a script, without what it does to the version table. Also tells whether anything stands before the first part
/// that the runtime would not do itself.
pub(super) fn parts(source: &SourceText, table: &str) -> (Vec<Part>, bool) {
    let mut parts: Vec<Part> = Vec::new();
    let mut has_preamble = false;
    // Inside a statement that changes the version table, and behind the first such of the part
    let (mut inside, mut recorded) = (false, false);
    for (number, line) in numbered_lines(source) {
        if line.starts_with("INFO  [") {
            continue;
        }
        if let Some((direction, revision)) = announcement(line) {
            parts.push(Part { revision, section: Section::new(direction, &source.path) });
            (inside, recorded) = (false, false);
            continue;
        }
        inside |= changes_table(line, table);
        if inside {
            recorded = true;
            inside = !line.trim_end().ends_with(';');
            continue;
        }
        let is_transaction = ["BEGIN;", "COMMIT;", "START TRANSACTION;"].contains(&line.trim_end());
        match parts.last_mut() {
            None => has_preamble |= !is_transaction && !line.trim().is_empty() && !line.starts_with("--"),
            // Between parts it is the transaction of a revision or of the run.
            Some(_) if is_transaction && recorded => {}
            // Inside of one it is an `autocommit_block`, or means the same.
            Some(part) if is_transaction => part.section.no_transaction = true,
            Some(part) => part.section.lines.push((number, line.to_owned())),
        }
    }
    (parts, has_preamble)
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

/// Whether a line begins a statement that changes the version table.
fn changes_table(line: &str, table: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().take(4).collect();
    let upper: Vec<String> = words.iter().map(|word| word.to_ascii_uppercase()).collect();
    let name = match upper.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["INSERT", "INTO", ..] | ["DELETE", "FROM", ..] | ["CREATE" | "DROP", "TABLE", ..] => words.get(2),
        ["UPDATE", ..] => words.get(1),
        _ => None,
    };
    let plain = |name: &str| {
        let name = name.split('(').next().unwrap_or_default().trim_end_matches(';');
        let name = name.rsplit('.').next().unwrap_or_default();
        name.trim_matches(['"', '`', '[', ']']).to_ascii_lowercase()
    };
    name.is_some_and(|name| plain(name) == plain(table))
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
        let (parts, has_preamble) = super::parts(&source, "alembic_version");
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

    #[test]
    fn a_way_down_is_of_the_revision_that_it_leaves() {
        assert_eq!(announcement("-- Running downgrade c -> a, b"), Some((Direction::Down, "c".into())));
        assert_eq!(announcement("-- Running downgrade a -> "), Some((Direction::Down, "a".into())));
        assert_eq!(announcement("-- Running stamp_revision  -> a"), None);
    }
}
