//! Texts for MySQL and MariaDB.

mod assigned;
pub(crate) mod fingerprint;
pub(crate) mod recording;

use std::time::Duration;

use migrate_revision::{Backend, ScriptStatement, SectionOptions, StatementKind};

pub(crate) use self::assigned::{Assigned, assigned};

/// Variables that are put back after whatever may change the session, be it `SET NAMES` or a procedure. Each server has
/// its own names for some.
pub(crate) const ALWAYS: [&str; 19] = [
    "sql_mode",
    "foreign_key_checks",
    "unique_checks",
    "sql_safe_updates",
    "sql_select_limit",
    "time_zone",
    "lock_wait_timeout",
    "innodb_lock_wait_timeout",
    "max_statement_time",
    "max_execution_time",
    "transaction_isolation",
    "transaction_read_only",
    "tx_isolation",
    "tx_read_only",
    "character_set_client",
    "character_set_results",
    "character_set_connection",
    // Setting the one before sets this one.
    "collation_connection",
    "default_storage_engine",
];

/// The statement that bounds what follows it.
#[inline]
pub(crate) fn timeouts(options: &SectionOptions, backend: Backend) -> Option<String> {
    let mut set = Vec::new();
    if let Some(timeout) = options.lock_timeout {
        let seconds = whole_seconds(timeout);
        set.push(format!(
            "@@SESSION.lock_wait_timeout = {seconds}, @@SESSION.innodb_lock_wait_timeout = {seconds}"
        ));
    }
    if let Some(timeout) = options.statement_timeout {
        set.push(match backend {
            Backend::Mariadb => {
                format!("@@SESSION.max_statement_time = {:.3}", timeout.as_secs_f64().max(0.001))
            }
            // It bounds SELECT alone; MySQL has nothing that would bound the others.
            _ => format!("@@SESSION.max_execution_time = {}", timeout.as_millis().max(1)),
        });
    }
    (!set.is_empty()).then(|| format!("SET {}", set.join(", ")))
}

/// The servers count whole seconds.
#[inline]
pub(crate) fn whole_seconds(timeout: Duration) -> u64 {
    timeout.saturating_add(Duration::from_nanos(999_999_999)).as_secs().max(1)
}

/// Whether a statement may leave the session changed.
#[inline]
pub(crate) fn changes_session(statement: &ScriptStatement) -> bool {
    statement.session_effect || statement.kind == StatementKind::Session
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_rounded_up() {
        let options = SectionOptions {
            lock_timeout: Some(Duration::from_millis(1500)),
            statement_timeout: Some(Duration::from_millis(250)),
            ..SectionOptions::default()
        };
        let lock = "SET @@SESSION.lock_wait_timeout = 2, @@SESSION.innodb_lock_wait_timeout = 2";
        let timeouts = |backend| timeouts(&options, backend).unwrap();
        assert_eq!(timeouts(Backend::Mariadb), format!("{lock}, @@SESSION.max_statement_time = 0.250"));
        assert_eq!(timeouts(Backend::Mysql), format!("{lock}, @@SESSION.max_execution_time = 250"));
    }
}
