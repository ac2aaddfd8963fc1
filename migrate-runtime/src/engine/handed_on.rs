//! What the statements of an interrupted section have left in their session, and the rest would look for in vain.
//!
//! A run that goes on has a session of its own. What is set to something written down is set again there; a value that was
//! read from rows, counted, or returned by a procedure would be another one by now.

use std::collections::BTreeSet;

use migrate_revision::{Script, ScriptStatement, StatementKind};

use super::explain::shortened;
use crate::backends::{Work, WorkBody, runs_again};
use crate::{Error, ErrorKind};

/// Functions that give the same wherever they are called with the same.
const STEADY: [&str; 16] = [
    "set_config",
    "current_setting",
    "concat",
    "concat_ws",
    "replace",
    "coalesce",
    "ifnull",
    "nullif",
    "if",
    "lower",
    "upper",
    "trim",
    "cast",
    "convert",
    "char",
    "hex",
];

/// What tells of the session's last rows.
const OF_LAST_ROWS: [&str; 8] = [
    "last_insert_id",
    "last_insert_rowid",
    "lastval",
    "currval",
    "row_count",
    "found_rows",
    "changes",
    "total_changes",
];

/// Why an interrupted step cannot go on: what one of its statements left in the session is gone.
pub(super) fn lost(work: &Work<'_>, from: usize, path: &str) -> Option<Error> {
    let place = handed_on(&work.body, from)?;
    let revision = &work.row.revision;
    let sql = work.body.statement(place).map(shortened).unwrap_or_default();
    Some(Error::new(
        ErrorKind::Interrupted,
        format!(
            "revision '{revision}' was interrupted after {from} of {} statements, and what statement {} left in its session is \
             gone, which the rest needs: {sql}\n  file: {path}\n\n\
             hint: in the statements that are not done yet write the values themselves, or make the temporary table anew, and run \
             again; or do them by hand and say so with `stamp` (`cargo migrate stamp {revision}`)",
            work.row.statements,
            place + 1
        ),
    ))
}

/// The statement before `from` that left what the rest needs.
pub(super) fn handed_on(body: &WorkBody<'_>, from: usize) -> Option<usize> {
    let WorkBody::Sql { text, script } = body else { return None };
    let (before, rest) = script.statements.split_at_checked(from)?;
    let lower = |statement: &ScriptStatement| text[statement.range.clone()].to_lowercase();
    let rest: Vec<String> = rest.iter().map(lower).collect();
    let mentions = |sql: &str, name: &str| match name.strip_prefix('@') {
        Some(variable) => variables(sql).any(|found| found == variable),
        None => names(sql).any(|found| found == name),
    };
    let is_used = |name: &str| rest.iter().any(|sql| mentions(sql, name));
    let mut lost: BTreeSet<String> = BTreeSet::new();
    for (place, statement) in before.iter().enumerate() {
        let sql = lower(statement);
        let left = left_behind(&sql, statement);
        let stands_on_lost = lost.iter().any(|name| mentions(&sql, name));
        let steady = runs_again(statement, &sql) && is_steady(&sql) && !stands_on_lost;
        if !steady && left.iter().any(|name| is_used(name)) {
            return Some(place);
        }
        lost.extend(left.into_iter().filter(|_| !steady));
    }
    // Of the last rows, until rows of its own are the last.
    let asks = |sql: &String| calls(sql).any(|function| OF_LAST_ROWS.contains(&function));
    let writes = |sql: &String| sql.starts_with("insert") || sql.starts_with("replace");
    let asking = rest.iter().take_while(|sql| asks(sql) || !writes(sql)).any(asks);
    asking.then(|| last_rows(script, before.len())).flatten()
}

/// The last statement before one that changed rows.
fn last_rows(script: &Script, from: usize) -> Option<usize> {
    script.statements[..from].iter().rposition(|statement| statement.kind == StatementKind::Dml)
}

