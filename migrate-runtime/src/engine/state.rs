//! What the history says about the database, held against the set.

use std::collections::BTreeMap;

use migrate_revision::graph::{Applied, Digests, Index};
use migrate_revision::{Body, Checksum, InvalidChecksum};

use super::{Aim, Run};
use crate::backends::{Database, Last};
use crate::history::{Action, HistoryRow, RowState};
use crate::options::Ahead;
use crate::record::InForce;
use crate::set::Decoded;
use crate::{Error, ErrorKind, Result};

/// Where a database is.
pub(super) struct State {
    /// Whether the table is yet to be made
    pub(super) create: bool,
    /// The last row that is not under way: its number and digest
    pub(super) last: Option<(i64, String)>,
    /// The revisions of the set that are in force
    pub(super) applied: Applied,
    /// The heads by name, also of revisions that the set does not have
    pub(super) heads: Vec<String>,
    /// The step that is under way or was interrupted
    pub(super) running: Option<HistoryRow>,
    /// The revisions in force that the set does not have, all of its own being in force
    pub(super) ahead: Vec<InForce>,
    /// The revisions in force that are not what was applied; only where they are asked for
    pub(super) edited: Vec<Edited>,
    /// What is on record of the revisions in force, where it was needed
    pub(super) recorded: Recorded,
}

/// A part of the set: what is not in force, and what that stands on.
pub(super) struct Narrowed {
    pub(super) decoded: Decoded,
    /// What was in force of it
    base: Applied,
}

/// What is on record of the revisions in force.
pub(super) type Recorded = BTreeMap<String, InForce>;

/// A revision in force that is not what was applied.
pub(super) struct Edited {
    pub(super) index: Index,
    /// Its checksum as it was applied
    pub(super) applied: String,
    /// Its checksum in this set; `None` if it has nothing for the backend
    pub(super) now: Option<String>,
}

/// What a verb makes of a history that is not the set's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Against {
    /// Every difference is an error
    All,
    /// As before, but that edits are listed
    AllButEdits,
    /// It says what the state is, whatever the rows say of revisions that the set has; others are listed
    Unknown,
    /// It says what the state is, whatever the rows say
    Nothing,
}

