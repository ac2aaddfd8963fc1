//! Revisions out of bytes.

use std::fmt;
use std::time::Duration;

use super::{KINDS, OBJECTS, VERSION};
use crate::{Body, Checksum, Object, Revision, RevisionId, Script, ScriptStatement, SectionOptions, SqlBody};

/// The bytes are not what `encode` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidEncoding;

impl fmt::Display for InvalidEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the embedded revisions were written by another version of embed-migrations; build again")
    }
}

impl std::error::Error for InvalidEncoding {}

/// Reads what `encode` wrote.
///
/// # Errors
/// When the bytes are anything else.
pub fn decode(bytes: &[u8]) -> Result<Vec<Revision>, InvalidEncoding> {
    let encoded = Encoded::open(bytes)?;
    let mut input = Reader { rest: encoded.0.records };
    let mut revisions = Vec::with_capacity(encoded.len());
    for index in 0..encoded.len() {
        if encoded.0.start(index)? != encoded.0.records.len() - input.rest.len() {
            return Err(InvalidEncoding);
        }
        revisions.push(input.revision()?);
    }
    if input.rest.is_empty() { Ok(revisions) } else { Err(InvalidEncoding) }
}

/// What `encode` wrote, of which single revisions are read.
#[derive(Debug, Clone, Copy)]
pub struct Encoded<'a>(Table<'a>);

impl<'a> Encoded<'a> {
    /// Finds the revisions in the bytes.
    ///
    /// # Errors
    /// When the bytes are of another version or too short.
    pub fn open(bytes: &'a [u8]) -> Result<Self, InvalidEncoding> {
        let mut input = Reader { rest: bytes };
        if input.byte()? != VERSION {
            return Err(InvalidEncoding);
        }
        Table::open(&mut input).map(Self)
    }

    /// Number of revisions.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The id of a revision.
    ///
    /// # Errors
    /// When the bytes are not what `encode` writes.
    pub fn id(&self, index: usize) -> Result<&'a str, InvalidEncoding> {
        self.0.record(index)?.str()
    }

    /// A revision.
    ///
    /// # Errors
    /// When the bytes are not what `encode` writes.
    pub fn revision(&self, index: usize) -> Result<Revision, InvalidEncoding> {
        self.0.record(index)?.revision()
    }
}

/// Records, and where each of them begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    starts: &'a [u8],
    records: &'a [u8],
}

impl<'a> Table<'a> {
    /// All that is left of the input: a number of records, their places, and the records.
    pub(super) fn open(input: &mut Reader<'a>) -> Read<Self> {
        let count = input.length()?;
        let starts = input.take(count.checked_mul(4).ok_or(InvalidEncoding)?)?;
        Ok(Self { starts, records: std::mem::take(&mut input.rest) })
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() / 4
    }

    fn start(&self, index: usize) -> Read<usize> {
        place_in(self.starts, index)
    }

    /// The input from where a record begins.
    pub(super) fn record(&self, index: usize) -> Read<Reader<'a>> {
        let rest = self.records.get(self.start(index)?..).ok_or(InvalidEncoding)?;
        Ok(Reader { rest })
    }
}

/// A number of a table of numbers of four bytes.
pub(super) fn place_in(table: &[u8], index: usize) -> Read<usize> {
    let bytes = table.chunks_exact(4).nth(index).and_then(|bytes| bytes.try_into().ok());
    bytes.and_then(|bytes| usize::try_from(u32::from_le_bytes(bytes)).ok()).ok_or(InvalidEncoding)
}

pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

pub(super) type Read<T> = Result<T, InvalidEncoding>;

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(InvalidEncoding)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| InvalidEncoding)
    }

    fn byte(&mut self) -> Read<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn number(&mut self) -> Read<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(InvalidEncoding)
    }

    pub(super) fn length(&mut self) -> Read<usize> {
        usize::try_from(self.number()?).map_err(|_| InvalidEncoding)
    }

    fn str(&mut self) -> Read<&'a str> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| InvalidEncoding)
    }

    fn text(&mut self) -> Read<String> {
        self.str().map(str::to_owned)
    }

    pub(super) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let length = self.length()?;
        // Every item takes a byte at least: a length beyond what is left is no list, and must not be reserved for.
        if length > self.rest.len() {
            return Err(InvalidEncoding);
        }
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn id(&mut self) -> Read<RevisionId> {
        self.text()?.parse().map_err(|_| InvalidEncoding)
    }

    fn revision(&mut self) -> Read<Revision> {
        Ok(Revision {
            id: self.id()?,
            slug: self.text()?,
            message: self.text()?,
            created: Some(self.text()?).filter(|created| !created.is_empty()),
            revises: self.list(Self::id)?,
            depends_on: self.list(Self::text)?,
            labels: self.list(Self::text)?,
            compatible: match self.byte()? {
                0 => None,
                1 => Some(false),
                2 => Some(true),
                _ => return Err(InvalidEncoding),
            },
            checksums: self.checksums()?,
            body: match self.byte()? {
                flags @ 2..=3 => Body::Sql(self.sql(flags == 3)?),
                flags @ (0..=1 | 4..=5) => {
                    Body::Rust { down: flags & 1 != 0, foreign_keys_off: flags & 4 != 0 }
                }
                _ => return Err(InvalidEncoding),
            },
        })
    }

    pub(super) fn checksums(&mut self) -> Read<[Option<Checksum>; 4]> {
        let distinct = self.list(|input| Ok(Checksum::from_bytes(input.array()?)))?;
        self.places(distinct.len())
            .map(|places| places.map(|place| place.map(|at| distinct[usize::from(at)])))
    }

    fn places(&mut self, below: usize) -> Read<[Option<u8>; 4]> {
        let places = self.array::<4>()?.map(|place| Some(place).filter(|place| *place != u8::MAX));
        let valid = places.iter().flatten().all(|place| usize::from(*place) < below);
        if valid { Ok(places) } else { Err(InvalidEncoding) }
    }

    fn sql(&mut self, needs_normalising: bool) -> Read<SqlBody> {
        let scripts = self.list(Self::script)?;
        let up = self.places(scripts.len())?;
        let down = self.places(scripts.len())?;
        Ok(SqlBody { needs_normalising, scripts, up, down })
    }

    fn script(&mut self) -> Read<Script> {
        let flags = self.byte()?;
        let lock_timeout = self.timeout()?;
        let statement_timeout = self.timeout()?;
        let mut end = 0_usize;
        let statements = self.list(|input| {
            let kind = input.byte()?;
            let start = end.checked_add(input.length()?).ok_or(InvalidEncoding)?;
            end = start.checked_add(input.length()?).ok_or(InvalidEncoding)?;
            Ok(ScriptStatement {
                range: start..end,
                kind: *KINDS.get(usize::from(kind & 0x7f)).ok_or(InvalidEncoding)?,
                session_effect: kind & 0x80 != 0,
                hash: input.number()?,
                objects: input.list(|input| {
                    Ok(Object {
                        kind: *OBJECTS.get(usize::from(input.byte()?)).ok_or(InvalidEncoding)?,
                        name: input.list(Self::text)?,
                    })
                })?,
            })
        })?;
        let options = SectionOptions {
            no_transaction: flags & 1 != 0,
            foreign_keys_off: flags & 2 != 0,
            keeps_data: flags & 4 != 0,
            lock_timeout,
            statement_timeout,
        };
        Ok(Script { options, statements })
    }

    fn timeout(&mut self) -> Read<Option<Duration>> {
        Ok(self.number()?.checked_sub(1).map(Duration::from_millis))
    }
}
