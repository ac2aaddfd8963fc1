//! Revisions as one string of bytes, which a build writes and a binary reads.
//!
//! Data rather than code: a `static` of nested struct literals costs the compiler far more than a byte string.
//! Numbers are LEB128, texts are a length and UTF-8, lists are a length and their items.

use std::fmt;
use std::time::Duration;

use crate::{
    Body, Checksum, Object, ObjectKind, Revision, RevisionId, Script, ScriptStatement, SectionOptions,
    SqlBody, StatementKind,
};

/// The version of the layout, its first byte.
const VERSION: u8 = 1;

const KINDS: [StatementKind; 8] = [
    StatementKind::Query,
    StatementKind::Dml,
    StatementKind::Ddl,
    StatementKind::Session,
    StatementKind::Savepoint,
    StatementKind::Transaction,
    StatementKind::OutsideTransaction,
    StatementKind::Other,
];

/// The bytes are not what [`encode`] writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidEncoding;

impl fmt::Display for InvalidEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the embedded revisions were written by another version of embed-migrations; build again")
    }
}

impl std::error::Error for InvalidEncoding {}

/// Writes revisions, in the order given.
#[must_use]
pub fn encode(revisions: &[Revision]) -> Vec<u8> {
    let mut out = Writer(vec![VERSION]);
    out.list(revisions, Writer::revision);
    out.0
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// When the bytes are anything else.
pub fn decode(bytes: &[u8]) -> Result<Vec<Revision>, InvalidEncoding> {
    let mut input = Reader { rest: bytes };
    if input.byte()? != VERSION {
        return Err(InvalidEncoding);
    }
    let revisions = input.list(Reader::revision)?;
    if input.rest.is_empty() { Ok(revisions) } else { Err(InvalidEncoding) }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        items.iter().for_each(|value| item(self, value));
    }

    fn revision(&mut self, revision: &Revision) {
        self.text(revision.id.as_str());
        self.text(&revision.slug);
        self.text(&revision.message);
        self.text(revision.created.as_deref().unwrap_or_default());
        self.list(&revision.revises, |out, id| out.text(id.as_str()));
        self.list(&revision.depends_on, |out, name| out.text(name));
        self.list(&revision.labels, |out, label| out.text(label));
        self.0.push(match revision.compatible {
            None => 0,
            Some(false) => 1,
            Some(true) => 2,
        });
        self.checksums(&revision.checksums);
        match &revision.body {
            Body::Rust { down } => self.0.push(u8::from(*down)),
            Body::Sql(body) => {
                self.0.push(2 | u8::from(body.needs_normalising));
                self.list(&body.scripts, Self::script);
                for script in body.up.iter().chain(&body.down) {
                    self.0.push(script.map_or(u8::MAX, |index| index));
                }
            }
        }
    }

    /// Most revisions do the same on every backend: each checksum is written once.
    fn checksums(&mut self, checksums: &[Option<Checksum>; 4]) {
        let mut distinct: Vec<&Checksum> = checksums.iter().flatten().collect();
        distinct.sort_unstable();
        distinct.dedup();
        self.list(&distinct, |out, checksum| out.0.extend_from_slice(checksum.as_bytes()));
        for checksum in checksums {
            let place = checksum.as_ref().and_then(|c| distinct.iter().position(|d| *d == c));
            self.0.push(place.map_or(u8::MAX, |place| place as u8));
        }
    }

    fn script(&mut self, script: &Script) {
        let options = &script.options;
        let flags = [options.no_transaction, options.foreign_keys_off, options.keeps_data];
        self.0.push(flags.iter().rev().fold(0, |byte, &flag| byte << 1 | u8::from(flag)));
        for timeout in [options.lock_timeout, options.statement_timeout] {
            self.number(timeout.map_or(0, |timeout| timeout.as_millis() as u64 + 1));
        }
        let mut end = 0;
        self.list(&script.statements, |out, statement| {
            let kind = KINDS.iter().position(|kind| *kind == statement.kind).unwrap_or(KINDS.len() - 1);
            out.0.push(kind as u8 | u8::from(statement.session_effect) << 7);
            out.number((statement.range.start - end) as u64);
            out.number(statement.range.len() as u64);
            out.number(statement.hash);
            out.list(&statement.objects, |out, object| {
                let kind = ObjectKind::ALL.iter().position(|kind| *kind == object.kind);
                out.0.push(kind.unwrap_or(ObjectKind::ALL.len() - 1) as u8);
                out.list(&object.name, |out, part| out.text(part));
            });
            end = statement.range.end;
        });
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

type Read<T> = Result<T, InvalidEncoding>;

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Read<&'a [u8]> {
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

    fn length(&mut self) -> Read<usize> {
        usize::try_from(self.number()?).map_err(|_| InvalidEncoding)
    }

    fn text(&mut self) -> Read<String> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).map(str::to_owned).map_err(|_| InvalidEncoding)
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let length = self.length()?;
        // Every item takes a byte at least: a length beyond what is left is no list, and must not be reserved for.
        if length > self.rest.len() {
            return Err(InvalidEncoding);
        }
        (0..length).map(|_| item(self)).collect()
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
                down @ 0..=1 => Body::Rust { down: down == 1 },
                flags @ 2..=3 => Body::Sql(self.sql(flags == 3)?),
                _ => return Err(InvalidEncoding),
            },
        })
    }

    fn checksums(&mut self) -> Read<[Option<Checksum>; 4]> {
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
                        kind: *ObjectKind::ALL.get(usize::from(input.byte()?)).ok_or(InvalidEncoding)?,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::revision;

    fn sample() -> Vec<Revision> {
        let mut sql = revision("b", &["a", "c"]);
        sql.created = Some("2026-11-23T10:12:00Z".into());
        sql.depends_on = vec!["other".into()];
        sql.labels = vec!["billing".into()];
        sql.compatible = Some(true);
        sql.checksums =
            [Some(Checksum::from_bytes([3; 32])), None, Some(Checksum::from_bytes([2; 32])), None];
        let options = SectionOptions {
            no_transaction: true,
            foreign_keys_off: true,
            keeps_data: true,
            lock_timeout: Some(Duration::ZERO),
            statement_timeout: Some(Duration::from_secs(600)),
        };
        let statements = KINDS.iter().enumerate().map(|(place, kind)| ScriptStatement {
            range: place * 200..place * 200 + 150,
            kind: *kind,
            session_effect: place % 2 == 1,
            hash: u64::MAX - place as u64,
            objects: vec![Object {
                kind: ObjectKind::ALL[place % ObjectKind::ALL.len()],
                name: vec!["schema".into(), "naïve".into()],
            }],
        });
        sql.body = Body::Sql(SqlBody {
            needs_normalising: true,
            scripts: vec![Script { options, statements: statements.collect() }, Script::default()],
            up: [Some(0), None, Some(1), Some(1)],
            down: [None; 4],
        });
        let rust = Revision { body: Body::Rust { down: true }, ..revision("a", &[]) };
        vec![sql, rust, revision("c", &["a"])]
    }

    #[test]
    fn what_is_written_reads_back() {
        assert_eq!(decode(&encode(&sample())), Ok(sample()));
        assert_eq!(decode(&encode(&[])), Ok(Vec::new()));
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_an_error_or_another_set_and_never_a_panic() {
        let bytes = encode(&sample());
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), Err(InvalidEncoding), "cut to {length}");
        }
        for place in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[place] ^= 0xff;
            assert_ne!(decode(&bytes).as_deref(), Ok(sample().as_slice()), "flipped at {place}");
        }
    }
}
