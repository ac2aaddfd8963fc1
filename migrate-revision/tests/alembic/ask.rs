//! Our answers to the recorded questions.

use migrate_revision::graph::{Applied, Graph, Index};
use migrate_revision::{
    Backend, Direction, End, Goal, Labels, NewRevision, PlanError, Planner, Resolver, Revision, Target,
    TargetError, TargetRange,
};
use serde_json::Value;

use crate::answer::{Answer, Fault, Taken, sorted};
use crate::cases::{Case, Op, texts};

/// Answers a question.
pub(crate) fn ask(case: &Case, op: &Op) -> Answer {
    let (revisions, graph) = match (&case.revisions, &case.graph) {
        (Ok(revisions), Some(Ok(graph))) => (revisions, graph),
        (_, Some(Err(errors))) => return unloaded(op, errors[..].into()),
        _ => return unloaded(op, Fault::BadId),
    };
    Set { revisions, graph, resolver: Resolver { revisions, graph } }.ask(op).unwrap_or_else(Answer::fault)
}

/// The answer where the revisions make no graph.
fn unloaded(op: &Op, fault: Fault) -> Answer {
    if op.kind() == "resolve" {
        let facts = ["many", "one"].map(|name| (name.to_owned(), format!("{fault:?}")));
        return Answer { facts: facts.into(), ..Answer::default() };
    }
    Answer::fault(fault)
}

struct Set<'a> {
    revisions: &'a [Revision],
    graph: &'a Graph,
    resolver: Resolver<'a>,
}

