//! What revisions do to the session, and putting it back, by statements that work whatever the search path.

use std::fmt::Write as _;
use std::time::Duration;

use migrate_revision::{Backend, Script, SectionOptions};

use crate::history::quote_text;
use crate::{Error, ErrorKind, Result};

/// Where the settings are kept while a message runs. It ends with the message's transaction.
const KEPT: &str = "pg_catalog.current_setting('embed_migrations.saved')";

/// The settings that some steps may change.
#[derive(Default)]
pub(crate) struct Scope {
    /// Whether a statement may change any setting, so that all must be looked at
    all: bool,
    /// Settings that nobody defined, of which there is no list: the names in the steps' own texts, sorted
    custom: Vec<String>,
    /// Whether the steps have timeouts of their own
    timeouts: bool,
}

impl Scope {
    /// What these and the statements of a script may change.
    #[inline]
    pub(crate) fn and(mut self, text: &str, script: &Script) -> Self {
        self.timeouts |= timeouts(&script.options).next().is_some();
        for statement in script.statements.iter().filter(|statement| statement.session_effect) {
            self.all = true;
            custom_names(&text[statement.range.clone()], &mut self.custom);
        }
        self
    }

    /// With timeouts that do not come from a section.
    #[inline]
    pub(crate) fn with_timeouts(self) -> Self {
        Self { timeouts: true, ..self }
    }

    /// All that there is.
    #[inline]
    pub(crate) fn everything(self) -> Self {
        Self { all: true, ..self }
    }

    /// Whether only what a function does can change a setting, besides timeouts.
    #[cfg(feature = "postgres")]
    #[inline]
    pub(crate) fn is_narrow(&self) -> bool {
        !self.all
    }

    /// Selects the settings as they are, in one text.
    #[inline]
    pub(crate) fn select(&self) -> String {
        format!("SELECT {}", self.settings())
    }

    /// Keeps the settings for the rest of the transaction.
    #[inline]
    pub(crate) fn keep(&self) -> String {
        format!("SELECT pg_catalog.set_config('embed_migrations.saved', {}, true)", self.settings())
    }

    /// Puts back what was kept in this transaction.
    #[inline]
    pub(crate) fn restore_kept(&self) -> Vec<String> {
        self.restore(KEPT)
    }

    /// Puts back what was selected.
    #[inline]
    pub(crate) fn restore_selected(&self, settings: &str) -> Vec<String> {
        self.restore(&quote_text(settings, Backend::Postgres))
    }

    /// The settings as they are, as an expression.
    #[inline]
    pub(crate) fn settings(&self) -> String {
        let now = |name: &str| format!("pg_catalog.current_setting('{name}')");
        let mut names = WHO_AND_WHERE.to_vec();
        if !self.all {
            if self.timeouts {
                names.extend(["lock_timeout", "statement_timeout"]);
            }
            let pairs: Vec<String> = names.iter().map(|name| format!("'{name}', {}", now(name))).collect();
            return format!("pg_catalog.json_build_object({})::pg_catalog.text", pairs.join(", "));
        }
        let mut rows = String::from(
            "SELECT name, setting FROM pg_catalog.pg_settings WHERE context IN ('user', 'superuser') AND name NOT IN \
             ('search_path', 'transaction_isolation', 'transaction_read_only', 'transaction_deferrable')",
        );
        for name in names {
            let _ = write!(rows, " UNION ALL SELECT '{name}', {}", now(name));
        }
        for name in &self.custom {
            let name = quote_text(name, Backend::Postgres);
            let _ = write!(rows, " UNION ALL SELECT {name}, pg_catalog.current_setting({name}, true)");
        }
        format!(
            "(SELECT pg_catalog.json_object_agg(name, setting) FROM ({rows}) AS settings)::pg_catalog.text"
        )
    }

