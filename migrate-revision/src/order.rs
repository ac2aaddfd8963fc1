//! In which order revisions are listed and applied.

use crate::graph::{Graph, Index};

/// The chosen revisions, each after all that stand on it.
///
/// A line is followed down from the first head as far as nothing else stands on it; then the line that holds it up is
/// followed, and so on. What joins several lines leads on into the first of them and puts the others last. `heads` are the
/// tops of the chosen revisions; with each chosen revision, those between it and a head are chosen.
pub(crate) fn downwards(graph: &Graph, chosen: &[bool], heads: &[Index]) -> Vec<Index> {
    let mut walk = Walk::new(graph, chosen, heads);
    while let Some(&candidate) = walk.pending.get(walk.at) {
        match walk.first_above(candidate) {
            Some(place) => walk.at = place,
            None => walk.take(candidate),
        }
    }
    // Heads that do not cover what was chosen leave something over.
    let rest = graph.order().iter().rev().filter(|&&index| walk.left[index]);
    walk.taken.iter().copied().chain(rest.copied()).collect()
}

struct Walk<'a> {
    graph: &'a Graph,
    /// Chosen and not yet taken
    left: Vec<bool>,
    /// How many of those stand directly on each
    carried: Vec<usize>,
    /// The lines' next revisions
    pending: Vec<Index>,
    is_pending: Vec<bool>,
    /// Which line is followed
    at: usize,
    taken: Vec<Index>,
    /// The last search that saw each revision
    seen: Vec<u32>,
    search: u32,
    /// What the last search was about
    searched: Option<Index>,
}

impl<'a> Walk<'a> {
    fn new(graph: &'a Graph, chosen: &[bool], heads: &[Index]) -> Self {
        let mut is_pending = vec![false; graph.len()];
        heads.iter().for_each(|&head| is_pending[head] = chosen[head]);
        let pending = (0..graph.len()).filter(|&index| is_pending[index]).collect();
        let carried = (0..graph.len())
            .map(|index| graph.dependents(index).iter().filter(|&&above| chosen[above]).count())
            .collect();
        Self {
            graph,
            left: chosen.to_vec(),
            carried,
            pending,
            is_pending,
            at: 0,
            taken: Vec::new(),
            seen: vec![0; graph.len()],
            search: 0,
            searched: None,
        }
    }

    /// The first line whose next revision stands on the candidate.
    fn first_above(&mut self, candidate: Index) -> Option<usize> {
        if self.carried[candidate] == 0 {
            return None;
        }
        // What stands on a revision only gets less, so the last search is good for as long as it is about the same one.
        if self.searched != Some(candidate) {
            self.searched = Some(candidate);
            self.search += 1;
            let mut above = vec![candidate];
            while let Some(index) = above.pop() {
                for &next in self.graph.dependents(index) {
                    if self.left[next] && std::mem::replace(&mut self.seen[next], self.search) != self.search
                    {
                        above.push(next);
                    }
                }
            }
        }
        self.pending.iter().position(|&next| self.seen[next] == self.search)
    }

    fn take(&mut self, candidate: Index) {
        self.taken.push(candidate);
        self.left[candidate] = false;
        self.is_pending[candidate] = false;
        for &under in self.graph.below(candidate) {
            self.carried[under] -= 1;
        }
        let own = self.graph.own_dependencies(candidate);
        let mut next = self.graph.revises(candidate).iter().chain(&own).copied();
        let mut first = None;
        for under in &mut next {
            if self.left[under] && !std::mem::replace(&mut self.is_pending[under], true) {
                match first {
                    None => first = Some(under),
                    Some(_) => self.pending.push(under),
                }
            }
        }
        match first {
            Some(under) => self.pending[self.at] = under,
            None => {
                self.pending.remove(self.at);
                self.at = self.at.saturating_sub(1);
            }
        }
    }
}
