//! The set of revisions that a binary carries.

use std::borrow::Cow;
use std::sync::OnceLock;

use migrate_revision::graph::{Applied, Graph, Index};
use migrate_revision::{
    Backend, Body, Checksum, Direction, Encoded, InvalidEncoding, Links, Revision, Window, decode,
};

use crate::data::Data;
use crate::db::RustRevision;
use crate::{Error, ErrorKind, Result};

mod stale;
mod typed;

pub use self::typed::{EmbeddedRevision, IntoTarget, Position};

/// The revisions of one directory, as `embed_migrations!` put them into the binary.
///
/// It is made without running any code, and decoded when a run first finds something to do.
#[derive(Debug)]
pub struct Migrations {
    embedded: Embedded,
    decoded: OnceLock<Option<Decoded>>,
}

/// What the macro writes. Not for use by hand: its fields follow the macro of the same version.
#[doc(hidden)]
#[derive(Debug)]
pub struct Embedded {
    /// Where the revisions' rows are kept apart from those of other sets
    pub namespace: Cow<'static, str>,
    /// The module that the call has become, by its path; empty for a set that was read at run time
    pub module: &'static str,
    /// The directory, as the call names it
    pub directory: Cow<'static, str>,
    /// The directory on the machine that built it; only where builds have debug assertions
    pub source_directory: Option<&'static str>,
    /// The files' texts, in the order of the revisions; empty for Rust revisions
    pub texts: Texts,
    /// The revisions as `migrate_revision::encode` writes them
    pub revisions: Cow<'static, [u8]>,
    /// Their links as `migrate_revision::encode_links` writes them
    pub links: Cow<'static, [u8]>,
    /// The ids of the heads on which nothing stands, sorted and joined by commas
    pub heads: Cow<'static, str>,
    /// Whether there is only one that nothing revises
    pub one_head: bool,
    /// The chain digest of the heads per backend; `None` where the set is not for the backend
    pub digests: [Option<[u8; 32]>; 4],
    /// The backends whose sections the build has looked for
    pub sought: [bool; 4],
    /// The functions of the Rust revisions, in the order of the revisions
    pub rust: &'static [RustRevision],
    /// The files under `data/`
    pub data: Option<&'static Data>,
}

/// The texts of revision files.
#[doc(hidden)]
#[derive(Debug)]
pub enum Texts {
    /// In the binary
    Static(&'static [&'static str]),
    /// Read at run time
    Owned(Vec<String>),
}

/// Revisions of a set out of its bytes: all of them, or those that a run needs.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) revisions: Vec<Revision>,
    pub(crate) graph: Graph,
    /// The place of each in the set; `None` where all are there
    places: Option<Vec<Index>>,
}

impl Decoded {
    /// The place of a revision among these.
    pub(crate) fn index_of(&self, id: &str) -> Option<Index> {
        // Labels are names of the graph as well.
        self.graph.named(id).filter(|&index| self.revisions[index].id.as_str() == id)
    }

    /// The place in the whole set of a revision.
    pub(crate) fn place(&self, index: Index) -> Index {
        self.places.as_ref().map_or(index, |places| places[index])
    }

    /// The ids of revisions, sorted.
    pub(crate) fn names(&self, indices: &[Index]) -> Vec<String> {
        let mut names: Vec<String> =
            indices.iter().map(|&index| self.revisions[index].id.to_string()).collect();
        names.sort_unstable();
        names
    }
}

impl Migrations {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(embedded: Embedded) -> Self {
        Self { embedded, decoded: OnceLock::new() }
    }

    /// A set of the revisions in a directory, read now.
    ///
    /// # Errors
    /// Every problem of the directory.
    #[cfg(feature = "_source")]
    #[doc(hidden)]
    pub fn from_resolved(resolved: migrate_revision::source::Resolved, namespace: &str) -> Self {
        let heads = crate::history::join_heads(resolved.heads().iter().map(|id| id.as_str()));
        let digests = resolved.digests();
        let links = migrate_revision::encode_links(&resolved.revisions, &resolved.graph, &digests);
        let digests = digests.whole().map(|digest| digest.map(|digest| *digest.as_bytes()));
        Self::new(Embedded {
            namespace: namespace.to_owned().into(),
            module: "",
            directory: resolved.path.display().to_string().into(),
            source_directory: None,
            revisions: migrate_revision::encode(&resolved.revisions).into(),
            links: links.into(),
            texts: Texts::Owned(resolved.sources.into_iter().map(|source| source.text).collect()),
            heads: heads.into(),
            one_head: resolved.graph.heads().len() == 1,
            digests,
            // Commands look for those of the database that they are at.
            sought: [true; 4],
            rust: &[],
            data: None,
        })
    }

