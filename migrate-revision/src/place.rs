//! Where a new revision goes: what its header says of others.

use std::fmt;

use crate::graph::Index;
use crate::labels::Labels;
use crate::{Resolver, RevisionId, Target, TargetError};

/// What is asked of a new revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRevision {
    /// Its id, if that is settled already
    pub id: Option<RevisionId>,
    /// What it goes on top of: several for a merge, `base` for a new base
    pub on: Vec<Target>,
    /// Whether those may be other than heads
    pub splice: bool,
    /// What it depends on
    pub depends_on: Vec<Target>,
    /// The labels that it carries
    pub labels: Vec<String>,
}

impl Default for NewRevision {
    /// On top of the only head.
    fn default() -> Self {
        Self { id: None, on: vec![Target::Head], splice: false, depends_on: Vec::new(), labels: Vec::new() }
    }
}

/// What the header of a new revision says of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its parents, in the order in which they were asked for
    pub revises: Vec<RevisionId>,
    /// Its dependencies: labels as they are, ids whole
    pub depends_on: Vec<String>,
    /// Its labels
    pub labels: Vec<String>,
}

/// Why a new revision has no place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaceError {
    /// A target leads nowhere
    Target(TargetError),
    /// It would go on top of a revision that has children already
    NotAHead(RevisionId),
    /// It would go on top of one revision twice
    Twice(RevisionId),
    /// Its id is taken
    IdTaken(RevisionId),
    /// Its label is a name already
    LabelTaken {
        /// The label
        label: String,
        /// The revision that has the name
        holder: RevisionId,
    },
    /// `base` cannot be depended on
    NoDependency(String),
    /// It depends on a revision that has its own id
    OnItself(RevisionId),
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(error) => error.fmt(f),
            Self::NotAHead(id) => write!(
                f,
                "revision '{id}' is not a head revision; `--splice` begins a new branch from it all the same"
            ),
            Self::Twice(id) => write!(f, "duplicate head revisions specified: '{id}' is there twice"),
            Self::IdTaken(id) => write!(f, "revision id '{id}' is taken"),
            Self::LabelTaken { label, holder } => {
                write!(f, "label '{label}' is already that of revision '{holder}'")
            }
            Self::NoDependency(name) => write!(f, "'{name}' is no revision that another can depend on"),
            Self::OnItself(id) => write!(f, "revision '{id}' would stand on itself"),
        }
    }
}

impl std::error::Error for PlaceError {}

impl From<TargetError> for PlaceError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl Resolver<'_> {
    /// Finds the place of a new revision.
    ///
    /// # Errors
    /// When a target leads nowhere or where nothing may be put, or a name is taken.
    #[inline]
    pub fn place_new(&self, new: &NewRevision) -> Result<Placed, PlaceError> {
        let mut parents: Vec<Index> = Vec::new();
        for target in &new.on {
            parents.extend(self.all(target)?);
        }
        for (place, parent) in parents.iter().enumerate() {
            if parents[..place].contains(parent) {
                return Err(PlaceError::Twice(self.id(*parent)));
            }
        }
        if !new.splice
            && let Some(&parent) = parents.iter().find(|parent| !self.graph.heads().contains(parent))
        {
            return Err(PlaceError::NotAHead(self.id(parent)));
        }
        let depends_on = self.dependencies(&new.depends_on)?;
        if let Some(id) = &new.id {
            if parents.iter().any(|&parent| self.revisions[parent].id == *id)
                || depends_on.iter().any(|name| name == id.as_str())
            {
                return Err(PlaceError::OnItself(id.clone()));
            }
            if self.graph.named(id.as_str()).is_some() {
                return Err(PlaceError::IdTaken(id.clone()));
            }
        }
        for label in &new.labels {
            if let Some(holder) = self.graph.named(label) {
                return Err(PlaceError::LabelTaken { label: label.clone(), holder: self.id(holder) });
            }
        }
        Ok(Placed { revises: self.ids(&parents), depends_on, labels: new.labels.clone() })
    }

    fn dependencies(&self, targets: &[Target]) -> Result<Vec<String>, PlaceError> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let labels = Labels::new(self.revisions, self.graph);
        let mut names = Vec::new();
        for target in targets {
            let text = target.to_string();
            let Some(index) = self.one(target)? else { return Err(PlaceError::NoDependency(text)) };
            let keeps = labels.of(index).contains(&text.as_str());
            names.push(if keeps { text } else { self.id(index).to_string() });
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::testing::revision;

    #[test]
    fn a_name_that_is_taken_and_a_place_that_is_none_are_refused() {
        let mut revisions = [revision("a", &[]), revision("b", &["a"])];
        revisions[0].labels.push("billing".into());
        let graph = Graph::new(&revisions).unwrap();
        let place = |new: NewRevision| Resolver { revisions: &revisions, graph: &graph }.place_new(&new);
        let id = |text: &str| text.parse::<RevisionId>().unwrap();
        let new = NewRevision::default;

        assert_eq!(place(new()).unwrap().revises, [id("b")]);
        assert_eq!(place(NewRevision { id: Some(id("b")), ..new() }), Err(PlaceError::OnItself(id("b"))));
        assert_eq!(place(NewRevision { id: Some(id("a")), ..new() }), Err(PlaceError::IdTaken(id("a"))));
        assert_eq!(
            place(NewRevision { labels: vec!["billing".into()], ..new() }),
            Err(PlaceError::LabelTaken { label: "billing".into(), holder: id("a") })
        );
        assert_eq!(
            place(NewRevision { depends_on: vec![Target::Base], ..new() }),
            Err(PlaceError::NoDependency("base".into()))
        );
        let on_a = || NewRevision { on: vec!["a".into()], ..new() };
        assert_eq!(place(on_a()), Err(PlaceError::NotAHead(id("a"))));
        let spliced = NewRevision { splice: true, depends_on: vec!["billing".into(), "b".into()], ..on_a() };
        assert_eq!(place(spliced).unwrap().depends_on, ["billing", "b"]);
    }
}
