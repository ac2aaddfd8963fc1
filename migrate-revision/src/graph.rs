//! The revisions as a graph: who stands on whom, what is applied, in which order to go.

mod applied;
#[cfg(feature = "plan")]
mod lineage;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub use self::applied::Applied;
use crate::Revision;
pub use crate::digests::Digests;
#[cfg(feature = "source")]
pub use crate::digests::SetDigests;

/// A revision's place in its set, or in the part of it that was read: both are sorted by file name.
pub type Index = usize;

/// The edges between the revisions of one set. Every edge leads to a revision of the set and there is no cycle.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Every id and every label, in alphabetical order
    names: Vec<(Box<str>, Index)>,
    revises: Vec<Vec<Index>>,
    depends_on: Vec<Vec<Index>>,
    /// Parents and dependencies
    below: Vec<Vec<Index>>,
    /// Children and dependents
    above: Vec<Vec<Index>>,
    /// Parents before children, in the order of the set where it is free
    order: Vec<Index>,
    heads: Vec<Index>,
    bases: Vec<Index>,
}

/// Why revisions make no graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphError {
    /// Two revisions have one id
    Duplicate(Index, Index),
    /// A revision names a parent or dependency that does not exist
    Missing {
        /// The revision that names it
        revision: Index,
        /// What it names
        name: String,
        /// Whether it is named as a dependency
        dependency: bool,
    },
    /// A label is carried by two revisions, or is also an id
    LabelTaken {
        /// The revision whose label it cannot be
        revision: Index,
        /// The label
        label: String,
        /// The revision that has the name already
        holder: Index,
    },
    /// These revisions stand on one another, each on the next and the last on the first
    Cycle(Vec<Index>),
}

impl Graph {
    /// Joins the revisions by what they revise and depend on.
    ///
    /// # Errors
    /// Everything that keeps them from being a graph.
    pub fn new(revisions: &[Revision]) -> Result<Self, Vec<GraphError>> {
        let mut errors = Vec::new();
        let mut names: Vec<(&str, Index)> = Vec::with_capacity(revisions.len());
        for (index, revision) in revisions.iter().enumerate() {
            names.push((revision.id.as_str(), index));
        }
        names.sort_unstable();
        let mut namesake = vec![None; revisions.len()];
        for pair in names.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            namesake[pair[1].1] = Some(pair[0].1);
        }
        for (second, first) in namesake.into_iter().enumerate() {
            errors.extend(first.map(|first| GraphError::Duplicate(first, second)));
        }
        let mut labels: Vec<(&str, Index)> = Vec::new();
        for (index, revision) in revisions.iter().enumerate() {
            for label in &revision.labels {
                match find(&names, label).or_else(|| find(&labels, label)) {
                    Some(holder) => {
                        errors.push(GraphError::LabelTaken { revision: index, label: label.clone(), holder });
                    }
                    None => {
                        let place = labels.partition_point(|(other, _)| *other < label.as_str());
                        labels.insert(place, (label, index));
                    }
                }
            }
        }

        let mut revises = vec![Vec::new(); revisions.len()];
        let mut depends_on = vec![Vec::new(); revisions.len()];
        let mut below = vec![Vec::new(); revisions.len()];
        for (index, revision) in revisions.iter().enumerate() {
            for parent in &revision.revises {
                match find(&names, parent.as_str()) {
                    Some(parent) => push_new(&mut revises[index], parent),
                    None => errors.push(GraphError::Missing {
                        revision: index,
                        name: parent.to_string(),
                        dependency: false,
                    }),
                }
            }
            below[index].clone_from(&revises[index]);
            for name in &revision.depends_on {
                match find(&names, name).or_else(|| find(&labels, name)) {
                    Some(dependency) => {
                        push_new(&mut depends_on[index], dependency);
                        push_new(&mut below[index], dependency);
                    }
                    None => errors.push(GraphError::Missing {
                        revision: index,
                        name: name.clone(),
                        dependency: true,
                    }),
                }
            }
        }
        let mut above = vec![Vec::new(); revisions.len()];
        for (index, below) in below.iter().enumerate() {
            for &under in below {
                above[under].push(index);
            }
        }
        let order = topological_order(&below, &above);
        if order.len() < revisions.len() {
            errors.extend(find_cycles(&below, &order).into_iter().map(GraphError::Cycle));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut is_parent = vec![false; revisions.len()];
        for &parent in revises.iter().flatten() {
            is_parent[parent] = true;
        }
        let heads = (0..revisions.len()).filter(|&index| !is_parent[index]).collect();
        let bases = (0..revisions.len()).filter(|&index| revises[index].is_empty()).collect();
        if !labels.is_empty() {
            names.extend(labels);
            names.sort_unstable();
        }
        let names = names.into_iter().map(|(name, index)| (name.into(), index)).collect();
        Ok(Self { names, revises, depends_on, below, above, order, heads, bases })
    }

