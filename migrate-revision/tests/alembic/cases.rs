//! Reads the recorded cases.

use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use migrate_revision::graph::{Graph, GraphError};
use migrate_revision::{Revision, RevisionId};
use serde_json::Value;

/// How many questions of each kind there are at least, with all cases.
pub(crate) const COMPLETE: &[(&str, usize)] = &[
    ("graph", 538),
    ("heads", 538),
    ("bases", 538),
    ("branches", 493),
    ("plan", 1349),
    ("upgrade", 1555),
    ("downgrade", 1535),
    ("stamp", 600),
    ("resolve", 687),
    ("history", 241),
    ("current", 206),
    ("check", 166),
    ("merge", 131),
    ("new_revision", 124),
    ("upgrade_sql", 99),
    ("downgrade_sql", 96),
    ("iterate", 80),
    ("lineage", 2),
    ("bases_of", 2),
];

/// How many there are at least with the copy that is kept here.
pub(crate) const COPY: &[(&str, usize)] =
    &[("graph", 150), ("upgrade", 300), ("downgrade", 300), ("plan", 200)];

/// One graph with the questions about it.
pub(crate) struct Case {
    pub id: String,
    pub revisions: Result<Vec<Revision>, String>,
    pub graph: Option<Result<Graph, Vec<GraphError>>>,
    pub ops: Vec<Op>,
}

/// One question with its answer.
pub(crate) struct Op(pub Value);

impl Op {
    pub(crate) fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap()
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0[key].as_str()
    }

    pub(crate) fn flag(&self, key: &str) -> bool {
        self.0[key].as_bool().unwrap_or(false)
    }

    /// A list, or a single text as a list of one.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        texts(&self.0[key])
    }
}

pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// The cases, and whether they are all. `ALEMBIC_CASES` names another directory of cases.
pub(crate) fn load() -> (Vec<Case>, bool) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = here.join("../../shared/cases/alembic");
    let other = std::env::var_os("ALEMBIC_CASES").map(PathBuf::from);
    let complete = all.is_dir() && other.is_none();
    let directory = match other {
        Some(other) => other,
        None if complete => all,
        None => here.join("tests/cases/alembic"),
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".jsonl"))
        .collect();
    if complete {
        files.push(here.join("tests/cases/alembic/recorded_here.jsonl.gz"));
    }
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let mut text = String::new();
        if path.extension().is_some_and(|extension| extension == "gz") {
            GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes).unwrap();
        }
        cases.extend(text.lines().filter(|line| !line.trim().is_empty()).map(case));
    }
    (cases, complete)
}

fn case(line: &str) -> Case {
    let value: Value = serde_json::from_str(line).unwrap();
    let listed = value["revisions"].as_array().unwrap();
    let revisions: Result<Vec<Revision>, String> = listed.iter().map(revision).collect();
    Case {
        id: value["id"].as_str().unwrap().to_owned(),
        graph: revisions.as_ref().ok().map(|revisions| Graph::new(revisions)),
        revisions,
        ops: value["ops"].as_array().unwrap().iter().cloned().map(Op).collect(),
    }
}

fn revision(value: &Value) -> Result<Revision, String> {
    let id = |text: &str| text.parse::<RevisionId>().map_err(|error| error.to_string());
    let mut revision = Revision::new(id(value["id"].as_str().unwrap())?);
    revision.revises =
        texts(&value["down_revisions"]).iter().map(|text| id(text)).collect::<Result<_, _>>()?;
    revision.depends_on = texts(&value["depends_on"]);
    revision.labels = texts(&value["branch_labels"]);
    Ok(revision)
}
