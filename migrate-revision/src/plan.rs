//! What a run will do: the steps from the revisions in force to a target.

use std::fmt;

use crate::graph::{Applied, Graph, Index};
use crate::order::downwards;
use crate::resolve::Resolver;
use crate::{Backend, Direction, Revision, RevisionId, Target, TargetError};

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The revision, by its place among those that were planned over
    pub index: Index,
    /// Up or down
    pub direction: Direction,
    /// The heads once the step is done
    pub heads: Vec<Index>,
}

/// The steps to a target, in an order in which each may be taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Steps(Vec<Step>);

impl Steps {
    /// The steps in order.
    #[must_use]
    pub fn as_slice(&self) -> &[Step] {
        &self.0
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of steps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Where a run leads, in revisions instead of words: it stays the same while others change the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// Whether the revisions are to be in force or out of force
    pub direction: Direction,
    /// Sorted; all that it takes
    revisions: Vec<Index>,
    /// What an upgrade was asked for by name, which settles the order of what is below
    tops: Vec<Index>,
}

impl Default for Goal {
    /// To have nothing more in force than there is.
    fn default() -> Self {
        Self { direction: Direction::Up, revisions: Vec::new(), tops: Vec::new() }
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// The target leads nowhere
    Target(TargetError),
    /// A revision on the way cannot be undone
    Irreversible(RevisionId),
    /// A revision on the way has nothing for the backend
    NotCovered(RevisionId, Backend),
    /// A revision stands on one that is to be undone, and was not there when the goal was set
    Carries(RevisionId),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(error) => error.fmt(f),
            Self::Irreversible(id) => write!(
                f,
                "revision '{id}' is irreversible: it has no section that undoes it; nothing was changed"
            ),
            Self::NotCovered(id, backend) => {
                write!(f, "revision '{id}' has no section for {backend}; nothing was changed")
            }
            Self::Carries(id) => {
                write!(f, "revision '{id}' was applied meanwhile and stands on one that is to be undone")
            }
        }
    }
}

impl std::error::Error for PlanError {}

impl From<TargetError> for PlanError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

/// Plans over one set and one backend.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    /// The set, in its own order
    pub revisions: &'a [Revision],
    /// Its graph
    pub graph: &'a Graph,
    /// Where the plan will run
    pub backend: Backend,
}

