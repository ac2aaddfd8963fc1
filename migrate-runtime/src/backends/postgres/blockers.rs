//! Who keeps a statement waiting.

use std::collections::BTreeSet;

use tokio_postgres::error::{DbError, SqlState};

use super::batch::Cells;
use super::index::{Words, identifier};
use super::{BACKEND, Postgres, fault};
use crate::backends::{IN_TURN, StepFault, Work};
use crate::error::Fault;
use crate::history::quote_text;

/// What the server says of a transaction that it gave up for the sake of others.
pub(super) const LET_BY: [SqlState; 2] =
    [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];

/// How many names of a statement are looked up.
const MAX_NAMES: usize = 64;

impl Postgres<'_> {
    /// Finds out who has the lock that a statement waited for in vain.
    pub(super) async fn name_blockers(
        &self,
        result: Result<(), StepFault>,
        steps: &[Work<'_>],
    ) -> Result<(), StepFault> {
        let Err(fault) = result else { return Ok(()) };
        if !self.may_try_again(&fault) {
            return Err(fault);
        }
        match fault.said::<DbError>().map(DbError::code) {
            Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => {}
            Some(code) if LET_BY.contains(code) => {
                let by = (*code == SqlState::T_R_DEADLOCK_DETECTED).then(|| IN_TURN.to_owned());
                return Err(StepFault::Blocked { fault: Box::new(fault), by });
            }
            _ => return Err(fault),
        }
        let sql = match fault {
            StepFault::Statement { step, statement, .. } => steps[step].body.statement(statement),
            _ => None,
        };
        let by = self.blockers(sql.unwrap_or_default()).await;
        Err(StepFault::Blocked { fault: Box::new(fault), by })
    }

    /// Whether a fault is one of those that others are to blame for, and nothing of its statement is in force.
    pub(super) fn may_try_again(&self, fault: &StepFault) -> bool {
        let blocked =
            |error: &DbError| *error.code() == SqlState::LOCK_NOT_AVAILABLE || LET_BY.contains(error.code());
        !self.in_part && fault.said::<DbError>().is_some_and(blocked)
    }

    /// The other sessions that build an index of a table, which is named as the server reads it.
    pub(super) async fn builders(&self, table: &str) -> Result<Option<String>, Fault> {
        let building = format!(
            "l.relation = pg_catalog.to_regclass({}) AND l.mode = 'ShareUpdateExclusiveLock' \
             AND l.pid IN (SELECT pid FROM pg_catalog.pg_stat_progress_create_index)",
            quote_text(table, BACKEND)
        );
        let rows = self.rows(&holders(&building)).await.map_err(fault)?;
        Ok((!rows.is_empty()).then(|| describe(&rows)))
    }

    /// The wait is over by now, so the holders of locks on what the statement names are looked for, and if there are none,
    /// transactions that hold any.
    async fn blockers(&self, sql: &str) -> Option<String> {
        let names: Vec<String> = names(sql)
            .iter()
            .map(|name| format!("pg_catalog.to_regclass({})", quote_text(name, BACKEND)))
            .collect();
        if !names.is_empty() {
            let named = format!("l.relation IN ({})", names.join(", "));
            // Not every word is a name that the server takes for one.
            let rows = self.rows(&holders(&named)).await.unwrap_or_default();
            if !rows.is_empty() {
                return Some(describe(&rows));
            }
        }
        let rows = self.rows(&holders("l.relation >= 16384")).await.ok()?;
        (!rows.is_empty()).then(|| format!("a lock, perhaps that of {}", describe(&rows)))
    }
}

fn holders(which: &str) -> String {
    format!(
        "SELECT a.pid, a.usename, a.application_name, \
         to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), a.state, \
         pg_catalog.left(pg_catalog.regexp_replace(a.query, '\\s+', ' ', 'g'), 120) \
         FROM pg_catalog.pg_stat_activity a WHERE a.pid <> pg_catalog.pg_backend_pid() \
         AND EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' \
         AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
         AND {which}) ORDER BY a.xact_start NULLS LAST LIMIT 3"
    )
}

fn describe(rows: &[Cells]) -> String {
    let one = |row: &Cells| {
        let cell = |place: usize| row.get(place).and_then(Option::as_deref).filter(|text| !text.is_empty());
        let mut parts = vec![format!("process {}", cell(0).unwrap_or("unknown"))];
        parts.extend(cell(1).map(|user| format!("user `{user}`")));
        parts.extend(cell(2).map(|application| format!("application `{application}`")));
        parts.extend(cell(3).map(|start| format!("in a transaction since {start}")));
        parts.extend(cell(4).map(str::to_owned));
        parts.extend(cell(5).map(|query| format!("query `{query}`")));
        parts.join(", ")
    };
    rows.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What may be a name of a table or an index in a statement, as it is written.
fn names(sql: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut words = Words::new(sql);
    let mut name = String::new();
    while let Some(word) = words.next() {
        let is_part = identifier(word).is_some();
        match (is_part, name.ends_with('.')) {
            (true, true) => name.push_str(word),
            (true, false) => word.clone_into(&mut name),
            (false, false) if word == "." && !name.is_empty() => {
                name.push('.');
                continue;
            }
            _ => name.clear(),
        }
        if !name.is_empty() && names.len() < MAX_NAMES {
            names.insert(name.clone());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_with_their_schemas() {
        let found = names("ALTER TABLE app.\"My Users\" ADD b int REFERENCES other(id)");
        for name in ["app.\"My Users\"", "other"] {
            assert!(found.contains(name), "{found:?}");
        }
        assert!(found.iter().all(|name| !name.contains('(')), "{found:?}");
    }
}
