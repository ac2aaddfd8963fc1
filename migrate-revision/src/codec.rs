//! Revisions as one string of bytes, which a build writes and a binary reads.
//!
//! Data rather than code: a `static` of nested struct literals costs the compiler far more than a byte string.
//! Numbers are LEB128, texts are a length and UTF-8, lists are a length and their items. Before the revisions is a table of
//! where each of them begins, so that one can be read without those before it.
//!
//! Beside them are their [links](Links): what a run has to know of the revisions that it does not take.

#[cfg(feature = "plan")]
mod links;
#[cfg(feature = "plan")]
mod read;
#[cfg(feature = "source")]
mod write;

#[cfg(feature = "plan")]
pub use self::links::Links;
#[cfg(feature = "plan")]
pub use self::read::{Encoded, InvalidEncoding, decode};
#[cfg(feature = "source")]
pub use self::write::{encode, encode_links};
use crate::{ObjectKind, StatementKind};

/// The version of the layout, its first byte.
const VERSION: u8 = 2;

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

const OBJECTS: [ObjectKind; 8] = [
    ObjectKind::Table,
    ObjectKind::Index,
    ObjectKind::View,
    ObjectKind::Trigger,
    ObjectKind::Routine,
    ObjectKind::Event,
    ObjectKind::Sequence,
    ObjectKind::Other,
];

#[cfg(all(test, feature = "plan", feature = "source"))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::revision;
    use crate::{Body, Checksum, Object, Revision, Script, ScriptStatement, SectionOptions, SqlBody};

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
                kind: OBJECTS[place % OBJECTS.len()],
                name: vec!["schema".into(), "naïve".into()],
            }],
        });
        sql.body = Body::Sql(SqlBody {
            needs_normalising: true,
            scripts: vec![Script { options, statements: statements.collect() }, Script::default()],
            up: [Some(0), None, Some(1), Some(1)],
            down: [None; 4],
        });
        let rust = |id, foreign_keys_off| Revision {
            body: Body::Rust { down: true, foreign_keys_off },
            ..revision(id, &[])
        };
        vec![sql, rust("a", false), rust("b", true), revision("c", &["a"])]
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
