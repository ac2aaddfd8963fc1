//! `cargo migrate graph`

use std::fmt::Write as _;

use migrate_revision::graph::Index;
use migrate_revision::source::Resolved;
use serde::Serialize;

use super::entry::{Entries, Entry};
use super::{Context, Outcome};
use crate::exit::Exit;
use crate::lanes::Lanes;
use crate::output::Format;
use crate::set;

/// Draw the revisions, newest first
///
/// Takes `--format mermaid` and `--format dot` besides `text` and `json`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// The graph as programs take it.
#[derive(Serialize)]
struct Drawing {
    revisions: Vec<Entry>,
    /// From a revision to one that it revises
    revises: Vec<(String, String)>,
    /// From a revision to one that it depends on
    depends_on: Vec<(String, String)>,
}

pub(crate) fn run(_: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let set = set::outline(&project)?;
    let entries = Entries::new(&project, &set);
    let newest_first: Vec<Index> = set.graph.order().iter().rev().copied().collect();
    let drawing = Drawing {
        revisions: newest_first.iter().map(|&index| entries.of(index)).collect(),
        revises: newest_first
            .iter()
            .flat_map(|&index| edges(&set, index, set.graph.revises(index)))
            .collect(),
        depends_on: newest_first
            .iter()
            .flat_map(|&index| edges(&set, index, set.graph.depends_on(index)))
            .collect(),
    };
    context.output.facts(&drawing, || match context.output.format {
        Format::Mermaid => drawing.mermaid(),
        Format::Dot => drawing.dot(),
        Format::Text | Format::Json => {
            let mut lanes = Lanes::default();
            let rows = newest_first.iter().zip(&drawing.revisions);
            rows.map(|(&index, entry)| lanes.row(index, set.graph.revises(index), &entry.line())).collect()
        }
    });
    Ok(Exit::Success)
}

fn edges(set: &Resolved, from: Index, to: &[Index]) -> Vec<(String, String)> {
    let id = |index: Index| set.revisions[index].id.to_string();
    to.iter().map(|&to| (id(from), id(to))).collect()
}

impl Drawing {
    fn mermaid(&self) -> String {
        // Without the prefix `end` and other words of Mermaid's would not do as names.
        let mut text = String::from("flowchart BT\n");
        for entry in &self.revisions {
            let message = entry.message.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;");
            let _ = writeln!(text, "    r_{0}[\"{0}<br>{message}\"]", entry.revision);
        }
        for (arrow, edges) in [("-->", &self.revises), ("-.->", &self.depends_on)] {
            for (from, to) in edges {
                let _ = writeln!(text, "    r_{from} {arrow} r_{to}");
            }
        }
        text
    }

    fn dot(&self) -> String {
        let mut text = String::from("digraph revisions {\n    rankdir=BT;\n    node [shape=box];\n");
        for entry in &self.revisions {
            let message = entry.message.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "    \"{0}\" [label=\"{0}\\n{message}\"];", entry.revision);
        }
        for (style, edges) in [("", &self.revises), (" [style=dashed]", &self.depends_on)] {
            for (from, to) in edges {
                let _ = writeln!(text, "    \"{from}\" -> \"{to}\"{style};");
            }
        }
        text.push_str("}\n");
        text
    }
}
