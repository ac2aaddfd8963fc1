//! What a statement of MySQL or MariaDB does.

use crate::StatementKind::{self, Ddl, Dml, Other, Query, Savepoint, Session, Transaction};
use crate::sql::token::View;

/// The kind, and whether the session can be another afterwards. Executable comments are to be given without their
/// frames.
pub(super) fn classify(view: View<'_>) -> (StatementKind, bool) {
    let kind = kind(view);
    (kind, session_effect(view, kind))
}

fn kind(view: View<'_>) -> StatementKind {
    let view = view.skip_open();
    let first = view.word(0).to_ascii_lowercase();
    match first.as_str() {
        "select" | "values" | "table" | "show" | "help" | "checksum" => Query,
        "explain" | "describe" | "desc" => Query,
        "with" => with(view),
        "insert" | "update" | "delete" | "replace" => Dml,
        "load" if view.is(1, "index") => Ddl,
        "load" => Dml,
        "analyze" => analyze(view),
        "create" | "drop" | "alter" | "truncate" | "rename" | "grant" | "revoke" | "cache" | "check"
        | "flush" | "optimize" | "repair" | "install" | "uninstall" | "import" | "change" | "stop" => Ddl,
        "reset" if !view.is(1, "persist") => Ddl,
        "start" if view.is(1, "transaction") => Transaction,
        "start" => Ddl,
        "begin" if view.is(1, "not") => Other,
        "begin" | "commit" | "xa" => Transaction,
        "savepoint" | "release" => Savepoint,
        "rollback" if view.has("to") => Savepoint,
        "rollback" => Transaction,
        "use" => Session,
        "set" => set(view),
        _ => Other,
    }
}

fn set(view: View<'_>) -> StatementKind {
    if view.is(1, "statement") {
        let inner = view.outer_word("for").map(|at| view.skip(at + 1).skip_open());
        return inner.filter(|inner| !inner.is(0, "set")).map_or(Session, kind);
    }
    if view.is(1, "password") || view.are(1, &["default", "role"]) {
        return Ddl;
    }
    let switches = (1..view.len())
        .any(|at| view.is(at, "autocommit") && (view.symbol(at + 1, "=") || view.symbol(at + 1, ":=")));
    if switches { Transaction } else { Session }
}

/// The statement that `WITH` leads up to. A word after `WITH`, `RECURSIVE` or a comma is a name.
fn with(view: View<'_>) -> StatementKind {
    let verbs = ["update", "delete", "insert", "replace", "select", "values", "table"];
    let main = view.outer().skip(1).find(|&at| {
        view.is_any(at, &verbs) && !view.is_any(at - 1, &["with", "recursive"]) && !view.symbol(at - 1, ",")
    });
    match main {
        Some(at) if view.is_any(at, &verbs[..4]) => Dml,
        _ => Query,
    }
}

/// `ANALYZE TABLE`, or MariaDB's `ANALYZE` of a statement, which runs it.
fn analyze(view: View<'_>) -> StatementKind {
    let verbs = ["select", "insert", "update", "delete", "replace", "with"];
    let at = if view.is(1, "format") && view.symbol(2, "=") { 4 } else { 1 };
    if view.is_any(at, &verbs) { kind(view.skip(at)) } else { Ddl }
}

fn session_effect(view: View<'_>, kind: StatementKind) -> bool {
    let first = view.word(0).to_ascii_lowercase();
    match first.as_str() {
        "set" => !view.is(1, "statement") && !matches!(kind, Ddl),
        "use" | "call" | "prepare" | "execute" | "deallocate" => true,
        "begin" | "if" | "case" | "loop" | "repeat" | "while" | "for" => kind == Other,
        "select" | "with" | "do" | "insert" | "update" | "delete" | "replace" => assigns_variable(view),
        _ => false,
    }
}

/// `@a := 1` or `INTO @a`
fn assigns_variable(view: View<'_>) -> bool {
    (0..view.len())
        .any(|at| view.symbol(at, "@") && (view.symbol(at + 2, ":=") || at > 0 && view.is(at - 1, "into")))
}
