//! `CREATE INDEX CONCURRENTLY`: it works in transactions of its own, and leaves an invalid index where it fails.

use std::time::Duration;

use migrate_revision::Backend;

use super::batch::{Batch, Cells, What};
use super::{Postgres, fault};
use crate::error::Fault;
use crate::history::quote_text;

/// The statement, as far as its first words tell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Concurrent<'s> {
    unique: bool,
    /// Nothing if the server is to find one
    name: Option<String>,
    /// As it is written, without comments
    table: String,
    /// What follows the table
    rest: &'s str,
}

/// The indexes of the table before.
pub(super) struct Known {
    /// Whether an earlier run built the index and did not get to record it
    pub(super) is_built: bool,
    oids: Vec<Option<String>>,
}

/// One index of the table.
struct Found {
    oid: Option<String>,
    name: String,
    valid: bool,
    unique: bool,
    definition: String,
    /// Whether another session may be building it
    busy: bool,
}

impl Postgres<'_> {
    /// Drops what an earlier try left behind, and finds out whether one succeeded that was not recorded.
    pub(super) async fn clear_index(&self, index: &Concurrent<'_>, resumed: bool) -> Result<Known, Fault> {
        // Only a run that goes on where another was cut off may find the index that it is about to build.
        let expected = if resumed { self.definition(index).await } else { None };
        let is_it = |found: &Found| match &expected {
            Some(expected) => found.definition == *expected && found.unique == index.unique,
            None => false,
        };
        loop {
            let found = self.indexes(index).await?;
            let is_built = found.iter().any(|found| found.valid && is_it(found));
            let left: Vec<&Found> = (found.iter())
                .filter(|found| !found.valid && (index.name.is_some() || is_it(found)))
                .collect();
            if left.is_empty() || is_built {
                return Ok(Known { is_built, oids: found.into_iter().map(|found| found.oid).collect() });
            }
            if left.iter().any(|found| found.busy) {
                // It may yet become valid; to drop it would wait for the same lock.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            for found in left {
                self.drop_index(&found.name).await?;
            }
        }
    }

    /// An index that the statement made and that is not valid.
    pub(super) async fn invalid_index(
        &self,
        index: &Concurrent<'_>,
        known: &Known,
    ) -> Result<Option<String>, Fault> {
        let found = self.indexes(index).await?;
        let invalid = found.into_iter().find(|found| {
            !found.valid && !found.busy && (index.name.is_some() || !known.oids.contains(&found.oid))
        });
        Ok(invalid.map(|found| found.name))
    }

    /// Drops what a failed try left, where no name would tell the next one.
    pub(super) async fn drop_unnamed(&self, index: &Concurrent<'_>, known: &Known) -> Result<(), Fault> {
        if index.name.is_some() {
            return Ok(());
        }
        for found in self.indexes(index).await? {
            if !found.valid && !found.busy && !known.oids.contains(&found.oid) {
                self.drop_index(&found.name).await?;
            }
        }
        Ok(())
    }

    async fn drop_index(&self, name: &str) -> Result<(), Fault> {
        self.client.batch_execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).await.map_err(fault)
    }

    /// The indexes of the statement's table; of these the one of its name, if it has one.
    async fn indexes(&self, index: &Concurrent<'_>) -> Result<Vec<Found>, Fault> {
        let table = quote_text(&index.table, Backend::Postgres);
        let named = index.name.as_ref().map_or(String::new(), |name| {
            format!(" AND c.relname = {}::pg_catalog.name", quote_text(name, Backend::Postgres))
        });
        let sql = format!(
            "SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), i.indisvalid, \
             i.indisunique, pg_catalog.pg_get_indexdef(c.oid), \
             EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' AND l.relation = i.indrelid \
             AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) \
             AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND l.pid <> pg_catalog.pg_backend_pid()) \
             FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE i.indrelid = pg_catalog.to_regclass({table}){named}"
        );
        let rows = self.rows(&sql).await.map_err(fault)?;
        Ok(rows.into_iter().map(Found::new).collect())
    }

    /// The definition that the statement's index will have, from one on an empty copy of its table. Nothing if that
    /// cannot be had.
    async fn definition(&self, index: &Concurrent<'_>) -> Option<String> {
        let Concurrent { table, rest, unique, .. } = index;
        let unique = if *unique { "UNIQUE " } else { "" };
        let mut batch = Batch::default();
        let what = What::Own("try the index on an empty table");
        batch.push(
            what,
            &format!("CREATE TEMPORARY TABLE embed_migrations_trial (LIKE {table}) ON COMMIT DROP"),
        );
        batch.push(
            what,
            &format!(
                "CREATE {unique}INDEX embed_migrations_trial_index ON pg_temp.embed_migrations_trial {rest}"
            ),
        );
        batch.push(
            what,
            "SELECT pg_catalog.pg_get_indexdef('pg_temp.embed_migrations_trial_index'::pg_catalog.regclass)",
        );
        let rows = self.run(&batch, &mut |_, _| {}).await.ok()?;
        let text = rows.first().and_then(|row| row.first()).and_then(Option::as_deref)?;
        Some(after_table(text).to_owned())
    }
}

