//! `REINDEX CONCURRENTLY`: where it fails, it leaves invalid indexes beside those that it was to build anew, and each try more of
//! them.

use migrate_revision::Backend;

use super::Postgres;
use super::alone::qualified;
use super::index::{Words, is_locked};
use super::transact::first;
use crate::history::quote_text;

/// What is built anew, as far as it is one index or one table.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reindex {
    Index(String),
    /// With its partitions
    Table(String),
}

impl Reindex {
    /// Reads a statement's first words. Nothing if it is another statement, or does not work concurrently.
    pub(super) fn parse(sql: &str) -> Option<Self> {
        let mut words = Words::new(sql);
        words.take("reindex").then_some(())?;
        let mut concurrently = false;
        if words.take("(") {
            loop {
                match words.next()? {
                    ")" => break,
                    word if word.eq_ignore_ascii_case("concurrently") => {
                        let off = ["false", "off", "0"].into_iter().any(|value| words.take(value));
                        concurrently = !off;
                    }
                    _ => {}
                }
            }
        }
        let of_index = words.take("index");
        (of_index || words.take("table")).then_some(())?;
        concurrently |= words.take("concurrently");
        let name = qualified(&mut words).filter(|_| concurrently)?;
        Some(if of_index { Self::Index(name) } else { Self::Table(name) })
    }

    /// Selects the names of what is left over of earlier tries.
    fn leftovers(&self) -> String {
        // The server cuts the former name where the new one would be too long.
        let of_index = |index: &str| {
            format!(
                "i.indrelid = (SELECT indrelid FROM pg_catalog.pg_index WHERE indexrelid = {index}) \
                 AND EXISTS (SELECT FROM pg_catalog.pg_class o, pg_catalog.regexp_replace(c.relname, {END}, '') AS base \
                 WHERE o.oid = {index} AND (base = o.relname \
                 OR pg_catalog.octet_length(c.relname) >= 62 AND pg_catalog.starts_with(o.relname, base)))"
            )
        };
        let of = match self {
            Self::Index(name) => of_index(&regclass(name)),
            Self::Table(name) => {
                // A table without partitions is no tree to the server.
                let table = regclass(name);
                format!(
                    "(i.indrelid = {table} OR i.indrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree({table})))"
                )
            }
        };
        format!(
            "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) \
             FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE NOT i.indisvalid AND c.relname ~ {END} AND {of} \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p \
             WHERE p.relid = i.indrelid AND p.pid <> pg_catalog.pg_backend_pid())"
        )
    }
}

/// How the server names what takes an index's place, and what the index then is until it goes.
const END: &str = "'_cc(new|old)[0-9]*$'";

fn regclass(name: &str) -> String {
    format!("pg_catalog.to_regclass({})", quote_text(name, Backend::Postgres))
}

impl Postgres<'_> {
    /// The indexes that a statement's earlier tries left, unless somebody is at work on the table.
    pub(super) async fn leftovers(&self, reindex: &Reindex) -> Vec<String> {
        // Where this cannot be asked, what is left over stays.
        let rows = self.rows(&reindex.leftovers()).await.unwrap_or_default();
        rows.iter().filter_map(|row| first(std::slice::from_ref(row)).map(str::to_owned)).collect()
    }

    /// Drops what is left over. What waits for others stays for the next time.
    pub(super) async fn drop_leftovers(&mut self) {
        for name in std::mem::take(&mut self.leftovers) {
            if self.drop_index(&name).await.is_err_and(|error| is_locked(&error)) {
                self.leftovers.push(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_anew_concurrently_is_read() {
        let index = |name: &str| Some(Reindex::Index(name.to_owned()));
        let table = |name: &str| Some(Reindex::Table(name.to_owned()));
        assert_eq!(Reindex::parse("REINDEX INDEX CONCURRENTLY s.\"I\""), index("s.\"I\""));
        assert_eq!(Reindex::parse("reindex (verbose, concurrently) table t"), table("t"));
        assert_eq!(Reindex::parse("REINDEX (CONCURRENTLY true) TABLE t"), table("t"));
        for other in [
            "REINDEX INDEX i",
            "REINDEX (CONCURRENTLY off) TABLE t",
            "REINDEX SCHEMA CONCURRENTLY s",
            "CREATE INDEX CONCURRENTLY i ON t (a)",
        ] {
            assert_eq!(Reindex::parse(other), None, "{other}");
        }
    }
}
