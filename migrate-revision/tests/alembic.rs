//! Alembic's own answers to questions about revision graphs, held against ours.
//!
//! All of the recorded cases where they are at hand (`shared/cases/alembic` beside the repository), and a copy of some of
//! them in this directory elsewhere.

#![allow(clippy::unwrap_used)] // clippy knows tests by their attribute, not the helpers beside them

#[path = "alembic/answer.rs"]
mod answer;
#[path = "alembic/ask.rs"]
mod ask;
#[path = "alembic/cases.rs"]
mod cases;
#[path = "alembic/compare.rs"]
mod compare;
#[path = "alembic/exceptions.rs"]
mod exceptions;

use std::collections::BTreeMap;

use compare::Verdict;

/// The kinds of questions that have no counterpart here, each with the reason. None at present: what has none is a part of
/// an answer (`writes`, the statements on Alembic's own table; `log` and the wording of lines), not a kind.
const NOT_APPLICABLE: &[(&str, &str)] = &[];

#[test]
fn every_recorded_answer_is_ours_but_for_the_named_exceptions() {
    let (cases, complete) = cases::load();
    let mut counts: BTreeMap<String, [usize; 4]> = BTreeMap::new();
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for case in &cases {
        for op in &case.ops {
            let kind = op.kind();
            if NOT_APPLICABLE.iter().any(|(name, _)| *name == kind) {
                continue;
            }
            let count = counts.entry(kind.to_owned()).or_default();
            count[0] += 1;
            match compare::check(case, op) {
                Verdict::Agrees => count[1] += 1,
                Verdict::TheyCrash => count[2] += 1,
                Verdict::Differs(difference) => match exceptions::find(case, op) {
                    Some(exception) => {
                        count[3] += 1;
                        *used.entry(exception.name).or_default() += 1;
                    }
                    None => failures.push(format!("{} {}\n    {difference}", case.id, op.0)),
                },
            }
        }
    }
    println!("{:<16}{:>8}{:>8}{:>8}{:>10}", "kind", "asked", "agree", "crash", "exception");
    for (kind, [asked, agree, crash, exception]) in &counts {
        println!("{kind:<16}{asked:>8}{agree:>8}{crash:>8}{exception:>10}");
    }
    for exception in exceptions::ALL {
        println!("{:>6} {}", used.get(exception.name).unwrap_or(&0), exception.name);
    }
    if let Ok(path) = std::env::var("ALEMBIC_FAILURES") {
        std::fs::write(path, failures.join("\n")).unwrap();
    }
    assert!(
        failures.is_empty(),
        "{} answers differ:\n{}",
        failures.len(),
        failures
            .iter()
            .take(20)
            .map(|f| f.chars().take(1500).collect::<String>())
            .collect::<Vec<_>>()
            .join("\n")
    );
    let at_least = match std::env::var_os("ALEMBIC_CASES") {
        Some(_) => &[],
        None if complete => cases::COMPLETE,
        None => cases::COPY,
    };
    for (kind, at_least) in at_least {
        let asked = counts.get(*kind).map_or(0, |count| count[0]);
        assert!(asked >= *at_least, "{kind}: {asked} asked, {at_least} expected");
    }
    if complete {
        for exception in exceptions::ALL {
            assert!(used.contains_key(exception.name), "exception {} is not used", exception.name);
        }
    }
}
