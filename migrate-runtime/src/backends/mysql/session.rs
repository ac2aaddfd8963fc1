//! What a revision may change of the session, noted before and put back after.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use migrate_revision::{Backend, Script, StatementKind};

use super::Mysql;
use super::packet::Failed;
use crate::dialect::mysql::{ALWAYS, assigned, changes_session, whole_seconds};
use crate::error::Fault;
use crate::history::{HistoryTable, quote_name, quote_text};

/// The mode in which a backslash is one: the build takes it for an escape.
const NO_BACKSLASHES: &str = "NO_BACKSLASH_ESCAPES";

/// The session as the run found it.
#[derive(Debug)]
pub(super) struct Settings {
    /// The database that is selected
    pub(super) database: Option<String>,
    /// Whether each statement commits; it does while the run lasts
    pub(super) autocommit: bool,
    /// Whether the server is a node of a cluster that others may write to at the same time
    pub(super) cluster: bool,
    /// The statement that sets everything else
    set: String,
    /// The statements that limit how long a statement waits for locks, and that lift the limit
    pub(super) limit: Option<(String, String)>,
}

/// What the run has to know of the server.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) backend: Backend,
    pub(super) max_allowed_packet: usize,
    /// Whether the database named for the history is there
    pub(super) schema_exists: bool,
}

/// What a revision changes beyond the settings that are always put back.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// It selects another database
    database: bool,
    /// Statements that put back variables that it names, and its role
    others: Vec<String>,
}

impl Mysql<'_> {
    /// Reads the session and the server.
    pub(super) async fn note(&mut self, table: &HistoryTable) -> Result<(Settings, Facts), Failed> {
        let names: Vec<String> = ALWAYS.iter().map(|name| format!("'{name}'")).collect();
        let schema = quote_text(table.schema.as_deref().unwrap_or_default(), self.dialect());
        // An answer that lacks this is one to another question: a dropped future has left it on the line.
        let question = format!("{:016x}", RandomState::new().build_hasher().finish());
        let sql = format!(
            "SELECT '{question}', DATABASE(), VERSION(), @@max_allowed_packet, @@SESSION.autocommit, \
             (SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {schema});\n\
             SHOW SESSION VARIABLES WHERE Variable_name IN ('wsrep_on', {})",
            names.join(", ")
        );
        let mut rows = self.rows(&sql).await?.into_iter();
        let mut facts = rows.next().unwrap_or_default().into_iter();
        let mut fact = || facts.next().flatten();
        if fact() != Some(question) {
            return Err(Failed::unusable());
        }
        let database = fact();
        let backend = dialect_of(fact().as_deref());
        let max_allowed_packet = fact().and_then(|bytes| bytes.parse().ok()).unwrap_or(1 << 20);
        let autocommit = fact().as_deref() == Some("1");
        let schema_exists = fact().as_deref() != Some("0");
        let mut values: Vec<(String, String)> = rows.filter_map(variable).collect();
        let cluster = values.iter().any(|(name, value)| name == "wsrep_on" && value == "ON");
        values.retain(|(name, _)| name != "wsrep_on");
        values.sort_by_key(|(name, _)| ALWAYS.iter().position(|known| known == name));
        let newer_names = values.iter().any(|(name, _)| name == "transaction_isolation");
        let limit = limit(&mut values, self.patience, backend);
        let all = values.iter().filter(|(name, _)| !newer_names || !name.starts_with("tx_"));
        let set = std::iter::once("@@SESSION.autocommit = 1".to_owned())
            .chain(all.map(|(name, value)| assignment(name, value, backend)))
            .collect::<Vec<_>>()
            .join(", ");
        let settings = Settings { database, autocommit, cluster, set: format!("SET {set}"), limit };
        Ok((settings, Facts { backend, max_allowed_packet, schema_exists }))
    }

    /// Takes note of what a script may change of the session.
    pub(super) async fn touch(&mut self, script: &Script, text: &str) -> Result<(), Fault> {
        let options = &script.options;
        let timeouts = options.lock_timeout.is_some() || options.statement_timeout.is_some();
        if !timeouts && !script.statements.iter().any(changes_session) {
            return Ok(());
        }
        let sessions = script.statements.iter().filter(|s| s.kind == StatementKind::Session);
        let sessions: Vec<&str> = sessions.map(|statement| &text[statement.range.clone()]).collect();
        let begins = |sql: &str, words: [&str; 2]| {
            sql.split_whitespace().zip(words).all(|(word, expected)| word.eq_ignore_ascii_case(expected))
        };
        let mut touched = self.touched.take().unwrap_or_default();
        touched.database |=
            sessions.iter().any(|sql| sql.get(..3).is_some_and(|s| s.eq_ignore_ascii_case("use")));
        // One that sets `autocommit` may set others.
        let sets = script.statements.iter().filter(|statement| changes_session(statement));
        let named =
            sets.flat_map(|statement| assigned(&text[statement.range.clone()])).map(|assigned| assigned.name);
        let is_other = |name: &String| name != "autocommit" && !ALWAYS.contains(&name.as_str());
        let named: Vec<String> = named.filter(is_other).collect();
        let role = sessions.iter().any(|sql| begins(sql, ["set", "role"]));
        // From here on the session is to be put back, whatever happens.
        self.touched = Some(touched);
        let mut others = Vec::new();
        if !named.is_empty() {
            let names: Vec<String> = named.iter().map(|name| quote_text(name, self.dialect())).collect();
            let sql = format!("SHOW SESSION VARIABLES WHERE Variable_name IN ({})", names.join(", "));
            let values = self.rows(&sql).await.map_err(|failed| failed.fault)?;
            others.extend(values.into_iter().filter_map(variable).map(|(name, value)| {
                let set = assignment(&name, &value, self.dialect());
                // The clock stands still when it is set.
                if name == "timestamp" {
                    "SET @@SESSION.timestamp = DEFAULT".to_owned()
                } else {
                    format!("SET {set}")
                }
            }));
        }
        if role {
            let now = self.send("SELECT CURRENT_ROLE()").await.map_err(|failed| failed.fault)?;
            let now = now.and_then(|row| row.into_iter().next().flatten());
            others.push(match now {
                None => "SET ROLE NONE".to_owned(),
                Some(role) if self.dialect() == Backend::Mariadb => {
                    format!("SET ROLE {}", quote_name(&role, Backend::Mariadb))
                }
                Some(roles) => format!("SET ROLE {roles}"),
            });
        }
        if let Some(touched) = &mut self.touched {
            touched.others.extend(others);
        }
        Ok(())
    }

    /// Takes note that anything may change of the session.
    pub(super) fn touch_all(&mut self) {
        self.touched.get_or_insert_default().database = true;
    }

    /// The statements that put the session back to what a revision is to find, if anything may have changed it.
    pub(super) fn restoring(&self) -> Option<String> {
        let (touched, settings) = (self.touched.as_ref()?, self.settings.as_ref()?);
        // Where no database was selected, none can be again.
        let database = settings.database.as_ref().filter(|_| touched.database);
        Some(match database {
            Some(database) => format!("{};\nUSE {}", settings.set, quote_name(database, self.dialect())),
            None => settings.set.clone(),
        })
    }

    /// Puts the session back to what a revision is to find.
    pub(super) async fn put_back(&mut self) -> Result<(), Fault> {
        if let Some(restore) = self.restoring() {
            self.send(&restore).await.map_err(|failed| failed.fault)?;
        }
        self.restored().await
    }

    /// Puts back what not every server lets everyone set, once the rest is.
    pub(super) async fn restored(&mut self) -> Result<(), Fault> {
        let Some(others) = self.touched.as_mut().map(|touched| std::mem::take(&mut touched.others)) else {
            return Ok(());
        };
        for sql in others {
            match self.send(&sql).await {
                Err(failed) if failed.is_fatal() => return Err(failed.fault),
                // A variable of the whole server, or one that cannot be set.
                _ => {}
            }
        }
        if self.settings.as_ref().is_some_and(|settings| settings.autocommit) {
            self.touched = None;
        }
        Ok(())
    }
}

