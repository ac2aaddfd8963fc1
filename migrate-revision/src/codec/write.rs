//! Revisions into bytes.

use super::{KINDS, OBJECTS, VERSION};
use crate::graph::{Graph, SetDigests};
use crate::{Body, Checksum, Revision, Script};

/// Writes revisions, in the order given.
#[must_use]
pub fn encode(revisions: &[Revision]) -> Vec<u8> {
    let mut out = Writer(vec![VERSION]);
    out.table(revisions.len(), |records, index| records.revision(&revisions[index]));
    out.0
}

/// Writes how revisions stand on each other, and their digests.
#[must_use]
pub fn encode_links(revisions: &[Revision], graph: &Graph, digests: &SetDigests) -> Vec<u8> {
    let mut by_id: Vec<u32> = (0..revisions.len() as u32).collect();
    by_id.sort_unstable_by_key(|&index| revisions[index as usize].id.as_str());
    let mut ranks = vec![0; revisions.len()];
    for (rank, &index) in graph.order().iter().enumerate() {
        ranks[index] = rank;
    }
    let mut out = Writer(Vec::new());
    out.number(revisions.len() as u64);
    for index in by_id {
        out.0.extend_from_slice(&index.to_le_bytes());
    }
    out.table(revisions.len(), |records, index| {
        records.number(ranks[index] as u64);
        records.list(graph.below(index), |out, &under| out.number(under as u64));
        records.checksums(&digests.of(index));
    });
    out.0
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|value| item(self, value));
    }

    /// Records, and before them where each of them begins.
    fn table(&mut self, count: usize, mut record: impl FnMut(&mut Self, usize)) {
        self.number(count as u64);
        let mut records = Self(Vec::new());
        for index in 0..count {
            self.0.extend_from_slice(&(records.0.len() as u32).to_le_bytes());
            record(&mut records, index);
        }
        self.0.append(&mut records.0);
    }

    fn revision(&mut self, revision: &Revision) {
        self.text(revision.id.as_str());
        self.text(&revision.slug);
        self.text(&revision.message);
        self.text(revision.created.as_deref().unwrap_or_default());
        self.list(&revision.revises, |out, id| out.text(id.as_str()));
        self.list(&revision.depends_on, |out, name| out.text(name));
        self.list(&revision.labels, |out, label| out.text(label));
        self.0.push(match revision.compatible {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        });
        self.checksums(&revision.checksums);
        match &revision.body {
            Body::Rust { down, foreign_keys_off } => {
                self.0.push(u8::from(*down) | u8::from(*foreign_keys_off) << 2);
            }
            Body::Sql(body) => {
                self.0.push(2 | u8::from(body.needs_normalising));
                self.list(&body.scripts, Self::script);
                for script in body.up.iter().chain(&body.down) {
                    self.0.push(script.map_or(u8::MAX, |index| index));
                }
            }
        }
    }

    /// Most revisions do the same on every backend: each checksum is written once.
    fn checksums(&mut self, checksums: &[Option<Checksum>; 4]) {
        let mut distinct: Vec<Checksum> = checksums.iter().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        self.list(&distinct, |out, checksum| out.0.extend_from_slice(checksum.as_bytes()));
        for checksum in checksums {
            let place = checksum.as_ref().and_then(|c| distinct.iter().position(|d| d == c));
            self.0.push(place.map_or(u8::MAX, |place| place as u8));
        }
    }

    fn script(&mut self, script: &Script) {
        let options = &script.options;
        let flags = [options.no_transaction, options.foreign_keys_off, options.keeps_data];
        self.0.push(flags.iter().rev().fold(0, |byte, &flag| byte << 1 | u8::from(flag)));
        for timeout in [options.lock_timeout, options.statement_timeout] {
            self.number(timeout.map_or(0, |timeout| timeout.as_millis() as u64 + 1));
        }
        let mut end = 0;
        self.list(&script.statements, |out, statement| {
            let kind = KINDS.iter().position(|kind| *kind == statement.kind).unwrap_or(KINDS.len() - 1);
            out.0.push(kind as u8 | u8::from(statement.session_effect) << 7);
            out.number((statement.range.start - end) as u64);
            out.number(statement.range.len() as u64);
            out.number(statement.hash);
            out.list(&statement.objects, |out, object| {
                let kind = OBJECTS.iter().position(|kind| *kind == object.kind);
                out.0.push(kind.unwrap_or(OBJECTS.len() - 1) as u8);
                out.list(&object.name, |out, part| out.text(part));
            });
            end = statement.range.end;
        });
    }
}
