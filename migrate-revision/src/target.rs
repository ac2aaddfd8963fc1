//! Where to go: `head`, `base`, a revision, so many steps up or down.

use std::fmt;

use crate::graph::{Applied, Graph, Index};
use crate::{Revision, RevisionId};

/// Where an upgrade, a downgrade or a stamp leads.
///
/// A target is written as text or as a value: `"head"` is [`Target::Head`], `"-1"` is [`Target::Relative`], and any
/// other text is taken for an id or the beginning of one. Whether it exists shows when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The only head; an error if there are several
    Head,
    /// Every head
    Heads,
    /// Before the first revision
    Base,
    /// A revision by its id, or by a beginning of it that no other id has
    Revision(String),
    /// A revision by its whole id
    #[doc(hidden)]
    Exact(String),
    /// So many revisions up (positive) or down (negative) from where the database is
    Relative(i32),
}

impl From<&str> for Target {
    fn from(text: &str) -> Self {
        match text {
            "head" => Self::Head,
            "heads" => Self::Heads,
            "base" => Self::Base,
            _ => relative(text).map_or_else(|| Self::Revision(text.to_owned()), Self::Relative),
        }
    }
}

impl From<String> for Target {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Target {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&RevisionId> for Target {
    fn from(id: &RevisionId) -> Self {
        Self::Revision(id.to_string())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Heads => f.write_str("heads"),
            Self::Base => f.write_str("base"),
            Self::Revision(id) | Self::Exact(id) => f.write_str(id),
            Self::Relative(steps) => write!(f, "{steps:+}"),
        }
    }
}

/// A sign and digits, nothing more: a sign is required, so that `12` stays an id.
fn relative(text: &str) -> Option<i32> {
    text.starts_with(['+', '-']).then(|| text.parse().ok()).flatten()
}

/// Why a target leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// No revision has this id or beginning
    Unknown {
        /// What was asked for
        name: String,
        /// The id nearest to it
        nearest: Option<RevisionId>,
    },
    /// Several ids begin like this
    Ambiguous {
        /// What was asked for
        name: String,
        /// Some of the ids that begin so
        candidates: Vec<RevisionId>,
    },
    /// `head` where there are several
    MultipleHeads(Vec<RevisionId>),
    /// More steps than there are revisions that way
    TooFar {
        /// What was asked for
        steps: i32,
        /// How many steps there are
        available: u32,
    },
    /// The way forks or joins before the steps are done
    AmbiguousWalk {
        /// What was asked for
        steps: i32,
        /// Where the way is no longer one
        at: Vec<RevisionId>,
    },
    /// `-n` for an upgrade, `+n` for a downgrade, or no step at all
    WrongDirection(i32),
    /// A downgrade to a revision that is not applied
    NotApplied(RevisionId),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name, nearest } => {
                write!(f, "can't locate revision identified by '{name}'")?;
                nearest.as_ref().map_or(Ok(()), |id| write!(f, "; the nearest is '{id}'"))
            }
            Self::Ambiguous { name, candidates } => {
                write!(f, "several revisions begin with '{name}': {}", list(candidates))
            }
            Self::MultipleHeads(heads) => write!(
                f,
                "multiple head revisions are present for 'head': {}; name one of them, or 'heads' for all",
                list(heads)
            ),
            Self::TooFar { steps, available } => {
                write!(f, "relative revision {steps:+} leads too far: there are {available} that way")
            }
            Self::AmbiguousWalk { steps, at } => write!(
                f,
                "relative revision {steps:+} is ambiguous: there is more than one way at {}; name the revision",
                list(at)
            ),
            Self::WrongDirection(steps @ 1..) => {
                write!(f, "relative revision {steps:+} leads up; a downgrade takes -{steps}")
            }
            Self::WrongDirection(0) => f.write_str("a relative revision of no steps leads nowhere"),
            Self::WrongDirection(steps) => {
                write!(f, "relative revision {steps} leads down; an upgrade takes +{}", steps.unsigned_abs())
            }
            Self::NotApplied(id) => {
                write!(f, "destination {id} is not a valid downgrade target: it is not applied")
            }
        }
    }
}

