//! The runtime's own statements in each database's dialect, as texts: what a backend sends and what a script has.

use migrate_revision::{Script, progress_digest};

#[cfg_attr(not(feature = "mysql"), allow(dead_code, reason = "a script does not need all of it"))]
pub(crate) mod mysql;
#[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a script does not need all of it"))]
pub(crate) mod postgres;

/// The digest of the first statements of a script, as the history records it.
pub(crate) fn progress(script: &Script, done: usize) -> String {
    progress_digest(script.statements.iter().take(done).map(|statement| statement.hash)).to_string()
}

/// Transactions of the revision's own, as far as its statements tell.
#[derive(Debug, Default)]
pub(crate) struct UserTransaction {
    /// Whether one was begun
    pub(crate) begun: bool,
    /// Whether every statement begins one
    pub(crate) autocommit_off: bool,
}

impl UserTransaction {
    /// Whether a statement that comes now is in one.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.begun || self.autocommit_off
    }

    /// Takes note of a statement that begins or ends one.
    #[inline]
    pub(crate) fn follow(&mut self, sql: &str) {
        let lower = sql.to_ascii_lowercase();
        match lower.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| !word.is_empty()) {
            Some("set") => {
                let value = lower.rsplit('=').next().map(|value| value.trim().trim_matches(['\'', '"']));
                self.autocommit_off = matches!(value, Some("0" | "off" | "false"));
                self.begun &= self.autocommit_off;
            }
            Some("commit" | "rollback" | "end" | "abort" | "prepare") => {
                self.begun = lower.contains("chain") && !lower.contains("no chain");
            }
            _ => self.begun = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revisions_own_transactions_are_followed() {
        let mut transaction = UserTransaction::default();
        for (sql, open) in [
            ("BEGIN", true),
            ("COMMIT AND CHAIN", true),
            ("end", false),
            ("START TRANSACTION", true),
            ("PREPARE TRANSACTION 'a'", false),
            ("SET autocommit = 0", true),
            ("COMMIT", true),
            ("SET @@autocommit = 1", false),
            ("ROLLBACK AND NO CHAIN", false),
        ] {
            transaction.follow(sql);
            assert_eq!(transaction.is_open(), open, "{sql}");
        }
    }
}
