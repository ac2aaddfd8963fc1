//! Answers in the form in which both sides are compared.

use std::collections::BTreeMap;
use std::fmt;

use migrate_revision::graph::GraphError;
use migrate_revision::{PlaceError, PlanError, TargetError};
use serde_json::Value;

use crate::cases::texts;

/// What kind of error it is. The wording is each side's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Unknown,
    MultipleHeads,
    NotAncestor,
    AmbiguousWalk,
    AmbiguousStart,
    TooFar,
    Overlap,
    NoWayDown,
    RangeNotAllowed,
    RangeWanted,
    NotAHead,
    Twice,
    NotUpToDate,
    NotAtHeads,
    LabelTaken,
    BadId,
    IdTaken,
    Cycle,
    /// Alembic found another state than it had written
    Rows,
    /// Something of Alembic broke: an assertion, a missing key, a loop without end
    Crash,
}

/// One step: the revision and the heads after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub revision: String,
    pub heads: Vec<String>,
}

/// An answer. What a question does not ask for is empty on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    pub steps: Vec<Taken>,
    /// The heads in the end; only if the question is about a database
    pub heads: Option<Vec<String>>,
    /// Revisions in the order in which they were listed
    pub listed: Vec<String>,
    /// Anything else, by name
    pub facts: BTreeMap<String, String>,
    pub fault: Option<Fault>,
}

impl Answer {
    pub(crate) fn fault(fault: impl Into<Fault>) -> Self {
        Self { fault: Some(fault.into()), ..Self::default() }
    }

    pub(crate) fn listed(listed: Vec<String>) -> Self {
        Self { listed, ..Self::default() }
    }

    /// Whether anything in it is a crash.
    pub(crate) fn is_crash(&self) -> bool {
        self.fault == Some(Fault::Crash) || self.facts.values().any(|fact| fact == "Crash")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {:?}", self.fault)?;
        if !self.steps.is_empty() || self.heads.is_some() {
            let steps: Vec<String> =
                self.steps.iter().map(|step| format!("{}={}", step.revision, step.heads.join("+"))).collect();
            write!(f, " steps {} end {:?}", steps.join(" "), self.heads)?;
        }
        if !self.listed.is_empty() {
            write!(f, " listed {}", self.listed.join(" "))?;
        }
        if !self.facts.is_empty() {
            write!(f, " facts {:?}", self.facts)?;
        }
        Ok(())
    }
}

impl From<TargetError> for Fault {
    fn from(error: TargetError) -> Self {
        use TargetError as E;
        match error {
            E::Unknown { .. } | E::Ambiguous { .. } | E::NotOnBranch { .. } | E::NoStart(_) => Self::Unknown,
            E::MultipleHeads(_) | E::MultipleStarts(_) => Self::MultipleHeads,
            E::TooFar { .. } | E::WrongDirection(_) => Self::TooFar,
            E::AmbiguousWalk { .. } => Self::AmbiguousWalk,
            E::SeveralCurrent { .. } => Self::AmbiguousStart,
            E::NotApplied(_) | E::NothingAbove(_) | E::NotOneLine { .. } => Self::NotAncestor,
            E::NoWayDown { .. } => Self::NoWayDown,
            E::Overlap { .. } => Self::Overlap,
            E::Range(_) => Self::RangeNotAllowed,
            E::NotARange(_) => Self::RangeWanted,
            other => panic!("which kind is {other:?}?"),
        }
    }
}

impl From<PlanError> for Fault {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Target(error) => error.into(),
            other => panic!("not an error of these cases: {other:?}"),
        }
    }
}

impl From<PlaceError> for Fault {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Target(error) => error.into(),
            PlaceError::NotAHead(_) => Self::NotAHead,
            PlaceError::Twice(_) => Self::Twice,
            PlaceError::IdTaken(_) => Self::IdTaken,
            PlaceError::LabelTaken { .. } => Self::LabelTaken,
            PlaceError::NoDependency(_) => Self::Unknown,
            PlaceError::OnItself(_) => Self::Cycle,
            other => panic!("which kind is {other:?}?"),
        }
    }
}

impl From<&[GraphError]> for Fault {
    fn from(errors: &[GraphError]) -> Self {
        match &errors[0] {
            GraphError::Cycle(_) => Self::Cycle,
            GraphError::LabelTaken { .. } => Self::LabelTaken,
            GraphError::Duplicate(..) => Self::IdTaken,
            // Alembic has a KeyError here.
            GraphError::Missing { .. } => Self::Unknown,
        }
    }
}

