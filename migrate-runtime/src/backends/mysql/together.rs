//! Revisions that change rows alone, many in one packet and each in its own transaction. The server stops at the first
//! statement that fails.

use migrate_revision::StatementKind;

use super::Mysql;
use super::faults::failed_statement;
use super::packet::{Packet, Part};
use crate::backends::{Database as _, StepFault, Tell, Told, Work, WorkBody};
use crate::history::HistoryTable;

/// Steps in one packet.
#[derive(Default)]
struct Packed {
    packet: Packet,
    /// How many parts there are up to the end of each step
    ends: Vec<usize>,
}

impl Packed {
    /// The step that a part belongs to.
    fn step(&self, part: usize) -> usize {
        self.ends.partition_point(|&end| end <= part).min(self.ends.len().saturating_sub(1))
    }
}

impl Mysql<'_> {
    /// Steps in transactions of their own, as many in a packet as there is room for.
    pub(super) async fn transact_steps_each(
        &mut self,
        table: &HistoryTable,
        create: bool,
        steps: &[Work<'_>],
        told: &mut Tell<'_>,
    ) -> Result<(), (usize, StepFault)> {
        let mut place = 0;
        while let Some(rest) = steps.get(place..).filter(|rest| !rest.is_empty()) {
            let create = create && place == 0;
            let packed = self.pack(table, rest);
            let mut tell = |step: usize, what: Told| told(place + step, what);
            if packed.ends.len() < 2 {
                let done = self.transact(table, create, &rest[..1], &mut tell).await;
                done.map_err(|fault| (place, fault))?;
                told(place, Told::Kept);
                place += 1;
                continue;
            }
            if create && !self.has_table {
                self.create(table).await.map_err(|fault| (place, fault))?;
            }
            if let Err((step, fault)) = self.send_packed(rest, &packed, &mut tell).await {
                let named = self.name_blockers(Err(fault)).await;
                return named.map_err(|fault| (place + step, fault));
            }
            place += packed.ends.len();
        }
        Ok(())
    }

    /// As many of the first steps as go into one packet.
    fn pack(&self, table: &HistoryTable, steps: &[Work<'_>]) -> Packed {
        let mut packed = Packed::default();
        if self.touched.is_some() {
            return packed;
        }
        for work in steps {
            let WorkBody::Sql { text, script } = work.body else { break };
            // Of these each has one result, by which they are counted, and none changes the session.
            let plain = script.statements.iter().all(|statement| {
                matches!(statement.kind, StatementKind::Dml | StatementKind::Query)
                    && !statement.session_effect
            });
            if !plain || script.options.lock_timeout.is_some() || script.options.statement_timeout.is_some() {
                break;
            }
            // A text ends with the first statement that fails: behind the first row only its number is to be had.
            let behind = (!packed.ends.is_empty()).then(|| table.insert_behind([&work.row], self.dialect()));
            let row = behind.flatten().unwrap_or_else(|| table.insert(&work.row, true, self.dialect()));
            let statements = script.statements.iter().map(|statement| &text[statement.range.clone()]);
            let more = row.len() + statements.clone().map(|sql| sql.len() + 2).sum::<usize>();
            if packed.packet.sql.len() + more > self.budget {
                break;
            }
            packed.packet.push(Part::Own, "START TRANSACTION");
            packed.packet.push(Part::Row, &row);
            for (place, sql) in statements.enumerate() {
                packed.packet.push(Part::Statement(place), sql);
            }
            packed.packet.push(Part::Commit, "COMMIT");
            packed.ends.push(packed.packet.parts.len());
        }
        packed
    }

    async fn send_packed(
        &mut self,
        steps: &[Work<'_>],
        packed: &Packed,
        told: &mut Tell<'_>,
    ) -> Result<(), (usize, StepFault)> {
        self.open = true;
        told(0, Told::Begun);
        let parts = &packed.packet.parts;
        let mut tell = |done: usize| {
            let step = packed.step(done - 1);
            match parts.get(done - 1) {
                Some(Part::Statement(place)) => told(step, Told::Statements(place + 1)),
                Some(Part::Commit) => {
                    told(step, Told::Kept);
                    if step + 1 < packed.ends.len() {
                        told(step + 1, Told::Begun);
                    }
                }
                _ => {}
            }
        };
        let mut told_of = 0;
        let result = self.drain(
            &packed.packet.sql,
            |_| {},
            |done| {
                tell(done);
                told_of = done;
            },
        );
        let Err(failed) = result.await else {
            self.open = false;
            // A last result without rows is not shown by itself.
            (told_of + 1..=parts.len()).for_each(tell);
            return Ok(());
        };
        let step = packed.step(failed.done);
        if failed.is_fatal() {
            return Err((step, failed.fault.into()));
        }
        let undone = self.roll_back_after(failed.is_deadlock()).await;
        undone.map_err(|failed| (step, failed.fault.into()))?;
        let fault = match (parts.get(failed.done), &steps[step].body) {
            (Some(Part::Row | Part::Commit), _) if failed.is_lost_race() => StepFault::Overtaken,
            (Some(&Part::Statement(place)), WorkBody::Sql { text, script }) => {
                failed_statement(0, place, &script.statements[place], text, 0, failed)
            }
            _ => failed.fault.into(),
        };
        Err((step, fault))
    }
}
