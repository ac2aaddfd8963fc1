//! SQLite: the definitions that `sqlite_schema` holds. They are texts as somebody wrote them, and as `ALTER TABLE` has
//! edited them; what means the same is brought into one form.

use migrate_revision::{Backend, sql};
use rusqlite::{Connection, Result};

use super::{History, Snapshot, row};

/// The tables, indexes, views and triggers, and the settings that the file keeps.
///
/// # Errors
/// Those of the database.
pub(crate) fn schema(connection: &Connection, history: &History) -> Result<Snapshot> {
    let (mut lines, mut orders) = (Vec::new(), Vec::new());
    for pragma in ["user_version", "application_id"] {
        let value: i64 = connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0))?;
        lines.push(format!("pragma {pragma} = {value}"));
    }
    let mut objects = connection.prepare(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name <> ?1
         AND name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow')",
    )?;
    let mut found = objects.query([&history.table])?;
    while let Some(object) = found.next()? {
        let (kind, name, table): (String, String, String) = (object.get(0)?, object.get(1)?, object.get(2)?);
        let words = words(&object.get::<_, String>(3)?);
        if kind != "table" {
            lines.push(format!("{kind} {name} on {table}: {}", words.join(" ")));
            continue;
        }
        lines.push(format!("table {name}"));
        orders.push(format!("columns of {name}: {}", columns(connection, &name)?.join(", ")));
        lines.extend(parts(&words).into_iter().map(|part| format!("table {name}: {part}")));
    }
    Ok(Snapshot::with_orders(lines, orders))
}

/// Every row of every table.
///
/// # Errors
/// Those of the database.
pub(crate) fn rows(connection: &Connection, history: &History) -> Result<Snapshot> {
    let mut tables = connection.prepare(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?1",
    )?;
    let tables = tables.query_map([&history.table], |row| row.get(0))?.collect::<Result<Vec<String>>>()?;
    let mut lines = Vec::new();
    for table in tables {
        let mut columns = columns(connection, &table)?;
        columns.sort_unstable();
        // `quote` ends at a NUL.
        let value = |column: &String| {
            let column = quoted(column);
            format!(
                "CASE WHEN typeof({column}) = 'text' AND instr({column}, char(0)) > 0 THEN 'text ' || hex({column}) ELSE quote({column}) END"
            )
        };
        let quoted = columns.iter().map(value).collect::<Vec<_>>();
        let mut select =
            connection.prepare(&format!("SELECT {} FROM {}", quoted.join(", "), self::quoted(&table)))?;
        let mut found = select.query([])?;
        while let Some(values) = found.next()? {
            let mut cells = Vec::with_capacity(columns.len());
            for (place, column) in columns.iter().enumerate() {
                let value: String = values.get(place)?;
                cells.push((column.as_str(), Some(value).filter(|value| value != "NULL")));
            }
            lines.push(row(&table, cells.into_iter()));
        }
    }
    Ok(Snapshot::new(lines))
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>> {
    // Hidden columns of virtual tables (1) hold no values of their own.
    let mut columns =
        connection.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid")?;
    columns.query_map([table], |row| row.get(0))?.collect()
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A definition's words: names without needless quotes, all but names and strings in small letters.
fn words(definition: &str) -> Vec<String> {
    // What cannot be split is compared as it is.
    let Ok(statements) = sql::split(definition, Backend::Sqlite) else { return vec![definition.to_owned()] };
    let tokens = statements.iter().flat_map(|statement| &statement.tokens);
    tokens.map(|token| word(&definition[token.clone()])).collect()
}

fn word(token: &str) -> String {
    let inner = match token.as_bytes() {
        [b'"', .., b'"'] | [b'`', .., b'`'] | [b'[', .., b']'] => &token[1..token.len() - 1],
        [b'\'', ..] => return token.to_owned(),
        _ => token,
    };
    let is_plain = !inner.is_empty()
        && !inner.starts_with(|c: char| c.is_ascii_digit())
        && inner.chars().all(|c| c.is_alphanumeric() || c == '_');
    if is_plain { inner.to_lowercase() } else { token.to_owned() }
}

/// The parts of a table's definition: a column or a constraint each, then what stands behind the brackets.
fn parts(words: &[String]) -> Vec<String> {
    let Some(open) = words.iter().position(|word| word == "(") else { return vec![words.join(" ")] };
    let mut parts = vec![Vec::new()];
    let mut depth = 0_usize;
    for word in &words[open..] {
        match word.as_str() {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = (word == "," && depth == 1) || (word == ")" && depth == 0);
        let begins = word == "(" && depth == 1 && parts.len() == 1 && parts[0].is_empty();
        if ends {
            parts.push(Vec::new());
        } else if !begins && let Some(part) = parts.last_mut() {
            part.push(word.as_str());
        }
    }
    // `CREATE VIRTUAL TABLE t USING module`; `CREATE TABLE t` is said already.
    let before = words[..open].join(" ");
    let before = Some(before).filter(|before| before.starts_with("create virtual"));
    before
        .into_iter()
        .chain(parts.iter().filter(|part| !part.is_empty()).map(|part| part.join(" ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_the_same_however_it_is_written() {
        let of = |text: &str| parts(&words(text));
        let expected = [
            "id integer primary key",
            "name text default 'A, b' collate nocase",
            "check ( length ( name ) > 1 )",
            "strict",
        ];
        assert_eq!(
            of(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'A, b' COLLATE NOCASE, CHECK (length(name) > 1)) STRICT"
            ),
            expected
        );
        assert_eq!(
            of(
                "CREATE TABLE \"t\" (\n  \"id\" integer primary key, -- the key\n  [name] text default 'A, b' collate NOCASE,\n  check(length(`name`)>1)\n)strict"
            ),
            expected
        );
        assert_eq!(
            of("CREATE VIRTUAL TABLE t USING fts5(a, b)"),
            ["create virtual table t using fts5", "a", "b"]
        );
    }

    #[test]
    fn what_alter_table_writes_and_takes_back_leaves_no_difference() {
        let connection = Connection::open_in_memory().unwrap();
        let history = History { schema: None, table: "migrate_history".into() };
        connection
            .execute_batch(
                "CREATE TABLE Users (id INTEGER PRIMARY KEY, name TEXT\n); CREATE INDEX i ON Users (name);",
            )
            .unwrap();
        let before = schema(&connection, &history).unwrap();
        connection
            .execute_batch(
                "ALTER TABLE Users ADD COLUMN age INTEGER DEFAULT 1; ALTER TABLE Users RENAME COLUMN name TO full_name;
                 ALTER TABLE Users RENAME TO people; PRAGMA user_version = 7;",
            )
            .unwrap();
        assert_ne!(schema(&connection, &history).unwrap(), before);
        connection
            .execute_batch(
                "ALTER TABLE people RENAME TO Users; ALTER TABLE Users RENAME COLUMN full_name TO name;
                 ALTER TABLE Users DROP COLUMN age; PRAGMA user_version = 0;",
            )
            .unwrap();
        assert_eq!(schema(&connection, &history).unwrap(), before);
    }
}
