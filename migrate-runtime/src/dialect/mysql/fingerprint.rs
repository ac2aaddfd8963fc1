//! Whether a DDL statement was done that a crash may have overtaken: the definitions of the objects that it names are
//! recorded before it, and compared when its revision is taken up again.

use migrate_revision::{Backend, Object, ObjectKind, ScriptStatement, StatementKind};

use crate::history::quote_text;

/// What a statement may have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    NotDone,
    Done,
    /// The definitions do not tell
    Unknown,
}

/// What is recorded before a statement, as an expression: `scheme`, a hash of what the definitions' texts depend on,
/// the statement's hash, and a hash for each object, or `-` where there is none. `None` if nothing needs to be.
#[inline]
pub(crate) fn expression(statement: &ScriptStatement, sql: &str, backend: Backend) -> Option<String> {
    let hidden = statement.objects.is_empty() && begins(sql, &["set", "statement"]);
    if statement.kind != StatementKind::Ddl || statement.objects.is_empty() && !hidden {
        return None;
    }
    // What takes the place of a table may be its like, but for its age.
    let replaces = begins(sql, &["create", "or", "replace", "table"]);
    let mut objects =
        statement.objects.iter().map(|object| definition(object, replaces, backend)).collect::<Vec<_>>();
    if hidden {
        objects.push("'?'".to_owned());
    }
    Some(format!(
        "CONCAT_WS(' ', '{SCHEME}', LEFT(SHA2(CONCAT_WS(' ', SUBSTRING_INDEX(VERSION(), '.', 2), CURRENT_USER(), \
         QUOTE(DATABASE()), @@character_set_connection), 256), 16), '{:016x}', CONCAT_WS(',', {}))",
        statement.hash,
        objects.join(", ")
    ))
}

/// Compares what was recorded with what is there now.
#[inline]
pub(crate) fn verdict(recorded: &str, now: &str, statement: &ScriptStatement, sql: &str) -> Verdict {
    let parts = |text: &str| -> Option<[String; 4]> {
        text.split(' ').map(str::to_owned).collect::<Vec<_>>().try_into().ok()
    };
    let (Some([scheme, basis, hash, before]), Some([now_scheme, now_basis, now_hash, after])) =
        (parts(recorded), parts(now))
    else {
        return Verdict::Unknown;
    };
    let same_objects = before.split(',').count() == after.split(',').count();
    if (scheme, basis) != (now_scheme, now_basis) || !same_objects {
        return Verdict::Unknown;
    }
    let same_statement = hash == now_hash;
    if before == after {
        return if same_statement && changes_nothing_visible(statement, sql) {
            Verdict::Unknown
        } else {
            Verdict::NotDone
        };
    }
    // Of several objects MariaDB drops one after the other.
    let drops =
        first_word(sql).eq_ignore_ascii_case("drop") && statement.objects[0].kind != ObjectKind::Index;
    let halfway = drops && after.split(',').any(|object| object != "-");
    // What takes the place of a table is made once that is dropped.
    let nothing = begins(sql, &["create", "or", "replace"]) && after.split(',').any(|object| object == "-");
    // Of several accounts only the first is looked at.
    let accounts = ["user", "role"]
        .iter()
        .any(|kind| ["create", "drop"].iter().any(|verb| begins(sql, &[verb, kind])) && sql.contains(','));
    if same_statement && !halfway && !nothing && !accounts { Verdict::Done } else { Verdict::Unknown }
}

/// Whether the definitions are the same afterwards, and doing it twice is not the same as once: tables that change places
/// may be alike, and rows and the state of a sequence do not show.
#[inline]
fn changes_nothing_visible(statement: &ScriptStatement, sql: &str) -> bool {
    let words = |word: &str| {
        sql.split(|c: char| !c.is_alphanumeric()).filter(|w| w.eq_ignore_ascii_case(word)).count()
    };
    match first_word(sql).to_ascii_lowercase().as_str() {
        "rename" => words("to") >= statement.objects.len(),
        "alter" => words("exchange") > 0 || words("truncate") > 0 || begins(sql, &["alter", "sequence"]),
        "truncate" => true,
        // What it is for is not looked at.
        "set" => true,
        _ => false,
    }
}

/// The table that a statement empties.
#[inline]
pub(crate) fn emptied<'s>(statement: &'s ScriptStatement, sql: &str) -> Option<&'s Object> {
    statement.objects.first().filter(|_| first_word(sql).eq_ignore_ascii_case("truncate"))
}

#[inline]
fn begins(sql: &str, words: &[&str]) -> bool {
    let mut found = sql.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    words.iter().all(|word| found.next().is_some_and(|next| next.eq_ignore_ascii_case(word)))
}