/// Puts a limit to those values that say how long to wait for locks, where it is the shorter one; and has text mean what
/// the build took it for, in the characters that the driver sends.
fn limit(values: &mut [(String, String)], patience: Duration, backend: Backend) -> Option<(String, String)> {
    let seconds = whole_seconds(patience);
    let mut sets = (Vec::new(), Vec::new());
    let is_other = |value: &str| !value.is_empty() && value != "utf8mb4";
    let recodes = values.iter().any(|(name, value)| name == "character_set_connection" && is_other(value));
    for (name, value) in values {
        let meant = match name.as_str() {
            "sql_mode" if value.contains(NO_BACKSLASHES) => {
                Some(value.split(',').filter(|mode| *mode != NO_BACKSLASHES).collect::<Vec<_>>().join(","))
            }
            "character_set_client" | "character_set_results" | "character_set_connection"
                if is_other(value) =>
            {
                Some("utf8mb4".to_owned())
            }
            "collation_connection" if recodes => Some("utf8mb4_general_ci".to_owned()),
            _ => None,
        };
        if let Some(meant) = meant {
            sets.1.push(assignment(name, value, backend));
            *value = meant;
            sets.0.push(assignment(name, value, backend));
        }
        let waits = matches!(name.as_str(), "lock_wait_timeout" | "innodb_lock_wait_timeout");
        if waits && patience > Duration::ZERO && value.parse::<u64>().is_ok_and(|now| now > seconds) {
            sets.1.push(assignment(name, value, backend));
            *value = seconds.to_string();
            sets.0.push(assignment(name, value, backend));
        }
    }
    let set = |assignments: Vec<String>| format!("SET {}", assignments.join(", "));
    (!sets.0.is_empty()).then(|| (set(sets.0), set(sets.1)))
}

/// MariaDB says so in its version.
pub(super) fn dialect_of(version: Option<&str>) -> Backend {
    let mariadb = version.is_some_and(|version| version.to_ascii_lowercase().contains("mariadb"));
    if mariadb { Backend::Mariadb } else { Backend::Mysql }
}

/// By the number with which the server greets: MariaDB went on from 5.5 with 10, of which MySQL has none.
pub(super) fn dialect_of_release(major: u16) -> Backend {
    if major >= 10 { Backend::Mariadb } else { Backend::Mysql }
}

fn variable(row: Vec<Option<String>>) -> Option<(String, String)> {
    match <[_; 2]>::try_from(row) {
        Ok([Some(name), value]) => Some((name.to_ascii_lowercase(), value.unwrap_or_default())),
        _ => None,
    }
}

fn assignment(name: &str, value: &str, backend: Backend) -> String {
    let number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let value = match value {
        "" if name == "character_set_results" => "NULL".to_owned(),
        _ if number => value.to_owned(),
        _ => quote_text(value, backend),
    };
    format!("@@SESSION.{name} = {value}")
}
