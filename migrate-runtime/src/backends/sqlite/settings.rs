//! What a revision may change of the connection, and what is put back after it.

use migrate_revision::{Script, SectionOptions};

use super::faults::fault;
use super::{BACKEND, Sqlite};
use crate::error::Fault;
use crate::history::quote_name;

/// The pragmas that belong to a connection, can be read back, and change what statements do.
const SETTINGS: [&str; 18] = [
    "foreign_keys",
    "ignore_check_constraints",
    "legacy_alter_table",
    "recursive_triggers",
    "writable_schema",
    "defer_foreign_keys",
    "trusted_schema",
    "query_only",
    "read_uncommitted",
    "reverse_unordered_selects",
    "cell_size_check",
    "automatic_index",
    "synchronous",
    "temp_store",
    "cache_size",
    "secure_delete",
    "max_page_count",
    "busy_timeout",
];

/// Those whose values are words.
const MODES: [&str; 2] = ["locking_mode", "journal_mode"];

/// Whether LIKE tells capital letters from small ones, which SQLite has no pragma to read for.
const READS_CASE: &str = "SELECT 'a' NOT LIKE 'A'";

impl Sqlite<'_> {
    /// Notes the session's settings before a script that may change them.
    pub(super) fn note_settings(&mut self, script: &Script) {
        if script.statements.iter().any(|statement| statement.session_effect) {
            self.note_all_settings();
        }
    }

    pub(super) fn note_all_settings(&mut self) {
        if self.attached.is_none() {
            self.attached = self.databases().ok();
        }
        for name in SETTINGS {
            if let (false, Ok(value)) =
                (self.settings.iter().any(|(noted, _)| *noted == name), self.pragma(name))
            {
                self.settings.push((name, value));
            }
        }
        if self.modes.is_empty() {
            self.modes = MODES.iter().filter_map(|name| Some((*name, self.mode(name).ok()?))).collect();
            self.case_sensitive = self.is_case_sensitive().ok();
        }
    }

    fn mode(&self, name: &str) -> rusqlite::Result<String> {
        self.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    }

    /// An application's own LIKE may answer otherwise.
    fn is_case_sensitive(&self) -> rusqlite::Result<bool> {
        self.connection.query_row(READS_CASE, [], |row| row.get(0))
    }

    /// Puts back the settings that are not as they were noted; within a transaction those of one step before the next.
    pub(super) fn restore_settings(&mut self) -> Result<(), Fault> {
        let within = !self.connection.is_autocommit();
        for &(name, value) in &self.settings {
            // SQLite ends this one with the transaction; to end it before would forget the keys that are broken by then.
            if within && name == "defer_foreign_keys" {
                continue;
            }
            if self.pragma(name).is_ok_and(|now| now != value) {
                let set = format!("PRAGMA {name} = {value}");
                self.run(&set, &SectionOptions::default())?;
            }
        }
        if let Some(before) = self.case_sensitive
            && self.is_case_sensitive().is_ok_and(|now| now != before)
        {
            self.run(&format!("PRAGMA case_sensitive_like = {before}"), &SectionOptions::default())?;
        }
        if !within {
            for (name, before) in std::mem::take(&mut self.modes) {
                if self.mode(name).is_ok_and(|now| is_of_connection(name, &before, &now)) {
                    self.run(&format!("PRAGMA {name} = {before}"), &SectionOptions::default())?;
                    // The lock is given back by the next access.
                    self.rows("SELECT 1 FROM sqlite_master LIMIT 1").map_err(fault)?;
                }
            }
            self.case_sensitive = None;
            self.settings.clear();
            self.detach()?;
        }
        Ok(())
    }

    /// Detaches what a revision has attached: the next would find it in the same run, and not in one of its own.
    fn detach(&mut self) -> Result<(), Fault> {
        let Some(before) = self.attached.take() else { return Ok(()) };
        for name in self.databases()? {
            if name != "temp" && !before.contains(&name) {
                let detach = format!("DETACH DATABASE {}", quote_name(&name, BACKEND));
                self.run(&detach, &SectionOptions::default())?;
            }
        }
        Ok(())
    }

    pub(super) fn databases(&self) -> Result<Vec<String>, Fault> {
        let rows = self.rows("PRAGMA database_list").map_err(fault)?;
        Ok(rows.into_iter().filter_map(|row| row.into_iter().nth(1).flatten()).collect())
    }
}

/// Whether a mode was changed that is a connection's. WAL, and whether it is left, is the file's: that is what a revision is for.
fn is_of_connection(name: &str, before: &str, now: &str) -> bool {
    let changed = before != now;
    changed
        && (name != "journal_mode" || now != "wal" && (before != "wal" || now == "off" || now == "memory"))
}