    /// Puts back what was kept in an expression.
    #[inline]
    pub(crate) fn restore(&self, kept: &str) -> Vec<String> {
        let kept = format!("{kept}::pg_catalog.json");
        let value = |name: &str| format!("pg_catalog.json_extract_path_text({kept}, '{name}')");
        let set = |name: &str| format!("pg_catalog.set_config('{name}', {}, false)", value(name));
        let names = WHO_AND_WHERE;
        if self.all {
            // What a SET LOCAL hides may have been changed as well: only setting it again is certain to bring it back.
            let who = names.map(set).join(", ");
            let known = format!(
                "SELECT s.name, o.value FROM pg_catalog.pg_settings s JOIN pg_catalog.json_each_text({kept}) o \
                 ON o.key = s.name AND s.name <> 'search_path' \
                 WHERE s.setting <> o.value OR s.source = 'session' AND s.context = 'user'"
            );
            let custom: Vec<String> =
                self.custom.iter().map(|name| quote_text(name, Backend::Postgres)).collect();
            let custom = if custom.is_empty() {
                String::new()
            } else {
                format!(
                    " UNION ALL SELECT o.key, coalesce(o.value, '') FROM pg_catalog.json_each_text({kept}) o \
                     WHERE o.key IN ({}) \
                     AND coalesce(pg_catalog.current_setting(o.key, true), '') <> coalesce(o.value, '')",
                    custom.join(", ")
                )
            };
            return vec![
                format!("SELECT {who}"),
                format!(
                    "SELECT pg_catalog.count(pg_catalog.set_config(name, value, false)) FROM ({known}{custom}) AS changed"
                ),
            ];
        }
        let mut values: Vec<String> = names.map(|name| set_if_changed(name, &value(name))).into();
        if self.timeouts {
            let locally = |name: &str| format!("pg_catalog.set_config('{name}', {}, true)", value(name));
            values.extend(["lock_timeout", "statement_timeout"].map(locally));
        }
        vec![format!("SELECT {}", values.join(", "))]
    }
}

/// The settings that are put back whatever a step does, and the timeouts, as they are while no step is under way.
#[cfg(feature = "postgres")]
pub(crate) struct Noted {
    who_and_where: [String; 3],
    lock_timeout: String,
    statement_timeout: String,
}

#[cfg(feature = "postgres")]
impl Noted {
    /// What to select, for [`read`](Self::read).
    #[inline]
    pub(crate) fn columns() -> String {
        let names = WHO_AND_WHERE.into_iter().chain(["lock_timeout", "statement_timeout"]);
        names.map(|name| format!("pg_catalog.current_setting('{name}')")).collect::<Vec<_>>().join(", ")
    }

    /// From the columns that were selected.
    #[inline]
    pub(crate) fn read(columns: &[Option<String>]) -> Option<Self> {
        let [Some(session_authorization), Some(role), Some(path), Some(lock), Some(statement)] = columns
        else {
            return None;
        };
        Some(Self {
            who_and_where: [session_authorization.clone(), role.clone(), path.clone()],
            lock_timeout: lock.clone(),
            statement_timeout: statement.clone(),
        })
    }

    /// Puts back what a function has changed. It has one row, whether there is anything to do or not.
    #[inline]
    pub(crate) fn restore(&self) -> String {
        // One after the other: becoming the former user ends the role.
        let values = WHO_AND_WHERE.iter().zip(&self.who_and_where).map(|(name, value)| {
            let value = quote_text(value, Backend::Postgres);
            set_if_changed(name, &value)
        });
        format!("SELECT {}", values.collect::<Vec<_>>().join(", "))
    }