impl<D: Database> Run<'_, D> {
    /// The state for a verb. A stamp says what the state is, whatever the rows say; but a plain one forgets nothing that the
    /// set does not have.
    pub(super) async fn state_for(&mut self, decoded: &Decoded, aim: &Aim, last: Last) -> Result<State> {
        let against = match aim {
            Aim::Stamp { purge: true, .. } => Against::Nothing,
            Aim::Stamp { .. } => Against::Unknown,
            Aim::Upgrade(_) | Aim::Downgrade { .. } => Against::All,
        };
        self.read_state(decoded, last, against).await
    }

    /// Makes sense of the last row; reads the others if the digest alone does not settle it.
    pub(super) async fn state(&mut self, last: Last) -> Result<State> {
        self.read_state(self.set.decoded()?, last, Against::All).await
    }

    /// The state with its edits listed.
    pub(super) async fn state_with_edits(&mut self, last: Last) -> Result<State> {
        self.read_state(self.set.decoded()?, last, Against::AllButEdits).await
    }

    async fn read_state(&mut self, decoded: &Decoded, last: Last, against: Against) -> Result<State> {
        let mut state = State {
            create: last == Last::NoTable,
            last: None,
            applied: decoded.graph.closure([]),
            heads: Vec::new(),
            running: None,
            ahead: Vec::new(),
            edited: Vec::new(),
            recorded: Recorded::new(),
        };
        let Last::Row(row) = last else { return Ok(state) };
        let mut rows: Option<Vec<HistoryRow>> = None;
        let settled = if row.is_done() {
            state.last = Some((row.seq, row.digest.clone()));
            Some(*row)
        } else {
            let all = rows.insert(self.read_all().await?);
            if row.state == RowState::Running {
                all.retain(|before| before.seq < row.seq);
                state.running = Some(*row);
            }
            state.last = all.last().map(|last| (last.seq, last.digest.clone()));
            all.iter().rev().find(|row| row.is_done()).cloned()
        };
        let Some(settled) = settled else { return Ok(state) };
        state.heads.clone_from(&settled.heads);
        if let Some(applied) = self.known(decoded, &settled) {
            state.applied = applied;
            return Ok(state);
        }
        let rows = match rows {
            Some(rows) => rows,
            None => {
                let mut rows = self.read_all().await?;
                // Another process may have written some since the last one was read.
                rows.retain(|row| row.seq <= settled.seq);
                rows
            }
        };
        let recorded = replay(&rows, decoded);
        state.applied = decoded.graph.closure(recorded.keys().filter_map(|id| decoded.index_of(id)));
        if against == Against::Nothing {
            return Ok(state);
        }
        state.ahead =
            recorded.values().filter(|row| decoded.index_of(&row.revision).is_none()).cloned().collect();
        if against == Against::Unknown {
            return Ok(state);
        }
        state.edited = self.edits(decoded, &recorded)?;
        if let (Against::All, Some(edited)) = (against, state.edited.first()) {
            return Err(self.edited_error(decoded, edited));
        }
        if state.ahead.is_empty() {
            if state.edited.is_empty() || !self.agrees(decoded, &settled, &recorded) {
                return Err(self.rearranged(&settled, &recorded, &state.edited));
            }
            state.recorded = recorded;
            return Ok(state);
        }
        if let Some(pending) =
            decoded.revisions.iter().find(|revision| !recorded.contains_key(revision.id.as_str()))
        {
            let unknown =
                state.ahead.iter().map(|unknown| format!("'{}'", unknown.revision)).collect::<Vec<_>>();
            let is_shared = recorded.keys().any(|id| decoded.index_of(id).is_some());
            let hint = if is_shared {
                "merge the two lines of revisions, or run the binary that belongs to this database; where there is none, \
                 `undo_unknown` (`cargo migrate undo`) takes down what is unknown, from the record"
            } else {
                "none of its revisions is of this set: where another program or library keeps its own in this database, give this set \
                 a `namespace` of its own in `embed_migrations!`; else run the binary that belongs to this database"
            };
            return Err(Error::new(
                ErrorKind::Diverged,
                format!(
                    "the database has gone another way than this binary: it has {}, which the binary does not know, and \
                     lacks {}\n\nhint: {hint}",
                    unknown.join(", "),
                    self.set.path(pending),
                ),
            ));
        }
        // Before the unknown ones came, the database must have been where this set leads.
        let before = rows
            .iter()
            .rposition(|row| row.is_done() && row.heads.iter().all(|head| decoded.index_of(head).is_some()));
        if let Some(before) = before {
            // A revision may have been accepted with an edit since.
            let by_then = replay(&rows[..=before], decoded);
            if !self.agrees(decoded, &rows[before], &by_then) {
                return Err(self.rearranged(&rows[before], &recorded, &state.edited));
            }
        }
        Ok(state)
    }

    /// The part of the set that an upgrade has to know; `None` where it takes the whole.
    pub(super) fn narrowed(&self, aim: &Aim, last: &Last) -> Result<Option<Narrowed>> {
        match last {
            Last::Row(row) if row.is_done() && self.leads_to_head(aim) => {
                let window = self.set.window(&row.heads)?;
                Ok(window.map(|(decoded, base)| Narrowed { decoded, base }))
            }
            _ => Ok(None),
        }
    }

    /// Whether a part of the set tells all of the state by a row: nobody undid what was in force when it was chosen.
    pub(super) fn is_told_by(&self, narrowed: &Narrowed, last: &Last) -> bool {
        let Last::Row(row) = last else { return false };
        let applied = row.is_done().then(|| self.known(&narrowed.decoded, row)).flatten();
        applied.is_some_and(|applied| narrowed.base.iter().all(|index| applied.contains(index)))
    }

    /// The revisions in force by a row, if this set has its heads and comes to the same digest.
    pub(super) fn known(&self, decoded: &Decoded, row: &HistoryRow) -> Option<Applied> {
        let heads: Option<Vec<Index>> = row.heads.iter().map(|head| decoded.index_of(head)).collect();
        let applied = decoded.graph.closure(heads?);
        // A revision that was in force before it lost its section for this backend has no digest.
        self.records(decoded)
            .digest(applied.heads())
            .is_ok_and(|digest| digest == row.digest)
            .then_some(applied)
    }

    /// Whether this set's graph, with the checksums on record, comes to the digest of a row.
    fn agrees(&self, decoded: &Decoded, row: &HistoryRow, recorded: &Recorded) -> bool {
        let heads: Option<Vec<Index>> = row.heads.iter().map(|head| decoded.index_of(head)).collect();
        heads
            .is_some_and(|heads| self.recorded_chain(decoded, &heads, recorded).as_ref() == Some(&row.digest))
    }

    /// The chain digest of heads with the checksums on record; of a revision without one, with that of this set. `None` if
    /// something in it has neither.
    pub(super) fn recorded_chain(
        &self,
        decoded: &Decoded,
        heads: &[Index],
        recorded: &Recorded,
    ) -> Option<String> {
        let content = |index: Index| {
            let revision = &decoded.revisions[index];
            match recorded.get(revision.id.as_str()).and_then(|row| row.checksum.as_deref()) {
                Some(checksum) => checksum.parse::<Checksum>().ok(),
                None => revision.checksum(self.db.backend()),
            }
        };
        let digests = Digests::with(&decoded.graph, &decoded.revisions, content);
        digests.chain(heads).map(|digest| digest.to_string())
    }

    /// Finds what was edited among the revisions that both sides have.
    fn edits(&self, decoded: &Decoded, recorded: &Recorded) -> Result<Vec<Edited>> {
        let backend = self.db.backend();
        let mut edits = Vec::new();
        for (id, row) in recorded {
            let Some(index) = decoded.index_of(id) else { continue };
            let revision = &decoded.revisions[index];
            let now = revision.checksum(backend).map(|checksum| checksum.to_string());
            let Some(then) = row.checksum.as_ref().filter(|then| now.as_ref() != Some(then)) else {
                continue;
            };
            if let Err(error @ InvalidChecksum::UnknownScheme(_)) = then.parse::<Checksum>() {
                let message =
                    format!("revision '{id}' was recorded by a later version of embed-migrations: {error}");
                return Err(Error::new(ErrorKind::History, message));
            }
            edits.push(Edited { index, applied: then.clone(), now });
        }
        Ok(edits)
    }

    fn edited_error(&self, decoded: &Decoded, edited: &Edited) -> Error {
        let revision = &decoded.revisions[edited.index];
        let id = &revision.id;
        let is_rust = matches!(revision.body, Body::Rust { .. });
        // Without its file, nothing in the database would be known to be of this set.
        let draft = if revision.revises.is_empty() {
            ""
        } else {
            "; a draft is taken down as it was applied where its file is moved elsewhere for `undo_unknown` (`cargo migrate undo`) \
             and put back"
        };
        let data = if is_rust && self.set.data().is_some() { ", or data that it names" } else { "" };
        Error::new(
            ErrorKind::Edited,
            format!(
                "revision '{id}' was edited after it was applied: {}{data}\n  applied:     {}\n  this binary: {}\n\n\
                 hint: undo the edit and put the change into a new revision; or, if the database is as the file now says, \
                 accept the edit: `repair([\"{id}\"])`, or `cargo migrate repair {id}`{draft}",
                self.set.path(revision),
                edited.applied,
                edited.now.as_deref().unwrap_or("nothing for this backend")
            ),
        )
    }

    /// Every revision agrees, but for edits, and yet the whole does not: something was put below what is applied.
    fn rearranged(&self, settled: &HistoryRow, recorded: &Recorded, edited: &[Edited]) -> Error {
        let unsure = if !edited.is_empty() {
            ", apart from the edits of some"
        } else if recorded.values().any(|row| row.checksum.is_none()) {
            "; of some it is not on record what they did when they were applied, so they may have been edited"
        } else {
            ", although none was edited"
        };
        let inserted: Vec<String> = self.set.decoded().map_or_else(
            |_| Vec::new(),
            |decoded| {
                let heads = settled.heads.iter().filter_map(|head| decoded.index_of(head));
                let below = decoded.graph.closure(heads);
                let ids = below.iter().map(|index| decoded.revisions[index].id.to_string());
                ids.filter(|id| !recorded.contains_key(id.as_str())).map(|id| format!("'{id}'")).collect()
            },
        );
        if !inserted.is_empty() {
            return Error::new(
                ErrorKind::Diverged,
                format!(
                    "{} below {}, which is applied, and not applied{unsure}\n\n\
                     hint: a new revision goes on top, not in between: have it revise a head, as `cargo migrate rebase` does; if \
                     what is applied was put on top of it afterwards, as a branch of drafts that was rebased, move its files \
                     elsewhere, take it down by `cargo migrate undo`, and put them back",
                    if inserted.len() == 1 {
                        format!("revision {} is", inserted[0])
                    } else {
                        format!("revisions {} are", inserted.join(", "))
                    },
                    settled.heads.join(", ")
                ),
            );
        }
        Error::new(
            ErrorKind::Diverged,
            format!(
                "the revisions below {} are not those that were applied, or not in this order{unsure}\n\n\
                 hint: compare `revises` and `depends-on` with the version of the files that was applied; a new revision \
                 goes on top, not in between",
                settled.heads.join(", "),
            ),
        )
    }

    /// Whether a run may leave revisions alone that it does not know.
    pub(super) fn judge_ahead(&self, aim: &Aim, state: &State) -> Result<()> {
        if state.ahead.is_empty() {
            return Ok(());
        }
        let compatible = state.ahead.iter().all(|ahead| ahead.compatible == Some(true));
        let refusal = match (aim, self.options.ahead) {
            (Aim::Downgrade { .. }, _) => ONLY_THEIRS,
            (Aim::Stamp { .. }, _) => {
                "; a stamp would forget them, and they would be applied again: `stamp_purged`, or `stamp --purge`, does that \
                 on purpose"
            }
            _ if state.running.is_some() => ", one of which was interrupted",
            (_, Ahead::Accept) => return Ok(()),
            (_, Ahead::IfCompatible) if compatible => return Ok(()),
            (_, Ahead::IfCompatible) => {
                ", and not every one of them says `compatible: yes`; `ahead(Ahead::Accept)` would go on all the same"
            }
            (_, Ahead::Refuse) => ", which `Ahead::Refuse` does not allow",
        };
        Err(ahead_error(state, refusal))
    }
}

