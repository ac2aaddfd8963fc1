//! A table of history without a row of the set's namespace.

use migrate_revision::graph::Index;

use super::Run;
use crate::backends::{Database, Last, Own, empty_history};
use crate::set::Decoded;
use crate::{Error, ErrorKind, Result};

impl<D: Database> Run<'_, D> {
    /// Refuses to begin where another namespace is at a state of this set: the set's was renamed, or is named wrong, and
    /// everything would be applied once more.
    ///
    /// The row of a stamp, also of one to base, says that a second time is meant.
    pub(super) async fn check_namespace(&mut self, decoded: &Decoded) -> Result<()> {
        let select = self.table.select_namespaces(self.db.backend());
        for row in self.ask(&select).await?.unwrap_or_default() {
            let [Some(other), Some(heads), Some(digest)] = row.as_slice() else { continue };
            let heads: Option<Vec<Index>> = heads.split(',').map(|head| decoded.index_of(head)).collect();
            let Some(heads) = heads else { continue };
            if self.records(decoded).digest(&heads)? == *digest {
                return Err(self.applied_elsewhere(other));
            }
        }
        Ok(())
    }

    /// Refuses to tell what is to be done where an upgrade would refuse to do it, as the table has rows of others alone, or shows none.
    pub(super) async fn check_unrecorded(&mut self, decoded: &Decoded, last: &Last) -> Result<()> {
        if *last != Last::NoRow {
            return Ok(());
        }
        let backend = self.db.backend();
        // Where making the table is no part of a transaction, it may be there before its first row.
        let any = self.table.select_any(backend);
        if !backend.is_mysql_like() && self.ask(&any).await?.is_some_and(|rows| rows.is_empty()) {
            return Err(empty_history(&self.table.name(backend)));
        }
        self.check_namespace(decoded).await
    }

    /// What the history answers, unless others keep it from that.
    async fn ask(&mut self, select: &str) -> Result<Option<Vec<Vec<Option<String>>>>> {
        match self.db.own(select).await.map_err(|fault| fault.while_doing("read the history"))? {
            Own::Done { rows, .. } => Ok(Some(rows)),
            Own::NoTable | Own::Lost => Ok(None),
        }
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
