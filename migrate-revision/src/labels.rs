//! Branch labels, and which revisions they cover.

use crate::Revision;
use crate::graph::{Graph, Index};

/// The labels that each revision of a set has, its own and those of its branch.
#[derive(Debug, Clone)]
pub struct Labels<'a> {
    /// Sorted
    of: Vec<Vec<&'a str>>,
}

impl<'a> Labels<'a> {
    /// Spreads every label over its branch: all descendants of the revision that carries it, and where these are one
    /// line without forks and merges, the ancestors down to the nearest fork or merge.
    #[must_use]
    pub fn new(revisions: &'a [Revision], graph: &Graph) -> Self {
        let mut of: Vec<Vec<&str>> = vec![Vec::new(); revisions.len()];
        for (index, revision) in revisions.iter().enumerate().filter(|(_, r)| !r.labels.is_empty()) {
            let mut cover = |index: Index| {
                for label in &revision.labels {
                    if let Err(place) = of[index].binary_search(&label.as_str()) {
                        of[index].insert(place, label);
                    }
                }
            };
            let above = graph.progeny(&[index]);
            above.iter().enumerate().filter(|(_, above)| **above).for_each(|(index, _)| cover(index));
            // A fork by dependents counts as well.
            let joins_or_forks = |at: Index| graph.dependents(at).len() > 1 || graph.revises(at).len() > 1;
            if (0..revisions.len()).any(|at| above[at] && joins_or_forks(at)) {
                continue;
            }
            let mut at = graph.revises(index).first().copied();
            while let Some(below) = at.filter(|&at| !joins_or_forks(at)) {
                cover(below);
                at = graph.revises(below).first().copied();
            }
        }
        Self { of }
    }

    /// The labels of a revision, sorted.
    #[must_use]
    pub fn of(&self, index: Index) -> &[&'a str] {
        &self.of[index]
    }
}
