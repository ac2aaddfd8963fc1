//! Branch labels, and which revisions they cover.

use std::collections::BTreeSet;

use crate::Revision;
use crate::graph::{Graph, Index};

/// The labels that each revision of a set has, its own and those of its branch.
#[derive(Debug, Clone)]
pub struct Labels<'a> {
    of: Vec<BTreeSet<&'a str>>,
}

impl<'a> Labels<'a> {
    /// Spreads every label over its branch: all descendants of the revision that carries it, and where these are one
    /// line without forks and merges, the ancestors down to the nearest fork or merge.
    #[must_use]
    pub fn new(revisions: &'a [Revision], graph: &Graph) -> Self {
        let mut of: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); revisions.len()];
        for (index, revision) in revisions.iter().enumerate().filter(|(_, r)| !r.labels.is_empty()) {
            let mut cover = |index: Index| of[index].extend(revision.labels.iter().map(String::as_str));
            let above = graph.progeny([index]);
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
    pub fn of(&self, index: Index) -> &BTreeSet<&'a str> {
        &self.of[index]
    }
}
