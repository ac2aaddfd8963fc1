//! Who is above and below whom, as targets and plans ask.

use super::{Graph, Index};

impl Graph {
    /// The revisions on which nothing stands, neither child nor dependent: the heads of a database that has everything.
    #[must_use]
    pub fn effective_heads(&self) -> Vec<Index> {
        (0..self.len()).filter(|&index| self.above[index].is_empty()).collect()
    }

    /// The ids and labels that begin so, in alphabetical order.
    pub(crate) fn names_from<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, Index)> + 'a {
        let first = self.names.partition_point(|(name, _)| **name < *start);
        self.names[first..]
            .iter()
            .map(|(name, index)| (&**name, *index))
            .take_while(move |(name, _)| name.starts_with(start))
    }

    /// Every id and label.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| &**name)
    }

    /// The dependencies that no ancestor by `revises` has already.
    #[must_use]
    pub fn own_dependencies(&self, index: Index) -> Vec<Index> {
        let mut own = self.depends_on[index].clone();
        let shared = |&dependency: &Index| {
            self.above[dependency].iter().any(|&i| i != index && self.depends_on[i].contains(&dependency))
        };
        if own.iter().any(shared) {
            let ancestors = self.reach(vec![index], &self.revises);
            own.retain(|dependency| {
                !self.above[*dependency]
                    .iter()
                    .any(|&i| i != index && ancestors[i] && self.depends_on[i].contains(dependency))
            });
        }
        own
    }

    /// The revisions that revise this one.
    pub fn children(&self, index: Index) -> impl Iterator<Item = Index> + '_ {
        self.above[index].iter().copied().filter(move |&child| self.revises[child].contains(&index))
    }

    /// These revisions and everything that stands on them, dependents included, as one flag per revision.
    #[must_use]
    pub fn descendants(&self, of: impl IntoIterator<Item = Index>) -> Vec<bool> {
        self.reach(of.into_iter().collect(), &self.above)
    }

    /// These revisions and their descendants by `revises` alone, as one flag per revision.
    pub(crate) fn progeny(&self, of: &[Index]) -> Vec<bool> {
        let mut reached = vec![false; self.len()];
        let mut pending = of.to_vec();
        while let Some(index) = pending.pop() {
            if !std::mem::replace(&mut reached[index], true) {
                pending.extend(self.children(index));
            }
        }
        reached
    }

    /// These revisions, and all that are above or below one of them by `revises` alone, as one flag per revision.
    #[must_use]
    pub fn lineage(&self, of: &[Index]) -> Vec<bool> {
        let mut related = self.ancestry(of);
        for (flag, above) in related.iter_mut().zip(self.progeny(of)) {
            *flag |= above;
        }
        related
    }
}
