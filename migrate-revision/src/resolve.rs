//! What a name, a branch and steps from a revision mean in a set.

use crate::graph::{Applied, Graph, Index};
use crate::target::{Place, Reading};
use crate::{Revision, RevisionId, Target, TargetError, nearest};

/// Names shorter than this are known by the whole of them only.
const SHORTEST_WITH_PREFIX: usize = 4;

/// What steps may be counted from, whatever the set has.
const WORDS: [&str; 4] = ["head", "heads", "base", "current"];

/// Finds the revisions that targets mean.
#[derive(Debug, Clone, Copy)]
pub struct Resolver<'a> {
    /// The set, in its own order
    pub revisions: &'a [Revision],
    /// Its graph
    pub graph: &'a Graph,
}

/// Where steps end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walked {
    At(Index),
    Base,
    /// There are only so many steps that way, up to here
    Short {
        available: u32,
        last: Option<Index>,
    },
}

impl<'a> Resolver<'a> {
    /// The revisions that a target means whatever the state of the database: several for `heads`, none for `base`. `-n`
    /// counts from the heads.
    ///
    /// # Errors
    /// When the target leads nowhere, or counts up from where the database is.
    pub fn all(&self, target: &Target) -> Result<Vec<Index>, TargetError> {
        match self.read(target) {
            Reading { steps: Some(..=-1), place: None, .. } => {
                Ok(self.below_heads(target)?.map(|below| below.revisions).unwrap_or_default())
            }
            Reading { steps: Some(steps), place: None, .. } => Err(TargetError::NoStart(steps)),
            Reading { steps: Some(_), .. } => Err(self.unknown(&target.to_string())),
            Reading { branch, place: Some(place), steps: None } => self.place(branch, place),
            Reading { place: None, .. } => Ok(Vec::new()),
        }
    }

    /// The one revision that a target means whatever the state of the database, or `None` for `base`.
    ///
    /// # Errors
    /// Those of [`Self::all`], and for `heads` if there are several.
    pub fn one(&self, target: &Target) -> Result<Option<Index>, TargetError> {
        match self.read(target) {
            Reading { steps: Some(steps), place: None, .. } => Err(TargetError::NoStart(steps)),
            _ => self.only(&self.all(target)?),
        }
    }

