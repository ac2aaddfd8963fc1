//! What this thread sends over connections that it opens by itself, for tests.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

thread_local! {
    static SENT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// From now on it counts what is sent over the connection.
pub(super) fn watch(connection: &Connection) {
    connection.trace_v2(
        TraceEventCodes::SQLITE_TRACE_STMT,
        Some(|event| {
            if let TraceEvent::Stmt(_, sql) = event {
                SENT.with_borrow_mut(|sent| sent.push(sql.to_owned()));
            }
        }),
    );
}

/// What was sent since this was asked last.
pub(crate) fn sent() -> Vec<String> {
    SENT.take()
}
