//! One revision, as the build found it and as the binary carries it.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use crate::{Backend, Checksum, Object, RevisionId, StatementKind};

/// Up or down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the heads
    Up,
    /// Towards the bases
    Down,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

/// One step of the schema's history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revision {
    /// Its name
    pub id: RevisionId,
    /// The part of the file's name after the id
    pub slug: String,
    /// The first line of its prose, or the slug with spaces
    pub message: String,
    /// When it was written, as its header has it
    pub created: Option<String>,
    /// The revisions that it revises; none for a base, several for a merge
    pub revises: Vec<RevisionId>,
    /// The revisions or labels that must be applied before it without being parents
    pub depends_on: Vec<String>,
    /// The branch labels that it carries
    pub labels: Vec<String>,
    /// Whether a binary without this revision still runs on the schema that it makes; `None` if its header does not say
    pub compatible: Option<bool>,
    /// What it runs
    #[doc(hidden)]
    pub body: Body,
    /// Content checksum of its upgrade per backend, in the order of [`Backend::ALL`]; `None` where it has none
    pub checksums: [Option<Checksum>; 4],
}

/// What a revision runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// SQL from its file
    Sql(SqlBody),
    /// Functions of a Rust module
    Rust {
        /// Whether the module has a `down`
        down: bool,
        /// `foreign-keys: off`: SQLite does not enforce foreign keys while it runs, and checks them before the commit
        foreign_keys_off: bool,
    },
}

/// The scripts of an SQL revision.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqlBody {
    /// Whether the file has a byte order mark or CRLF line ends, which are taken out before ranges apply
    pub needs_normalising: bool,
    /// The distinct scripts of both directions
    pub scripts: Vec<Script>,
    /// Which script upgrades each backend, in the order of [`Backend::ALL`]
    pub up: [Option<u8>; 4],
    /// Which script downgrades each backend
    pub down: [Option<u8>; 4],
}

/// A section's statements as one dialect splits them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// Options of the section's marker
    pub options: SectionOptions,
    /// Its statements, in order
    pub statements: Vec<ScriptStatement>,
}

/// One statement of a [`Script`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptStatement {
    /// Bytes of the file's normalised text
    pub range: Range<usize>,
    /// What it does
    pub kind: StatementKind,
    /// Whether it can leave the session changed
    pub session_effect: bool,
    /// Hash of its tokens, by which an interrupted script is compared with an edited one. Zero in scripts that run in a
    /// transaction on every backend, which are never taken up in the middle
    pub hash: u64,
    /// The objects whose definition tells whether it was done. None in such scripts
    pub objects: Vec<Object>,
}

/// The options of a section's marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SectionOptions {
    /// `no-transaction`
    pub no_transaction: bool,
    /// `foreign-keys=off`: SQLite does not enforce foreign keys while it runs, and checks them before the commit
    pub foreign_keys_off: bool,
    /// `keeps-data`: rows that were there before the upgrade are there unchanged after up and down. A promise that
    /// `cargo migrate verify` holds the section to; runs do not look at it
    pub keeps_data: bool,
    /// `lock-timeout=`: how long a statement may wait for a lock
    pub lock_timeout: Option<Duration>,
    /// `statement-timeout=`: how long a statement may take
    pub statement_timeout: Option<Duration>,
}

impl Script {
    /// Whether the script and its history row run in one transaction on this backend.
    ///
    /// MySQL and MariaDB commit at every DDL statement, so there only a script of row changes does.
    #[must_use]
    pub fn is_transactional(&self, backend: Backend) -> bool {
        use StatementKind::{Dml, Query, Savepoint, Session};
        !self.options.no_transaction
            && (!backend.is_mysql_like()
                || self.statements.iter().all(|s| matches!(s.kind, Query | Dml | Session | Savepoint)))
    }
}

impl Revision {
    /// A revision of which nothing but the name is known: a base whose Rust module can go both ways.
    #[must_use]
    pub fn new(id: RevisionId) -> Self {
        Self {
            slug: id.to_string(),
            message: id.to_string(),
            id,
            created: None,
            revises: Vec::new(),
            depends_on: Vec::new(),
            labels: Vec::new(),
            compatible: None,
            body: Body::Rust { down: true, foreign_keys_off: false },
            checksums: [None; 4],
        }
    }

    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        let extension = match self.body {
            Body::Sql(_) => "sql",
            Body::Rust { .. } => "rs",
        };
        format!("{}_{}.{extension}", self.id, self.slug)
    }

    /// The script that takes this backend in this direction; `None` if there is none or the revision is Rust.
    #[must_use]
    pub fn script(&self, backend: Backend, direction: Direction) -> Option<&Script> {
        let Body::Sql(body) = &self.body else { return None };
        let scripts = match direction {
            Direction::Up => &body.up,
            Direction::Down => &body.down,
        };
        body.scripts.get(usize::from(scripts[backend.index()]?))
    }

    /// Whether the revision can take this backend in this direction.
    #[must_use]
    pub fn covers(&self, backend: Backend, direction: Direction) -> bool {
        match (&self.body, direction) {
            (Body::Rust { .. }, Direction::Up) => true,
            (Body::Rust { down, .. }, Direction::Down) => *down,
            (Body::Sql(_), _) => self.script(backend, direction).is_some(),
        }
    }

    /// Whether SQLite enforces no foreign keys while the revision takes this backend in this direction.
    #[must_use]
    pub fn foreign_keys_off(&self, backend: Backend, direction: Direction) -> bool {
        match &self.body {
            Body::Rust { foreign_keys_off, .. } => *foreign_keys_off,
            Body::Sql(_) => {
                self.script(backend, direction).is_some_and(|script| script.options.foreign_keys_off)
            }
        }
    }

    /// The content checksum of its upgrade on a backend.
    #[must_use]
    pub fn checksum(&self, backend: Backend) -> Option<Checksum> {
        self.checksums[backend.index()]
    }
}
