//! What the statements of a section leave in their session, by their texts.
//!
//! A run that goes on where another was interrupted has a session of its own. What is set to something written down is set again
//! there; a value that was read from rows, counted, or returned by a procedure would be another one by now.

use migrate_revision::{Script, ScriptStatement, StatementKind};

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

/// What tells of the session's last rows, each with what makes it tell of others.
const OF_LAST_ROWS: [(&str, &[&str]); 8] = [
    ("last_insert_id", &["insert", "replace"]),
    ("last_insert_rowid", &["insert", "replace"]),
    ("lastval", &["insert", "nextval"]),
    ("currval", &["insert", "nextval"]),
    ("row_count", &["insert", "replace", "update", "delete"]),
    ("found_rows", &["select"]),
    ("changes", &["insert", "replace", "update", "delete"]),
    ("total_changes", &[]),
];

/// The statements before an interrupted one that must run again, because what they set went with their session.
pub(crate) fn again<'s>(
    text: &'s str,
    script: &'s Script,
    from: usize,
) -> impl Iterator<Item = (usize, &'s ScriptStatement)> {
    let section = Section::new(text, script, from);
    let before = script.statements.iter().enumerate().take(from);
    before.filter(move |(place, statement)| section.runs_again(*place, statement))
}

/// The statement before an interrupted one that left what the rest needs, and what cannot be had again.
pub(crate) fn lost(text: &str, script: &Script, from: usize) -> Option<usize> {
    let section = Section::new(text, script, from);
    let mut lost: Vec<(String, usize)> = Vec::new();
    for (place, statement) in script.statements.iter().enumerate().take(from) {
        let sql = section.sql(place);
        lost.retain(|(name, _)| !ends(sql, name));
        let stands_on_lost = lost.iter().any(|(name, _)| mentions(sql, name) > 0 && !sets_anew(sql, name));
        let steady = section.runs_again(place, statement) && is_steady(sql) && !stands_on_lost;
        if !steady && sets_setting(sql, statement) {
            lost.push((REST.to_owned(), place));
        }
        // The first insert behind it takes it.
        if is_for_one_insert(sql) && !{ section.between(place) }.any(|sql| sql.starts_with("insert")) {
            lost.push((REST.to_owned(), place));
        }
        for name in left_behind(sql, statement) {
            lost.retain(|(other, _)| *other != name);
            if !steady {
                lost.push((name, place));
            }
        }
    }
    let by_name = lost.into_iter().find(|(name, _)| section.needs(name)).map(|(_, place)| place);
    by_name.or_else(|| section.last_rows(script))
}

/// A section that was interrupted, in lower case.
struct Section {
    statements: Vec<String>,
    from: usize,
}

impl Section {
    fn new(text: &str, script: &Script, from: usize) -> Self {
        let lower = |statement: &ScriptStatement| text[statement.range.clone()].to_lowercase();
        // What begins at its beginning has nothing to look back on.
        let statements = if from == 0 { Vec::new() } else { script.statements.iter().map(lower).collect() };
        Self { statements, from: from.min(script.statements.len()) }
    }

    fn sql(&self, place: usize) -> &str {
        self.statements.get(place).map_or("", String::as_str)
    }

    /// The statements behind one that were done.
    fn between(&self, place: usize) -> impl Iterator<Item = &str> {
        self.statements.iter().take(self.from).skip(place + 1).map(String::as_str)
    }

    fn rest(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().skip(self.from).map(String::as_str)
    }

    /// Whether the rest reads what has a name before it sets it anew.
    fn needs(&self, name: &str) -> bool {
        if name == REST {
            return self.rest().next().is_some();
        }
        self.rest().find(|sql| mentions(sql, name) > 0).is_some_and(|sql| !sets_anew(sql, name))
    }

    /// Whether a statement runs again for what it leaves in the session: it does nothing else.
    fn runs_again(&self, place: usize, statement: &ScriptStatement) -> bool {
        use StatementKind::{Other, OutsideTransaction, Query, Session};
        match statement.kind {
            // What calls something may do more than set what it says, and what is the server's is still there.
            Session | OutsideTransaction | Query => {
                let sql = self.sql(place);
                statement.session_effect && is_steady(sql) && !is_of_server(sql) && !is_for_one_insert(sql)
            }
            // What it stood on may be gone, so only where it is asked for.
            Other => prepared(self.sql(place)).is_some_and(|name| {
                let later = self.statements.iter().take(self.from).skip(place + 1);
                self.needs(name)
                    && !later.into_iter().any(|sql| ends(sql, name) || prepared(sql) == Some(name))
            }),
            _ => false,
        }
    }

