//! Revisions by name, and what else says where to go.

use std::any::Any;
use std::borrow::Cow;
use std::ptr;

use migrate_revision::{Origin, Revision, Target};

use super::Migrations;
use crate::report::EditedRevision;
use crate::{Error, ErrorKind, Result};

/// A revision's place in its set.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Position {
    /// The set
    pub set: &'static Migrations,
    /// The revision's place in it
    pub index: usize,
}

/// A revision by name: `embed_migrations!` makes an enum with a variant for each, named after its slug, which is accepted
/// wherever a target is. A revision that is renamed or removed then no longer compiles where it is used.
pub trait EmbeddedRevision {
    #[doc(hidden)]
    fn at(&self) -> Position;

    /// The revision, with its id, message, parents and checksums.
    #[must_use]
    fn revision(&self) -> &'static Revision {
        let Position { set, index } = self.at();
        &set.revisions()[index]
    }

    /// Its id.
    #[must_use]
    fn id(&self) -> &'static str {
        self.revision().id.as_str()
    }

    /// The first line of its header.
    #[must_use]
    fn message(&self) -> &'static str {
        &self.revision().message
    }

    /// The SQL file's text; empty for a Rust revision.
    #[must_use]
    fn sql(&self) -> Cow<'static, str> {
        let Position { set, index } = self.at();
        set.text(index, self.revision())
    }
}

/// A target, from text or from a revision of the set.
pub trait IntoTarget {
    /// The target.
    fn into_target(self) -> Target;
}

impl<R: EmbeddedRevision> IntoTarget for R {
    fn into_target(self) -> Target {
        Target::Of { id: self.id().to_owned(), set: Origin(self.at().set) }
    }
}

impl IntoTarget for &EditedRevision {
    fn into_target(self) -> Target {
        Target::Exact(self.revision.clone())
    }
}

impl IntoTarget for Target {
    fn into_target(self) -> Target {
        self
    }
}

impl IntoTarget for &str {
    fn into_target(self) -> Target {
        self.into()
    }
}

impl IntoTarget for String {
    fn into_target(self) -> Target {
        self.into()
    }
}

impl IntoTarget for &String {
    fn into_target(self) -> Target {
        self.into()
    }
}

impl Migrations {
    /// Holds the set of which a target names a revision against this one: in another the same id is something else.
    ///
    /// # Errors
    /// When it is another.
    pub(crate) fn admit(&self, target: &Target) -> Result<()> {
        let Some((revision, Origin(origin))) = target.origin() else { return Ok(()) };
        match (origin as &dyn Any).downcast_ref::<Self>() {
            Some(set) if self.has_files_of(set) => Ok(()),
            set => Err(Error::new(
                ErrorKind::Plan,
                format!(
                    "revision '{revision}' is one of {}, and these migrations are {}\n\n\
                     hint: name a revision of these, or call the verb on the other set",
                    set.map_or("another set".into(), Self::called),
                    self.called()
                ),
            )),
        }
    }

    /// Whether the revisions are the same, as where two calls embed one directory.
    fn has_files_of(&self, other: &Self) -> bool {
        let is_same = |place: usize, own: &Revision, others: &Revision| {
            // Those in Rust have no text here. Which backends a call is for makes no other revision of one.
            let mut checksums = own.checksums.iter().zip(&others.checksums);
            own.file_name() == others.file_name()
                && self.file_text(place) == other.file_text(place)
                && checksums.all(|(own, other)| own.is_none() || other.is_none() || own == other)
        };
        let (own, others) = (self.revisions(), other.revisions());
        ptr::eq(self, other)
            || own.len() == others.len()
                && own
                    .iter()
                    .zip(others)
                    .enumerate()
                    .all(|(place, (own, others))| is_same(place, own, others))
    }

    /// The set's name in Rust, or where it is from.
    fn called(&self) -> String {
        match self.embedded.module {
            "" => format!("those of `{}`", self.embedded.directory),
            module => format!("`{module}`"),
        }
    }
}
