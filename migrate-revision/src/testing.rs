//! Revisions made up for tests.

use crate::{Body, Checksum, Revision, SqlBody};

/// A revision of which only the edges matter.
pub(crate) fn revision(id: &str, revises: &[&str]) -> Revision {
    Revision {
        id: id.parse().unwrap(),
        slug: format!("slug_of_{id}"),
        message: format!("message of {id}"),
        created: None,
        revises: revises.iter().map(|id| id.parse().unwrap()).collect(),
        depends_on: Vec::new(),
        labels: Vec::new(),
        compatible: None,
        body: Body::Sql(SqlBody::default()),
        checksums: [Some(Checksum::from_bytes([1; 32])); 4],
    }
}
