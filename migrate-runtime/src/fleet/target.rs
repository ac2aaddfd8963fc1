//! What a fleet is made of: databases, and schemas of PostgreSQL.

use std::fmt;

use crate::dialect::postgres::check_name;
use crate::{Error, ErrorKind, Result};

/// A database, or a schema of one, to which a [`Fleet`](super::Fleet) applies its set.
///
/// Its URL may hold a password, and is shown nowhere: a target is known by its name.
#[derive(Clone, PartialEq, Eq)]
pub struct FleetTarget {
    name: String,
    url: String,
    schema: Option<String>,
    /// Whether the server said that the schema is there
    found: bool,
}

impl FleetTarget {
    /// The database of a URL, as for [`Migrations::connect`](crate::Migrations::connect). Its name is the URL without user, password
    /// and parameters.
    pub fn new(url: impl Into<String>) -> Self {
        let url = url.into();
        let name = shown(&url).unwrap_or_else(|| "a URL that cannot be read".into());
        Self { name, url, schema: None, found: false }
    }

    /// A schema of a database of PostgreSQL: while the revisions run it is the whole search path, and the history is in it. It
    /// is made if it is not there. Its name is that of the schema.
    ///
    /// What is elsewhere, such as extensions in `public`, is named with its schema by the revisions.
    pub fn schema(url: impl Into<String>, schema: impl Into<String>) -> Self {
        let schema = schema.into();
        Self { name: schema.clone(), url: url.into(), schema: Some(schema), found: false }
    }

    /// A schema that the server said is there, and that is not made again once it is gone.
    pub(super) fn found_schema(url: impl Into<String>, schema: impl Into<String>) -> Self {
        Self { found: true, ..Self::schema(url, schema) }
    }

    /// With another name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Its name, by which reports and events call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its URL can be read. For cargo-migrate and migrate-cli; no part of the public interface.
    #[doc(hidden)]
    #[must_use]
    pub fn is_readable(&self) -> bool {
        shown(&self.url).is_some()
    }

    /// An error of this target, whose hint may name commands: they are for it alone, and lead to another one unless they are told.
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres", feature = "mysql")),
        allow(dead_code, reason = "no target is reached")
    )]
    pub(super) fn names_itself_in(&self, error: Error) -> Error {
        if !error.to_string().contains("cargo migrate ") {
            return error;
        }
        let Some(schema) = &self.schema else {
            return error
                .with_hint("commands are for this target alone: give them its URL with `--database-url`");
        };
        // Of other names the server's rules for quoting would be needed, within those of its options and of a URL.
        let is_plain = schema.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let path = if is_plain { schema } else { "NAME" };
        error.with_hint(&format!(
            "commands are for the schema {schema:?} alone: give them `--database-url` with `options=-c%20search_path%3D{path}` behind its `?`"
        ))
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// By what its server is told apart from others: two ways to write one may be two. All files are one.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(super) fn server(&self) -> String {
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        if !self.is_sqlite()
            && let Ok(url) = crate::url::ServerUrl::parse(&self.url)
        {
            return url.server();
        }
        scheme(&self.url).to_owned()
    }

    /// Whether it is a file or in memory, and not on a server.
    pub(super) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// Whether the server said that its schema is there.
    #[cfg_attr(
        not(feature = "postgres"),
        allow(dead_code, reason = "only PostgreSQL has schemas in a database")
    )]
    pub(super) fn is_found(&self) -> bool {
        self.found
    }

    /// Its schema, if it can be the search path and is one of PostgreSQL.
    pub(super) fn checked_schema(&self) -> Result<Option<&str>> {
        let Some(schema) = &self.schema else { return Ok(None) };
        if !matches!(scheme(&self.url), "postgres" | "postgresql") {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a schema is named, and only those of PostgreSQL can be the targets of a fleet\n\n\
                 hint: name a database per target, each by its URL",
            ));
        }
        // The server puts others in the place of these, quoted or not.
        if schema.is_empty() || schema == "$user" || schema.starts_with("pg_") || schema.contains('\0') {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "the schema {schema:?} cannot be in a search path: the server takes the name for something else"
                ),
            ));
        }
        check_name("schema", schema)?;
        Ok(Some(schema))
    }
}

impl fmt::Debug for FleetTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetTarget").field("name", &self.name).finish_non_exhaustive()
    }
}

impl From<&str> for FleetTarget {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for FleetTarget {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

/// What a URL begins with.
pub(super) fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}

/// A URL without what may be secret, if it can be read.
fn shown(url: &str) -> Option<String> {
    match scheme(url) {
        "sqlite" => Some(url.split_once('?').map_or(url, |(path, _)| path).to_owned()),
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        "postgres" | "postgresql" | "mysql" | "mariadb" => {
            crate::url::ServerUrl::parse(url).ok().map(|url| url.shown())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_url_has_no_secrets() {
        assert_eq!(FleetTarget::new("sqlite:a.db?key=s3cr3t").name(), "sqlite:a.db");
        assert!(!FleetTarget::new("postgres:s3cr3t").is_readable());
        for url in [
            "s3cr3t",
            "oracle://u:s3cr3t@h",
            "postgres://u:s3cr3t@im?a=b@h/db",
            "postgres://u:s3cr3t@h/db?password=s3cr3t",
        ] {
            let target = FleetTarget::new(url);
            assert!(!format!("{target:?}{}", target.name()).contains("s3cr3t"), "{target:?}");
        }
        #[cfg(any(feature = "postgres", feature = "mysql"))]
        assert_eq!(FleetTarget::new("mysql://u:p@h:1/db?password=p").name(), "mysql://h:1/db");
    }

    #[test]
    fn what_the_server_takes_for_something_else_is_no_schema() {
        for schema in ["", "$user", "pg_temp", "pg_catalog", "a\0b", &"\u{fc}".repeat(32)] {
            let target = FleetTarget::schema("postgres://h/db", schema);
            assert_eq!(target.checked_schema().unwrap_err().kind(), ErrorKind::Unsupported);
        }
        for url in ["mysql://h/db", "sqlite:a.db"] {
            let target = FleetTarget::schema(url, "a");
            assert_eq!(target.checked_schema().unwrap_err().kind(), ErrorKind::Unsupported);
        }
        let target = FleetTarget::schema("postgres://h/db", "a\"; b\n");
        assert_eq!(target.checked_schema().unwrap(), Some("a\"; b\n"));
    }
}
