//! The statements that write rows.

use migrate_revision::Backend;

use super::{FORMAT, HistoryTable, NewRow, compatible, now, quote_text};
use crate::record::{After, Place};

/// What of a row differs from one step of a run to the next, besides its number: the revision, the direction, the heads,
/// the digest, the checksum, the compatibility, the number of statements and the text that undoes it.
type Cells = [String; 8];

impl HistoryTable {
    /// Writes a row, done at once or still running. It fails if the row that it is to follow is not there, or if another
    /// row has its number.
    pub(crate) fn insert(&self, row: &NewRow, done: bool, backend: Backend) -> String {
        let text = |value: &str| quote_text(value, backend);
        let name = self.name(backend);
        let namespace = text(&self.namespace);
        let seq = match &row.after {
            After::Nothing => "1".to_owned(),
            After::State(Place { digest, is_base, reached }) => {
                let digest = text(digest);
                let none = match is_base {
                    true => format!(
                        " UNION ALL SELECT 0, {digest}, 'done'{}",
                        self.unless_elsewhere(reached, backend)
                    ),
                    false => String::new(),
                };
                format!(
                    "(SELECT seq + 1 FROM (SELECT seq, digest, state FROM {name} WHERE namespace = {namespace}{none} \
                     ORDER BY seq DESC LIMIT 1) AS last WHERE digest = {digest} AND state = 'done')"
                )
            }
            After::Row(seq, digest) => {
                let guard = self.guard(&seq.to_string(), &text(digest), backend);
                match backend {
                    // MySQL reads from the table that it writes to only through a derived table.
                    Backend::Mysql | Backend::Mariadb => {
                        format!(
                            "(SELECT * FROM ({}) AS last)",
                            guard.replacen("seq + 1", "seq + 1 AS seq", 1)
                        )
                    }
                    Backend::Sqlite | Backend::Postgres => format!("({guard})"),
                }
            }
        };
        format!("{} VALUES ({})", self.insert_into(backend), self.values(row, &seq, done, backend))
    }

    /// A condition that no other namespace is at one of these states.
    fn unless_elsewhere(&self, reached: &[String], backend: Backend) -> String {
        if reached.is_empty() {
            return String::new();
        }
        let from = if backend.is_mysql_like() { " FROM DUAL" } else { "" };
        let digests: Vec<String> = reached.iter().map(|digest| quote_text(digest, backend)).collect();
        // MySQL takes a derived table that stays one as another than the table that is written to.
        let others = self.select_namespaces(backend).replacen("SELECT", "SELECT DISTINCT", 1);
        format!(
            "{from} WHERE NOT EXISTS (SELECT 1 FROM ({others}) AS others WHERE digest IN ({}))",
            digests.join(", ")
        )
    }

