//! What a statement of PostgreSQL does.

use crate::StatementKind::{
    self, Ddl, Dml, Other, OutsideTransaction, Query, Savepoint, Session, Transaction,
};
use crate::sql::token::{TokenKind, View, contains_ignoring_case};

/// The kind, and whether the session can be another afterwards.
pub(super) fn classify(view: View<'_>) -> (StatementKind, bool) {
    (kind(view), session_effect(view))
}

fn kind(view: View<'_>) -> StatementKind {
    let view = view.skip_open();
    let first = view.word(0).to_ascii_lowercase();
    match first.as_str() {
        "select" => {
            if view.outer_word("into").is_some() {
                Ddl
            } else {
                Query
            }
        }
        "values" | "table" | "show" => Query,
        "with" => with(view),
        "explain" => explain(view),
        "insert" | "update" | "delete" | "merge" => Dml,
        "copy" => {
            if view.outer_word("from").is_some() {
                Dml
            } else {
                Query
            }
        }
        "create" => create(view),
        "drop" => drop(view),
        "alter" => alter(view),
        "truncate" | "comment" | "grant" | "revoke" | "reassign" | "security" | "refresh" => Ddl,
        "import" if view.is(1, "foreign") => Ddl,
        "reindex" => reindex(view),
        "cluster" => cluster(view),
        "vacuum" => OutsideTransaction,
        "discard" => {
            if view.is(1, "all") {
                OutsideTransaction
            } else {
                Session
            }
        }
        "reset" | "set" => Session,
        "savepoint" | "release" => Savepoint,
        "rollback" | "abort" => {
            if (1..view.len()).any(|at| view.is(at, "to")) {
                Savepoint
            } else {
                Transaction
            }
        }
        "begin" | "start" | "commit" | "end" => Transaction,
        "prepare" if view.is(1, "transaction") => Transaction,
        _ => Other,
    }
}

/// Where the statement begins that `WITH` leads up to. A word after `WITH`, `RECURSIVE` or a comma is a name.
fn with(view: View<'_>) -> StatementKind {
    let verbs = ["select", "values", "table", "insert", "update", "delete", "merge"];
    let modifies = (1..view.len())
        .any(|at| view.symbol(at - 1, "(") && view.is_any(at, &verbs[3..]) && is_body(view, at));
    let main = view.outer().skip(1).find(|&at| {
        view.is_any(at, &verbs) && !view.is_any(at - 1, &["with", "recursive"]) && !view.symbol(at - 1, ",")
    });
    match main {
        Some(at) if view.is_any(at, &verbs[3..]) => Dml,
        _ if modifies => Dml,
        Some(at) => kind(view.skip(at)),
        None => Query,
    }
}

/// Whether the parenthesis before `at` opens the query of a common table expression.
fn is_body(view: View<'_>, at: usize) -> bool {
    at >= 2 && view.is_any(at - 2, &["as", "materialized"])
}

fn explain(view: View<'_>) -> StatementKind {
    let mut runs = false;
    let mut at = 1;
    if view.symbol(1, "(") && !view.is_any(2, &["select", "values", "table", "with"]) && !view.symbol(2, "(")
    {
        at = view.after_parentheses(1);
        runs = option(view.take(at), "analyze");
    } else {
        while view.is_any(at, &["analyze", "analyse", "verbose"]) {
            runs |= !view.is(at, "verbose");
            at += 1;
        }
    }
    let explained = view.skip(at).skip_open();
    // No statement can be explained twice.
    if runs && !explained.is(0, "explain") { kind(explained) } else { Query }
}

/// Whether a boolean option in parentheses is there, and not switched off.
fn option(view: View<'_>, name: &str) -> bool {
    (1..view.len()).any(|at| {
        view.is(at, name) && !matches!(view.source(at + 1), "0" | "'0'") && !is_off(view.source(at + 1))
    })
}