/// What a statement leaves in the session under a name: variables, settings of nobody's, prepared statements, temporary tables.
fn left_behind(sql: &str, statement: &ScriptStatement) -> Vec<String> {
    let mut words = names(sql);
    if statement.kind == StatementKind::Ddl {
        let is_temporary = words.next() == Some("create")
            && words
                .by_ref()
                .take_while(|word| !matches!(*word, "table" | "view" | "sequence"))
                .any(|word| matches!(word, "temp" | "temporary"));
        let name =
            words.find(|word| !matches!(*word, "table" | "view" | "if" | "not" | "exists" | "sequence"));
        return name.filter(|_| is_temporary).map(str::to_owned).into_iter().collect();
    }
    if !statement.session_effect {
        return Vec::new();
    }
    if sql.starts_with("prepare") {
        return words.nth(1).map(str::to_owned).into_iter().collect();
    }
    let texts =
        sql.split('\'').skip(1).step_by(2).filter(|text| sql.contains("set_config") && is_setting(text));
    variables(sql).map(|name| format!("@{name}")).chain(texts.map(str::to_owned)).collect()
}

/// The user variables that a text names, without their sigil.
fn variables(sql: &str) -> impl Iterator<Item = &str> {
    let sigils = sql.match_indices('@').map(|(at, _)| sql.split_at(at + 1));
    let user = sigils.filter(|(before, behind)| !before.ends_with("@@") && !behind.starts_with('@'));
    user.filter_map(|(_, behind)| names(behind).next())
}

/// Whether a text looks like the name of a setting that nobody defined.
fn is_setting(text: &str) -> bool {
    text.contains('.') && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
}

/// Whether a statement sets what it says, whatever rows there are.
fn is_steady(sql: &str) -> bool {
    // What is inside of quotes is no part of the statement.
    let sql: String = sql.split(['\'', '"']).step_by(2).collect();
    let reads = ["from", "current_timestamp", "current_date", "current_time", "localtime", "localtimestamp"];
    let is_read = |word: &str| reads.contains(&word) && !(word == "from" && sql.starts_with("prepare"));
    calls(&sql).all(|function| STEADY.contains(&function)) && !names(&sql).any(is_read)
}

/// The words and names of a text, with what is quoted; a setting with its dots.
fn names(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '$')))
        .filter(|word| !word.is_empty())
}

