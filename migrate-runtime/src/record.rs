//! What the history records of steps and of stamps.

use migrate_revision::graph::{Applied, Index};
use migrate_revision::{Backend, Direction, Revision, Step};

use crate::Result;
use crate::down_sql;
use crate::history::{Action, NewRow, join_heads};
use crate::set::{Decoded, Migrations};

/// Makes the rows of one set on one backend.
pub(crate) struct Records<'a> {
    pub(crate) set: &'a Migrations,
    pub(crate) decoded: &'a Decoded,
    pub(crate) backend: Backend,
    pub(crate) applied_by: &'a str,
}

impl Records<'_> {
    /// The row of a step. `text` is its revision's.
    ///
    /// # Errors
    /// When a revision that is in force has no digest on the backend.
    pub(crate) fn of_step(&self, step: &Step, text: &str, after: After) -> Result<NewRow> {
        let revision = &self.decoded.revisions[step.index];
        let script = revision.script(self.backend, step.direction);
        let down_sql = match step.direction {
            Direction::Up => self.down_sql(revision, text),
            Direction::Down => None,
        };
        Ok(NewRow {
            after,
            revision: revision.id.to_string(),
            action: step.direction.into(),
            digest: self.digest(&step.heads)?,
            heads: self.decoded.names(&step.heads).join(","),
            checksum: revision.checksum(self.backend).map(|checksum| checksum.to_string()),
            compatible: revision.compatible,
            statements: script.map_or(1, |script| script.statements.len()),
            down_sql,
            in_force: None,
            applied_by: self.applied_by.to_owned(),
        })
    }

    /// The row that accepts the edit of a revision, which was not the last to be applied. `digest` is that of what is on
    /// record then.
    pub(crate) fn of_repair(
        &self,
        revision: &Revision,
        text: &str,
        heads: String,
        digest: String,
        after: After,
    ) -> NewRow {
        NewRow {
            after,
            revision: revision.id.to_string(),
            action: Action::Repair,
            digest,
            heads,
            checksum: revision.checksum(self.backend).map(|checksum| checksum.to_string()),
            compatible: revision.compatible,
            statements: 0,
            down_sql: self.down_sql(revision, text),
            in_force: None,
            applied_by: self.applied_by.to_owned(),
        }
    }

    /// The statements that undo a revision, as the history keeps them.
    fn down_sql(&self, revision: &Revision, text: &str) -> Option<String> {
        let script = revision.script(self.backend, Direction::Down)?;
        Some(down_sql::write(text, script))
    }

    /// The row of a stamp, with all that is in force by it.
    ///
    /// # Errors
    /// As [`of_step`](Self::of_step).
    pub(crate) fn of_stamp(&self, stamped: &Applied, after: After) -> Result<NewRow> {
        let in_force: Vec<InForce> = stamped
            .iter()
            .map(|index| {
                let revision = &self.decoded.revisions[index];
                InForce {
                    revision: revision.id.to_string(),
                    checksum: revision.checksum(self.backend).map(|checksum| checksum.to_string()),
                    compatible: revision.compatible,
                }
            })
            .collect();
        let names = self.decoded.names(stamped.heads());
        let heads = join_heads(names.iter().map(String::as_str));
        Ok(NewRow {
            after,
            revision: heads.clone(),
            action: Action::Stamp,
            digest: self.digest(stamped.heads())?,
            heads,
            checksum: None,
            compatible: None,
            statements: 0,
            down_sql: None,
            in_force: Some(InForce::write(&in_force)),
            applied_by: self.applied_by.to_owned(),
        })
    }

    /// A state by its digest.
    ///
    /// # Errors
    /// As [`of_step`](Self::of_step).
    pub(crate) fn place(&self, heads: &[Index]) -> Result<Place> {
        Ok(Place { digest: self.digest(heads)?, is_base: heads.is_empty(), reached: Vec::new() })
    }

    /// The chain digest of these heads, as the history records it.
    ///
    /// # Errors
    /// As [`of_step`](Self::of_step).
    pub(crate) fn digest(&self, heads: &[Index]) -> Result<String> {
        let places: Vec<Index> = heads.iter().map(|&head| self.decoded.place(head)).collect();
        self.set.chain(&places, self.backend)
    }
}

/// The row that must be the last when another is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// None
    Nothing,
    /// The one with this number and digest
    Row(i64, String),
    /// One that says that the database is here, whatever its number. Before the first revision, none says so as well
    State(Place),
}

/// A state of a database by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) digest: String,
    pub(crate) is_base: bool,
    /// Digests of states beyond, at which no other namespace may be where this one has no row
    pub(crate) reached: Vec<String>,
}

impl After {
    /// The row, where it is known by its number.
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres")),
        allow(dead_code, reason = "MySQL is given whole statements")
    )]
    pub(crate) fn row(&self) -> Option<(i64, &str)> {
        match self {
            Self::Row(seq, digest) => Some((*seq, digest)),
            Self::Nothing | Self::State(_) => None,
        }
    }
}

impl From<Option<(i64, String)>> for After {
    fn from(row: Option<(i64, String)>) -> Self {
        row.map_or(Self::Nothing, |(seq, digest)| Self::Row(seq, digest))
    }
}

/// A revision in force by a stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InForce {
    pub(crate) revision: String,
    pub(crate) checksum: Option<String>,
    pub(crate) compatible: Option<bool>,
}

impl InForce {
    /// One line per revision: its id, checksum and compatibility.
    pub(crate) fn write(revisions: &[Self]) -> String {
        let lines = revisions.iter().map(|one| {
            let checksum = one.checksum.as_deref().unwrap_or("-");
            format!(
                "{} {checksum} {}\n",
                one.revision,
                one.compatible.map_or("-", |yes| if yes { "yes" } else { "no" })
            )
        });
        lines.collect()
    }

    /// What [`write`](Self::write) has written.
    pub(crate) fn read(text: &str) -> Vec<Self> {
        let lines = text.lines().filter_map(|line| {
            let mut words = line.split(' ');
            Some(Self {
                revision: words.next()?.to_owned(),
                checksum: words.next().filter(|word| *word != "-").map(str::to_owned),
                compatible: words.next().and_then(|word| match word {
                    "yes" => Some(true),
                    "no" => Some(false),
                    _ => None,
                }),
            })
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stamp_puts_in_force_reads_back() {
        let one = |revision: &str, checksum: Option<&str>, compatible| InForce {
            revision: revision.into(),
            checksum: checksum.map(str::to_owned),
            compatible,
        };
        let stamped =
            [one("a", Some("1:00"), Some(true)), one("b", None, None), one("c", Some("1:11"), Some(false))];
        assert_eq!(InForce::read(&InForce::write(&stamped)), stamped);
    }
}