    /// Sets a section's timeouts for the transaction; `all` says whether also those that are as they were noted.
    #[inline]
    pub(crate) fn set_timeouts(
        &self,
        options: &SectionOptions,
        patience: Duration,
        all: bool,
    ) -> Vec<String> {
        let limited = self.lock_timeout == "0" && patience > Duration::ZERO;
        let lock = options.lock_timeout.or(limited.then_some(patience));
        [
            ("lock_timeout", lock, &self.lock_timeout),
            ("statement_timeout", options.statement_timeout, &self.statement_timeout),
        ]
        .into_iter()
        .filter_map(|(name, timeout, noted)| {
            let value = match timeout {
                Some(timeout) => milliseconds(timeout),
                None if all => noted.clone(),
                None => return None,
            };
            Some(format!("SET LOCAL {name} = {}", quote_text(&value, Backend::Postgres)))
        })
        .collect()
    }
}

/// Who the session is and where it looks for names. Becoming the former user ends the role, so the role is second.
const WHO_AND_WHERE: [&str; 3] = ["session_authorization", "role", "search_path"];

/// Sets a setting for the session to an expression, unless it is that.
#[inline]
fn set_if_changed(name: &str, value: &str) -> String {
    format!(
        "CASE WHEN pg_catalog.current_setting('{name}') OPERATOR(pg_catalog.<>) {value} \
         THEN pg_catalog.set_config('{name}', {value}, false) END"
    )
}

/// How many bytes of a name the server keeps, as it is built unless told otherwise.
const MAX_NAME: usize = 63;

/// Refuses a name that the server would cut off in silence, and so take for that of something else.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    if name.len() <= MAX_NAME {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!(
            "{what} {name:?} has a name of {} bytes, and PostgreSQL cuts names off after {MAX_NAME}\n\n\
             hint: give it a shorter one: another that begins in the same way would be the same to the server",
            name.len()
        ),
    ))
}

/// A timeout as a setting. Zero would mean none.
#[inline]
pub(crate) fn milliseconds(timeout: Duration) -> String {
    format!("{}ms", timeout.as_millis().clamp(1, i32::MAX as u128))
}

/// Limits, for the transaction, how long a statement waits for a lock, unless the session limits it.
#[inline]
pub(crate) fn set_patience(patience: Duration) -> String {
    let patience = milliseconds(patience);
    let now = "pg_catalog.current_setting('lock_timeout')";
    format!(
        "SELECT CASE WHEN {now} OPERATOR(pg_catalog.=) '0' \
         THEN pg_catalog.set_config('lock_timeout', '{patience}', true) END"
    )
}

/// An update that fails, and with it its whole message, if there is no row to change.
#[inline]
pub(crate) fn must_change_one(update: &str) -> String {
    format!("WITH changed AS ({update} RETURNING 1) SELECT 1 / pg_catalog.count(*) AS changed FROM changed")
}

/// Sets a section's timeouts, for the transaction or for the session.
#[inline]
pub(crate) fn set_timeouts(options: &SectionOptions, local: bool) -> Option<String> {
    let set = |(name, value)| format!("pg_catalog.set_config('{name}', '{value}', {local})");
    let values: Vec<String> = timeouts(options).map(set).collect();
    (!values.is_empty()).then(|| format!("SELECT {}", values.join(", ")))
}

/// The settings by which a section limits its own time.
#[inline]
pub(crate) fn timeouts(options: &SectionOptions) -> impl Iterator<Item = (&'static str, String)> {
    let all = [("lock_timeout", options.lock_timeout), ("statement_timeout", options.statement_timeout)];
    all.into_iter().filter_map(|(name, timeout)| Some((name, milliseconds(timeout?))))
}

/// Becomes, for the transaction, who the session was by settings in an expression, and then again who it is.
#[inline]
pub(crate) fn as_before(settings: &str) -> [String; 2] {
    let kept = format!("{settings}::pg_catalog.json");
    let become_ = |name: &str, who: &str| {
        format!(
            "CASE WHEN pg_catalog.current_setting('{name}') OPERATOR(pg_catalog.<>) {who} \
             THEN pg_catalog.set_config('{name}', {who}, true) END"
        )
    };
    let names = ["session_authorization", "role"];
    let keep = names.map(|name| {
        let now = format!("pg_catalog.current_setting('{name}')");
        format!("pg_catalog.set_config('embed_migrations.{name}', {now}, true)")
    });
    let before =
        names.map(|name| become_(name, &format!("pg_catalog.json_extract_path_text({kept}, '{name}')")));
    let now =
        names.map(|name| become_(name, &format!("pg_catalog.current_setting('embed_migrations.{name}')")));
    [format!("SELECT {}, {}", keep.join(", "), before.join(", ")), format!("SELECT {}", now.join(", "))]
}

