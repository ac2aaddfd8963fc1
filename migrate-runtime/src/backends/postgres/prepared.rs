//! The runtime's own statements around a step, which the session keeps parsed and planned while a run takes many.

use super::batch::{Batch, What};
use crate::dialect::postgres::Noted;
use crate::history::{HistoryTable, NewRow, execute_insert};

/// From how many steps on it is worth it.
pub(super) const WORTH: usize = 8;

/// What the session keeps for this run.
#[derive(Default)]
pub(super) enum Prepared {
    /// Nothing yet
    #[default]
    Nothing,
    /// The statements, once what is on the way has arrived
    Statements(Names),
    /// Nothing any more, as after a `DEALLOCATE ALL`
    Lost,
}

/// What the statements are called. No other run of the session has the same.
#[derive(Clone)]
pub(super) struct Names {
    row: String,
    look: String,
}

impl Names {
    fn new() -> Self {
        let nonce = crate::engine::nonce();
        Self { row: format!("embed_migrations_row_{nonce}"), look: format!("embed_migrations_look_{nonce}") }
    }

    /// Has the session keep them. The history's table has to be there.
    fn push(&self, batch: &mut Batch, table: &HistoryTable, noted: &Noted, applied_by: &str) {
        batch.push(What::Prepare, &table.prepare_insert(&self.row, applied_by));
        batch.push(What::Prepare, &format!("PREPARE {} AS {}", self.look, noted.restore()));
    }

    /// Writes a step's row, if that is done by what is kept.
    pub(super) fn row(&self, row: &NewRow) -> Option<String> {
        execute_insert(&self.row, row)
    }

    /// Puts the session back after a step.
    pub(super) fn look(&self) -> String {
        format!("EXECUTE {}", self.look)
    }

    /// Has the session forget them.
    pub(super) fn deallocate(&self) -> String {
        format!("DEALLOCATE {}; DEALLOCATE {}", self.row, self.look)
    }
}

impl Prepared {
    /// What is kept from now on, by what goes before the rest of a message if nothing was.
    pub(super) fn keep(
        &mut self,
        batch: &mut Batch,
        table: &HistoryTable,
        noted: &Noted,
        applied_by: &str,
    ) -> Option<Names> {
        if matches!(self, Self::Nothing) {
            let names = Names::new();
            names.push(batch, table, noted, applied_by);
            *self = Self::Statements(names);
        }
        self.names().cloned()
    }

    /// The statements that the session may have.
    pub(super) fn names(&self) -> Option<&Names> {
        match self {
            Self::Statements(names) => Some(names),
            Self::Nothing | Self::Lost => None,
        }
    }
}
