//! What the history says about the database, held against the set.

use std::collections::BTreeMap;

use migrate_revision::graph::{Applied, Index};

use super::{Aim, Run};
use crate::backends::{Database, Last};
use crate::history::{Action, HistoryRow};
use crate::options::Ahead;
use crate::set::Decoded;
use crate::{Error, ErrorKind, Result};

/// Where a database is.
pub(super) struct State {
    /// The last row that is done: its number and digest
    pub(super) last: Option<(i64, String)>,
    /// The revisions of the set that are in force
    pub(super) applied: Applied,
    /// The heads by name, also of revisions that the set does not have
    pub(super) heads: Vec<String>,
    /// The step that is under way or was interrupted
    pub(super) running: Option<HistoryRow>,
    /// The revisions in force that the set does not have, all of its own being in force
    pub(super) ahead: Vec<Unknown>,
}

/// A revision in force that the set does not have.
pub(super) struct Unknown {
    pub(super) revision: String,
    pub(super) compatible: bool,
}

/// What the rows say of one revision in force.
struct Recorded {
    checksum: Option<String>,
    compatible: bool,
}

impl<D: Database> Run<'_, D> {
    /// Makes sense of the last row; reads the others if the digest alone does not settle it.
    pub(super) async fn state(&mut self, last: Last) -> Result<State> {
        let set = self.set;
        let decoded = set.decoded()?;
        let Last::Row(row) = last else {
            return Ok(State {
                last: None,
                applied: decoded.graph.closure([]),
                heads: Vec::new(),
                running: None,
                ahead: Vec::new(),
            });
        };
        let row = *row;
        let mut rows: Option<Vec<HistoryRow>> = None;
        let (settled, running) = if row.done {
            (Some(row), None)
        } else {
            let all = rows.insert(self.read_all().await?);
            let settled = all.iter().rev().find(|before| before.seq < row.seq).cloned();
            all.retain(|before| before.seq < row.seq);
            (settled, Some(row))
        };
        let Some(settled) = settled else {
            let applied = decoded.graph.closure([]);
            return Ok(State { last: None, applied, heads: Vec::new(), running, ahead: Vec::new() });
        };
        let last = Some((settled.seq, settled.digest.clone()));
        let known: Option<Vec<Index>> = settled.heads.iter().map(|head| index_of(decoded, head)).collect();
        if let Some(heads) = known {
            let applied = decoded.graph.closure(heads);
            // Revisions that were in force before the backend was left out have no digest, and are compared one by one.
            if self.chain(decoded, &applied).is_ok_and(|digest| digest == settled.digest) {
                return Ok(State { last, applied, heads: settled.heads, running, ahead: Vec::new() });
            }
        }
        let rows = match rows {
            Some(rows) => rows,
            None => self.read_all().await?,
        };
        let recorded = replay(&rows, decoded);
        self.compare(decoded, &recorded)?;
        let ahead: Vec<Unknown> = recorded
            .iter()
            .filter(|(id, _)| index_of(decoded, id).is_none())
            .map(|(id, recorded)| Unknown { revision: id.clone(), compatible: recorded.compatible })
            .collect();
        let own = recorded.keys().filter_map(|id| index_of(decoded, id));
        let applied = decoded.graph.closure(own);
        if ahead.is_empty() {
            return Err(self.rearranged(decoded, &settled));
        }
        if let Some(pending) = (0..decoded.revisions.len()).find(|&index| !applied.contains(index)) {
            let unknown = ahead.iter().map(|unknown| format!("'{}'", unknown.revision)).collect::<Vec<_>>();
            return Err(Error::new(
                ErrorKind::Diverged,
                format!(
                    "the database has gone another way than this binary: it has {}, which the binary does not know, and \
                     lacks {}\n\nhint: merge the two lines of revisions, or run the binary that belongs to this database",
                    unknown.join(", "),
                    self.set.path(&decoded.revisions[pending]),
                ),
            ));
        }
        Ok(State { last, applied, heads: settled.heads, running, ahead })
    }

    /// Finds what was edited, inserted or removed among the revisions that both sides have.
    fn compare(&self, decoded: &Decoded, recorded: &BTreeMap<String, Recorded>) -> Result<()> {
        let backend = self.db.backend();
        for (id, row) in recorded {
            let Some(index) = index_of(decoded, id) else { continue };
            let revision = &decoded.revisions[index];
            let now = revision.checksum(backend).map(|checksum| checksum.to_string());
            if let (Some(then), now) = (&row.checksum, now)
                && now.as_ref() != Some(then)
            {
                let path = self.set.path(revision);
                return Err(Error::new(
                    ErrorKind::Edited,
                    format!(
                        "revision '{id}' was edited after it was applied: {path}\n  applied:     {then}\n  this binary: {}\n\n\
                         hint: undo the edit and put the change into a new revision; or, if the database is as the file now \
                         says, accept it with `cargo migrate repair {id}`",
                        now.as_deref().unwrap_or("nothing for this backend")
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Every revision agrees and yet the whole does not: something was put below what is applied.
    fn rearranged(&self, decoded: &Decoded, settled: &HistoryRow) -> Error {
        Error::new(
            ErrorKind::Diverged,
            format!(
                "the revisions below {} are not those that were applied, or not in this order, although none was edited\n\n\
                 hint: compare `revises` and `depends-on` with the version of the files that was applied; a new revision \
                 goes on top, not in between (this binary has {} revisions)",
                settled.heads.join(", "),
                decoded.revisions.len()
            ),
        )
    }

    /// Whether a run may leave revisions alone that it does not know.
    pub(super) fn judge_ahead(&self, aim: &Aim, state: &State) -> Result<()> {
        let unknown: Vec<String> = state.ahead.iter().map(|ahead| format!("'{}'", ahead.revision)).collect();
        let fine = match self.options.ahead {
            Ahead::Accept => true,
            Ahead::Refuse => false,
            Ahead::IfCompatible => state.ahead.iter().all(|ahead| ahead.compatible),
        };
        let what = format!("the database is ahead of this binary by {}", unknown.join(", "));
        match aim {
            Aim::Upgrade(_) if fine && state.running.is_none() => Ok(()),
            Aim::Upgrade(_) => Err(Error::new(
                ErrorKind::Ahead,
                format!(
                    "{what}, and not every one of them says `compatible: yes`\n\n\
                     hint: run the binary that applied them; to go on all the same, say so with `ahead(Ahead::Accept)`"
                ),
            )),
            Aim::Downgrade(_) | Aim::Stamp(_) => Err(Error::new(
                ErrorKind::Ahead,
                format!(
                    "{what}; only a binary that has them can change its state\n\nhint: run the binary that applied them"
                ),
            )),
        }
    }
}

fn index_of(decoded: &Decoded, id: &str) -> Option<Index> {
    // Sets are sorted by file name, which begins with the id, but `a_1` and `a1` sort otherwise with what follows.
    decoded.revisions.iter().position(|revision| revision.id.as_str() == id)
}

/// The revisions in force by what the rows say: a stamp stands for its heads and all that this set has below them.
fn replay(rows: &[HistoryRow], decoded: &Decoded) -> BTreeMap<String, Recorded> {
    let mut recorded: BTreeMap<String, Recorded> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.done) {
        let entry = || Recorded { checksum: row.checksum.clone(), compatible: row.compatible == Some(true) };
        match row.action {
            Action::Up | Action::Repair => {
                recorded.insert(row.revision.clone(), entry());
            }
            Action::Down => {
                recorded.remove(&row.revision);
            }
            Action::Stamp => {
                let known = row.heads.iter().filter_map(|head| index_of(decoded, head));
                let below = decoded.graph.closure(known);
                let ids: Vec<String> = (below.iter().map(|index| decoded.revisions[index].id.to_string()))
                    .chain(row.heads.iter().cloned())
                    .collect();
                recorded.retain(|id, _| ids.contains(id));
                for id in ids {
                    recorded.entry(id).or_insert_with(|| Recorded { checksum: None, ..entry() });
                }
            }
        }
    }
    recorded
}