impl<'a> Planner<'a> {
    /// What finds the revisions that targets mean.
    #[must_use]
    pub fn resolver(&self) -> Resolver<'a> {
        Resolver { revisions: self.revisions, graph: self.graph }
    }

    /// What an upgrade to the target means in this state.
    ///
    /// # Errors
    /// When the target leads nowhere.
    pub fn upgrade(&self, target: &Target, applied: &Applied) -> Result<Goal, PlanError> {
        self.upgrade_all(std::slice::from_ref(target), applied)
    }

    /// What an upgrade to several targets means in this state.
    ///
    /// # Errors
    /// When a target leads nowhere, or two of them to revisions that stand on each other.
    pub fn upgrade_all(&self, targets: &[Target], applied: &Applied) -> Result<Goal, PlanError> {
        let resolver = self.resolver();
        let mut tops = Vec::new();
        for target in targets {
            no_range(target)?;
            tops.extend(resolver.upgrade(target, applied)?);
        }
        resolver.no_overlap(&tops)?;
        let revisions = self.graph.closure(tops.iter().copied()).iter().collect();
        Ok(Goal { direction: Direction::Up, revisions, tops })
    }

    /// What a downgrade to the target means in this state.
    ///
    /// # Errors
    /// When the target leads nowhere or is not applied.
    pub fn downgrade(&self, target: &Target, applied: &Applied) -> Result<Goal, PlanError> {
        no_range(target)?;
        let drop = self.resolver().downgrade(target, applied)?;
        let revisions = (0..self.graph.len()).filter(|&index| drop[index]).collect();
        Ok(Goal { direction: Direction::Down, revisions, tops: Vec::new() })
    }

    /// What a script for an upgrade takes: the state that it starts from, and its goal. The text is a target, or `from:to`.
    ///
    /// # Errors
    /// When an end leads nowhere.
    pub fn offline_upgrade(&self, text: &str) -> Result<(Applied, Goal), PlanError> {
        let (from, to) = text.split_once(':').unwrap_or(("base", text));
        let applied = self.start_of_script(from)?;
        let goal = self.upgrade(&to.into(), &applied)?;
        Ok((applied, goal))
    }

    /// What a script for a downgrade takes: the state that it starts from, and its goal. The text is `from:to`.
    ///
    /// # Errors
    /// When an end is missing or leads nowhere.
    pub fn offline_downgrade(&self, text: &str) -> Result<(Applied, Goal), PlanError> {
        let Some((from, to)) = text.split_once(':') else {
            return Err(TargetError::NotARange(text.to_owned()).into());
        };
        let applied = self.start_of_script(from)?;
        let goal = self.downgrade(&to.into(), &applied)?;
        Ok((applied, goal))
    }

    /// What a script for a stamp takes: the state that it starts from, and the one after it. The text is a target, or
    /// `from:to`.
    ///
    /// # Errors
    /// When an end leads nowhere.
    pub fn offline_stamp(&self, text: &str) -> Result<(Applied, Applied), PlanError> {
        let (from, to) = text.split_once(':').unwrap_or(("base", text));
        let applied = self.start_of_script(from)?;
        let to = to.into();
        no_range(&to)?;
        let stamped = self.stamp(&to, &applied)?;
        Ok((applied, stamped))
    }

    /// The state that a script begins at: a target, or several with commas between them.
    fn start_of_script(&self, from: &str) -> Result<Applied, PlanError> {
        let from = if from.is_empty() { "base" } else { from };
        let mut heads = Vec::new();
        for head in from.split(',') {
            heads.extend(self.resolver().one(&head.trim().into()).map_err(|error| match error {
                TargetError::MultipleHeads(heads) => TargetError::MultipleStarts(heads),
                error => error,
            })?);
        }
        Ok(self.graph.closure(heads))
    }

    /// The steps that are missing to a goal.
    ///
    /// # Errors
    /// When a revision on the way cannot be undone, has nothing for the backend, or carries others that the goal does
    /// not name.
    pub fn steps(&self, goal: &Goal, applied: &Applied) -> Result<Steps, PlanError> {
        let up = goal.direction == Direction::Up;
        let missing: Vec<Index> =
            goal.revisions.iter().copied().filter(|&index| applied.contains(index) != up).collect();
        let mut chosen = vec![false; self.graph.len()];
        missing.iter().for_each(|&index| chosen[index] = true);
        if !up {
            let above = self.graph.descendants(missing.iter().copied());
            if let Some(index) = applied.iter().find(|&i| above[i] && !chosen[i]) {
                return Err(PlanError::Carries(self.revisions[index].id.clone()));
            }
        }
        let order = if up {
            let mut order = downwards(self.graph, &chosen, &goal.tops);
            order.reverse();
            order
        } else {
            let heads: Vec<Index> = applied.heads().to_vec();
            downwards(self.graph, &chosen, &heads)
        };
        self.taken(goal.direction, order, applied)
    }

    /// The revisions in force after a stamp.
    ///
    /// # Errors
    /// When the target leads nowhere.
    pub fn stamp(&self, target: &Target, applied: &Applied) -> Result<Applied, PlanError> {
        Ok(self.resolver().stamp(std::slice::from_ref(target), applied)?)
    }

    /// The steps one after the other, with the heads after each.
    fn taken(&self, direction: Direction, indices: Vec<Index>, from: &Applied) -> Result<Steps, PlanError> {
        if let Some(&index) = indices.iter().find(|&&i| !self.revisions[i].covers(self.backend, direction)) {
            let id = self.revisions[index].id.clone();
            return Err(match direction {
                Direction::Up => PlanError::NotCovered(id, self.backend),
                Direction::Down => PlanError::Irreversible(id),
            });
        }
        let mut applied = from.clone();
        let steps = indices.into_iter().map(|index| {
            match direction {
                Direction::Up => applied.add(self.graph, index),
                Direction::Down => applied.remove(self.graph, index),
            }
            Step { index, direction, heads: applied.heads().to_vec() }
        });
        Ok(Steps(steps.collect()))
    }
}