fn is_off(value: &str) -> bool {
    let value = value.trim_matches(|quote| quote == '\'' || quote == '"');
    value.eq_ignore_ascii_case("false")
        || value.eq_ignore_ascii_case("off")
        || value.eq_ignore_ascii_case("no")
}

fn create(view: View<'_>) -> StatementKind {
    let index = if view.is(1, "unique") { 2 } else { 1 };
    match view.word(1).to_ascii_lowercase().as_str() {
        _ if view.are(index, &["index", "concurrently"]) => OutsideTransaction,
        "database" | "tablespace" => OutsideTransaction,
        "subscription" => {
            // It makes a slot on the other server, which no rollback would remove.
            let without_slot = (2..view.len()).any(|at| {
                view.is_any(at, &["connect", "create_slot"])
                    && is_off(view.source(at + if view.symbol(at + 1, "=") { 2 } else { 1 }))
            });
            if without_slot { Ddl } else { OutsideTransaction }
        }
        _ => Ddl,
    }
}

fn drop(view: View<'_>) -> StatementKind {
    match view.word(1).to_ascii_lowercase().as_str() {
        "database" | "tablespace" | "subscription" => OutsideTransaction,
        "index" if view.is(2, "concurrently") => OutsideTransaction,
        _ => Ddl,
    }
}

fn alter(view: View<'_>) -> StatementKind {
    match view.word(1).to_ascii_lowercase().as_str() {
        "system" => OutsideTransaction,
        "database" if view.are(3, &["set", "tablespace"]) => OutsideTransaction,
        "subscription" if view.is(3, "refresh") => OutsideTransaction,
        "subscription" if view.is_any(3, &["set", "add", "drop"]) && view.is(4, "publication") => {
            let keeps = (5..view.len()).any(|at| {
                view.is(at, "refresh")
                    && is_off(view.source(at + if view.symbol(at + 1, "=") { 2 } else { 1 }))
            });
            if keeps { Ddl } else { OutsideTransaction }
        }
        "table" if view.len() > 4 && view.is(view.len() - 1, "concurrently") => {
            let detaches = (2..view.len()).any(|at| view.are(at, &["detach", "partition"]));
            if detaches { OutsideTransaction } else { Ddl }
        }
        _ => Ddl,
    }
}

fn reindex(view: View<'_>) -> StatementKind {
    let mut at = 1;
    let mut concurrently = false;
    if view.symbol(1, "(") {
        at = view.after_parentheses(1);
        concurrently = option(view.take(at), "concurrently");
    }
    while view.is(at, "verbose") {
        at += 1;
    }
    if concurrently
        || view.is_any(at, &["database", "system", "schema"])
        || view.is(at + 1, "concurrently") && view.is_any(at, &["index", "table"])
    {
        OutsideTransaction
    } else {
        Ddl
    }
}

fn cluster(view: View<'_>) -> StatementKind {
    let at = if view.symbol(1, "(") { view.after_parentheses(1) } else { 1 };
    let at = if view.is(at, "verbose") { at + 1 } else { at };
    if at >= view.len() { OutsideTransaction } else { Ddl }
}

fn session_effect(view: View<'_>) -> bool {
    match view.word(0).to_ascii_lowercase().as_str() {
        // These end with the transaction.
        "set" => !view.is_any(1, &["local", "transaction", "constraints"]),
        "reset" | "discard" | "do" | "call" | "listen" | "unlisten" | "load" | "prepare" | "execute"
        | "deallocate" => !view.is(1, "transaction"),
        "create" if view.is_any(1, &["function", "procedure"]) => false,
        "create" if view.are(1, &["or", "replace"]) && view.is_any(3, &["function", "procedure"]) => false,
        _ => (0..view.len()).any(|at| {
            let is_candidate = view.token(at).is_some_and(|token| {
                matches!(token.kind, TokenKind::Word | TokenKind::Name | TokenKind::Text)
            });
            is_candidate && contains_ignoring_case(view.source(at), "set_config")
        }),
    }
}
