//! All that is in a database, the history aside.

use embed_migrations_tests::database::{Connection, Native};

/// The definitions and the rows of a database, each as a line.
#[derive(PartialEq, Eq, Clone)]
pub struct State(Vec<String>);

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl State {
    pub fn of(connection: &mut Connection) -> Self {
        let (definitions, tables) = match &connection.native {
            Native::Sqlite(_) => sqlite(connection),
            Native::Postgres(_) => postgres(connection),
            Native::Mysql(_) => mysql(connection),
        };
        let mut lines = definitions;
        for table in tables.iter().filter(|table| !table.contains("migrate_history")) {
            let rows = connection.rows(&format!("SELECT * FROM {table}"));
            lines.extend(rows.into_iter().map(|row| format!("{table}: {}", row.join(" | "))));
        }
        lines.sort();
        Self(lines)
    }

    /// Fails the test if it is not the other, with the lines that are in one of them only.
    pub fn must_be(&self, expected: &Self, what: &str) {
        let lacking = |a: &Self, b: &Self| {
            let lines = a.0.iter().filter(|line| !b.0.contains(line));
            lines.map(|line| format!("  {line}\n")).collect::<String>()
        };
        assert!(
            self == expected,
            "{what}: the database is not as after an undisturbed run; it has\n{}and lacks\n{}({} lines, not {})",
            lacking(self, expected),
            lacking(expected, self),
            self.0.len(),
            expected.0.len()
        );
    }
}

fn column(connection: &mut Connection, sql: &str) -> Vec<String> {
    connection.rows(sql).into_iter().map(|row| row.join(" ")).collect()
}

fn sqlite(connection: &mut Connection) -> (Vec<String>, Vec<String>) {
    let definitions =
        column(connection, "SELECT type, name, sql FROM sqlite_schema WHERE tbl_name <> 'migrate_history'");
    let tables = column(
        connection,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    );
    (definitions, tables)
}

fn postgres(connection: &mut Connection) -> (Vec<String>, Vec<String>) {
    let definitions = column(
        connection,
        "WITH spaces AS (SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' AND nspname <> 'information_schema'),
         relations AS (SELECT * FROM pg_class WHERE relnamespace IN (SELECT oid FROM spaces) AND relname NOT LIKE 'migrate_history%')
         SELECT concat_ws(' ', 'relation', oid::regclass, relkind) FROM relations
         UNION ALL SELECT concat_ws(' ', 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
                pg_get_expr(d.adbin, d.adrelid))
         FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = attrelid AND d.adnum = attnum
         WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (SELECT oid FROM relations)
         UNION ALL SELECT concat_ws(' ', indexrelid::regclass, pg_get_indexdef(indexrelid), indisvalid, indisready)
         FROM pg_index WHERE indexrelid IN (SELECT oid FROM relations)
         UNION ALL SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid), convalidated)
         FROM pg_constraint WHERE conrelid IN (SELECT oid FROM relations)
         UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relations) AND NOT tgisinternal
         UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM spaces)
         UNION ALL SELECT concat_ws(' ', 'view', oid::regclass, pg_get_viewdef(oid)) FROM relations WHERE relkind = 'v'
         UNION ALL SELECT concat_ws(' ', 'label', enumtypid::regtype, enumlabel) FROM pg_enum
         UNION ALL SELECT concat_ws(' ', 'sequence', sequencename, increment_by) FROM pg_sequences
         UNION ALL SELECT concat_ws(' ', 'schema', oid::regnamespace) FROM spaces",
    );
    let tables = column(
        connection,
        "SELECT oid::regclass FROM pg_class WHERE relkind = 'r'
         AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' AND nspname <> 'information_schema')",
    );
    (definitions, tables)
}

fn mysql(connection: &mut Connection) -> (Vec<String>, Vec<String>) {
    let mut definitions = column(
        connection,
        "SELECT 'trigger', TRIGGER_NAME, EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_STATEMENT
         FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
         UNION ALL SELECT ROUTINE_TYPE, ROUTINE_NAME, DTD_IDENTIFIER, ROUTINE_DEFINITION, SECURITY_TYPE
         FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()",
    );
    let names = column(connection, "SHOW TABLES");
    for name in &names {
        let definition = connection.rows(&format!("SHOW CREATE TABLE {name}"))[0].join(" ");
        // Numbers that were given out and rolled back are gone.
        let words = definition.split_whitespace().filter(|word| !word.starts_with("AUTO_INCREMENT="));
        definitions.push(words.collect::<Vec<_>>().join(" "));
    }
    definitions.retain(|definition| !definition.starts_with("migrate_history"));
    (definitions, names)
}