impl Found {
    fn new(cells: Cells) -> Self {
        let mut cells = cells.into_iter();
        let mut next = || cells.next().flatten();
        Self {
            oid: next(),
            name: next().unwrap_or_default(),
            valid: next().as_deref() == Some("t"),
            unique: next().as_deref() == Some("t"),
            definition: after_table(&next().unwrap_or_default()).to_owned(),
            busy: next().as_deref() == Some("t"),
        }
    }
}

/// What the server's text of an index says besides the names.
fn after_table(definition: &str) -> &str {
    definition.find(" USING ").map_or(definition, |at| &definition[at..])
}

impl<'s> Concurrent<'s> {
    /// Reads a statement's first words. Nothing if it is another statement.
    pub(super) fn parse(sql: &'s str) -> Option<Self> {
        let mut words = Words::new(sql);
        words.take("create").then_some(())?;
        let unique = words.take("unique");
        (words.take("index") && words.take("concurrently")).then_some(())?;
        if words.take("if") {
            (words.take("not") && words.take("exists")).then_some(())?;
        }
        let name = if words.take("on") {
            None
        } else {
            let name = words.next().and_then(identifier)?;
            words.take("on").then_some(())?;
            Some(name)
        };
        words.take("only");
        let mut table = String::new();
        loop {
            let part = words.next()?;
            identifier(part)?;
            table.push_str(part);
            if !words.take(".") {
                break;
            }
            table.push('.');
        }
        Some(Self { unique, name, table, rest: &sql[words.at..] })
    }
}

/// A name as the server keeps it.
pub(super) fn identifier(word: &str) -> Option<String> {
    if let Some(quoted) = word.strip_prefix('"') {
        return Some(quoted.strip_suffix('"')?.replace("\"\"", "\""));
    }
    let begins = word.chars().next()?;
    (begins == '_' || begins.is_alphabetic() || !begins.is_ascii()).then(|| word.to_ascii_lowercase())
}

/// The words and symbols of a statement.
pub(super) struct Words<'s> {
    sql: &'s str,
    at: usize,
}

impl<'s> Words<'s> {
    pub(super) fn new(sql: &'s str) -> Self {
        Self { sql, at: 0 }
    }

    /// Goes past the next word if it is this one.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let start = self.at;
        let is_it = self.next().is_some_and(|next| next.eq_ignore_ascii_case(word));
        if !is_it {
            self.at = start;
        }
        is_it
    }

    pub(super) fn next(&mut self) -> Option<&'s str> {
        self.skip_space();
        let rest = &self.sql[self.at..];
        let first = rest.chars().next()?;
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
        let length = if first == '"' {
            let mut end = 1;
            loop {
                end += rest[end..].find('"')? + 1;
                if !rest[end..].starts_with('"') {
                    break end;
                }
                end += 1;
            }
        } else if is_part(first) {
            rest.find(|c| !is_part(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        self.at += length;
        Some(&rest[..length])
    }

    /// Goes past white space and comments, which nest.
    fn skip_space(&mut self) {
        loop {
            let rest = &self.sql[self.at..];
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("--") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let mut depth = 0;
                while let Some(at) = self.sql[self.at..].find(['/', '*']) {
                    self.at += at;
                    let rest = &self.sql[self.at..];
                    let step = if rest.starts_with("/*") {
                        1
                    } else if rest.starts_with("*/") {
                        -1
                    } else {
                        0
                    };
                    depth += step;
                    self.at += if step == 0 { 1 } else { 2 };
                    if depth == 0 {
                        break;
                    }
                }
                if depth != 0 {
                    self.at = self.sql.len();
                }
            } else {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_and_table_of_an_index_are_read() {
        let parse = |sql| Concurrent::parse(sql).map(|c| (c.unique, c.name, c.table, c.rest));
        assert_eq!(
            parse(
                "CREATE UNIQUE INDEX /* a /* b */ */ CONCURRENTLY IF NOT EXISTS Ab ON ONLY s.\"T \"\" u\" (x)"
            ),
            Some((true, Some("ab".into()), "s.\"T \"\" u\"".into(), " (x)"))
        );
        assert_eq!(
            parse("create index concurrently -- none\n on t using gin (x)"),
            Some((false, None, "t".into(), " using gin (x)"))
        );
        assert_eq!(
            parse("CREATE INDEX CONCURRENTLY \"on\" ON t(x)"),
            Some((false, Some("on".into()), "t".into(), "(x)"))
        );
        assert_eq!(parse("CREATE INDEX a ON t (x)"), None);
        assert_eq!(parse("REINDEX INDEX CONCURRENTLY a"), None);
    }
}
