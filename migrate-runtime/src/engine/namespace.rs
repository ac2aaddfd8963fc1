//! A set that another namespace has applied already.

use migrate_revision::graph::Index;
use migrate_revision::{Direction, Steps};

use super::Run;
use crate::backends::{Database, Own};
use crate::set::Decoded;
use crate::{Error, ErrorKind, Result};

impl<D: Database> Run<'_, D> {
    /// Refuses to begin where another namespace is at a state of this set: the set's was renamed, or is named wrong, and
    /// everything would be applied once more.
    ///
    /// The row of a stamp, also of one to base, says that a second time is meant.
    pub(super) async fn check_namespace(&mut self, decoded: &Decoded, steps: &Steps) -> Result<()> {
        if !steps.as_slice().first().is_some_and(|step| step.direction == Direction::Up) {
            return Ok(());
        }
        let select = self.table.select_namespaces(self.db.backend());
        let found = self.db.own(&select).await.map_err(|fault| fault.while_doing("read the history"))?;
        let Own::Done { rows, .. } = found else { return Ok(()) };
        for row in rows {
            let [Some(other), Some(heads), Some(digest)] = row.as_slice() else { continue };
            let heads: Option<Vec<Index>> = heads.split(',').map(|head| decoded.index_of(head)).collect();
            let Some(heads) = heads else { continue };
            if self.records(decoded).digest(&heads)? == *digest {
                return Err(self.applied_elsewhere(other));
            }
        }
        Ok(())
    }

    fn applied_elsewhere(&self, other: &str) -> Error {
        let namespace = self.set.namespace();
        Error::new(
            ErrorKind::History,
            format!(
                "namespace '{namespace}' has no revision yet, and namespace '{other}' has applied those of this set; nothing was \
                 changed\n\n\
                 hint: give the set the namespace '{other}', in `embed_migrations!` and in Cargo.toml (`namespace` of \
                 `[package.metadata.migrate]`); if it is to be applied a second time, `stamp` the database to `base` first"
            ),
        )
    }
}
