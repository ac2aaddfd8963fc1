//! Chain digests: what a set of heads comes to with all that it stands on.

use crate::checksum::{chain_digest, node_digest};
use crate::graph::{Graph, Index};
use crate::{Backend, Checksum, Revision};

/// The chain digests of one graph on one backend.
#[derive(Debug)]
pub struct Digests {
    /// Of each revision with all that it stands on; `None` where one of those has no checksum on the backend
    nodes: Vec<Option<Checksum>>,
}

impl Digests {
    /// Computes the digest of every revision.
    #[must_use]
    pub fn new(graph: &Graph, revisions: &[Revision], backend: Backend) -> Self {
        Self::with(graph, revisions, |index| revisions[index].checksum(backend))
    }

    /// Computes the digest of every revision, with these as the checksums of their content.
    #[must_use]
    pub fn with(graph: &Graph, revisions: &[Revision], content: impl Fn(Index) -> Option<Checksum>) -> Self {
        let mut nodes: Vec<Option<Checksum>> = vec![None; revisions.len()];
        let mut below = Vec::new();
        for &index in graph.order() {
            below.clear();
            below.extend(graph.below(index).iter().filter_map(|&under| nodes[under]));
            let revision = &revisions[index];
            if let (Some(content), true) = (content(index), below.len() == graph.below(index).len()) {
                nodes[index] = Some(node_digest(revision.id.as_str(), &content, &mut below));
            }
        }
        Self { nodes }
    }

    /// The chain digest of a set of heads; `None` if something in it has no checksum on the backend.
    #[must_use]
    pub fn chain(&self, heads: &[Index]) -> Option<Checksum> {
        let mut digests = heads.iter().map(|&head| self.nodes[head]).collect::<Option<Vec<_>>>()?;
        Some(chain_digest(&mut digests))
    }
}

/// The chain digests of one set on every backend.
#[cfg(feature = "source")]
#[derive(Debug)]
pub struct SetDigests {
    /// Most sets do the same on several backends
    distinct: Vec<Digests>,
    places: [usize; 4],
    whole: [Option<Checksum>; 4],
}

#[cfg(feature = "source")]
impl SetDigests {
    /// Computes the digest of every revision, and on those backends that the set is for that of the whole.
    #[must_use]
    pub fn new(graph: &Graph, revisions: &[Revision], backends: &[Backend]) -> Self {
        let mut distinct: Vec<Digests> = Vec::new();
        let mut places = [0; 4];
        for (done, &backend) in Backend::ALL.iter().enumerate() {
            let is_same =
                |other: &&Backend| revisions.iter().all(|r| r.checksum(**other) == r.checksum(backend));
            places[backend.index()] = match Backend::ALL[..done].iter().find(is_same) {
                Some(other) => places[other.index()],
                None => {
                    distinct.push(Digests::new(graph, revisions, backend));
                    distinct.len() - 1
                }
            };
        }
        let everything = graph.closure(0..graph.len());
        let mut whole = [None; 4];
        for backend in backends {
            whole[backend.index()] = distinct[places[backend.index()]].chain(everything.heads());
        }
        Self { distinct, places, whole }
    }

    /// The digests of one revision with all that it stands on, in the order of [`Backend::ALL`].
    #[must_use]
    pub fn of(&self, index: Index) -> [Option<Checksum>; 4] {
        self.places.map(|place| self.distinct[place].nodes[index])
    }

    /// The chain digests of the whole set, in the order of [`Backend::ALL`]; `None` where it is not for the backend.
    #[must_use]
    pub fn whole(&self) -> [Option<Checksum>; 4] {
        self.whole
    }
}