impl Set<'_> {
    fn ask(&self, op: &Op) -> Result<Answer, Fault> {
        let target = || op.text("target").unwrap_or_default();
        let targets = |key: &str| op.list(key).iter().map(Target::from).collect::<Vec<_>>();
        Ok(match op.kind() {
            "graph" => self.facts(),
            "heads" => self.heads(),
            "bases" => self.bases(),
            "branches" => self.branches(),
            "upgrade" => self.run(Direction::Up, op)?,
            "downgrade" => self.run(Direction::Down, op)?,
            "plan" => match op.text("what").unwrap() {
                "upgrade" => self.run(Direction::Up, op)?,
                "downgrade" => self.run(Direction::Down, op)?,
                "stamp" => self.stamp(&targets("target"), &self.state(op)?)?,
                other => panic!("a plan of a kind that is not known here: {other}"),
            },
            "stamp" => {
                let applied = if op.flag("purge") { self.graph.closure([]) } else { self.state(op)? };
                self.stamp(&targets("targets"), &applied)?
            }
            "current" => self.current(&self.state(op)?),
            "check" => {
                let applied = self.state(op)?;
                let everything = self.graph.closure(0..self.graph.len());
                Answer {
                    fault: (applied.heads() != everything.heads()).then_some(Fault::NotUpToDate),
                    ..Answer::default()
                }
            }
            "resolve" => self.resolve(&target().into()),
            "history" => {
                let range: TargetRange = target().parse()?;
                let reads = [&range.from, &range.to].contains(&&End::Current);
                let current = if reads { self.state(op)? } else { self.graph.closure([]) };
                self.listed(self.resolver.history(&range, &current)?)
            }
            "new_revision" => self.place(&[op.text("head").unwrap_or("head").to_owned()], op)?,
            "merge" => self.place(&op.list("revisions"), op)?,
            "upgrade_sql" => self.script(self.planner().offline_upgrade(target()))?,
            "downgrade_sql" => self.script(self.planner().offline_downgrade(target()))?,
            "iterate" => self.iterate(op)?,
            "lineage" => {
                let on = self.graph.lineage(&self.resolver.all(&op.text("check_against").unwrap().into())?);
                let members = self.indices(&op.0["targets"])?;
                self.listed(members.into_iter().filter(|&index| on[index]))
            }
            "bases_of" => {
                let branch = target().split_once('@').map(|(branch, _)| branch);
                let of = branch.map_or(Ok(Vec::new()), |branch| self.resolver.all(&branch.into()))?;
                let on = self.graph.lineage(&of);
                let bases = self.graph.bases().iter().copied();
                self.listed(bases.filter(|&base| branch.is_none() || on[base]))
            }
            other => panic!("a kind of question that is not known here: {other}"),
        })
    }

    fn planner(&self) -> Planner<'_> {
        Planner { revisions: self.revisions, graph: self.graph, backend: Backend::Sqlite }
    }

    fn id(&self, index: Index) -> String {
        self.revisions[index].id.to_string()
    }

    fn ids<'i>(&self, indices: impl IntoIterator<Item = &'i Index>) -> Vec<String> {
        indices.into_iter().map(|&index| self.id(index)).collect()
    }

    fn sorted<'i>(&self, indices: impl IntoIterator<Item = &'i Index>) -> Vec<String> {
        let mut ids = self.ids(indices);
        ids.sort();
        ids
    }

    fn listed(&self, indices: impl IntoIterator<Item = Index>) -> Answer {
        Answer::listed(indices.into_iter().map(|index| self.id(index)).collect())
    }

    fn state(&self, op: &Op) -> Result<Applied, Fault> {
        let rows = op.list("start_rows");
        Ok(self.resolver.in_force(rows.iter().map(String::as_str).filter(|row| *row != "base"))?)
    }

    fn facts(&self) -> Answer {
        let labels = Labels::new(self.revisions, self.graph);
        let mut answer = Answer::default();
        let effective = self.graph.effective_heads();
        for index in 0..self.graph.len() {
            let children: Vec<Index> = self.graph.children(index).collect();
            let mut fact = |name: &str, fact: String| {
                answer.facts.insert(format!("{} {name}", self.revisions[index].id), fact);
            };
            fact("labels", sorted(labels.of(index).iter().map(|&label| label.to_owned()).collect()));
            fact("next", sorted(self.ids(&children)));
            fact("all_next", sorted(self.ids(self.graph.dependents(index))));
            fact("deps_resolved", sorted(self.ids(self.graph.depends_on(index))));
            fact("deps_normalized", sorted(self.ids(&self.graph.own_dependencies(index))));
            fact("is_head", self.graph.heads().contains(&index).to_string());
            fact("is_effective_head", effective.contains(&index).to_string());
            fact("is_branch_point", (children.len() > 1).to_string());
            fact("is_merge_point", (self.graph.revises(index).len() > 1).to_string());
        }
        answer
    }

    fn heads(&self) -> Answer {
        let heads = self.ids(self.graph.heads()).join(" ");
        let effective = self.ids(&self.graph.effective_heads()).join(" ");
        let facts = [
            ("heads", &heads),
            ("lines", &heads),
            ("effective_heads", &effective),
            ("lines_resolve_dependencies", &effective),
        ];
        Answer {
            facts: facts.into_iter().map(|(name, fact)| (name.to_owned(), fact.clone())).collect(),
            ..Answer::default()
        }
    }

    fn bases(&self) -> Answer {
        let bases = self.graph.bases();
        let effective = bases.iter().filter(|&&base| self.graph.depends_on(base).is_empty());
        let facts = [("bases", self.ids(bases)), ("effective_bases", self.ids(effective))];
        Answer {
            facts: facts.into_iter().map(|(name, ids)| (name.to_owned(), ids.join(" "))).collect(),
            ..Answer::default()
        }
    }

    fn branches(&self) -> Answer {
        let all = self.resolver.history(&TargetRange::ALL, &self.graph.closure([])).unwrap();
        let children = |index: Index| self.graph.children(index).collect::<Vec<_>>();
        let points: Vec<Index> = all.into_iter().filter(|&index| children(index).len() > 1).collect();
        let facts =
            points.iter().map(|&point| (self.id(point), sorted(self.ids(&children(point))))).collect();
        Answer { listed: self.ids(&points), facts, ..Answer::default() }
    }

    fn run(&self, direction: Direction, op: &Op) -> Result<Answer, Fault> {
        let applied = self.state(op)?;
        let planner = self.planner();
        let targets: Vec<Target> = op.list("target").iter().map(Target::from).collect();
        let goal = match direction {
            Direction::Up => planner.upgrade_all(&targets, &applied)?,
            Direction::Down => planner.downgrade(targets.first().unwrap_or(&Target::Base), &applied)?,
        };
        let steps = planner.steps(&goal, &applied)?;
        let taken: Vec<Taken> = steps
            .as_slice()
            .iter()
            .map(|step| Taken { revision: self.id(step.index), heads: self.sorted(&step.heads) })
            .collect();
        let heads = taken.last().map_or_else(|| self.sorted(applied.heads()), |last| last.heads.clone());
        self.assert_valid(direction, &applied, steps.as_slice());
        Ok(Answer { steps: taken, heads: Some(heads), ..Answer::default() })
    }

    /// Each step has all that it needs when its turn comes, and the heads are those of what is then in force.
    fn assert_valid(&self, direction: Direction, applied: &Applied, steps: &[migrate_revision::Step]) {
        let mut in_force: Vec<bool> = (0..self.graph.len()).map(|index| applied.contains(index)).collect();
        for step in steps {
            let up = direction == Direction::Up;
            assert_ne!(in_force[step.index], up);
            in_force[step.index] = up;
            let at = step.index;
            if up {
                let needs = self.graph.revises(at).iter().chain(self.graph.depends_on(at));
                assert!(needs.copied().all(|under| in_force[under]));
            } else {
                assert!(self.graph.dependents(at).iter().all(|&above| !in_force[above]));
            }
        }
        let tops = (0..self.graph.len())
            .filter(|&i| in_force[i] && !self.graph.dependents(i).iter().any(|&above| in_force[above]));
        if let Some(last) = steps.last() {
            assert_eq!(last.heads, tops.collect::<Vec<_>>());
        }
    }

    fn stamp(&self, targets: &[Target], applied: &Applied) -> Result<Answer, Fault> {
        let stamped = self.resolver.stamp(targets, applied)?;
        Ok(Answer { heads: Some(self.sorted(stamped.heads())), ..Answer::default() })
    }

    fn current(&self, applied: &Applied) -> Answer {
        let everything = self.graph.closure(0..self.graph.len());
        let mut answer = Answer::listed(self.sorted(&self.resolver.tips(applied)));
        answer.facts.insert("at heads".into(), (applied.heads() == everything.heads()).to_string());
        answer
    }

    fn resolve(&self, target: &Target) -> Answer {
        let mut answer = Answer::default();
        let many = self.resolver.all(target).map(|all| self.ids(&all).join(" "));
        let one = self.resolver.one(target).map(|one| self.ids(&one).join(" "));
        for (name, result) in [("many", many), ("one", one)] {
            let fact = result.unwrap_or_else(|error| format!("{:?}", Fault::from(error)));
            answer.facts.insert(name.into(), fact);
        }
        answer
    }

    fn place(&self, on: &[String], op: &Op) -> Result<Answer, Fault> {
        let id = op.text("rev_id").map(|id| id.parse().map_err(|_| Fault::BadId)).transpose()?;
        let new = NewRevision {
            id,
            on: on.iter().map(Target::from).collect(),
            splice: op.flag("splice"),
            depends_on: op.list("depends_on").iter().map(Target::from).collect(),
            labels: op.list("branch_label"),
        };
        let placed = self.resolver.place_new(&new)?;
        let mut answer = Answer::default();
        let revises: Vec<String> = placed.revises.iter().map(ToString::to_string).collect();
        for (name, items) in
            [("down_revisions", revises), ("depends_on", placed.depends_on), ("branch_labels", placed.labels)]
        {
            answer.facts.insert(name.into(), items.join(" "));
        }
        Ok(answer)
    }

    fn script(&self, plan: Result<(Applied, Goal), PlanError>) -> Result<Answer, Fault> {
        let (applied, goal) = plan?;
        let steps = self.planner().steps(&goal, &applied)?;
        Ok(self.listed(steps.as_slice().iter().map(|step| step.index)))
    }

    /// Alembic's function under most of its commands; each combination of its switches is one of our questions.
    fn iterate(&self, op: &Op) -> Result<Answer, Fault> {
        let switch = |name: &str| op.0["kw"][name].as_bool().unwrap();
        let (upper, lower) = (&op.0["upper"], &op.0["lower"]);
        let lower_text = lower.as_str().unwrap_or("base");
        if switch("select_for_downgrade") {
            let applied = self.graph.closure(self.indices(upper)?);
            let goal = self.planner().downgrade(&lower_text.into(), &applied)?;
            return self.script(Ok((applied, goal)));
        }
        if switch("implicit_base") {
            let applied = self.graph.closure(self.indices(lower)?);
            let tops = self.indices(upper)?;
            let mut listed = self.resolver.between(&[], &tops)?;
            listed.retain(|&index| !applied.contains(index));
            return Ok(self.listed(listed));
        }
        let mut listed = match (upper.as_str(), lower) {
            (Some(upper), Value::String(lower)) => {
                let range: TargetRange = format!("{lower}:{upper}").parse()?;
                self.resolver.history(&range, &self.graph.closure([]))?
            }
            _ => self.resolver.between(&self.indices(lower)?, &self.indices(upper)?)?,
        };
        if !switch("inclusive") {
            let floor = self.graph.closure(self.indices(lower)?);
            listed.retain(|&index| !floor.contains(index));
        }
        Ok(self.listed(listed))
    }

    fn indices(&self, value: &Value) -> Result<Vec<Index>, Fault> {
        let mut indices = Vec::new();
        for text in texts(value) {
            indices.extend(
                self.resolver.all(&Target::from(&text)).map_err(|error: TargetError| Fault::from(error))?,
            );
        }
        indices.dedup();
        Ok(indices)
    }
}