#[inline]
fn first_word(sql: &str) -> &str {
    sql.split(|c: char| !c.is_ascii_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default()
}

/// The version of what is recorded.
const SCHEME: &str = "f1";

/// A hash of an object's definition as an expression; `-` if it is not there.
#[inline]
fn definition(object: &Object, age: bool, backend: Backend) -> String {
    let (schema, name) = match object.name.as_slice() {
        [.., schema, name] => (quote_text(schema, backend), quote_text(name, backend)),
        [name] => ("DATABASE()".to_owned(), quote_text(name, backend)),
        [] => return "'-'".to_owned(),
    };
    let parts: &[Part] = match object.kind {
        ObjectKind::Table | ObjectKind::Sequence => TABLE,
        ObjectKind::View => VIEW,
        ObjectKind::Trigger => TRIGGER,
        ObjectKind::Routine => ROUTINE,
        ObjectKind::Event => EVENT,
        ObjectKind::Other => {
            // A database or an account. Of what else there is nothing shows here, and it acts twice only with an error.
            let database = one("SCHEMATA", &format!("SCHEMA_NAME = {name}"), "DEFAULT_COLLATION_NAME");
            let account = one(
                "USER_PRIVILEGES",
                &format!("LEFT(GRANTEE, CHAR_LENGTH({name}) + 3) = CONCAT(CHAR(39), {name}, CHAR(39), '@')"),
                "GRANTEE, PRIVILEGE_TYPE, IS_GRANTABLE",
            );
            return format!(
                "IF({database} = '-' AND {account} = '-', '-', CONCAT({database}, '/', {account}))"
            );
        }
        // It is part of its table, which the statement names too.
        ObjectKind::Index => return "'-'".to_owned(),
    };
    let filter = |part: &Part| format!("{} = {schema} AND {} = {name}", part.schema, part.name);
    let [first, rest @ ..] = parts else { return "'-'".to_owned() };
    let columns = if age { format!("{}, CREATE_TIME", first.columns) } else { first.columns.to_owned() };
    let there = one(first.view, &filter(first), &columns);
    if rest.is_empty() {
        return there;
    }
    let all: Vec<String> = std::iter::once(there.clone())
        .chain(rest.iter().map(|part| one(part.view, &filter(part), part.columns)))
        .collect();
    format!("IF({there} = '-', '-', LEFT(SHA2(CONCAT_WS(' ', {}), 256), 16))", all.join(", "))
}

/// Where a part of a definition is to be read: rows of a view of `information_schema`.
#[derive(Clone, Copy)]
struct Part {
    view: &'static str,
    schema: &'static str,
    name: &'static str,
    columns: &'static str,
}

const TABLE: &[Part] = &[
    Part {
        view: "TABLES",
        schema: "TABLE_SCHEMA",
        name: "TABLE_NAME",
        columns: "TABLE_TYPE, ENGINE, ROW_FORMAT, TABLE_COLLATION, CREATE_OPTIONS, TABLE_COMMENT",
    },
    Part {
        view: "COLUMNS",
        schema: "TABLE_SCHEMA",
        name: "TABLE_NAME",
        columns: "ORDINAL_POSITION, COLUMN_NAME, COLUMN_DEFAULT, IS_NULLABLE, COLUMN_TYPE, COLLATION_NAME, EXTRA, \
                  COLUMN_COMMENT, GENERATION_EXPRESSION",
    },
    Part {
        view: "STATISTICS",
        schema: "TABLE_SCHEMA",
        name: "TABLE_NAME",
        columns: "INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, SUB_PART, COLLATION, INDEX_TYPE, INDEX_COMMENT",
    },
    Part {
        view: "TABLE_CONSTRAINTS",
        schema: "TABLE_SCHEMA",
        name: "TABLE_NAME",
        columns: "CONSTRAINT_NAME, CONSTRAINT_TYPE",
    },
    Part {
        view: "KEY_COLUMN_USAGE",
        schema: "TABLE_SCHEMA",
        name: "TABLE_NAME",
        columns: "CONSTRAINT_NAME, ORDINAL_POSITION, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, \
                  REFERENCED_COLUMN_NAME",
    },
    Part {
        view: "REFERENTIAL_CONSTRAINTS",
        schema: "CONSTRAINT_SCHEMA",
        name: "TABLE_NAME",
        columns: "CONSTRAINT_NAME, UPDATE_RULE, DELETE_RULE",
    },
    Part {
        view: "PARTITIONS",
        schema: "TABLE_SCHEMA",
        name: "TABLE_NAME",
        columns: "PARTITION_NAME, SUBPARTITION_NAME, PARTITION_ORDINAL_POSITION, PARTITION_METHOD, \
                  PARTITION_EXPRESSION, PARTITION_DESCRIPTION",
    },
];

const VIEW: &[Part] = &[
    TABLE[0],
    TABLE[1],
    Part {
        view: "VIEWS",
        schema: "TABLE_SCHEMA",
        name: "TABLE_NAME",
        columns: "VIEW_DEFINITION, CHECK_OPTION, DEFINER, SECURITY_TYPE",
    },
];

const TRIGGER: &[Part] = &[Part {
    view: "TRIGGERS",
    schema: "TRIGGER_SCHEMA",
    name: "TRIGGER_NAME",
    columns: "EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_ORDER, ACTION_TIMING, ACTION_STATEMENT, DEFINER",
}];

const ROUTINE: &[Part] = &[
    Part {
        view: "ROUTINES",
        schema: "ROUTINE_SCHEMA",
        name: "ROUTINE_NAME",
        columns: "ROUTINE_TYPE, DTD_IDENTIFIER, ROUTINE_DEFINITION, IS_DETERMINISTIC, SQL_DATA_ACCESS, SECURITY_TYPE, \
                  ROUTINE_COMMENT, DEFINER",
    },
    Part {
        view: "PARAMETERS",
        schema: "SPECIFIC_SCHEMA",
        name: "SPECIFIC_NAME",
        columns: "ROUTINE_TYPE, ORDINAL_POSITION, PARAMETER_MODE, PARAMETER_NAME, DTD_IDENTIFIER",
    },
];

const EVENT: &[Part] = &[Part {
    view: "EVENTS",
    schema: "EVENT_SCHEMA",
    name: "EVENT_NAME",
    columns: "EVENT_DEFINITION, EVENT_TYPE, EXECUTE_AT, INTERVAL_VALUE, INTERVAL_FIELD, STATUS, ON_COMPLETION, \
              EVENT_COMMENT, DEFINER",
}];

/// A hash of the rows of a view, in whatever order they come and however many they are; `-` if there are none.
#[inline]
fn one(view: &str, filter: &str, columns: &str) -> String {
    let columns = columns.split(", ").map(|column| format!("QUOTE({column})")).collect::<Vec<_>>().join(", ");
    let row = format!("CAST(CONV(LEFT(SHA2(CONCAT_WS(' ', {columns}), 256), 16), 16, 10) AS UNSIGNED)");
    format!(
        "(SELECT IF(COUNT(*) = 0, '-', CONCAT(COUNT(*), '.', HEX(BIT_XOR({row})))) FROM information_schema.{view} \
         WHERE {filter})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(objects: &[&str]) -> ScriptStatement {
        let object = |name: &&str| Object { kind: ObjectKind::Table, name: vec![(*name).to_owned()] };
        let objects = objects.iter().map(object).collect();
        ScriptStatement { range: 0..0, kind: StatementKind::Ddl, session_effect: false, hash: 1, objects }
    }

    #[test]
    fn only_what_is_sure_is_settled() {
        use Verdict::{Done, NotDone, Unknown};
        let judge = |objects: &[&str], sql: &str, before: &str, after: &str| {
            verdict(&format!("f1 e 01 {before}"), &format!("f1 {after}"), &statement(objects), sql)
        };
        assert_eq!(judge(&["t"], "CREATE TABLE t (a INT)", "-", "e 01 -"), NotDone);
        assert_eq!(judge(&["t"], "CREATE TABLE t (a INT)", "-", "e 01 5"), Done);
        assert_eq!(judge(&["t"], "CREATE TABLE t (b INT)", "-", "e 02 -"), NotDone);
        assert_eq!(
            judge(&["t"], "CREATE TABLE t (b INT)", "-", "e 02 5"),
            Unknown,
            "it was another statement"
        );
        assert_eq!(
            judge(&["t"], "CREATE TABLE t (a INT)", "-", "x 01 5"),
            Unknown,
            "another server, user or database"
        );
        assert_eq!(judge(&["t", "u"], "DROP TABLE t, u", "5,6", "e 01 -,6"), Unknown, "halfway");
        assert_eq!(judge(&["t", "u"], "DROP TABLE t, u", "5,6", "e 01 -,-"), Done);
        assert_eq!(
            judge(&["a", "x", "b"], "RENAME TABLE a TO x, b TO a, x TO b", "5,-,5", "e 01 5,-,5"),
            Unknown
        );
        assert_eq!(judge(&["a", "x", "b"], "RENAME TABLE a TO x, b TO a", "5,-,5", "e 01 5,-,5"), NotDone);
        assert_eq!(verdict("f1 e 01 5", "", &statement(&["t"]), "DROP TABLE t"), Unknown);
        let replace = "CREATE OR REPLACE TABLE t AS SELECT 1";
        assert_eq!(judge(&["t"], replace, "5", "e 01 6"), Done);
        assert_eq!(judge(&["t"], replace, "5", "e 01 -"), Unknown, "the old one is dropped first");
        assert_eq!(
            judge(&[], "SET STATEMENT lock_wait_timeout = 5 FOR ALTER TABLE t ADD INDEX (a)", "?", "e 01 ?"),
            Unknown
        );
        let of = |sql: &str| expression(&statement(&[]), sql, Backend::Mariadb).is_some();
        assert!(of("SET STATEMENT a = 1 FOR TRUNCATE TABLE t") && !of("FLUSH PRIVILEGES"));
    }
}
