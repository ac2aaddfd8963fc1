//! What a downgrade puts out of force.

use crate::graph::{Applied, Index};
use crate::resolve::Walked;
use crate::target::Reading;
use crate::{Resolver, Target, TargetError};

impl Resolver<'_> {
    /// The revisions that a downgrade to the target puts out of force, as one flag per revision, and whether it is only
    /// those that are in force now that are meant.
    pub(crate) fn downgrade(&self, target: &Target, applied: &Applied) -> Result<Vec<bool>, TargetError> {
        let (branch, to, from_here) = match self.read(target) {
            Reading { steps: Some(steps @ 0..), place: None, .. } => {
                return Err(TargetError::WrongDirection(steps));
            }
            Reading { branch, place: None, steps } => {
                let steps = steps.unwrap_or(0);
                let from = self.down_from_here(branch, steps, applied)?;
                let to = self.landed(self.walk_down(Some(from), steps)?, steps)?;
                let branch = branch.map_or(Ok(from), |branch| self.branch(branch))?;
                (Some(branch), to, true)
            }
            Reading { branch, place: Some(place), steps } => {
                let to = match steps {
                    Some(steps) => match self.walk_from(branch, place, steps, steps >= 0)? {
                        // `base+0` is no step.
                        Walked::Base if steps == 0 => return Err(TargetError::WrongDirection(0)),
                        walked => self.landed(walked, steps)?,
                    },
                    None => self.only(&self.place(None, place)?)?,
                };
                (branch.map(|branch| self.branch(branch)).transpose()?, to, false)
            }
        };
        let mut roots: Vec<Index> = match to {
            Some(to) => self.graph.children(to).collect(),
            None => self.graph.bases().to_vec(),
        };
        if let Some(branch) = branch.filter(|_| roots.len() > 1) {
            let ancestry = self.graph.ancestry(&[branch]);
            let on_the_way: Vec<Index> = roots.iter().copied().filter(|&root| ancestry[root]).collect();
            if let (Some(to), []) = (to, on_the_way.as_slice()) {
                // The one that the error takes for its example is the first.
                roots.sort_by_key(|&root| !applied.contains(root));
                let (at, above) = (self.id(to), self.ids(&roots));
                return Err(TargetError::NoWayDown { branch: self.branch_name(target, branch), at, above });
            }
            roots = on_the_way;
        }
        let mut drop = self.graph.descendants(roots);
        if let Some(to) = to
            && !applied.heads().contains(&to)
            && !applied.iter().any(|index| drop[index])
        {
            let id = self.id(to);
            return Err(if applied.contains(to) {
                TargetError::NothingAbove(id)
            } else {
                TargetError::NotApplied(id)
            });
        }
        if from_here {
            (0..drop.len()).for_each(|index| drop[index] &= applied.contains(index));
        }
        Ok(drop)
    }

    /// A branch as the target names it.
    fn branch_name(&self, target: &Target, branch: Index) -> String {
        self.read(target).branch.map_or_else(|| self.id(branch).to_string(), str::to_owned)
    }

    fn landed(&self, walked: Walked, steps: i32) -> Result<Option<Index>, TargetError> {
        match walked {
            Walked::At(index) => Ok(Some(index)),
            Walked::Base => Ok(None),
            Walked::Short { available, .. } => Err(TargetError::TooFar { steps, available }),
        }
    }

    /// Where `-n` starts: at the only head that is in force, or the only one on a branch.
    fn down_from_here(
        &self,
        branch: Option<&str>,
        steps: i32,
        applied: &Applied,
    ) -> Result<Index, TargetError> {
        let mut start: Vec<Index> = applied.heads().to_vec();
        if let Some(on) = self.branch_lineage(branch)? {
            start.retain(|&index| on[index]);
            if start.is_empty() {
                let tips = self.tips(applied);
                start.extend(tips.into_iter().filter(|&index| on[index]));
            }
        }
        match start.as_slice() {
            [] => Err(TargetError::TooFar { steps, available: 0 }),
            [only] => Ok(*only),
            several => Err(TargetError::SeveralCurrent { steps, heads: self.ids(several) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Revision;
    use crate::graph::Graph;
    use crate::testing::revision;

    #[test]
    fn a_branch_that_ends_where_others_part_does_not_say_which_of_them_goes_down() {
        let x = Revision { labels: vec!["x".into()], ..revision("b", &["a"]) };
        let revisions = [revision("a", &[]), x, revision("c", &["b"]), revision("d", &["b"])];
        let r = Resolver { revisions: &revisions, graph: &Graph::new(&revisions).unwrap() };
        for (applied, first, other, down) in [(2, "c", "d", [2, 2]), (3, "d", "c", [3, 3])] {
            let applied = r.graph.closure([applied]);
            for target in ["x@-1", "x@b", "b@-1", "x@d-1"] {
                let error = r.downgrade(&target.into(), &applied).unwrap_err().to_string();
                let branch = target.split('@').next().unwrap();
                assert_eq!(
                    error,
                    format!(
                        "not a valid downgrade target: several revisions stand on 'b', and branch '{branch}' does not say \
                             which goes: '{first}', '{other}'; write '{first}@b' for that one, or 'b' for all of them"
                    )
                );
            }
            // What it says to write instead.
            let drop = r.downgrade(&format!("{first}@b").into(), &applied).unwrap();
            assert_eq!([drop.iter().position(|&on| on), drop.iter().rposition(|&on| on)], down.map(Some));
            assert_eq!(r.downgrade(&"b".into(), &applied), Ok(vec![false, false, true, true]));
        }
    }
}
