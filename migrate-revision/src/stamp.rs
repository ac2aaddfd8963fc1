//! What a stamp leaves in force.

use crate::graph::{Applied, Index};
use crate::plan::no_range;
use crate::target::Reading;
use crate::{Resolver, Target, TargetError};

impl Resolver<'_> {
    /// What is in force after a stamp with several targets: the targets, and those heads that have nothing to do with any of
    /// them.
    ///
    /// # Errors
    /// When a target leads nowhere or counts from where the database is.
    pub fn stamp(&self, targets: &[Target], applied: &Applied) -> Result<Applied, TargetError> {
        let mut to: Vec<Index> = Vec::new();
        let mut affected: Vec<bool> = vec![false; self.graph.len()];
        for target in targets {
            no_range(target)?;
            let Reading { branch, place, steps } = self.read(target);
            if let (None, Some(steps)) = (place, steps) {
                return Err(TargetError::NoStart(steps));
            }
            let named = self.all(target)?;
            let mut of = named.clone();
            of.extend(branch.map(|branch| self.branch(branch)).transpose()?);
            let everything = of.is_empty();
            let below = self.graph.closure(of.iter().copied());
            let above = self.graph.descendants(of);
            for &head in applied.heads() {
                affected[head] |= everything || below.contains(head) || above[head];
            }
            to.extend(named);
        }
        // A target that is a head already, or has nothing to do with one, moves none.
        let moves = |&target: &Index| {
            !affected[target] && {
                let below = self.graph.closure([target]);
                let above = self.graph.descendants([target]);
                applied.heads().iter().any(|&head| affected[head] && (below.contains(head) || above[head]))
            }
        };
        let moved = to.is_empty() || to.iter().any(moves);
        let mut heads = applied.heads().to_vec();
        heads.retain(|&head| !(moved && affected[head]));
        heads.extend(to);
        Ok(self.graph.closure(heads))
    }
}