    /// Number of revisions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are no revisions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The revisions that no other revises.
    #[must_use]
    pub fn heads(&self) -> &[Index] {
        &self.heads
    }

    /// The revisions that revise no other.
    #[must_use]
    pub fn bases(&self) -> &[Index] {
        &self.bases
    }

    /// The revision with this id or label.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<Index> {
        find(&self.names, name)
    }

    /// The revisions that a revision depends on without revising them.
    #[must_use]
    pub fn depends_on(&self, index: Index) -> &[Index] {
        &self.depends_on[index]
    }

    /// The parents of a revision.
    #[must_use]
    pub fn revises(&self, index: Index) -> &[Index] {
        &self.revises[index]
    }

    /// The revisions that revise this one or depend on it.
    #[must_use]
    pub fn dependents(&self, index: Index) -> &[Index] {
        &self.above[index]
    }

    /// Parents and dependencies.
    pub(crate) fn below(&self, index: Index) -> &[Index] {
        &self.below[index]
    }

    /// Takes over the order of the set that this is a part of, by the place of each revision in it.
    #[cfg(feature = "plan")]
    pub(crate) fn order_by_rank(&mut self, ranks: &[usize]) {
        self.order.sort_unstable_by_key(|&index| ranks[index]);
    }

    /// Parents before children; where that leaves a choice, the order of the set.
    #[must_use]
    pub fn order(&self) -> &[Index] {
        &self.order
    }

    /// These revisions and their ancestors by `revises` alone, as one flag per revision.
    #[must_use]
    pub fn ancestry(&self, of: &[Index]) -> Vec<bool> {
        self.reach(of.to_vec(), &self.revises)
    }

    /// What the edges lead to from these, themselves included, as one flag per revision.
    fn reach(&self, mut pending: Vec<Index>, edges: &[Vec<Index>]) -> Vec<bool> {
        let mut reached = vec![false; self.len()];
        while let Some(index) = pending.pop() {
            if !std::mem::replace(&mut reached[index], true) {
                pending.extend(edges[index].iter().filter(|&&next| !reached[next]));
            }
        }
        reached
    }
}

/// The place of a name among sorted ones.
pub(crate) fn find<N: std::ops::Deref<Target = str>>(names: &[(N, Index)], name: &str) -> Option<Index> {
    let place = names.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
    Some(names[place].1)
}

fn push_new(list: &mut Vec<Index>, index: Index) {
    if !list.contains(&index) {
        list.push(index);
    }
}