    /// Where the set's rows are kept apart from those of other sets in the same table.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.embedded.namespace
    }

    /// The backends that every revision covers.
    pub fn backends(&self) -> impl Iterator<Item = Backend> + '_ {
        Backend::ALL.into_iter().filter(|backend| self.embedded.digests[backend.index()].is_some())
    }

    /// The revisions, sorted by file name.
    #[must_use]
    pub fn revisions(&self) -> &[Revision] {
        self.decoded().map_or(&[], |decoded| &decoded.revisions)
    }

    /// Whether `head` means something.
    pub(crate) fn has_one_head(&self) -> bool {
        self.embedded.one_head
    }

    /// The ids of the heads, sorted and joined by commas.
    pub(crate) fn heads(&self) -> &str {
        &self.embedded.heads
    }

    /// The chain digest of the whole set.
    ///
    /// # Errors
    /// When the set is not for the backend.
    pub(crate) fn digest(&self, backend: Backend) -> Result<Checksum> {
        let digest = self.embedded.digests[backend.index()].map(Checksum::from_bytes);
        digest.ok_or_else(|| {
            let lacks = |revision: &&Revision| !revision.covers(backend, Direction::Up);
            let why = match self.revisions().iter().find(lacks) {
                Some(revision) if self.embedded.sought[backend.index()] => {
                    format!("{} has no section for it", self.path(revision))
                }
                _ => {
                    let feature = if backend.is_mysql_like() { Backend::Mysql } else { backend };
                    format!(
                        "the build left it out\n\nhint: turn on the feature `{feature}` of embed-migrations; where the \
                         call of `embed_migrations!` has `backends`, name it there as well"
                    )
                }
            };
            Error::new(ErrorKind::Unsupported, format!("these migrations are not for {backend}: {why}"))
        })
    }

    /// The set's revisions and graph.
    ///
    /// # Errors
    /// When a build mixed different versions of the macro and the runtime.
    pub(crate) fn decoded(&self) -> Result<&Decoded> {
        let decoded = self.decoded.get_or_init(|| {
            let revisions = decode(&self.embedded.revisions).ok()?;
            let graph = Graph::new(&revisions).ok()?;
            Some(Decoded { revisions, graph, places: None })
        });
        decoded.as_ref().ok_or_else(|| stale(InvalidEncoding))
    }

    /// What an upgrade to the heads needs of the set where a database has these heads, and what was in force there. `None`
    /// if it needs the whole, the set does not have one of them, or the whole is there already.
    ///
    /// # Errors
    /// As [`decoded`](Self::decoded).
    pub(crate) fn window(&self, heads: &[String]) -> Result<Option<(Decoded, Applied)>> {
        if heads.is_empty() || self.decoded.get().is_some() {
            return Ok(None);
        }
        let encoded = Encoded::open(&self.embedded.revisions).map_err(stale)?;
        let links = self.links()?;
        let find = |id: &str| links.find(encoded, id).map_err(stale);
        let Some(applied) = heads.iter().map(|id| find(id)).collect::<Result<Option<Vec<Index>>>>()? else {
            return Ok(None);
        };
        let tops = self.heads().split(',').filter(|head| !head.is_empty()).map(find);
        let tops: Option<Vec<Index>> = tops.collect::<Result<_>>()?;
        let tops = tops.ok_or_else(|| stale(InvalidEncoding))?;
        let window = Window::between(encoded, links, &tops, &applied).map_err(stale)?;
        let Window { revisions, graph, places, base } = window;
        Ok(Some((Decoded { revisions, graph, places: Some(places) }, base)))
    }

    fn links(&self) -> Result<Links<'_>> {
        Links::open(&self.embedded.links).map_err(stale)
    }

    /// The chain digest of heads, which are places in the set, as the history records it.
    ///
    /// # Errors
    /// When something in it has no section for the backend.
    pub(crate) fn chain(&self, heads: &[Index], backend: Backend) -> Result<String> {
        let digest = self.links()?.chain(heads, backend).map_err(stale)?;
        digest.map(|digest| digest.to_string()).ok_or_else(|| not_covered(backend))
    }

    /// The text that a revision's ranges refer to.
    pub(crate) fn text(&self, index: usize, revision: &Revision) -> Cow<'_, str> {
        let text = self.file_text(index);
        match &revision.body {
            Body::Sql(body) if body.needs_normalising => {
                text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").into()
            }
            _ => text.into(),
        }
    }

    /// The text of a revision's file; empty if it is Rust.
    fn file_text(&self, index: usize) -> &str {
        match &self.embedded.texts {
            Texts::Static(texts) => texts.get(index).copied().unwrap_or_default(),
            Texts::Owned(texts) => texts.get(index).map(String::as_str).unwrap_or_default(),
        }
    }

    /// The functions of a Rust revision.
    pub(crate) fn rust(&self, index: usize) -> Option<&'static RustRevision> {
        self.embedded.rust.iter().find(|rust| rust.index == index)
    }

    pub(crate) fn data(&self) -> Option<&'static Data> {
        self.embedded.data
    }

    /// A revision's file, as messages name it.
    pub(crate) fn path(&self, revision: &Revision) -> String {
        format!("{}/{}", self.embedded.directory, revision.file_name())
    }

    /// For commands. No part of the public interface.
    #[doc(hidden)]
    #[must_use]
    pub fn file_of(&self, revision: &Revision) -> String {
        self.path(revision)
    }

    /// For commands. No part of the public interface.
    #[doc(hidden)]
    #[must_use]
    pub fn text_of(&self, index: Index) -> Cow<'_, str> {
        self.revisions().get(index).map_or(Cow::Borrowed(""), |revision| self.text(index, revision))
    }

    /// For commands. No part of the public interface.
    #[doc(hidden)]
    pub fn graph(&self) -> Result<&Graph> {
        Ok(&self.decoded()?.graph)
    }
}

pub(crate) fn not_covered(backend: Backend) -> Error {
    Error::new(ErrorKind::Unsupported, format!("a revision that is applied has no section for {backend}"))
}

/// The error of bytes that another version wrote.
fn stale(error: InvalidEncoding) -> Error {
    Error::new(ErrorKind::Stale, error.to_string())
}
