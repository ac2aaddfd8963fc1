//! `CREATE INDEX CONCURRENTLY`: it works in transactions of its own, and leaves an invalid index where it fails.

use std::time::Duration;

use migrate_revision::Backend;
use tokio_postgres::error::SqlState;

use super::batch::{Batch, Cells, What};
use super::transact::first;
use super::{Postgres, fault, is};
use crate::backends::StepFault;
use crate::dialect::postgres::milliseconds;
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
}

impl Postgres<'_> {
    /// Drops what an earlier try left behind, and finds out whether one succeeded that was not recorded.
    ///
    /// What others hinder is told as a failure of the statement, which the engine tries again.
    pub(super) async fn clear_index(
        &self,
        index: &Concurrent<'_>,
        resumed: bool,
        failed: impl Fn(Fault) -> StepFault,
    ) -> Result<Known, StepFault> {
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
            let Some(first) = left.first().filter(|_| !is_built) else {
                return Ok(Known { is_built, oids: found.into_iter().map(|found| found.oid).collect() });
            };
            let by = self.builders(&index.table).await?;
            if by.is_some() {
                // It may yet become valid; to drop it would wait for the same lock.
                let fault =
                    Fault::new(format!("index {} may be the one that another session builds", first.name));
                return Err(StepFault::Blocked { fault: Box::new(failed(fault)), by });
            }
            for found in left {
                self.drop_index(&found.name).await.map_err(|error| match is_locked(&error) {
                    true => failed(fault(error)),
                    false => fault(error).into(),
                })?;
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
        let invalid = found
            .into_iter()
            .find(|found| !found.valid && (index.name.is_some() || !known.oids.contains(&found.oid)));
        Ok(match invalid {
            Some(found) if self.builders(&index.table).await?.is_none() => Some(found.name),
            _ => None,
        })
    }

    /// Drops what a failed try left, where no name would tell the next one.
    pub(super) async fn drop_unnamed(&self, index: &Concurrent<'_>, known: &Known) -> Result<(), Fault> {
        if index.name.is_some() {
            return Ok(());
        }
        for found in self.indexes(index).await? {
            let is_left = !found.valid && !known.oids.contains(&found.oid);
            if is_left && self.builders(&index.table).await?.is_none() {
                match self.drop_index(&found.name).await {
                    // The run that goes on knows it by its definition.
                    Err(error) if !is_locked(&error) => return Err(fault(error)),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Drops an index, and waits for locks no longer than one try of a revision's statement does.
    pub(super) async fn drop_index(&self, name: &str) -> Result<(), tokio_postgres::Error> {
        let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {name}");
        // It must be alone, and without the lock the next statement may meet another session.
        let is_ours = self.debts.lock.is_some() && self.patience > Duration::ZERO;
        let limit = self.rows(SHOW_LIMIT).await?;
        if !is_ours || first(&limit) != Some("0") {
            return self.client.batch_execute(&drop).await;
        }
        let limit = format!("SET lock_timeout = '{}'", milliseconds(self.patience));
        self.client.batch_execute(&limit).await?;
        let result = self.client.batch_execute(&drop).await;
        let restored = self.client.batch_execute("SET lock_timeout = 0").await;
        result.and(restored)
    }

    /// The indexes of the statement's table; of these the one of its name, if it has one.
    async fn indexes(&self, index: &Concurrent<'_>) -> Result<Vec<Found>, Fault> {
        let table = quote_text(&index.table, Backend::Postgres);
        let named = index.name.as_ref().map_or(String::new(), |name| {
            format!(" AND c.relname = {}::pg_catalog.name", quote_text(name, Backend::Postgres))
        });
        let sql = format!(
            "SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), i.indisvalid, \
             i.indisunique, pg_catalog.pg_get_indexdef(c.oid) \
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
        }
    }
}

const SHOW_LIMIT: &str = "SELECT pg_catalog.current_setting('lock_timeout')";

pub(super) fn is_locked(error: &tokio_postgres::Error) -> bool {
    is(error, &[SqlState::LOCK_NOT_AVAILABLE])
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
