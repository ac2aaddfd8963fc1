//! `cargo migrate graph`

use std::fmt::Write as _;

use migrate_cli::{Entries, Entry, Exit, Lanes};
use migrate_revision::graph::{Graph, Index};
use serde::Serialize;

use super::{Context, Outcome};
use crate::cli::Format;
use crate::set::Outline;
use crate::svg;

/// Draw the revisions, newest first
///
/// Takes `--format svg`, `mermaid` and `dot` besides `text` and `json`.
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
    let outline = Outline::read(&context.project()?)?;
    let entries = outline.entries()?;
    let drawing = Drawing::new(&entries);
    match context.format {
        Format::Mermaid => context.output.text(drawing.mermaid().trim_end()),
        Format::Svg => context.output.text(drawing.svg(&entries).trim_end()),
        Format::Dot => context.output.text(drawing.dot().trim_end()),
        _ => context.output.facts(&drawing, || drawing.lanes(&entries)),
    }
    Ok(Exit::Success)
}

impl Drawing {
    fn new(entries: &Entries<'_>) -> Self {
        let graph = entries.graph();
        let id = |index: Index| entries.of(index).revision;
        let edges = |below: fn(&Graph, Index) -> &[Index]| {
            let all = graph.order().iter().rev();
            all.flat_map(|&from| below(graph, from).iter().map(move |&to| (id(from), id(to)))).collect()
        };
        Self {
            revisions: graph.order().iter().rev().map(|&index| entries.of(index)).collect(),
            revises: edges(Graph::revises),
            depends_on: edges(Graph::depends_on),
        }
    }

    /// A column of text for each branch.
    fn lanes(&self, entries: &Entries<'_>) -> String {
        let graph = entries.graph();
        let mut lanes = Lanes::default();
        let rows = graph.order().iter().rev().zip(&self.revisions);
        rows.map(|(&index, entry)| lanes.row(index, graph.revises(index), &entry.line())).collect()
    }

    fn svg(&self, entries: &Entries<'_>) -> String {
        let newest_first: Vec<Index> = entries.graph().order().iter().rev().copied().collect();
        svg::draw(entries.graph(), &newest_first, &self.revisions)
    }

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