/// The kind of one of Alembic's errors.
pub(crate) fn fault(error: &Value) -> Option<Fault> {
    let class = error.get("class")?.as_str()?;
    let cause = error["cause"].as_str().unwrap_or(class);
    let message = error["message"].as_str().unwrap_or_default();
    let begins = |with: &str| message.starts_with(with);
    Some(match cause {
        "ResolutionError" => Fault::Unknown,
        "MultipleHeads" => Fault::MultipleHeads,
        "RangeNotAncestorError" => Fault::NotAncestor,
        "CycleDetected" | "DependencyCycleDetected" | "LoopDetected" | "DependencyLoopDetected" => {
            Fault::Cycle
        }
        "DatabaseNotAtHead" => Fault::NotAtHeads,
        "RevisionError" if begins("Ambiguous walk") => Fault::AmbiguousWalk,
        "RevisionError" if begins("Ambiguous upgrade") => Fault::AmbiguousStart,
        "RevisionError" if begins("Relative revision") || begins("Walked too far") => Fault::TooFar,
        "RevisionError" if begins("Requested revision") => Fault::Overlap,
        "RevisionError" if begins("Not a valid downgrade target") => Fault::NoWayDown,
        "RevisionError" if begins("Branch name") => Fault::LabelTaken,
        "RevisionError" if begins("Character(s)") => Fault::BadId,
        "CommandError" if begins("Range revision") => Fault::RangeNotAllowed,
        "CommandError" if begins("downgrade with --sql") || begins("History range") => Fault::RangeWanted,
        "CommandError" if message.contains("is not a head revision") => Fault::NotAHead,
        "CommandError" if begins("Duplicate head") => Fault::Twice,
        "CommandError" if begins("Target database is not up to date") => Fault::NotUpToDate,
        "CommandError" if begins("Online migration expected") => Fault::Rows,
        "RevisionError" | "CommandError" => panic!("an error of Alembic that is not known here: {error}"),
        _ => Fault::Crash,
    })
}

/// Alembic's answer to a question of this kind.
pub(crate) fn recorded(kind: &str, up: bool, answer: &Value) -> Answer {
    let mut this = Answer { fault: answer.get("error").and_then(fault), ..Answer::default() };
    let first = |line: &str| line.split_whitespace().next().unwrap_or_default().to_owned();
    let after_arrow = |line: &str| first(line.rsplit(" -> ").next().unwrap_or_default());
    match kind {
        "upgrade" | "downgrade" | "stamp" | "plan" => {
            let steps = answer["steps"].as_array().map_or(&[][..], Vec::as_slice);
            if kind != "stamp" && !steps.iter().any(|step| step["dir"] == "stamp") {
                this.steps = steps.iter().map(taken).collect();
            }
            this.heads = answer.get("final_rows").filter(|rows| !rows.is_null()).map(|rows| {
                let mut rows = texts(rows);
                rows.sort();
                rows
            });
        }
        "graph" if this.fault.is_none() => {
            for (id, facts) in answer["revisions"].as_object().unwrap() {
                for (name, fact) in facts.as_object().unwrap() {
                    let fact = if fact.is_array() { sorted(texts(fact)) } else { fact.to_string() };
                    this.facts.insert(format!("{id} {name}"), fact);
                }
            }
        }
        "heads" | "bases" if this.fault.is_none() => {
            for (name, fact) in answer.as_object().unwrap().iter().filter(|(name, _)| *name != "warnings") {
                let items: Vec<String> = texts(fact).iter().map(|line| first(line)).collect();
                this.facts.insert(name.clone(), items.join(" "));
            }
        }
        "branches" => {
            for branch in answer["branches"].as_array().map_or(&[][..], Vec::as_slice) {
                let point = first(branch["point"].as_str().unwrap());
                let children =
                    texts(&branch["children"]).iter().map(|line| after_arrow(&format!(" {line}"))).collect();
                this.facts.insert(point.clone(), sorted(children));
                this.listed.push(point);
            }
        }
        "current" => {
            this.listed = texts(&answer["lines"]).iter().map(|line| first(line)).collect();
            this.facts.insert("at heads".into(), answer["check_heads_error"].is_null().to_string());
        }
        "check" => {}
        "history" => {
            let revision = |line: &String| {
                first(line.split_once(" -> ").map_or(line.as_str(), |(_, after)| after))
                    .trim_end_matches(',')
                    .to_owned()
            };
            this.listed = texts(&answer["lines"]).iter().map(revision).collect();
        }
        "resolve" => {
            for name in ["many", "one"] {
                let fact = match fault(&answer[format!("{name}_error")]) {
                    Some(fault) => format!("{fault:?}"),
                    // Base is no revision.
                    None => {
                        let named = texts(&answer[name]).into_iter().filter(|id| id != "base");
                        named.collect::<Vec<_>>().join(" ")
                    }
                };
                this.facts.insert(name.into(), fact);
            }
        }
        "new_revision" | "merge" if this.fault.is_none() => {
            for name in ["down_revisions", "depends_on", "branch_labels"] {
                this.facts.insert(name.into(), texts(&answer[name]).join(" "));
            }
        }
        "upgrade_sql" | "downgrade_sql" => {
            for line in texts(&answer["sql"]) {
                let Some(step) = line.strip_prefix("-- Running ") else { continue };
                let step = step.split_once(' ').unwrap().1;
                let (from, to) = step.split_once(" -> ").unwrap_or((step.trim_end_matches(" ->"), ""));
                this.listed.push(first(if up { to } else { from }));
            }
        }
        "iterate" => this.listed = texts(&answer["order"]),
        "lineage" => this.listed = texts(&answer["members"]),
        "bases_of" => this.listed = texts(&answer["bases"]),
        "graph" | "heads" | "bases" | "new_revision" | "merge" => {}
        other => panic!("a kind of question that is not known here: {other}"),
    }
    this
}

fn taken(step: &Value) -> Taken {
    let mut heads = texts(&step["rows_after"]);
    heads.sort();
    Taken { revision: texts(&step["revs"]).join("+"), heads }
}

/// A list whose order does not matter.
pub(crate) fn sorted(mut items: Vec<String>) -> String {
    items.sort();
    items.dedup();
    items.join(" ")
}