/// Kahn's algorithm: what it cannot place lies on a cycle or above one.
fn topological_order(below: &[Vec<Index>], above: &[Vec<Index>]) -> Vec<Index> {
    let mut waiting: Vec<usize> = below.iter().map(Vec::len).collect();
    let mut ready: BinaryHeap<Reverse<Index>> =
        (0..below.len()).filter(|&index| waiting[index] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(below.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for &next in &above[index] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    order
}

/// The cycles among the revisions that `order` lacks. Each of those has such a revision below it, so that walking down
/// comes back to where it has been: on this walk, which is a cycle, or on an earlier one.
fn find_cycles(below: &[Vec<Index>], order: &[Index]) -> Vec<Vec<Index>> {
    let mut placed = vec![false; below.len()];
    order.iter().for_each(|&index| placed[index] = true);
    let mut cycles = Vec::new();
    let mut walk_of = vec![None; below.len()];
    for start in (0..below.len()).filter(|&index| !placed[index]) {
        let mut path = Vec::new();
        let mut at = Some(start);
        while let Some(index) = at {
            if let Some(walk) = walk_of[index] {
                if walk == start
                    && let Some(from) = path.iter().position(|&other| other == index)
                {
                    cycles.push(path.split_off(from));
                }
                break;
            }
            walk_of[index] = Some(start);
            path.push(index);
            at = below[index].iter().copied().find(|&under| !placed[under]);
        }
    }
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::revision;
    use crate::{Backend, Checksum};

    fn graph(edges: &[(&str, &[&str])]) -> Result<Graph, Vec<GraphError>> {
        Graph::new(&edges.iter().map(|(id, revises)| revision(id, revises)).collect::<Vec<_>>())
    }

    #[test]
    fn parents_come_before_children_and_heads_are_what_nothing_revises() {
        let graph = graph(&[("d", &["b", "c"]), ("a", &[]), ("c", &["a"]), ("b", &["a"])]).unwrap();
        assert_eq!(graph.order(), [1, 2, 3, 0]);
        assert_eq!(graph.heads(), [0]);
        assert_eq!(graph.children(1).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let mut revisions = vec![revision("a", &["gone"]), revision("a", &[]), revision("b", &[])];
        revisions[2].depends_on.push("nowhere".into());
        revisions[2].labels.push("a".into());
        assert_eq!(
            Graph::new(&revisions).unwrap_err(),
            [
                GraphError::Duplicate(0, 1),
                GraphError::LabelTaken { revision: 2, label: "a".into(), holder: 1 },
                GraphError::Missing { revision: 0, name: "gone".into(), dependency: false },
                GraphError::Missing { revision: 2, name: "nowhere".into(), dependency: true },
            ]
        );
    }

    #[test]
    fn a_cycle_between_a_base_and_a_head_is_found() {
        let edges: &[(&str, &[&str])] =
            &[("first", &[]), ("x", &["first", "z"]), ("y", &["x"]), ("z", &["y"]), ("last", &["z"])];
        assert_eq!(graph(edges).unwrap_err(), [GraphError::Cycle(vec![1, 3, 2])]);
        assert_eq!(graph(&[("own", &["own"])]).unwrap_err(), [GraphError::Cycle(vec![0])]);
        let two: &[(&str, &[&str])] =
            &[("a", &["b"]), ("b", &["a"]), ("c", &["d"]), ("d", &["c"]), ("e", &["a", "c"])];
        assert_eq!(graph(two).unwrap_err(), [GraphError::Cycle(vec![0, 1]), GraphError::Cycle(vec![2, 3])]);
    }

    #[test]
    fn what_is_applied_follows_additions_and_removals() {
        let mut revisions = vec![revision("a", &[]), revision("b", &["a"]), revision("c", &[])];
        revisions[2].depends_on.push("a".into());
        let graph = Graph::new(&revisions).unwrap();
        let mut applied = graph.closure([]);
        for index in [0, 1, 2] {
            applied.add(&graph, index);
        }
        assert_eq!(applied, graph.closure([1, 2]));
        assert_eq!(applied.heads(), [1, 2]);
        applied.remove(&graph, 1);
        applied.remove(&graph, 2);
        assert_eq!(applied, graph.closure([0]));
    }

    #[test]
    fn a_digest_depends_on_everything_below_and_on_nothing_beside() {
        let mut revisions =
            vec![revision("a", &[]), revision("b", &["a"]), revision("c", &["b"]), revision("x", &[])];
        let digest = |revisions: &[Revision]| {
            let graph = Graph::new(revisions).unwrap();
            Digests::new(&graph, revisions, Backend::Sqlite).chain(&[2]).unwrap()
        };
        let before = digest(&revisions);
        revisions[3].checksums[0] = Some(Checksum::from_bytes([9; 32]));
        assert_eq!(digest(&revisions), before);
        revisions[0].checksums[0] = Some(Checksum::from_bytes([9; 32]));
        assert_ne!(digest(&revisions), before);
    }
}
