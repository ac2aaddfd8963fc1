//! The part of a set that an upgrade has to know: what it lacks, and what that stands on.

use std::collections::{BTreeMap, BinaryHeap};

use crate::graph::{Applied, Graph, Index};
use crate::{Encoded, InvalidEncoding, Links, Revision};

/// The revisions of a set that are not in force in a database, and as many of those in force as tell the two apart. Indices
/// are places in the window.
///
/// In the way of `git rev-list`: what is not in force is followed down from the heads of the set, and what is in force from
/// those of the database, the highest in the graph's order first, until nothing is left but what is in force. So it comes down
/// to the lowest revision on which a missing one stands, and passes all in force that are above that: a few on one line,
/// and many where a new revision stands on an old one or where another branch is higher.
#[derive(Debug)]
pub struct Window {
    /// The revisions, in the order of the set. The lowest of those in force name nothing that they stand on
    pub revisions: Vec<Revision>,
    /// Their graph, in the order of that of the set
    pub graph: Graph,
    /// The place of each in the set
    pub places: Vec<Index>,
    /// What was in force. Of a state that lacks some of this the window does not tell what else is in force
    pub base: Applied,
}

/// A revision that the walk has come to.
struct Member {
    rank: usize,
    applied: bool,
    /// What it stands on; `None` where the walk has not gone on from it
    below: Option<Vec<Index>>,
}

impl Window {
    /// Walks down from the heads of a set and of a database, which are places in the set.
    ///
    /// # Errors
    /// When the bytes are not what a build writes.
    pub fn between(
        encoded: Encoded<'_>,
        links: Links<'_>,
        heads: &[Index],
        applied: &[Index],
    ) -> Result<Self, InvalidEncoding> {
        let members = walk(links, heads, applied)?;
        let places: Vec<Index> = members.keys().copied().collect();
        let mut revisions = Vec::with_capacity(places.len());
        for (&place, member) in &members {
            let mut revision = encoded.revision(place)?;
            if member.below.is_none() {
                revision.revises.clear();
                revision.depends_on.clear();
            }
            revisions.push(revision);
        }
        let mut graph = Graph::new(&revisions).map_err(|_| InvalidEncoding)?;
        let ranks: Vec<usize> = members.values().map(|member| member.rank).collect();
        graph.order_by_rank(&ranks);
        let applied: Option<Vec<Index>> =
            applied.iter().map(|place| places.binary_search(place).ok()).collect();
        let base = graph.closure(applied.ok_or(InvalidEncoding)?);
        Ok(Self { revisions, graph, places, base })
    }
}

fn walk(
    links: Links<'_>,
    heads: &[Index],
    applied: &[Index],
) -> Result<BTreeMap<Index, Member>, InvalidEncoding> {
    let mut members: BTreeMap<Index, Member> = BTreeMap::new();
    let mut waiting: BinaryHeap<(usize, Index)> = BinaryHeap::new();
    // How many wait that are not in force.
    let mut lacking = 0_usize;
    let mut found: Vec<(Index, bool)> = heads.iter().map(|&head| (head, false)).collect();
    found.extend(applied.iter().map(|&head| (head, true)));
    loop {
        for (index, is_applied) in found.drain(..) {
            match members.get_mut(&index) {
                Some(member) if is_applied && !member.applied => {
                    // The highest come first: all that stands on one is known before the walk goes on from it.
                    if member.below.is_some() {
                        return Err(InvalidEncoding);
                    }
                    member.applied = true;
                    lacking -= 1;
                }
                Some(_) => {}
                None => {
                    let rank = links.link(index)?.rank;
                    members.insert(index, Member { rank, applied: is_applied, below: None });
                    waiting.push((rank, index));
                    lacking += usize::from(!is_applied);
                }
            }
        }
        if lacking == 0 {
            return Ok(members);
        }
        let Some((_, index)) = waiting.pop() else { return Ok(members) };
        let Some(member) = members.get_mut(&index) else { return Err(InvalidEncoding) };
        let below = links.link(index)?.below;
        lacking -= usize::from(!member.applied);
        found.extend(below.iter().map(|&under| (under, member.applied)));
        member.below = Some(below);
    }
}
