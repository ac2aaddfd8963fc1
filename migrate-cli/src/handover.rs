//! What an application is told when `cargo migrate` hands a run over to it: which history the run is for.

use crate::{Error, Exit, environment};

const NAMESPACE: &str = "EMBED_MIGRATIONS_NAMESPACE";
const SCHEMA: &str = "EMBED_MIGRATIONS_SCHEMA";
const TABLE: &str = "EMBED_MIGRATIONS_TABLE";

/// A history: the table, and the namespace of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    namespace: String,
    /// Empty for the one that the database takes by itself
    schema: String,
    table: String,
}

impl History {
    /// The history of a set in this schema and table; `None` is the usual one.
    #[must_use]
    pub fn new(namespace: &str, schema: Option<&str>, table: Option<&str>) -> Self {
        Self {
            namespace: namespace.to_owned(),
            schema: schema.unwrap_or_default().to_owned(),
            table: table.unwrap_or("migrate_history").to_owned(),
        }
    }

    /// The variables by which an application is told that a run is handed over to it, and is for this history.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, &str); 3] {
        [(NAMESPACE, &self.namespace), (SCHEMA, &self.schema), (TABLE, &self.table)]
    }

    /// The history of the run that was handed over to this process, if one was.
    ///
    /// # Errors
    /// When a variable cannot be read.
    pub(crate) fn handed_over() -> Result<Option<Self>, Error> {
        let told = |name| environment::variable(name, Exit::Project);
        let Some(table) = told(TABLE)? else { return Ok(None) };
        let namespace = told(NAMESPACE)?.unwrap_or_default();
        // Where none is named the variable is empty, which some programs between the two do not pass on.
        Ok(Some(Self { namespace, schema: told(SCHEMA)?.unwrap_or_default(), table }))
    }

    /// Refuses a run that is for another history than that of this program.
    ///
    /// # Errors
    /// When it is.
    pub(crate) fn check_own(&self, own: &Self) -> Result<(), Error> {
        let parts = [
            ("namespace", &own.namespace, &self.namespace),
            ("schema", &own.schema, &self.schema),
            ("table", &own.table, &self.table),
        ];
        let Some((part, own, wanted)) = parts.into_iter().find(|(_, own, wanted)| own != wanted) else {
            return Ok(());
        };
        let named = |name: &str| if name.is_empty() { "none".to_owned() } else { format!("`{name}`") };
        let place = match part {
            "namespace" => "`embed_migrations!`".to_owned(),
            _ => format!("`Cli::{part}`"),
        };
        Err(Error::project(format!(
            "the run is for another history than that of this program: its {part} is {}, that of this program is {}; \
             nothing was done\n\nhint: `{part}` in `[package.metadata.migrate]` and {place} must say the same",
            named(wanted),
            named(own)
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_need_not_be_named() {
        let named = History::new("main", Some(""), Some("migrate_history"));
        assert!(History::new("main", None, None).check_own(&named).is_ok());
    }

    #[test]
    fn another_history_is_refused_with_what_differs() {
        let own = History::new("main", None, None);
        for (wanted, said) in [
            (History::new("app", None, None), "its namespace is `app`, that of this program is `main`"),
            (History::new("main", Some("ops"), None), "its schema is `ops`, that of this program is none"),
            (
                History::new("main", None, Some("h")),
                "its table is `h`, that of this program is `migrate_history`",
            ),
        ] {
            let error = wanted.check_own(&own).unwrap_err();
            assert_eq!(error.exit(), Exit::Project);
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
