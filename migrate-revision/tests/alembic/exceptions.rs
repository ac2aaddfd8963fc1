//! Where we differ from Alembic on purpose. The same list is in words in `docs/alembic-differences.md`.

use migrate_revision::graph::{Graph, GraphError, Index};
use migrate_revision::{Resolver, Target, TargetRange};

use crate::answer::{Answer, Fault};
use crate::ask::ask;
use crate::cases::{Case, Op};
use crate::compare::theirs;

/// A named difference.
pub(crate) struct Exception {
    pub(crate) name: &'static str,
    /// Whether a question with its two answers is one of those
    applies: fn(&Asked<'_>) -> bool,
}

/// A question on which the answers differ.
struct Asked<'a> {
    case: &'a Case,
    op: &'a Op,
    ours: Answer,
    theirs: Vec<Answer>,
}

pub(crate) const ALL: &[Exception] = &[
    // The graph
    Exception { name: "an id used twice is an error", applies: id_used_twice },
    Exception { name: "every cycle is found", applies: cycle_not_found },
    // The state
    Exception { name: "no head of a state stands on another", applies: rows_overlap },
    Exception { name: "a head is there once", applies: rows_repeat },
    Exception { name: "a state has whole ids", applies: row_by_prefix },
    Exception { name: "an unknown state is reported before the target", applies: row_unknown },
    Exception { name: "a head that another implies is none", applies: rows_implied },
    Exception { name: "being at the heads takes dependents into account", applies: heads_with_dependents },
    // Targets
    Exception { name: "-n from several heads is ambiguous", applies: down_from_several },
    Exception { name: "a branch that does not exist is an error", applies: unknown_branch },
    Exception { name: "a label is read whole", applies: label_with_number },
    Exception { name: "there is nothing below base", applies: below_base },
    // Stamps
    Exception {
        name: "of stamped targets that stand on each other the upper counts",
        applies: stamp_overlaps,
    },
    Exception { name: "a stamped target stays", applies: stamp_keeps_target },
    Exception { name: "the first wrong target of a stamp is reported", applies: stamp_reports_first },
    // History
    Exception { name: "current may be both ends of a range", applies: current_twice },
    Exception { name: "current of an empty database is base", applies: current_of_nothing },
    Exception { name: "-n may reach just below the first revision", applies: history_down_to_base },
    Exception {
        name: "-n beyond the first revision counts from any upper end",
        applies: history_beyond_base,
    },
    Exception { name: "a branch may be given by a prefix in a range", applies: branch_prefix_in_range },
    // Switches of Alembic's function that none of its commands sets
    Exception { name: "iterate with the lower end included in a plan", applies: inclusive_plan },
];

/// The first exception that covers a difference.
pub(crate) fn find(case: &Case, op: &Op) -> Option<&'static Exception> {
    let asked = Asked { case, op, ours: ask(case, op), theirs: theirs(op) };
    ALL.iter().find(|exception| (exception.applies)(&asked))
}