    /// What is in force where a database says that it is at these heads.
    ///
    /// # Errors
    /// When the set does not have one of them, or one stands on another.
    pub fn in_force<'h>(&self, heads: impl IntoIterator<Item = &'h str>) -> Result<Applied, TargetError> {
        let heads = heads.into_iter().map(|head| self.exact(head)).collect::<Result<Vec<_>, _>>()?;
        self.no_overlap(&heads)?;
        Ok(self.graph.closure(heads))
    }

    pub(crate) fn only(&self, all: &[Index]) -> Result<Option<Index>, TargetError> {
        match all {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            _ => Err(TargetError::MultipleHeads(self.ids(all))),
        }
    }

    pub(crate) fn read<'t>(&self, target: &'t Target) -> Reading<'t> {
        // Names with a sign in them are labels: ids have none.
        target.read(|text, before| {
            let counts = || self.graph.named(before).is_some() || WORDS.contains(&before);
            self.graph.named(text).is_some() || self.graph.names_from(text).next().is_some() && !counts()
        })
    }

    pub(crate) fn ids<'b>(&self, indices: impl IntoIterator<Item = &'b Index>) -> Vec<RevisionId> {
        indices.into_iter().map(|&index| self.id(index)).collect()
    }

    pub(crate) fn id(&self, index: Index) -> RevisionId {
        self.revisions[index].id.clone()
    }

    pub(crate) fn unknown(&self, name: &str) -> TargetError {
        let nearest = nearest(name, self.graph.names()).and_then(|near| self.graph.named(near));
        TargetError::Unknown { name: name.to_owned(), nearest: nearest.map(|index| self.id(index)) }
    }

    /// The revisions at a place.
    pub(crate) fn place(&self, branch: Option<&str>, place: Place<'_>) -> Result<Vec<Index>, TargetError> {
        // A branch that does not exist is an error wherever it is named.
        let on = branch
            .map(|branch| self.branch(branch).map(|of| (branch, self.graph.lineage(&[of]))))
            .transpose()?;
        let is_on = |index: Index| on.as_ref().is_none_or(|(_, lineage)| lineage[index]);
        match place {
            Place::Base => Ok(Vec::new()),
            Place::Heads if on.is_none() => Ok(self.graph.effective_heads()),
            Place::Head | Place::Heads => {
                let heads: Vec<Index> =
                    self.graph.heads().iter().copied().filter(|&head| is_on(head)).collect();
                match (place, heads.len()) {
                    (Place::Head, 2..) => Err(TargetError::MultipleHeads(self.ids(&heads))),
                    _ => Ok(heads),
                }
            }
            Place::Exact(id) => self.exact(id).map(|index| vec![index]),
            Place::Name(name) => {
                let index = self.name(name, &is_on)?;
                match on {
                    Some((branch, lineage)) if !lineage[index] => {
                        Err(TargetError::NotOnBranch { id: self.id(index), branch: branch.to_owned() })
                    }
                    _ => Ok(vec![index]),
                }
            }
        }
    }

    fn exact(&self, id: &str) -> Result<Index, TargetError> {
        let found = self.graph.named(id).filter(|&index| self.revisions[index].id.as_str() == id);
        found.ok_or_else(|| TargetError::Unknown { name: id.to_owned(), nearest: None })
    }

    /// The revision with this id or label, or with a beginning of one that no other name on the branch has.
    fn name(&self, name: &str, is_on_branch: &dyn Fn(Index) -> bool) -> Result<Index, TargetError> {
        if let Some(index) = self.graph.named(name) {
            return Ok(index);
        }
        if name.is_empty() {
            return Err(self.unknown(name));
        }
        let mut matches = self
            .graph
            .names_from(name)
            .filter(|(full, index)| full.chars().count() >= SHORTEST_WITH_PREFIX && is_on_branch(*index));
        match (matches.next(), matches.next()) {
            (Some((_, only)), None) => Ok(only),
            (Some((_, first)), Some((_, second))) => {
                let rest: Vec<Index> = matches.take(3).map(|(_, index)| index).collect();
                Err(TargetError::Ambiguous {
                    name: name.to_owned(),
                    candidates: self.ids([first, second].iter().chain(&rest)),
                })
            }
            (None, _) => Err(self.unknown(name)),
        }
    }

    /// The revision that stands for a branch: the one that carries the label, or the one that is named.
    pub(crate) fn branch(&self, branch: &str) -> Result<Index, TargetError> {
        self.name(branch, &|_| true)
    }

    /// All that is on a branch, as one flag per revision.
    pub(crate) fn branch_lineage(&self, branch: Option<&str>) -> Result<Option<Vec<bool>>, TargetError> {
        branch.map(|branch| self.branch(branch).map(|of| self.graph.lineage(&[of]))).transpose()
    }

    /// Goes up from a revision, or from before the first ones, by `revises` alone and on one branch if that is given.
    pub(crate) fn walk_up(
        &self,
        from: Option<Index>,
        steps: i32,
        on: Option<&[bool]>,
    ) -> Result<Walked, TargetError> {
        let mut at = from;
        for available in 0..steps.unsigned_abs() {
            let mut next: Vec<Index> = match at {
                Some(at) => self.graph.children(at).collect(),
                None => self.graph.bases().to_vec(),
            };
            next.retain(|&next| on.is_none_or(|on| on[next]));
            match next.as_slice() {
                [] => return Ok(Walked::Short { available, last: at }),
                [next] => at = Some(*next),
                several => return Err(TargetError::AmbiguousWalk { steps, at: self.ids(several) }),
            }
        }
        Ok(at.map_or(Walked::Base, Walked::At))
    }

    /// Goes down from a revision, or from before the first ones, by `revises` alone.
    pub(crate) fn walk_down(&self, from: Option<Index>, steps: i32) -> Result<Walked, TargetError> {
        let mut at = from;
        for available in 0..steps.unsigned_abs() {
            let Some(from) = at else { return Ok(Walked::Short { available, last: None }) };
            at = match self.graph.revises(from) {
                [] => None,
                [parent] => Some(*parent),
                several => return Err(TargetError::AmbiguousWalk { steps, at: self.ids(several) }),
            };
        }
        Ok(at.map_or(Walked::Base, Walked::At))
    }

    /// Steps from a place that is named. Upwards the branch says which way to take at a fork; downwards the place must be on it.
    pub(crate) fn walk_from(
        &self,
        branch: Option<&str>,
        place: Place<'_>,
        steps: i32,
        upwards: bool,
    ) -> Result<Walked, TargetError> {
        let lineage = self.branch_lineage(branch)?;
        if upwards {
            let from = self.only(&self.place(None, place)?)?;
            self.walk_up(from, steps, lineage.as_deref())
        } else {
            let from = self.only(&self.place(branch, place)?)?;
            self.walk_down(from, steps)
        }
    }

    /// The revisions that an upgrade to the target brings into force, with all that they stand on.
    pub(crate) fn upgrade(&self, target: &Target, applied: &Applied) -> Result<Vec<Index>, TargetError> {
        let targets = match self.read(target) {
            Reading { steps: Some(steps @ ..=0), place: None, .. } => {
                return Err(TargetError::WrongDirection(steps));
            }
            Reading { branch, place: None, steps } => {
                self.up_from_here(branch, steps.unwrap_or(0), applied.heads().to_vec())?
            }
            Reading { branch, place: Some(place), steps: Some(steps) } => {
                match self.walk_from(branch, place, steps, steps > 0)? {
                    Walked::At(index) => vec![index],
                    Walked::Base => Vec::new(),
                    Walked::Short { available, .. } => return Err(TargetError::TooFar { steps, available }),
                }
            }
            Reading { branch, place: Some(place), steps: None } => self.place(branch, place)?,
        };
        self.no_overlap(&targets)?;
        Ok(targets)
    }

    /// So many steps up from the only head that is in force, or the only one on a branch.
    fn up_from_here(
        &self,
        branch: Option<&str>,
        steps: i32,
        current: Vec<Index>,
    ) -> Result<Vec<Index>, TargetError> {
        let lineage = self.branch_lineage(branch)?;
        let start = self.start_on_branch(lineage.as_deref(), steps, current)?;
        match self.walk_up(start, steps, lineage.as_deref())? {
            Walked::At(index) => Ok(vec![index]),
            Walked::Base => Ok(Vec::new()),
            Walked::Short { available, .. } => Err(TargetError::TooFar { steps, available }),
        }
    }

    /// The one revision from which steps up begin: one of these that is on the branch, or the top of what they stand on there.
    pub(crate) fn start_on_branch(
        &self,
        on: Option<&[bool]>,
        steps: i32,
        mut from: Vec<Index>,
    ) -> Result<Option<Index>, TargetError> {
        if let Some(on) = on {
            let active = self.graph.closure(from.iter().copied());
            from.retain(|&index| on[index]);
            if from.is_empty() {
                from = self.tops(active.iter().filter(|&index| on[index]).collect());
            }
        }
        match from.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            several => Err(TargetError::SeveralCurrent { steps, heads: self.ids(several) }),
        }
    }

    /// Those of some revisions on which no other of them stands directly.
    fn tops(&self, mut revisions: Vec<Index>) -> Vec<Index> {
        let mut covered = vec![false; self.graph.len()];
        for &index in &revisions {
            self.graph.revises(index).iter().for_each(|&under| covered[under] = true);
            self.graph.own_dependencies(index).iter().for_each(|&under| covered[under] = true);
        }
        revisions.retain(|&index| !covered[index]);
        revisions
    }

    /// Several revisions that are asked for at once must not stand on each other.
    pub(crate) fn no_overlap(&self, revisions: &[Index]) -> Result<(), TargetError> {
        if revisions.len() < 2 {
            return Ok(());
        }
        let tops = self.graph.closure(revisions.iter().copied());
        let Some(&below) = revisions.iter().find(|&index| !tops.heads().contains(index)) else {
            return Ok(());
        };
        let above = self.graph.descendants([below]);
        let id = revisions.iter().copied().find(|&index| index != below && above[index]).unwrap_or(below);
        Err(TargetError::Overlap { id: self.id(id), below: self.id(below) })
    }

    /// The revisions in force that no other in force revises: where each branch of the database is, also where something
    /// on another branch depends on it.
    #[must_use]
    pub fn tips(&self, applied: &Applied) -> Vec<Index> {
        let is_tip = |&index: &Index| !self.graph.children(index).any(|child| applied.contains(child));
        applied.iter().filter(is_tip).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::revision;

    fn with_resolver<T>(revisions: &[Revision], body: impl FnOnce(&Resolver<'_>) -> T) -> T {
        let graph = Graph::new(revisions).unwrap();
        body(&Resolver { revisions, graph: &graph })
    }

    fn chain() -> Vec<Revision> {
        vec![revision("aa01", &[]), revision("ab02", &["aa01"]), revision("b003", &["ab02"])]
    }

    #[test]
    fn a_unique_prefix_is_enough_and_an_exact_id_wins_over_longer_ones() {
        with_resolver(&chain(), |r| {
            assert_eq!(r.one(&"b".into()), Ok(Some(2)));
            assert!(
                matches!(r.one(&"a".into()), Err(TargetError::Ambiguous { candidates, .. }) if candidates.len() == 2)
            );
            assert!(
                matches!(r.one(&"aa02".into()), Err(TargetError::Unknown { nearest: Some(near), .. }) if near.as_str() == "aa01")
            );
            assert!(matches!(r.one(&"".into()), Err(TargetError::Unknown { .. })));
        });
        let two = [revision("aaaa", &[]), revision("aaaab", &["aaaa"])];
        with_resolver(&two, |r| assert_eq!(r.one(&"aaaa".into()), Ok(Some(0))));
    }

    #[test]
    fn steps_from_a_name_go_before_the_beginning_of_a_label() {
        let labelled = |name: &str| Revision { labels: vec![name.into()], ..revision("cc03", &["bb02"]) };
        let below = [revision("aa01", &[]), revision("bb02", &["aa01"])];
        let top = Revision { labels: vec!["billing-2024".into()], ..revision("dd04", &["cc03"]) };
        let of = |name: &str| [below.to_vec(), vec![labelled(name), top.clone()]].concat();
        with_resolver(&of("billing"), |r| {
            assert_eq!(r.upgrade(&"billing-2".into(), &r.graph.closure([])), Ok(vec![0]));
            assert_eq!(
                r.downgrade(&"billing-2".into(), &r.graph.closure([3])),
                Ok(vec![false, true, true, true])
            );
            assert_eq!(r.one(&"billing-2024".into()), Ok(Some(3)));
            let too_far = Err(TargetError::TooFar { steps: -20, available: 3 });
            assert_eq!(r.upgrade(&"billing-20".into(), &r.graph.closure([])), too_far);
            assert_eq!(r.one(&"billing@billing-2024".into()), Ok(Some(3)));
            assert_eq!(r.one(&"billing-202@head".into()), Ok(Some(3)));
        });
        // No revision is called `billing`, and what begins with it is not meant by it.
        with_resolver(&of("other"), |r| assert_eq!(r.one(&"billing-2".into()), Ok(Some(3))));
        with_resolver(&of("head-1st"), |r| {
            assert_eq!(r.upgrade(&"head-1".into(), &r.graph.closure([])), Ok(vec![2]));
        });
        with_resolver(&of("aa01-1st"), |r| {
            assert_eq!(r.upgrade(&"aa01-1".into(), &r.graph.closure([])), Ok(vec![]));
        });
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
            assert_eq!(r.downgrade(&"aa01".into(), &applied), Ok(vec![false, true, true]));
            assert_eq!(
                r.downgrade(&"b003".into(), &applied),
                Err(TargetError::NotApplied("b003".parse().unwrap()))
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
            assert_eq!(r.stamp(&["y".into()], &applied).unwrap(), r.graph.closure([1, 3]));
            assert_eq!(r.stamp(&["a".into()], &applied).unwrap(), r.graph.closure([0, 2]));
            assert_eq!(r.stamp(&[Target::Base], &applied).unwrap(), r.graph.closure([]));
        });
    }
}
