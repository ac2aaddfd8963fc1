//! MySQL and MariaDB: what `SHOW CREATE` says of each object, line by line.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Result, Row, Value};

use super::{History, Snapshot, row};

/// The tables, views, sequences, triggers, routines and events of the connection's database, and its settings.
///
/// # Errors
/// Those of the server.
pub(crate) async fn schema(conn: &mut Conn, history: &History) -> Result<Snapshot> {
    let (mut lines, mut orders) = (Vec::new(), Vec::new());
    let settings: Option<(String, String, String)> = conn
        .query_first(
            "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata \
             WHERE schema_name = DATABASE()",
        )
        .await?;
    let (database, charset, collation) = settings.unwrap_or_default();
    lines.push(format!("database: character set {charset}, collation {collation}"));
    for (kind, name) in objects(conn, history).await? {
        let created: Option<Row> = conn.query_first(format!("SHOW CREATE {kind} {}", quoted(&name))).await?;
        let definition = created.map(|row| definition(&row)).unwrap_or_default();
        // Views and foreign keys name the database, which is of no lasting name.
        let definition = definition.replace(&format!("{}.", quoted(&database)), "");
        let object = format!("{} {name}", kind.to_lowercase());
        if kind == "TABLE" {
            let parts: Vec<&str> = definition.lines().skip(1).map(part).collect();
            let columns = parts.iter().filter_map(|part| part.strip_prefix('`')?.split_once('`'));
            let columns = columns.map(|(column, _)| column).collect::<Vec<_>>();
            orders.push(format!("columns of {name}: {}", columns.join(", ")));
            lines.extend(parts.into_iter().map(|part| format!("{object}: {}", without_counter(part))));
            lines.push(object);
        } else if kind == "EVENT" {
            lines.push(format!("{object}: {}", without_start(&definition)));
        } else {
            lines.push(format!("{object}: {definition}"));
        }
    }
    Ok(Snapshot::with_orders(lines, orders))
}

/// Every row of every table.
///
/// # Errors
/// Those of the server.
pub(crate) async fn rows(conn: &mut Conn, history: &History) -> Result<Snapshot> {
    let columns: Vec<(String, String)> = conn
        .query(
            "SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t \
             USING (table_schema, table_name) WHERE table_schema = DATABASE() AND table_type NOT LIKE '%VIEW' \
             AND table_type <> 'SEQUENCE' ORDER BY c.table_name, c.column_name",
        )
        .await?;
    let mut lines = Vec::new();
    for table in columns.chunk_by(|a, b| a.0 == b.0) {
        let name = &table[0].0;
        if *name == history.table {
            continue;
        }
        let names: Vec<String> = table.iter().map(|(_, column)| quoted(column)).collect();
        let select = format!("SELECT {} FROM {}", names.join(", "), quoted(name));
        for found in conn.query::<Row, _>(select).await? {
            let values =
                table.iter().map(|(_, column)| column.as_str()).zip(found.unwrap().into_iter().map(cell));
            lines.push(row(name, values));
        }
    }
    Ok(Snapshot::new(lines))
}

/// The kind, as `SHOW CREATE` wants it, and the name of every object.
async fn objects(conn: &mut Conn, history: &History) -> Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = conn
        .query(
            "SELECT CASE table_type WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END, table_name \
             FROM information_schema.tables WHERE table_schema = DATABASE() UNION ALL \
             SELECT 'TRIGGER', trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() UNION ALL \
             SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = DATABASE() UNION ALL \
             SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = DATABASE()",
        )
        .await?;
    found.retain(|(kind, name)| kind != "TABLE" || *name != history.table);
    Ok(found)
}

/// The values of `SHOW CREATE` but for the name and the time: the definition, with the SQL mode and the character sets that
/// it was made in where they matter.
fn definition(row: &Row) -> String {
    let columns = row.columns_ref().iter().enumerate().skip(1);
    let kept = columns.filter(|(_, column)| column.name_str() != "Created");
    let texts = kept.filter_map(|(place, _)| row.as_ref(place).cloned().and_then(text));
    texts.collect::<Vec<_>>().join(" | ")
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        other => Some(other.as_sql(false)),
    }
}

/// A value of a row, so that different bytes are different text.
fn cell(value: Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(match String::from_utf8(bytes) {
            Ok(text) => format!("{text:?}"),
            Err(error) => {
                error.as_bytes().iter().fold("0x".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
            }
        }),
        other => Some(other.as_sql(false)),
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A line of a table's definition without what only separates it from the next.
fn part(line: &str) -> &str {
    let line = line.trim();
    line.strip_suffix(',').unwrap_or(line)
}

/// A table's options without the number that its next row will get.
fn without_counter(part: &str) -> String {
    const COUNTER: &str = " AUTO_INCREMENT=";
    match part.split_once(COUNTER).filter(|(before, _)| before.starts_with(')')) {
        Some((before, after)) => {
            format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => part.to_owned(),
    }
}

/// An event's definition without the time from which it runs: by itself that is when it was made.
fn without_start(definition: &str) -> String {
    const START: &str = " STARTS '";
    match definition.split_once(START) {
        Some((before, after)) => {
            format!("{before}{}", after.split_once('\'').map_or("", |(_, rest)| rest))
        }
        None => definition.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_by_itself_is_no_part_of_a_definition() {
        assert_eq!(without_counter(") ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT"), ") ENGINE=InnoDB DEFAULT");
        let column = "`a` text DEFAULT ' AUTO_INCREMENT=12'";
        assert_eq!(without_counter(column), column);
        assert_eq!(
            without_start("EVENT e ON SCHEDULE EVERY 1 DAY STARTS '2026-01-01 00:00:00' ON COMPLETION"),
            "EVENT e ON SCHEDULE EVERY 1 DAY ON COMPLETION"
        );
    }
}
