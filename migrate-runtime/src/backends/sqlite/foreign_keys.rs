//! Foreign keys that are not enforced while rows move, and are checked before the commit.

use std::collections::BTreeMap;

use super::faults::{fault, is_busy};
use super::{BACKEND, Sqlite};
use crate::backends::StepFault;
use crate::error::Fault;
use crate::history::quote_name;
use crate::{Error, ErrorKind, Result};

/// How many rows with a broken foreign key are named.
const MAX_BROKEN: usize = 10;

/// A row that refers to one that is not there, as `PRAGMA foreign_key_check` tells of it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Broken {
    database: String,
    row: Vec<Option<String>>,
}

impl Sqlite<'_> {
    /// Has foreign keys not enforced. Inside of a transaction the pragma would do nothing.
    pub(super) fn enforce_no_longer(&mut self) -> Result<(), StepFault> {
        self.set_foreign_keys(false).map_err(fault)?;
        if self.pragma("foreign_keys").map_err(fault)? == 0 {
            return Ok(());
        }
        Err(StepFault::Error(Error::new(
            ErrorKind::Connection,
            "`PRAGMA foreign_keys = OFF` has no effect on this connection: an authorizer ignores it, and with foreign keys in force a \
             table that is made anew takes rows of others along\n\nhint: let the migrations have the pragma",
        )))
    }

    fn set_foreign_keys(&mut self, on: bool) -> rusqlite::Result<()> {
        self.connection.execute_batch(if on {
            "PRAGMA foreign_keys = ON"
        } else {
            "PRAGMA foreign_keys = OFF"
        })
    }

    /// Puts the enforcement of foreign keys back to what the caller had.
    pub(super) fn enforce_again(&mut self) -> Result<(), Fault> {
        self.foreign_keys.map_or(Ok(()), |on| self.set_foreign_keys(on)).map_err(fault)
    }

    /// The rows of every database of the connection that refer to rows that are not there, and how many there are of each:
    /// those of a table without row ids are not told apart. In the place of a table whose keys cannot be checked stands why.
    pub(super) fn broken_foreign_keys(&self) -> Result<BTreeMap<Broken, usize>, Fault> {
        let mut broken = BTreeMap::new();
        for database in self.databases()? {
            let name = quote_name(&database, BACKEND);
            let tables = self.rows(&format!("SELECT name FROM {name}.sqlite_master WHERE type = 'table'"));
            for table in tables.map_err(fault)?.into_iter().filter_map(|row| row.into_iter().next().flatten())
            {
                let check = format!("PRAGMA {name}.foreign_key_check({})", quote_name(&table, BACKEND));
                let rows = match self.rows(&check) {
                    Ok(rows) => rows,
                    Err(error) if is_busy(&error) => return Err(fault(error)),
                    Err(error) => vec![vec![Some(table), None, Some(error.to_string()), None]],
                };
                for row in rows {
                    *broken.entry(Broken { database: database.clone(), row }).or_default() += 1;
                }
            }
        }
        Ok(broken)
    }

    /// Foreign keys are checked as a whole where they were off while rows moved. What was broken `before` is not the
    /// revision's doing.
    pub(super) fn check_foreign_keys(&self, before: &BTreeMap<Broken, usize>) -> Result<(), StepFault> {
        let mut broken = self.broken_foreign_keys()?;
        broken.retain(|row, count| {
            *count = count.saturating_sub(before.get(row).copied().unwrap_or_default());
            *count > 0
        });
        if broken.is_empty() {
            return Ok(());
        }
        let is_row =
            |broken: &&Broken| broken.row.get(1..).is_some_and(|rest| rest.iter().flatten().count() > 1);
        let count: usize = broken.iter().filter(|(row, _)| is_row(row)).map(|(_, count)| count).sum();
        let shown = broken.keys().take(MAX_BROKEN).map(|Broken { database, row }| {
            let text = |column: usize| row.get(column).and_then(Option::as_deref);
            let table = match database.as_str() {
                "main" => text(0).unwrap_or_default().to_owned(),
                database => format!("{database}.{}", text(0).unwrap_or_default()),
            };
            let parent = text(2).unwrap_or_default();
            match (text(1), text(3)) {
                (None, None) => format!("\n  the keys of table `{table}` cannot be checked: {parent}"),
                (None, Some(_)) => format!("\n  a row of table `{table}`, which refers to `{parent}`"),
                (Some(id), _) => format!("\n  row {id} of table `{table}`, which refers to `{parent}`"),
            }
        });
        Err(StepFault::Error(Error::new(
            ErrorKind::Revision,
            format!(
                "{}; nothing of the revision was kept{}{}",
                match count {
                    0 => "it breaks the check of foreign keys".to_owned(),
                    1 => "1 row would refer to rows that are not there".to_owned(),
                    count => format!("{count} rows would refer to rows that are not there"),
                },
                shown.collect::<String>(),
                if broken.len() > MAX_BROKEN { "\n  ..." } else { "" },
            ),
        )))
    }
}