/// Why a verb that is not for databases ahead refuses one.
pub(super) const ONLY_THEIRS: &str = "; what is below them is not changed before they are undone";

/// The refusal of a database that is ahead; `why` follows the names.
pub(super) fn ahead_error(state: &State, why: &str) -> Error {
    let unknown: Vec<String> = state.ahead.iter().map(|ahead| format!("'{}'", ahead.revision)).collect();
    Error::new(
        ErrorKind::Ahead,
        format!(
            "the database is ahead of this binary by {}{why}\n\nhint: run the binary that applied them; where there is none, \
             `undo_unknown` (`cargo migrate undo`) takes them down from the record",
            unknown.join(", ")
        ),
    )
}

/// The revisions in force by what the rows say. A stamp names them; one of a version that did not stands for its heads
/// and all that this set has below them.
fn replay(rows: &[HistoryRow], decoded: &Decoded) -> Recorded {
    let mut recorded = Recorded::new();
    for row in rows.iter().filter(|row| row.is_done()) {
        let entry = |revision: &str| InForce {
            revision: revision.to_owned(),
            checksum: row.checksum.clone(),
            compatible: row.compatible,
        };
        match (row.action, &row.in_force) {
            (Action::Up | Action::Repair, _) => {
                recorded.insert(row.revision.clone(), entry(&row.revision));
            }
            (Action::Down, _) => {
                recorded.remove(&row.revision);
            }
            (Action::Stamp, Some(in_force)) => {
                recorded.clear();
                for one in InForce::read(in_force) {
                    recorded.insert(one.revision.clone(), one);
                }
            }
            (Action::Stamp, None) => {
                let known = row.heads.iter().filter_map(|head| decoded.index_of(head));
                let below = decoded.graph.closure(known);
                let mut before = std::mem::take(&mut recorded);
                let ids = below.iter().map(|index| decoded.revisions[index].id.as_str());
                for id in ids.chain(row.heads.iter().map(String::as_str)) {
                    if !recorded.contains_key(id) {
                        recorded.insert(id.to_owned(), before.remove(id).unwrap_or_else(|| entry(id)));
                    }
                }
            }
        }
    }
    recorded
}