    /// The last statement that changed rows, if the rest asks about these.
    fn last_rows(&self, script: &Script) -> Option<usize> {
        let changed = script.statements.iter().take(self.from);
        let changed = changed.into_iter().rposition(|statement| statement.kind == StatementKind::Dml)?;
        let asks = OF_LAST_ROWS.iter().any(|(function, others)| {
            let tells = |sql: &str| {
                others.iter().any(|other| sql.starts_with(other) || calls(sql).any(|f| f == *other))
            };
            let first = self.rest().find(|sql| calls(sql).any(|f| f == *function) || tells(sql));
            first.is_some_and(|sql| calls(sql).any(|f| f == *function))
        });
        asks.then_some(changed)
    }
}

/// In the place of a name, for what all that follows stands on.
const REST: &str = "";

/// Whether a statement sets something of the whole server and nothing else.
fn is_of_server(sql: &str) -> bool {
    let is_of_server = |assignment: &&str| {
        ["global ", "persist ", "persist_only ", "@@global.", "@@persist.", "@@persist_only."]
            .iter()
            .any(|scope| assignment.starts_with(scope))
    };
    let assignments = assignments(sql);
    !assignments.is_empty() && assignments.iter().all(is_of_server)
}

/// What a `SET` assigns, one by one.
fn assignments(sql: &str) -> Vec<&str> {
    let Some(rest) = sql.strip_prefix("set").filter(|rest| rest.starts_with(char::is_whitespace)) else {
        return Vec::new();
    };
    let (mut depth, mut quote, mut start) = (0_i32, None, 0);
    let mut found = Vec::new();
    for (at, c) in rest.char_indices() {
        match (quote, c) {
            (Some(open), _) => quote = Some(open).filter(|open| *open != c),
            (None, '\'' | '"' | '`') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ',') if depth == 0 => {
                found.push(rest[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(rest[start..].trim());
    found
}

/// Whether a statement sets a value that the next insert takes and is then gone.
fn is_for_one_insert(sql: &str) -> bool {
    sql.starts_with("set") && names(sql).any(|word| word.trim_start_matches("session.") == "insert_id")
}

/// Whether a statement sets a setting, and no variable of the user's alone, to what it gets from somewhere.
fn sets_setting(sql: &str, statement: &ScriptStatement) -> bool {
    use StatementKind::{Query, Session};
    let is_setting = match statement.kind {
        Session => assignments(sql).iter().any(|target| !target.starts_with('@') || target.starts_with("@@")),
        Query => sql.contains("set_config"),
        StatementKind::OutsideTransaction => true,
        _ => false,
    };
    statement.session_effect && is_setting && !is_steady(sql) && !is_of_server(sql)
}

/// What `PREPARE name FROM` prepares, of MySQL, where it takes the place of an earlier one. PostgreSQL's would find its name taken.
fn prepared(sql: &str) -> Option<&str> {
    let mut words = names(sql);
    let name = words.next().filter(|word| *word == "prepare").and(words.next())?;
    (words.next() == Some("from")).then_some(name)
}

/// Whether a statement ends what has a name, and runs also where there is none.
fn ends(sql: &str, name: &str) -> bool {
    let words: Vec<&str> = names(sql).collect();
    match words.as_slice() {
        ["deallocate" | "drop", "prepare", found]
        | ["drop", "temporary", "table", found]
        | ["drop", "table", found] => *found == name,
        ["drop", "temporary", "table", "if", "exists", found] | ["drop", "table", "if", "exists", found] => {
            *found == name
        }
        _ => false,
    }
}

/// Whether a statement sets what has a name without reading it.
fn sets_anew(sql: &str, name: &str) -> bool {
    if mentions(sql, name) != 1 {
        return false;
    }
    let words: Vec<&str> = names(sql).take(6).collect();
    match name.strip_prefix('@') {
        Some(variable) => {
            let Some(at) = sql.find(&format!("@{variable}")).or_else(|| sql.find(&format!("@`{variable}`")))
            else {
                return false;
            };
            let behind = sql[at..].trim_start_matches(['@', '`']).strip_prefix(variable).unwrap_or_default();
            let assigned = behind.trim_start_matches('`').trim_start();
            words.first() == Some(&"set") && (assigned.starts_with('=') || assigned.starts_with(":="))
                || sql[..at].trim_end().ends_with("into")
        }
        None => {
            let is_setting = sql.replace(' ', "").contains(&format!("set_config('{name}'"));
            let is_prepared = prepared(sql) == Some(name);
            // What is not there cannot be dropped, but if it may be missing.
            let is_dropped = ends(sql, name) && words.contains(&"exists");
            is_setting || is_prepared || is_dropped || made_temporary(sql) == Some(name)
        }
    }
}

/// How often a statement has a name.
fn mentions(sql: &str, name: &str) -> usize {
    match name.strip_prefix('@') {
        Some(variable) => variables(sql).filter(|found| *found == variable).count(),
        None => names(sql).filter(|found| *found == name).count(),
    }
}

/// The temporary table, or the like, that a statement makes.
fn made_temporary(sql: &str) -> Option<&str> {
    let mut words = names(sql);
    let is_temporary = words.next() == Some("create")
        && words
            .by_ref()
            .take_while(|word| !matches!(*word, "table" | "view" | "sequence"))
            .any(|word| matches!(word, "temp" | "temporary"));
    let name = words.find(|word| !matches!(*word, "table" | "view" | "if" | "not" | "exists" | "sequence"));
    name.filter(|_| is_temporary)
}

/// What a statement leaves in the session under a name: variables, settings of nobody's, prepared statements, temporary tables.
fn left_behind(sql: &str, statement: &ScriptStatement) -> Vec<String> {
    if statement.kind == StatementKind::Ddl {
        return made_temporary(sql).map(str::to_owned).into_iter().collect();
    }
    if !statement.session_effect {
        return Vec::new();
    }
    if sql.starts_with("prepare") {
        return names(sql).nth(1).map(str::to_owned).into_iter().collect();
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
    // Its parentheses call nothing.
    if sql.starts_with("pragma") {
        return true;
    }
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
    fn with<T>(statements: &[(&str, StatementKind, bool)], look: impl FnOnce(&str, &Script) -> T) -> T {
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
        look(&text, &script)
    }

    fn check(statements: &[(&str, StatementKind, bool)], from: usize) -> Option<usize> {
        with(statements, |text, script| lost(text, script, from))
    }

    #[test]
    fn what_is_set_again_calls_nothing_and_is_of_the_session() {
        use StatementKind::{OutsideTransaction, Query, Session};
        let next = ("UPDATE a SET n = 1", StatementKind::Dml, false);
        // Whether it is set again, and whether what follows is said to miss it.
        for (set, kind, set_again, missed) in [
            ("PRAGMA foreign_keys(OFF)", OutsideTransaction, true, false),
            ("PRAGMA legacy_alter_table(ON)", Session, true, false),
            ("SET sql_mode = CONCAT(@@sql_mode, ',ANSI')", Session, true, false),
            ("SET @a = 1, sql_mode = (SELECT mode FROM modes)", Session, false, true),
            ("SET @id = add_account('root')", Session, false, false),
            ("SET GLOBAL max_connections = 5", Session, false, false),
            ("SET @@GLOBAL.a = 1, PERSIST b = 2", Session, false, false),
            ("SET GLOBAL local_infile = 1, SESSION foreign_key_checks = 0", Session, true, false),
            ("SET persistence.level = 'x'", Session, true, false),
            ("SET SESSION insert_id = 42", Session, false, true),
            ("SELECT set_config('search_path', tenant(), false)", Query, false, true),
            ("SELECT set_config('search_path', 'app', false)", Query, true, false),
        ] {
            with(&[DDL, (set, kind, true), next], |text, script| {
                assert_eq!(again(text, script, 2).count() == 1, set_again, "{set}");
                assert_eq!(lost(text, script, 2).is_some(), missed, "{set}");
            });
        }
        let taken = [DDL, ("SET insert_id = 42", Session, true), INSERT, next];
        assert_eq!(check(&taken, 3), None);
        assert_eq!(check(&taken, 2), Some(1));
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
    fn what_the_rest_sets_anew_before_it_reads_it_is_not_missed() {
        let block: [(&str, StatementKind, bool); 4] = [
            (
                "SET @s = (SELECT IF(COUNT(*) = 0, 'ALTER TABLE a ADD b INT', 'DO 0') FROM c)",
                StatementKind::Session,
                true,
            ),
            ("PREPARE st FROM @s", StatementKind::Other, true),
            ("EXECUTE st", StatementKind::Other, true),
            ("DEALLOCATE PREPARE st", StatementKind::Other, true),
        ];
        let twice: Vec<_> = block.iter().chain([&DDL]).chain(&block).copied().collect();
        let expected = [None, Some(0), Some(1), Some(1), None, None, Some(5), Some(6), Some(6), None];
        for (from, expected) in expected.into_iter().enumerate() {
            assert_eq!(check(&twice, from), expected, "{from}");
        }
        let tmp = ("CREATE TEMPORARY TABLE tmp (id INTEGER)", StatementKind::Ddl, false);
        let ended = ("DROP TEMPORARY TABLE tmp", StatementKind::Ddl, false);
        let uses = ("INSERT INTO a SELECT id FROM tmp", StatementKind::Dml, false);
        assert_eq!(check(&[tmp, uses, ended, tmp, uses], 3), None);
        assert_eq!(
            check(&[tmp, uses, ("DROP TABLE IF EXISTS tmp", StatementKind::Ddl, false), DDL], 2),
            None
        );
        assert_eq!(check(&[tmp, uses, ended, DDL], 2), Some(0));
        let read = ("SET @s = (SELECT 1 FROM c)", StatementKind::Session, true);
        let again = ("SET @s = 5", StatementKind::Session, true);
        let uses = ("INSERT INTO a VALUES (@s)", StatementKind::Dml, false);
        assert_eq!(check(&[read, again, uses], 2), None);
        assert_eq!(check(&[read, ("SET @s = @s + 1", StatementKind::Session, true), uses], 1), Some(0));
    }

    #[test]
    fn a_statement_is_prepared_again_only_where_it_is_asked_for() {
        let again = |statements: &[(&str, StatementKind, bool)], from| {
            with(statements, |text, script| {
                again(text, script, from).map(|(place, _)| place).collect::<Vec<_>>()
            })
        };
        let set = ("SET @sql = 'INSERT INTO gone VALUES (1)'", StatementKind::Session, true);
        let prepare = ("PREPARE st FROM @sql", StatementKind::Other, true);
        let execute = ("EXECUTE st", StatementKind::Other, true);
        let ended = ("DEALLOCATE PREPARE st", StatementKind::Other, true);
        assert_eq!(again(&[set, prepare, execute, ended, DDL], 4), [0], "it was ended");
        assert_eq!(again(&[set, prepare, execute, DDL], 3), [0], "nobody asks for it");
        assert_eq!(again(&[set, prepare, execute, ended], 2), [0, 1]);
        assert_eq!(again(&[set, prepare, execute, prepare, execute], 4), [0, 3]);
        assert_eq!(again(&[set, prepare, DDL, prepare, execute], 3), [0], "it is prepared anew");
        let of_postgres = ("PREPARE st AS SELECT 1", StatementKind::Other, true);
        assert_eq!(again(&[of_postgres, execute], 1), [0; 0]);
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
        let update = ("UPDATE a SET id = 2", StatementKind::Dml, false);
        let counts = ("INSERT INTO log VALUES (ROW_COUNT())", StatementKind::Dml, false);
        assert_eq!(check(&[INSERT, DDL, update, counts], 2), None);
        assert_eq!(check(&[INSERT, DDL, update, uses], 2), Some(0), "an update gives no number");
        let next = ("SELECT nextval('s')", StatementKind::Query, false);
        let current = ("INSERT INTO b VALUES (currval('s'))", StatementKind::Dml, false);
        assert_eq!(
            (check(&[INSERT, DDL, next, current], 2), check(&[INSERT, DDL, current], 2)),
            (None, Some(0))
        );
    }
}