impl Asked<'_> {
    fn graph(&self) -> Option<&Graph> {
        self.case.graph.as_ref()?.as_ref().ok()
    }

    fn errors(&self) -> &[GraphError] {
        match &self.case.graph {
            Some(Err(errors)) => errors,
            _ => &[],
        }
    }

    fn resolver(&self) -> Option<Resolver<'_>> {
        Some(Resolver { revisions: self.case.revisions.as_ref().ok()?, graph: self.graph()? })
    }

    fn rows(&self) -> Vec<String> {
        self.op.list("start_rows")
    }

    fn row_indices(&self) -> Vec<Option<Index>> {
        let Some(resolver) = self.resolver() else { return Vec::new() };
        let exact = |row: &String| {
            let index = resolver.graph.named(row)?;
            (resolver.revisions[index].id.as_str() == row).then_some(index)
        };
        self.rows().iter().map(exact).collect()
    }

    /// Every target of the question; the ends of a range one by one.
    fn targets(&self) -> Vec<String> {
        let keys = ["target", "targets", "head", "revisions", "depends_on"];
        let all = keys.iter().flat_map(|key| self.op.list(key));
        all.flat_map(|text| text.split(':').map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    fn they_succeed(&self) -> bool {
        self.theirs.iter().any(|theirs| theirs.fault.is_none())
    }

    fn is_down(&self) -> bool {
        self.op.kind() == "downgrade" || self.op.text("what") == Some("downgrade")
    }

    fn lower_end(&self) -> Option<String> {
        self.op.text("target")?.split_once(':').map(|(lower, _)| lower.to_owned())
    }
}

fn branch(target: &str) -> Option<&str> {
    target.split_once('@').map(|(branch, _)| branch)
}

/// A sign and a number, on a branch or not.
fn is_relative(target: &str, sign: char) -> bool {
    let steps = target.rsplit('@').next().unwrap_or_default();
    steps.strip_prefix(sign).is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Alembic warns that it met the id before and goes on with the last file.
fn id_used_twice(asked: &Asked<'_>) -> bool {
    let loaded_twice = asked.errors().iter().any(|error| matches!(error, GraphError::Duplicate(..)));
    let written_twice = asked.op.kind() == "new_revision"
        && asked
            .op
            .text("rev_id")
            .is_some_and(|id| asked.graph().is_some_and(|graph| graph.named(id).is_some()));
    (loaded_twice || written_twice)
        && (asked.ours.fault == Some(Fault::IdTaken)
            || asked.ours.facts.values().all(|fact| fact == "IdTaken"))
}

/// Alembic does not see a cycle that can be reached from a base and from a head.
fn cycle_not_found(asked: &Asked<'_>) -> bool {
    asked.ours.fault == Some(Fault::Cycle)
        && asked.they_succeed()
        && asked.errors().iter().all(|error| matches!(error, GraphError::Cycle(_)))
        && !asked.errors().is_empty()
}

/// Alembic's table can hold such rows after edits by hand; some commands then refuse to work and others go on.
fn rows_overlap(asked: &Asked<'_>) -> bool {
    let Some(graph) = asked.graph() else { return false };
    let rows: Vec<Index> = asked.row_indices().into_iter().flatten().collect();
    asked.ours.fault == Some(Fault::Overlap)
        && rows.iter().any(|&row| {
            let above = graph.descendants([row]);
            rows.iter().any(|&other| other != row && above[other])
        })
}

/// Alembic's table can hold a row twice if its primary key is gone. Ours is a set.
fn rows_repeat(asked: &Asked<'_>) -> bool {
    let mut rows = asked.rows();
    rows.sort();
    rows.windows(2).any(|pair| pair[0] == pair[1])
}

/// Alembic resolves a row like a target, and fails where it writes.
fn row_by_prefix(asked: &Asked<'_>) -> bool {
    let Some(resolver) = asked.resolver() else { return false };
    let by_prefix = |row: &String| resolver.one(&row.into()).is_ok();
    asked.ours.fault == Some(Fault::Unknown)
        && asked.rows().iter().zip(asked.row_indices()).any(|(row, index)| index.is_none() && by_prefix(row))
}

/// Both refuse. We read the state before we look at the target.
fn row_unknown(asked: &Asked<'_>) -> bool {
    asked.ours.fault == Some(Fault::Unknown)
        && asked.row_indices().contains(&None)
        && asked.theirs.iter().all(|theirs| theirs.fault.is_some() && theirs.steps.is_empty())
}

/// After a downgrade Alembic may keep a row that another row stands on. Without those the rows are ours.
fn rows_implied(asked: &Asked<'_>) -> bool {
    let Some(graph) = asked.graph() else { return false };
    let reduced = |rows: &[String]| {
        let indices = rows.iter().filter_map(|row| graph.named(row));
        let mut kept: Vec<String> = graph
            .closure(indices)
            .heads()
            .iter()
            .map(|&head| asked.resolver().unwrap().revisions[head].id.to_string())
            .collect();
        kept.sort();
        kept
    };
    asked.theirs.iter().any(|theirs| {
        let mut theirs = theirs.clone();
        theirs.steps.iter_mut().for_each(|step| step.heads = reduced(&step.heads));
        theirs.heads = theirs.heads.map(|heads| reduced(&heads));
        theirs == asked.ours
    })
}

/// Alembic compares the rows with all heads, also those on which something depends and which therefore have no row.
fn heads_with_dependents(asked: &Asked<'_>) -> bool {
    let Some(graph) = asked.graph() else { return false };
    asked.op.kind() == "current"
        && graph.heads() != graph.effective_heads()
        && asked.theirs.iter().any(|theirs| {
            let (mut listed, mut ours) = (theirs.listed.clone(), asked.ours.listed.clone());
            listed.sort();
            ours.sort();
            theirs.fault == asked.ours.fault && listed == ours
        })
}

/// Alembic takes the first row that the database happens to return, and warns that it will not do so for ever.
fn down_from_several(asked: &Asked<'_>) -> bool {
    let to_current = asked.op.kind() == "history"
        && asked.ours.fault == Some(Fault::MultipleHeads)
        && asked.op.text("target").is_some_and(|target| target.ends_with(":current"));
    if asked.rows().len() < 2 {
        return false;
    }
    if to_current {
        return steps_down(asked).is_some();
    }
    asked.is_down()
        && asked.ours.fault == Some(Fault::AmbiguousStart)
        && asked.targets().iter().all(|target| target.starts_with('-') && is_relative(target, '-'))
}

/// Alembic does not look at the branch where the target is found without it.
fn unknown_branch(asked: &Asked<'_>) -> bool {
    let Some(resolver) = asked.resolver() else { return false };
    let unknown = |target: &String| {
        branch(target).is_some_and(|branch| {
            !branch.is_empty()
                && (["head", "heads", "base"].contains(&branch)
                    || resolver.one(&Target::from(branch)).is_err())
        })
    };
    (asked.ours.fault == Some(Fault::Unknown) || asked.ours.facts.values().any(|fact| fact == "Unknown"))
        && asked.targets().iter().any(unknown)
}

/// Alembic reads `feature-2` and `feature-2@head` as two steps down from `feature`.
fn label_with_number(asked: &Asked<'_>) -> bool {
    let has_steps = |label: &str| {
        let sign = label.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        sign.is_some_and(|at| {
            label[at..].starts_with('-') && label[at + 1..].starts_with(|c: char| c.is_ascii_digit())
        })
    };
    let Ok(revisions) = &asked.case.revisions else { return false };
    let labels: Vec<&String> =
        revisions.iter().flat_map(|r| &r.labels).filter(|label| has_steps(label)).collect();
    let names_one = |target: &String| {
        let name = target.split_once('@').map_or(target.as_str(), |(branch, _)| branch);
        let of_branch = target.split_once('@').map_or("", |(_, target)| target);
        labels.iter().any(|label| name.starts_with(label.as_str()) || of_branch.starts_with(label.as_str()))
    };
    asked.targets().iter().any(names_one)
}

/// Alembic goes on from base to the heads.
fn below_base(asked: &Asked<'_>) -> bool {
    let below = |target: &String| target.rsplit('@').next().is_some_and(|place| place.starts_with("base-"));
    asked.ours.fault == Some(Fault::TooFar) && asked.targets().iter().any(below)
}

fn stamped(asked: &Asked<'_>) -> Vec<Index> {
    let Some(resolver) = asked.resolver() else { return Vec::new() };
    let targets = asked.targets();
    targets.iter().flat_map(|target| resolver.all(&target.into()).unwrap_or_default()).collect()
}

/// Alembic makes a row of each, which blocks the next upgrade.
fn stamp_overlaps(asked: &Asked<'_>) -> bool {
    let Some(graph) = asked.graph() else { return false };
    if asked.op.kind() != "stamp" || asked.ours.fault.is_some() {
        return false;
    }
    let targets = stamped(asked);
    targets.iter().any(|&target| {
        let above = graph.descendants([target]);
        targets.iter().any(|&other| other != target && above[other])
    })
}

/// Where one target is in force already and another takes the place of its neighbours, Alembic loses the first.
fn stamp_keeps_target(asked: &Asked<'_>) -> bool {
    if asked.op.kind() != "stamp" || stamped(asked).len() < 2 {
        return false;
    }
    let rows = asked.row_indices();
    let kept: Vec<String> = stamped(asked)
        .into_iter()
        .filter(|&target| rows.contains(&Some(target)))
        .map(|target| asked.resolver().unwrap().revisions[target].id.to_string())
        .collect();
    let has = |answer: &Answer, id: &String| answer.heads.as_ref().is_some_and(|heads| heads.contains(id));
    kept.iter().any(|id| has(&asked.ours, id) && asked.theirs.iter().all(|theirs| !has(theirs, id)))
}

/// Both refuse. Alembic looks for the words among the targets first.
fn stamp_reports_first(asked: &Asked<'_>) -> bool {
    asked.op.kind() == "stamp"
        && asked.op.list("targets").len() > 1
        && asked.ours.fault.is_some()
        && asked.theirs.iter().all(|theirs| theirs.fault.is_some() && theirs.steps.is_empty())
}

/// Alembic replaces the word at one end only.
fn current_twice(asked: &Asked<'_>) -> bool {
    asked.op.kind() == "history" && asked.op.text("target") == Some("current:current")
}

/// Alembic takes no rows for no word, and so for the other default: `heads`.
fn current_of_nothing(asked: &Asked<'_>) -> bool {
    asked.op.kind() == "history"
        && asked.rows().is_empty()
        && asked.op.text("target").is_some_and(|target| target.split(':').any(|end| end == "current"))
}

/// How many revisions there are from the heads down, by first parents.
fn depths<'a>(resolver: &'a Resolver<'_>) -> impl Iterator<Item = usize> + 'a {
    let below = |at: &Index| resolver.graph.revises(*at).first().copied();
    resolver
        .graph
        .effective_heads()
        .into_iter()
        .map(move |head| std::iter::successors(Some(head), below).count())
}

/// The steps of a lower end that counts down.
fn steps_down(asked: &Asked<'_>) -> Option<usize> {
    let lower = asked.lower_end().filter(|lower| asked.op.kind() == "history" && is_relative(lower, '-'))?;
    lower.rsplit('-').next()?.parse().ok()
}

/// Alembic has this as an error.
fn history_down_to_base(asked: &Asked<'_>) -> bool {
    let (Some(resolver), Some(steps)) = (asked.resolver(), steps_down(asked)) else { return false };
    asked.ours.fault.is_none()
        && asked.theirs.iter().all(|theirs| theirs.fault == Some(Fault::NotAncestor))
        && depths(&resolver).any(|depth| depth == steps)
}

/// Alembic then counts from the upper end, which it finds only if that is a plain name.
fn history_beyond_base(asked: &Asked<'_>) -> bool {
    let (Some(resolver), Some(steps)) = (asked.resolver(), steps_down(asked)) else { return false };
    asked.theirs.iter().all(|theirs| theirs.fault == Some(Fault::Unknown))
        && depths(&resolver).any(|depth| depth <= steps)
}

/// Alembic then takes the prefix for a label, which no revision has, and lists nothing.
fn branch_prefix_in_range(asked: &Asked<'_>) -> bool {
    let Some(graph) = asked.graph() else { return false };
    asked.op.kind() == "history"
        && asked.op.text("target").is_some_and(|text| text.parse::<TargetRange>().is_ok())
        && asked
            .lower_end()
            .is_some_and(|lower| branch(&lower).is_some_and(|branch| graph.named(branch).is_none()))
}

/// `iterate_revisions` can include the lower end in what an upgrade or a downgrade would do. No command asks for it.
fn inclusive_plan(asked: &Asked<'_>) -> bool {
    let switch = |name: &str| asked.op.0["kw"][name].as_bool() == Some(true);
    asked.op.kind() == "iterate"
        && switch("inclusive")
        && (switch("implicit_base") || switch("select_for_downgrade"))
}
