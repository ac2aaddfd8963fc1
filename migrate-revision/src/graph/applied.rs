//! What is in force in a database.

use super::{Graph, Index};

impl Graph {
    /// These revisions and everything that they stand on, dependencies included.
    #[must_use]
    pub fn closure(&self, of: impl IntoIterator<Item = Index>) -> Applied {
        self.applied(self.reach(of.into_iter().collect(), &self.below))
    }

    fn applied(&self, members: Vec<bool>) -> Applied {
        let mut applied = Applied { members, covered: vec![0; self.len()], heads: Vec::new() };
        for index in 0..self.len() {
            if applied.members[index] {
                self.below[index].iter().for_each(|&under| applied.covered[under] += 1);
            }
        }
        for index in 0..self.len() {
            if applied.members[index] && applied.covered[index] == 0 {
                applied.heads.push(index);
            }
        }
        applied
    }
}

/// The revisions that are in force in a database: with each of them all that it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    members: Vec<bool>,
    /// How many applied revisions stand directly on each
    covered: Vec<u32>,
    /// In the order of the set
    heads: Vec<Index>,
}

impl Applied {
    /// Whether a revision is in force.
    #[must_use]
    pub fn contains(&self, index: Index) -> bool {
        self.members[index]
    }

    /// The revisions in force on which no other of them stands, dependents included, in the order of the set.
    #[must_use]
    pub fn heads(&self) -> &[Index] {
        &self.heads
    }

    /// The revisions in force.
    pub fn iter(&self) -> impl Iterator<Item = Index> + '_ {
        self.members.iter().enumerate().filter(|(_, member)| **member).map(|(index, _)| index)
    }

    /// Adds a revision all of whose ancestors are in force.
    pub fn add(&mut self, graph: &Graph, index: Index) {
        debug_assert!(graph.below[index].iter().all(|&under| self.members[under]));
        self.members[index] = true;
        self.insert_head(index);
        for &under in &graph.below[index] {
            self.covered[under] += 1;
            self.remove_head(under);
        }
    }

    /// Takes out a revision on which no other in force stands.
    pub fn remove(&mut self, graph: &Graph, index: Index) {
        debug_assert!(self.heads.contains(&index));
        self.members[index] = false;
        self.remove_head(index);
        for &under in &graph.below[index] {
            self.covered[under] -= 1;
            if self.covered[under] == 0 {
                self.insert_head(under);
            }
        }
    }

    fn insert_head(&mut self, index: Index) {
        if let Err(place) = self.heads.binary_search(&index) {
            self.heads.insert(place, index);
        }
    }

    fn remove_head(&mut self, index: Index) {
        if let Ok(place) = self.heads.binary_search(&index) {
            self.heads.remove(place);
        }
    }
}