impl std::error::Error for TargetError {}

fn list(ids: &[RevisionId]) -> String {
    ids.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
}

/// Resolves targets against a set.
pub(crate) struct Resolver<'a> {
    pub(crate) revisions: &'a [Revision],
    pub(crate) graph: &'a Graph,
}

impl Resolver<'_> {
    fn ids<'b>(&self, indices: impl IntoIterator<Item = &'b Index>) -> Vec<RevisionId> {
        indices.into_iter().map(|&index| self.revisions[index].id.clone()).collect()
    }

    fn exact(&self, id: &str) -> Option<Index> {
        self.revisions.iter().position(|revision| revision.id.as_str() == id)
    }

    /// The revision that a target names.
    fn named(&self, target: &Target, name: &str) -> Result<Index, TargetError> {
        match target {
            Target::Exact(id) => {
                self.exact(id).ok_or_else(|| TargetError::Unknown { name: id.clone(), nearest: None })
            }
            _ => self.revision(name),
        }
    }

    /// The revision with this id or unique beginning.
    pub(crate) fn revision(&self, name: &str) -> Result<Index, TargetError> {
        if let Some(exact) = self.exact(name) {
            return Ok(exact);
        }
        let mut matches = (0..self.revisions.len())
            .filter(|&index| !name.is_empty() && self.revisions[index].id.as_str().starts_with(name));
        match (matches.next(), matches.next()) {
            (Some(only), None) => Ok(only),
            (Some(first), Some(second)) => Err(TargetError::Ambiguous {
                name: name.to_owned(),
                candidates: self.ids([first, second].iter().chain(&matches.take(3).collect::<Vec<_>>())),
            }),
            (None, _) => Err(TargetError::Unknown {
                name: name.to_owned(),
                nearest: crate::nearest::nearest(name, self.revisions.iter().map(|r| r.id.as_str()))
                    .and_then(|near| near.parse().ok()),
            }),
        }
    }

    fn heads(&self, target: &Target) -> Result<Vec<Index>, TargetError> {
        match self.graph.heads() {
            heads if heads.len() > 1 && *target == Target::Head => {
                Err(TargetError::MultipleHeads(self.ids(heads)))
            }
            heads => Ok(heads.to_vec()),
        }
    }

    /// The revisions that an upgrade to the target brings into force, with all that they stand on.
    pub(crate) fn upgrade(&self, target: &Target, applied: &Applied) -> Result<Vec<Index>, TargetError> {
        match target {
            Target::Head | Target::Heads => self.heads(target),
            Target::Base => Ok(Vec::new()),
            Target::Revision(name) | Target::Exact(name) => Ok(vec![self.named(target, name)?]),
            Target::Relative(steps @ 1..) => self.walk_up(*steps, applied),
            Target::Relative(steps) => Err(TargetError::WrongDirection(*steps)),
        }
    }

    fn walk_up(&self, steps: i32, applied: &Applied) -> Result<Vec<Index>, TargetError> {
        let mut at: Option<Index> = match applied.heads().len() {
            0 => None,
            1 => applied.heads().first().copied(),
            _ => return Err(TargetError::AmbiguousWalk { steps, at: self.ids(applied.heads()) }),
        };
        for done in 0..steps {
            let next: Vec<Index> = match at {
                Some(at) => self.graph.children(at).collect(),
                None => (0..self.graph.len()).filter(|&i| self.graph.revises(i).is_empty()).collect(),
            };
            at = match next.as_slice() {
                [] => return Err(TargetError::TooFar { steps, available: done.unsigned_abs() }),
                [next] => Some(*next),
                several => return Err(TargetError::AmbiguousWalk { steps, at: self.ids(several) }),
            };
        }
        Ok(at.into_iter().collect())
    }

    /// The revisions that a downgrade to the target puts out of force, as one flag per revision.
    pub(crate) fn downgrade(&self, target: &Target, applied: &Applied) -> Result<Vec<bool>, TargetError> {
        let bases = || (0..self.graph.len()).filter(|&index| self.graph.revises(index).is_empty());
        match target {
            Target::Base => Ok(self.graph.descendants(bases())),
            Target::Head | Target::Heads => {
                let heads = self.heads(target)?;
                self.above_applied(&heads, applied)
            }
            Target::Revision(name) | Target::Exact(name) => {
                self.above_applied(&[self.named(target, name)?], applied)
            }
            Target::Relative(steps @ ..=-1) => self.walk_down(*steps, applied),
            Target::Relative(steps) => Err(TargetError::WrongDirection(*steps)),
        }
    }

    fn above_applied(&self, to: &[Index], applied: &Applied) -> Result<Vec<bool>, TargetError> {
        if let Some(&index) = to.iter().find(|&&index| !applied.contains(index)) {
            return Err(TargetError::NotApplied(self.revisions[index].id.clone()));
        }
        Ok(self.graph.descendants(to.iter().flat_map(|&index| self.graph.children(index))))
    }

    fn walk_down(&self, asked: i32, applied: &Applied) -> Result<Vec<bool>, TargetError> {
        let mut drop = vec![false; self.graph.len()];
        let mut at = applied.heads().iter().copied().collect::<Vec<_>>();
        for done in 0..asked.unsigned_abs() {
            let index = match at.as_slice() {
                [] => return Err(TargetError::TooFar { steps: asked, available: done }),
                [index] => *index,
                several => return Err(TargetError::AmbiguousWalk { steps: asked, at: self.ids(several) }),
            };
            drop[index] = true;
            at = self.graph.revises(index).to_vec();
        }
        Ok(drop)
    }

    /// The heads after a stamp: the target's, and those of branches that it has nothing to do with.
    pub(crate) fn stamp(&self, target: &Target, applied: &Applied) -> Result<Applied, TargetError> {
        let to = match target {
            Target::Relative(steps @ 1..) => self.walk_up(*steps, applied)?,
            Target::Relative(steps @ ..=-1) => {
                let drop = self.walk_down(*steps, applied)?;
                return Ok(self.graph.closure(applied.iter().filter(|&index| !drop[index])));
            }
            Target::Relative(0) => return Err(TargetError::WrongDirection(0)),
            Target::Base => return Ok(self.graph.closure([])),
            Target::Head | Target::Heads => self.heads(target)?,
            Target::Revision(name) | Target::Exact(name) => vec![self.named(target, name)?],
        };
        let below = self.graph.closure(to.iter().copied());
        let above = self.graph.descendants(to.iter().copied());
        let beside = applied.heads().iter().copied().filter(|&head| !below.contains(head) && !above[head]);
        Ok(self.graph.closure(to.iter().copied().chain(beside)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::revision;

    #[test]
    fn text_and_value_name_the_same_target() {
        for (text, target) in [
            ("head", Target::Head),
            ("heads", Target::Heads),
            ("base", Target::Base),
            ("+2", Target::Relative(2)),
            ("-10", Target::Relative(-10)),
            ("12", Target::Revision("12".into())),
            ("+two", Target::Revision("+two".into())),
        ] {
            assert_eq!(Target::from(text), target);
            assert_eq!(target.to_string(), text);
        }
    }

    fn with_resolver<T>(revisions: &[Revision], body: impl FnOnce(&Resolver<'_>) -> T) -> T {
        let graph = Graph::new(revisions).unwrap();
        body(&Resolver { revisions, graph: &graph })
    }

    fn chain() -> Vec<Revision> {
        vec![revision("aa1", &[]), revision("ab2", &["aa1"]), revision("b3", &["ab2"])]
    }

    #[test]
    fn a_unique_prefix_is_enough_and_an_exact_id_wins_over_longer_ones() {
        with_resolver(&chain(), |r| {
            assert_eq!(r.revision("b"), Ok(2));
            assert!(
                matches!(r.revision("a"), Err(TargetError::Ambiguous { candidates, .. }) if candidates.len() == 2)
            );
            assert!(
                matches!(r.revision("aa2"), Err(TargetError::Unknown { nearest: Some(near), .. }) if near.as_str() == "aa1")
            );
            assert!(matches!(r.revision(""), Err(TargetError::Unknown { .. })));
        });
        with_resolver(&[revision("a", &[]), revision("ab", &["a"])], |r| assert_eq!(r.revision("a"), Ok(0)));
    }

    #[test]
    fn relative_targets_walk_from_where_the_database_is() {
        with_resolver(&chain(), |r| {
            let at = |index: Option<Index>| r.graph.closure(index);
            assert_eq!(r.upgrade(&"+2".into(), &at(None)), Ok(vec![1]));
            assert_eq!(r.upgrade(&"+1".into(), &at(Some(1))), Ok(vec![2]));
            assert_eq!(
                r.upgrade(&"+3".into(), &at(Some(1))),
                Err(TargetError::TooFar { steps: 3, available: 1 })
            );
            assert_eq!(r.upgrade(&"-1".into(), &at(Some(1))), Err(TargetError::WrongDirection(-1)));
            assert_eq!(r.downgrade(&"-2".into(), &at(Some(2))), Ok(vec![false, true, true]));
            assert_eq!(
                r.downgrade(&"-4".into(), &at(Some(2))),
                Err(TargetError::TooFar { steps: -4, available: 3 })
            );
            let most = TargetError::TooFar { steps: i32::MIN, available: 3 };
            assert_eq!(r.downgrade(&Target::Relative(i32::MIN), &at(Some(2))), Err(most));
            assert_eq!(r.downgrade(&"+1".into(), &at(Some(2))), Err(TargetError::WrongDirection(1)));
        });
    }

    #[test]
    fn a_downgrade_needs_an_applied_destination() {
        with_resolver(&chain(), |r| {
            let applied = r.graph.closure([1]);
            assert_eq!(r.downgrade(&"aa1".into(), &applied), Ok(vec![false, true, true]));
            assert_eq!(
                r.downgrade(&"b3".into(), &applied),
                Err(TargetError::NotApplied("b3".parse().unwrap()))
            );
        });
    }

    #[test]
    fn head_is_refused_when_there_are_several() {
        with_resolver(&[revision("a", &[]), revision("b", &["a"]), revision("c", &["a"])], |r| {
            let applied = r.graph.closure([0]);
            assert!(
                matches!(r.upgrade(&Target::Head, &applied), Err(TargetError::MultipleHeads(heads)) if heads.len() == 2)
            );
            assert_eq!(r.upgrade(&Target::Heads, &applied), Ok(vec![1, 2]));
            assert!(matches!(r.upgrade(&"+1".into(), &applied), Err(TargetError::AmbiguousWalk { .. })));
        });
    }

    #[test]
    fn a_stamp_leaves_unrelated_branches_where_they_are() {
        let revisions =
            [revision("a", &[]), revision("b", &["a"]), revision("x", &[]), revision("y", &["x"])];
        with_resolver(&revisions, |r| {
            let applied = r.graph.closure([1, 2]);
            assert_eq!(r.stamp(&"y".into(), &applied).unwrap(), r.graph.closure([1, 3]));
            assert_eq!(r.stamp(&"a".into(), &applied).unwrap(), r.graph.closure([0, 2]));
            assert_eq!(r.stamp(&Target::Base, &applied).unwrap(), r.graph.closure([]));
        });
    }
}
