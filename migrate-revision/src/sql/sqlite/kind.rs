//! What a statement of SQLite does.

use crate::StatementKind::{
    self, Ddl, Dml, Other, OutsideTransaction, Query, Savepoint, Session, Transaction,
};
use crate::sql::token::View;

/// Pragmas that read, though they are given something in parentheses.
const READING: [&str; 13] = [
    "foreign_key_check",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "quick_check",
    "table_info",
    "table_list",
    "table_xinfo",
    "function_list",
    "module_list",
    "pragma_list",
];

/// Pragmas that do nothing or fail inside a transaction.
const OUTSIDE: [&str; 4] = ["foreign_keys", "journal_mode", "synchronous", "temp_store"];

/// The kind, and whether the session can be another afterwards.
pub(super) fn classify(view: View<'_>) -> (StatementKind, bool) {
    let first = view.word(0).to_ascii_lowercase();
    match first.as_str() {
        "select" | "values" | "explain" => (Query, false),
        "with" => (with(view), false),
        "insert" | "update" | "delete" | "replace" => (Dml, false),
        "create" | "drop" | "alter" | "reindex" | "analyze" => (Ddl, false),
        "vacuum" => (OutsideTransaction, false),
        "attach" | "detach" => (OutsideTransaction, true),
        "pragma" => pragma(view),
        "savepoint" | "release" => (Savepoint, false),
        "rollback" if (1..view.len()).any(|at| view.is(at, "to")) => (Savepoint, false),
        "begin" | "commit" | "end" | "rollback" => (Transaction, false),
        _ => (Other, false),
    }
}

/// The statement that `WITH` leads up to. A word after `WITH`, `RECURSIVE` or a comma is a name.
fn with(view: View<'_>) -> StatementKind {
    let verbs = ["insert", "update", "delete", "replace", "select", "values"];
    let main = view.outer().skip(1).find(|&at| {
        view.is_any(at, &verbs) && !view.is_any(at - 1, &["with", "recursive"]) && !view.symbol(at - 1, ",")
    });
    match main {
        Some(at) if view.is_any(at, &verbs[..4]) => Dml,
        _ => Query,
    }
}

fn pragma(view: View<'_>) -> (StatementKind, bool) {
    let name = if view.symbol(2, ".") { 3 } else { 1 };
    let word = view.source(name).trim_matches(|c| "\"'`[]".contains(c)).to_ascii_lowercase();
    let called = view.symbol(name + 1, "(");
    let assigned = view.symbol(name + 1, "=") || called;
    match word.as_str() {
        "wal_checkpoint" => (OutsideTransaction, false),
        "incremental_vacuum" | "optimize" | "shrink_memory" => (Other, false),
        name if !assigned || READING.contains(&name) => (Query, false),
        name if OUTSIDE.contains(&name) => (OutsideTransaction, true),
        _ => (Session, true),
    }
}
