//! What a run has to know of the revisions that it does not take: who stands on whom, and their digests.

use super::read::{Encoded, InvalidEncoding, Read, Reader, Table, place_in};
use crate::checksum::chain_digest;
use crate::graph::Index;
use crate::{Backend, Checksum};

/// The links of a set, as `encode_links` wrote them: each is read where it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    /// The revisions in the order of their ids, four bytes each
    by_id: &'a [u8],
    table: Table<'a>,
}

/// How a revision stands in its set.
pub(crate) struct Link {
    /// Its place in the order of the graph: below all that stand on it
    pub(crate) rank: usize,
    /// Its parents and what it depends on
    pub(crate) below: Vec<Index>,
}

impl<'a> Links<'a> {
    /// Finds the links in the bytes.
    ///
    /// # Errors
    /// When the bytes are not what `encode_links` writes.
    pub fn open(bytes: &'a [u8]) -> Result<Self, InvalidEncoding> {
        let mut input = Reader { rest: bytes };
        let count = input.length()?;
        let by_id = input.take(count.checked_mul(4).ok_or(InvalidEncoding)?)?;
        let table = Table::open(&mut input)?;
        if table.len() == count { Ok(Self { by_id, table }) } else { Err(InvalidEncoding) }
    }

    /// The revision with this id.
    ///
    /// # Errors
    /// When the bytes are not what was written, or are of another set.
    pub fn find(&self, encoded: Encoded<'_>, id: &str) -> Result<Option<Index>, InvalidEncoding> {
        let (mut from, mut to) = (0, self.table.len());
        while from < to {
            let middle = from.midpoint(to);
            let index = place_in(self.by_id, middle)?;
            match encoded.id(index)?.cmp(id) {
                std::cmp::Ordering::Equal => return Ok(Some(index)),
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        Ok(None)
    }

    /// The link of a revision.
    pub(crate) fn link(&self, index: Index) -> Result<Link, InvalidEncoding> {
        self.read(index).map(|(link, _)| link)
    }

    /// The chain digest of a set of heads; `None` if something in it has no checksum on the backend.
    ///
    /// # Errors
    /// When the bytes are not what was written.
    pub fn chain(&self, heads: &[Index], backend: Backend) -> Result<Option<Checksum>, InvalidEncoding> {
        let digest = |&head: &Index| {
            let (_, mut rest) = self.read(head)?;
            Ok(rest.checksums()?[backend.index()])
        };
        let digests: Option<Vec<Checksum>> = heads.iter().map(digest).collect::<Read<_>>()?;
        Ok(digests.map(|mut digests| chain_digest(&mut digests)))
    }

    /// A link, and what comes after it.
    fn read(&self, index: Index) -> Read<(Link, Reader<'a>)> {
        let mut input = self.table.record(index)?;
        let count = self.table.len();
        let place = |input: &mut Reader<'a>| input.length().ok().filter(|&place| place < count);
        let rank = place(&mut input).ok_or(InvalidEncoding)?;
        let below = input.list(|input| place(input).ok_or(InvalidEncoding))?;
        Ok((Link { rank, below }, input))
    }
}