/// Whether a statement resets even what is kept for the transaction.
#[inline]
pub(crate) fn resets_all(script: &Script, text: &str) -> bool {
    script.statements.iter().any(|statement| {
        let mut words = text[statement.range.clone()].split_whitespace();
        words.next().is_some_and(|word| word.eq_ignore_ascii_case("reset"))
            && words.next().is_some_and(|word| word.eq_ignore_ascii_case("all"))
    })
}

/// The statement that makes the search path what the session began with, if one does.
#[inline]
pub(crate) fn resets_path<'t>(script: &Script, text: &'t str, from: usize) -> Option<&'t str> {
    let resets = |sql: &&str| {
        let mut words = sql.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
        let mut next = || words.next().unwrap_or_default().to_ascii_lowercase();
        match next().as_str() {
            "reset" => matches!(next().as_str(), "all" | "search_path"),
            "discard" => next() == "all",
            "set" => {
                let mut name = next();
                if matches!(name.as_str(), "session" | "local") {
                    name = next();
                }
                let value = next();
                name == "search_path" && (value == "default" || value == "to" && next() == "default")
            }
            _ => false,
        }
    };
    script.statements.iter().skip(from).map(|statement| &text[statement.range.clone()]).find(resets)
}

/// The names with a dot that a statement sets.
#[inline]
fn custom_names(sql: &str, names: &mut Vec<String>) {
    let mut keep = |name: &str| {
        let name = name.replace('"', "");
        if let (true, Err(place)) = (name.contains('.'), names.binary_search(&name)) {
            names.insert(place, name);
        }
    };
    let mut words = sql.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
    if words.next().is_some_and(|word| word.eq_ignore_ascii_case("set") || word.eq_ignore_ascii_case("reset"))
    {
        let name =
            words.find(|word| !word.eq_ignore_ascii_case("session") && !word.eq_ignore_ascii_case("local"));
        keep(name.unwrap_or_default());
    }
    let lower = sql.to_ascii_lowercase();
    for (at, call) in lower.match_indices("set_config") {
        let rest = sql[at + call.len()..].trim_start_matches('"').trim_start();
        let first = rest.strip_prefix('(').map(str::trim_start).and_then(|rest| rest.strip_prefix('\''));
        if let Some((name, _)) = first.and_then(|rest| rest.split_once('\'')) {
            keep(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_nobody_are_found_in_the_text() {
        let names = |sql: &str| {
            let mut names = Vec::new();
            custom_names(sql, &mut names);
            names
        };
        assert_eq!(names("SET app.user = 'a'"), ["app.user"]);
        assert_eq!(names("set session \"app\".\"user\" TO 'a'"), ["app.user"]);
        assert_eq!(names("RESET app.user"), ["app.user"]);
        assert_eq!(
            names("SELECT set_config('a.b', '1', false), set_config ( 'c.d', '', true)"),
            ["a.b", "c.d"]
        );
        assert!(names("SET search_path = a, b.c").is_empty());
    }

    #[test]
    fn a_timeout_below_a_millisecond_is_not_none() {
        let options =
            SectionOptions { lock_timeout: Some(Duration::from_nanos(1)), ..SectionOptions::default() };
        let set = set_timeouts(&options, true).unwrap();
        assert_eq!(set, "SELECT pg_catalog.set_config('lock_timeout', '1ms', true)");
        assert_eq!(set_timeouts(&SectionOptions::default(), true), None);
    }
}
