//! A step in one transaction: as many texts as the server takes, each in one packet.

use super::Mysql;
use super::faults::failed_statement;
use super::packet::{Packet, Part};
use crate::backends::{StepFault, Tell, Told, Work, WorkBody, not_recordable};
use crate::dialect::mysql::timeouts;
use crate::history::HistoryTable;

impl Mysql<'_> {
    /// Sends part of a transaction. A text that failed is rolled back at once, so that no one waits for its locks.
    async fn send_part(
        &mut self,
        step: usize,
        work: &Work<'_>,
        packet: &mut Packet,
    ) -> Result<(), StepFault> {
        let parts = std::mem::take(packet);
        let Err(failed) = self.send(&parts.sql).await else { return Ok(()) };
        let part = parts.parts.get(failed.done).copied().unwrap_or(Part::Own);
        if part == Part::Restore && parts.parts.contains(&Part::Commit) {
            // The step is in force. The settings are put back, or complained about, when the run ends.
            self.open = false;
            return Ok(());
        }
        if !failed.is_fatal() {
            self.roll_back_after(failed.is_deadlock()).await.map_err(|failed| failed.fault)?;
        }
        Err(match (part, &work.body) {
            _ if failed.is_fatal() => failed.fault.into(),
            (Part::Row | Part::Commit, _) if failed.is_lost_race() => StepFault::Overtaken,
            (Part::Statement(place), WorkBody::Sql { text, script }) => {
                failed_statement(step, place, &script.statements[place], text, 0, failed)
            }
            _ => failed.fault.into(),
        })
    }

    async fn transact_step(
        &mut self,
        table: &HistoryTable,
        steps: &[Work<'_>],
        step: usize,
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        let work = &steps[step];
        told(step, Told::Begun);
        let mut packet = Packet::default();
        if let WorkBody::Sql { text, script } = work.body {
            self.touch(script, text).await?;
        }
        if step == 0 {
            self.open = true;
            packet.push(Part::Own, "START TRANSACTION");
        }
        packet.push(Part::Row, &table.insert(&work.row, true, self.dialect()));
        let mut reported = 0;
        if let WorkBody::Sql { text, script } = work.body {
            if let Some(timeouts) = timeouts(&script.options, self.dialect()) {
                packet.push(Part::Own, &timeouts);
            }
            for (place, statement) in script.statements.iter().enumerate() {
                let sql = &text[statement.range.clone()];
                if packet.sql.len() + sql.len() > self.budget {
                    self.send_part(step, work, &mut packet).await?;
                    (reported + 1..=place).for_each(|done| told(step, Told::Statements(done)));
                    reported = place;
                }
                packet.push(Part::Statement(place), sql);
            }
        }
        let last = step + 1 == steps.len();
        if last {
            packet.push(Part::Commit, "COMMIT");
        }
        if let Some(restore) = self.restoring() {
            packet.push(Part::Restore, &restore);
        }
        if !packet.parts.is_empty() {
            self.send_part(step, work, &mut packet).await?;
        }
        if last {
            self.open = false;
        }
        if let WorkBody::Sql { script, .. } = work.body {
            (reported + 1..=script.statements.len()).for_each(|done| told(step, Told::Statements(done)));
        }
        self.restored().await?;
        Ok(())
    }

    pub(super) async fn transact_steps(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), StepFault> {
        if steps.iter().any(|work| matches!(work.body, WorkBody::Rust { .. })) {
            return Err(StepFault::Error(not_recordable()));
        }
        if create && !self.has_table {
            self.create(table).await?;
        }
        for step in 0..steps.len() {
            let result = self.transact_step(table, steps, step, told).await;
            if result.is_err() && self.open && !self.conn.is_disconnected() {
                self.roll_back().await.map_err(|failed| failed.fault)?;
            }
            result?;
        }
        Ok(())
    }
}