pub(crate) fn no_range(target: &Target) -> Result<(), TargetError> {
    let text = target.to_string();
    match text.split_once(':') {
        Some(_) => Err(TargetError::Range(text)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::revision;
    use crate::{Body, Script, SqlBody};

    fn reversible(id: &str, revises: &[&str]) -> Revision {
        let body = SqlBody {
            scripts: vec![Script::default()],
            up: [Some(0); 4],
            down: [Some(0); 4],
            ..SqlBody::default()
        };
        Revision { body: Body::Sql(body), ..revision(id, revises) }
    }

    fn diamond() -> Vec<Revision> {
        [("a", &[][..]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"])]
            .map(|(id, revises)| reversible(id, revises))
            .into()
    }

    fn run(
        planner: &Planner<'_>,
        direction: Direction,
        target: &Target,
        applied: &Applied,
    ) -> Result<Steps, PlanError> {
        let goal = match direction {
            Direction::Up => planner.upgrade(target, applied)?,
            Direction::Down => planner.downgrade(target, applied)?,
        };
        planner.steps(&goal, applied)
    }

    #[test]
    fn an_upgrade_takes_what_is_missing_and_says_the_heads_after_each_step() {
        let revisions = diamond();
        let graph = Graph::new(&revisions).unwrap();
        let planner = Planner { revisions: &revisions, graph: &graph, backend: Backend::Postgres };
        let steps = run(&planner, Direction::Up, &Target::Head, &graph.closure([1])).unwrap();
        let seen: Vec<_> = steps.as_slice().iter().map(|step| (step.index, step.heads.clone())).collect();
        assert_eq!(seen, [(2, vec![1, 2]), (3, vec![3])]);
    }

    #[test]
    fn a_downgrade_goes_the_other_way() {
        let revisions = diamond();
        let graph = Graph::new(&revisions).unwrap();
        let planner = Planner { revisions: &revisions, graph: &graph, backend: Backend::Sqlite };
        let steps = run(&planner, Direction::Down, &Target::Base, &graph.closure([3])).unwrap();
        let seen: Vec<_> = steps.as_slice().iter().map(|step| (step.index, step.heads.clone())).collect();
        assert_eq!(seen, [(3, vec![1, 2]), (1, vec![2]), (2, vec![0]), (0, vec![])]);
    }

    #[test]
    fn a_way_over_an_irreversible_revision_is_refused_before_any_step() {
        let mut revisions = diamond();
        let Body::Sql(body) = &mut revisions[0].body else { unreachable!() };
        body.down = [None; 4];
        let graph = Graph::new(&revisions).unwrap();
        let planner = Planner { revisions: &revisions, graph: &graph, backend: Backend::Sqlite };
        assert_eq!(
            run(&planner, Direction::Down, &Target::Base, &graph.closure([3])),
            Err(PlanError::Irreversible("a".parse().unwrap()))
        );
        assert_eq!(run(&planner, Direction::Down, &"a".into(), &graph.closure([3])).unwrap().len(), 3);
    }

    #[test]
    fn what_others_put_on_top_meanwhile_is_not_undone_in_passing() {
        let revisions = [reversible("a", &[]), reversible("b", &["a"])];
        let graph = Graph::new(&revisions).unwrap();
        let planner = Planner { revisions: &revisions, graph: &graph, backend: Backend::Sqlite };
        let goal = planner.downgrade(&"-1".into(), &graph.closure([0])).unwrap();
        assert_eq!(planner.steps(&goal, &graph.closure([1])), Err(PlanError::Carries("b".parse().unwrap())));
        assert!(planner.steps(&goal, &graph.closure([])).unwrap().is_empty());
    }
}
