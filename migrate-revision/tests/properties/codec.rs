//! The bytes that a build embeds.

use embed_migrations_properties::properties;
use migrate_revision::{decode, encode};
use proptest::prelude::*;

use crate::file::revision;

properties! {
    ["Bytes that a build embeds"], 1000;

    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = bytes;
        if let Some(version) = bytes.first_mut() {
            *version = 2;
        }
        if let Ok(revisions) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&revisions)), Ok(revisions));
        }
    }

    fn what_is_written_reads_back_and_what_was_changed_is_read_or_refused(
        revisions in prop::collection::vec(revision(), 0..5),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&revisions);
        prop_assert_eq!(decode(&bytes), Ok(revisions));
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(others) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&others)), Ok(others));
        }
    }
}
