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
        let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
        // Behind the frame of an executable comment.
        let is_word =
            |word: &&str| !word.is_empty() && *word != "m" && !word.starts_with(|c: char| c.is_ascii_digit());
        match words.into_iter().find(is_word) {
            Some("set") => {
                let assigned = mysql::assigned(sql);
                let Some(last) = assigned.iter().rfind(|assigned| assigned.name == "autocommit") else {
                    return;
                };
                let value = last.value.trim_matches(['\'', '"']).to_ascii_lowercase();
                let off = matches!(value.as_str(), "0" | "off" | "false");
                // To turn on what was off commits, and what was on already goes on as it is.
                self.begun &= off || !self.autocommit_off;
                self.autocommit_off = off;
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
            ("SET autocommit = 0, foreign_key_checks = 1", true),
            ("COMMIT", true),
            ("SET foreign_key_checks = 0, autocommit = 'ON', unique_checks = 0", false),
            ("/*!40101 SET autocommit = 0 */", true),
            ("/*M!100100 SET autocommit = 1 */", false),
            ("BEGIN", true),
            ("SET autocommit = 1", true),
            ("SET GLOBAL autocommit = 0", true),
            ("COMMIT", false),
        ] {
            transaction.follow(sql);
            assert_eq!(transaction.is_open(), open, "{sql}");
        }
    }
}
