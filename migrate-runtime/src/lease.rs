//! The lease: a row with an owner and an expiry, beside the history, for connections that cannot hold a lock.

use std::time::Duration;

use migrate_revision::{Backend, lock_key};

use crate::history::{HistoryTable, now, quote_text};

/// The table of leases that belongs to a history, and the statements on one of its rows.
pub(crate) struct LeaseTable<'t> {
    history: &'t HistoryTable,
    table: HistoryTable,
    backend: Backend,
}

impl<'t> LeaseTable<'t> {
    pub(crate) fn of(history: &'t HistoryTable, backend: Backend) -> Self {
        // PostgreSQL cuts names at 63 bytes, and MySQL refuses those of more than 64 characters.
        let table = if history.table.len() <= 50 {
            format!("{}_lease", history.table)
        } else {
            format!("migrate_{}_lease", &lock_key(&[&history.table]).to_string()[2..34])
        };
        Self { history, table: HistoryTable { table, ..history.clone() }, backend }
    }

    /// Makes the table if it is not there.
    pub(crate) fn create(&self) -> String {
        let (key, text, time, end) = match self.backend {
            Backend::Sqlite => ("TEXT", "TEXT", "TEXT", ""),
            Backend::Postgres => ("text", "text", "timestamptz", ""),
            Backend::Mysql | Backend::Mariadb => (
                "VARCHAR(64)",
                "TEXT",
                "DATETIME(6)",
                " ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_bin",
            ),
        };
        format!(
            "CREATE TABLE IF NOT EXISTS {} (namespace {key} NOT NULL PRIMARY KEY, owner {text} NOT NULL, \
             expires_at {time} NOT NULL){end}",
            self.name()
        )
    }

    /// Takes the lease if nobody has it: changes one row, or none.
    pub(crate) fn insert(&self, owner: &str, lasts: Duration) -> String {
        let (ignore, conflict) = match self.backend {
            Backend::Mysql | Backend::Mariadb => (" IGNORE", ""),
            Backend::Sqlite | Backend::Postgres => ("", " ON CONFLICT (namespace) DO NOTHING"),
        };
        format!(
            "INSERT{ignore} INTO {} (namespace, owner, expires_at) VALUES ({}, {}, {}){conflict}",
            self.name(),
            self.text(&self.history.namespace),
            self.text(owner),
            self.end(lasts)
        )
    }

    /// Who has it, until when, and whether that is over: 1 or 0.
    pub(crate) fn select(&self) -> String {
        let time = match self.backend {
            Backend::Sqlite => "expires_at",
            Backend::Postgres => "to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
            Backend::Mysql | Backend::Mariadb => "DATE_FORMAT(expires_at, '%Y-%m-%dT%H:%i:%sZ')",
        };
        format!(
            "SELECT owner, {time}, CASE WHEN expires_at <= {} THEN 1 ELSE 0 END FROM {}{}",
            now(self.backend),
            self.name(),
            self.row()
        )
    }

    /// Takes the lease from its owner, if it is over or its owner is gone. Of several that try, one changes the row.
    pub(crate) fn take(&self, from: &str, gone: bool, owner: &str, lasts: Duration) -> String {
        let over = if gone { String::new() } else { format!(" AND expires_at <= {}", now(self.backend)) };
        format!(
            "UPDATE {} SET owner = {}, expires_at = {}{} AND owner = {}{over}",
            self.name(),
            self.text(owner),
            self.end(lasts),
            self.row(),
            self.text(from),
        )
    }

    /// Makes it last from now on. Nothing is changed if it is another's by now.
    pub(crate) fn renew(&self, owner: &str, lasts: Duration) -> String {
        format!(
            "UPDATE {} SET expires_at = {}{} AND owner = {}",
            self.name(),
            self.end(lasts),
            self.row(),
            self.text(owner)
        )
    }

    /// Gives it back.
    pub(crate) fn delete(&self, owner: &str) -> String {
        format!("DELETE FROM {}{} AND owner = {}", self.name(), self.row(), self.text(owner))
    }

    fn name(&self) -> String {
        self.table.name(self.backend)
    }

    fn text(&self, text: &str) -> String {
        quote_text(text, self.backend)
    }

    fn row(&self) -> String {
        format!(" WHERE namespace = {}", self.text(&self.history.namespace))
    }

    /// When a lease ends that lasts so long from now, by the server's clock.
    fn end(&self, lasts: Duration) -> String {
        let now = now(self.backend);
        match self.backend {
            Backend::Sqlite => now.replace("'now'", &format!("'now', '+{:.3} seconds'", lasts.as_secs_f64())),
            Backend::Postgres => format!("{now} + interval '{} milliseconds'", lasts.as_millis()),
            Backend::Mysql | Backend::Mariadb => {
                format!("{now} + INTERVAL {} MICROSECOND", lasts.as_micros())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_leases_never_is_the_history_whatever_its_name() {
        for length in [1, 50, 51, 63, 64] {
            let history = HistoryTable {
                schema: None,
                table: "x".repeat(length),
                namespace: "main".to_owned(),
                variable: None,
            };
            let lease = LeaseTable::of(&history, Backend::Postgres);
            assert!(lease.table.table.len() <= 63, "{}", lease.table.table);
            assert_ne!(lease.table.table, history.table);
        }
    }
}