    /// Writes rows of steps that are done behind the row before them, which has its guard: in one transaction with that
    /// row, or in one text that ends with the first statement that fails. `None` if the number of one is not known.
    pub(crate) fn insert_behind<'r>(
        &self,
        rows: impl IntoIterator<Item = &'r NewRow>,
        backend: Backend,
    ) -> Option<String> {
        let mut sql = format!("{} VALUES", self.insert_into(backend));
        for (place, row) in rows.into_iter().enumerate() {
            sql.push_str(if place == 0 { " (" } else { ",\n(" });
            sql.push_str(&self.values(row, &row.seq()?.to_string(), true, backend));
            sql.push(')');
        }
        Some(sql)
    }

    /// As [`insert_behind`](Self::insert_behind), by one array per column, which takes the server a third of the time.
    #[cfg(feature = "postgres")]
    pub(crate) fn insert_many_behind(&self, rows: &[&NewRow]) -> Option<String> {
        let backend = Backend::Postgres;
        let first = rows.first()?;
        if rows.iter().any(|row| row.in_force.is_some()) {
            return self.insert_behind(rows.iter().copied(), backend);
        }
        let mut arrays: [Array; 9] = Default::default();
        for row in rows {
            let (seq, statements) = (row.seq()?.to_string(), row.statements.to_string());
            let cells = [
                Some(seq.as_str()),
                Some(&row.revision),
                Some(row.action.as_str()),
                Some(&row.heads),
                Some(&row.digest),
                row.checksum.as_deref(),
                Some(compatible(row.compatible)).filter(|word| *word != "NULL"),
                Some(&statements),
                row.down_sql.as_deref(),
            ];
            arrays.iter_mut().zip(cells).for_each(|(array, cell)| array.push(cell));
        }
        let kinds = ["int8", "text", "text", "text", "text", "text", "int8", "int8", "text"];
        let unnested: Vec<String> = arrays
            .into_iter()
            .zip(kinds)
            .map(|(array, kind)| format!("pg_catalog.unnest({}::pg_catalog.{kind}[])", array.literal()))
            .collect();
        let cells = ["r", "a", "h", "d", "c", "k", "n", "u"].map(str::to_owned);
        Some(format!(
            "{} SELECT {} FROM ROWS FROM ({}) AS rows (s, r, a, h, d, c, k, n, u)",
            self.insert_into(backend),
            self.values_of("s", &cells, "NULL", (&first.applied_by, now(backend)), true, backend),
            unnested.join(", ")
        ))
    }

    /// Writes the row of a step that is done behind the one before it. Its parameters are its number, and what of it
    /// differs from one step to the next, in the order of [`Cells`], and the time.
    #[cfg(feature = "sqlite")]
    pub(crate) fn insert_bound(&self, applied_by: &str) -> String {
        let cells = std::array::from_fn(|place| format!("?{}", place + 2));
        let values = self.values_of("?1", &cells, "NULL", (applied_by, "?10"), true, Backend::Sqlite);
        format!("{} VALUES ({values})", self.insert_into(Backend::Sqlite))
    }

    fn insert_into(&self, backend: Backend) -> String {
        format!(
            "INSERT INTO {} (namespace, seq, revision, direction, heads, digest, checksum, compatible, state, \
             statements_done, statements_total, progress, down_sql, in_force, applied_by, started_at, finished_at, format)",
            self.name(backend)
        )
    }

    /// The number of a row that follows one with this number and digest, if that is the last.
    fn guard(&self, seq: &str, digest: &str, backend: Backend) -> String {
        format!(
            "SELECT seq + 1 FROM {} WHERE namespace = {} AND seq = {seq} AND digest = {digest} AND state <> 'running'",
            self.name(backend),
            quote_text(&self.namespace, backend)
        )
    }

    fn values(&self, row: &NewRow, seq: &str, done: bool, backend: Backend) -> String {
        let in_force = literal(row.in_force.as_deref(), backend);
        self.values_of(seq, &cells(row, backend), &in_force, (&row.applied_by, now(backend)), done, backend)
    }

    /// A row's values, of which the number, the cells and the time are expressions.
    fn values_of(
        &self,
        seq: &str,
        cells: &Cells,
        in_force: &str,
        (applied_by, now): (&str, &str),
        done: bool,
        backend: Backend,
    ) -> String {
        let [revision, direction, heads, digest, checksum, compatible, statements, down_sql] = cells;
        let namespace = quote_text(&self.namespace, backend);
        let applied_by = quote_text(applied_by, backend);
        let (state, done, finished_at) =
            if done { ("done", statements.as_str(), now) } else { ("running", "0", "NULL") };
        format!(
            "{namespace}, {seq}, {revision}, {direction}, {heads}, {digest}, {checksum}, {compatible}, '{state}', \
             {done}, {statements}, NULL, {down_sql}, {in_force}, {applied_by}, {now}, {finished_at}, {FORMAT}"
        )
    }

    /// Has the session keep, by a name, the statement that writes the rows of a run's steps that are done, each after the
    /// one before it.
    #[cfg(feature = "postgres")]
    pub(crate) fn prepare_insert(&self, name: &str, applied_by: &str) -> String {
        let backend = Backend::Postgres;
        let cells = std::array::from_fn(|place| format!("${}", place + 3));
        let seq = format!("({})", self.guard("$1", "$2", backend));
        format!(
            "PREPARE {name} (bigint, text, text, text, text, text, text, bigint, bigint, text) AS {} VALUES ({})",
            self.insert_into(backend),
            self.values_of(&seq, &cells, "NULL", (applied_by, now(backend)), true, backend)
        )
    }
}

/// Writes a row by the statement that the session keeps. `None` if it is not of a kind that it is for.
#[cfg(feature = "postgres")]
pub(crate) fn execute_insert(name: &str, row: &NewRow) -> Option<String> {
    let (seq, digest) = row.after.row().filter(|_| row.in_force.is_none())?;
    let digest = quote_text(digest, Backend::Postgres);
    Some(format!("EXECUTE {name}({seq}, {digest}, {})", cells(row, Backend::Postgres).join(", ")))
}

/// An array of PostgreSQL's.
#[cfg(feature = "postgres")]
#[derive(Default)]
struct Array(String);

#[cfg(feature = "postgres")]
impl Array {
    fn push(&mut self, element: Option<&str>) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        let Some(element) = element else {
            self.0.push_str("NULL");
            return;
        };
        self.0.push('"');
        for c in element.chars() {
            if matches!(c, '"' | '\\') {
                self.0.push('\\');
            }
            self.0.push(c);
        }
        self.0.push('"');
    }

    fn literal(&self) -> String {
        quote_text(&format!("{{{}}}", self.0), Backend::Postgres)
    }
}

fn cells(row: &NewRow, backend: Backend) -> Cells {
    let text = |value: &str| quote_text(value, backend);
    [
        text(&row.revision),
        format!("'{}'", row.action.as_str()),
        text(&row.heads),
        text(&row.digest),
        literal(row.checksum.as_deref(), backend),
        compatible(row.compatible).to_owned(),
        row.statements.to_string(),
        literal(row.down_sql.as_deref(), backend),
    ]
}

fn literal(value: Option<&str>, backend: Backend) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| quote_text(value, backend))
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn no_element_gets_out_of_its_array() {
        let mut array = Array::default();
        for element in [Some("a\"b"), None, Some("NULL"), Some("\\'}"), Some("")] {
            array.push(element);
        }
        assert_eq!(array.literal(), r#"E'{"a\\"b",NULL,"NULL","\\\\''}",""}'"#);
    }
}