/// The words before an opening parenthesis.
fn calls(sql: &str) -> impl Iterator<Item = &str> {
    let before = sql.match_indices('(').map(|(at, _)| sql[..at].trim_end());
    before.filter_map(|before| {
        let start = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(0, |at| at + 1);
        before.get(start..).filter(|word| !word.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statements, each with whether it changes the session.
    fn check(statements: &[(&str, StatementKind, bool)], from: usize) -> Option<usize> {
        let mut text = String::new();
        let mut script = Script::default();
        for &(sql, kind, session_effect) in statements {
            let range = text.len()..text.len() + sql.len();
            text.push_str(sql);
            text.push_str(";\n");
            script.statements.push(ScriptStatement {
                range,
                kind,
                session_effect,
                hash: 1,
                objects: Vec::new(),
            });
        }
        handed_on(&WorkBody::Sql { text: &text, script: &script }, from)
    }

    const INSERT: (&str, StatementKind, bool) = ("INSERT INTO a VALUES (1)", StatementKind::Dml, false);
    const DDL: (&str, StatementKind, bool) = ("CREATE TABLE b (id INTEGER)", StatementKind::Ddl, false);

    #[test]
    fn a_value_that_was_read_is_handed_on_and_one_that_is_written_down_is_set_again() {
        let uses = ("INSERT INTO b VALUES (@Id)", StatementKind::Dml, false);
        for (set, kind, lost) in [
            ("SET @id = LAST_INSERT_ID()", StatementKind::Session, true),
            ("SET @id := (SELECT COUNT(*) FROM a)", StatementKind::Session, true),
            ("SELECT max(id) INTO @id FROM a", StatementKind::Query, true),
            ("SELECT id INTO @id FROM a", StatementKind::Query, true),
            ("SET @id = NOW()", StatementKind::Session, true),
            ("CALL next_id(@id)", StatementKind::Other, true),
            ("INSERT INTO a VALUES (@id := 5)", StatementKind::Dml, true),
            ("SET @id = 5", StatementKind::Session, false),
            ("SET @id = CONCAT(@@sql_mode, 'x')", StatementKind::Session, false),
            ("SET @other = (SELECT COUNT(*) FROM a)", StatementKind::Session, false),
            ("SET @identity = (SELECT COUNT(*) FROM a)", StatementKind::Session, false),
        ] {
            let statements = [INSERT, (set, kind, true), DDL, uses];
            assert_eq!(check(&statements, 3), lost.then_some(1), "{set}");
            let of_last_row = set.contains("LAST_INSERT_ID").then_some(0);
            assert_eq!(check(&statements, 1), of_last_row, "not yet set: {set}");
            assert_eq!(check(&statements, 4), None, "no longer used: {set}");
            let column = ("INSERT INTO b (id) VALUES (@@id)", StatementKind::Dml, false);
            assert_eq!(check(&[INSERT, (set, kind, true), DDL, column], 3), None, "a column's name: {set}");
        }
    }

    #[test]
    fn what_is_made_of_a_value_that_was_read_is_lost_with_it() {
        let statements = [
            ("SET @a = (SELECT 1 FROM t)", StatementKind::Session, true),
            ("SET @b = @a", StatementKind::Session, true),
            ("INSERT INTO b VALUES (@b)", StatementKind::Dml, false),
        ];
        assert_eq!(check(&statements, 2), Some(1));
    }

    #[test]
    fn settings_of_ones_own_are_variables_too() {
        let uses = ("INSERT INTO b VALUES (current_setting('app.n'))", StatementKind::Dml, false);
        let read = "SELECT set_config('app.n', (SELECT count(*)::text FROM a), false)";
        assert_eq!(check(&[(read, StatementKind::Query, true), uses], 1), Some(0));
        let written = "SELECT set_config('app.n', '7', false)";
        assert_eq!(check(&[(written, StatementKind::Query, true), uses], 1), None);
    }

    #[test]
    fn a_prepared_statement_is_prepared_again_unless_its_text_was_read() {
        let uses =
            [("EXECUTE s", StatementKind::Other, true), ("DEALLOCATE PREPARE s", StatementKind::Other, true)];
        let prepare = ("PREPARE s FROM @sql", StatementKind::Other, true);
        let written = ("SET @sql = 'INSERT INTO a VALUES (1)'", StatementKind::Session, true);
        assert_eq!(check(&[written, prepare, uses[0], uses[1]], 2), None);
        let read = ("SET @sql = (SELECT text FROM texts)", StatementKind::Session, true);
        assert_eq!(check(&[read, prepare, uses[0], uses[1]], 2), Some(1));
    }

    #[test]
    fn a_temporary_table_goes_with_its_session() {
        let make = ("CREATE TEMPORARY TABLE IF NOT EXISTS tmp (id INTEGER)", StatementKind::Ddl, false);
        assert_eq!(
            check(&[make, ("INSERT INTO a SELECT id FROM tmp", StatementKind::Dml, false)], 1),
            Some(0)
        );
        assert_eq!(check(&[make, INSERT], 1), None);
        let named_so = ("CREATE TABLE temp (id INTEGER)", StatementKind::Ddl, false);
        assert_eq!(check(&[named_so, ("INSERT INTO a (id) VALUES (1)", StatementKind::Dml, false)], 1), None);
        assert_eq!(check(&[DDL, ("INSERT INTO b VALUES (1)", StatementKind::Dml, false)], 1), None);
    }

    #[test]
    fn the_number_of_a_row_that_another_session_wrote_is_not_known() {
        let uses = ("INSERT INTO b VALUES (LAST_INSERT_ID())", StatementKind::Dml, false);
        assert_eq!(check(&[INSERT, DDL, uses], 2), Some(0));
        assert_eq!(check(&[INSERT, DDL, INSERT, uses], 2), None);
    }
}
