//! What a fleet of SQLite's files sends whose targets have nothing to do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use migrate_revision::Backend;
use migrate_revision::source::{Checks, resolve};

use super::FleetTarget;
use crate::Migrations;
use crate::backends::sqlite::watched;

#[test]
fn files_with_nothing_to_do_cost_one_statement_each() {
    let directory = tempfile::tempdir().unwrap();
    let revision =
        "-- One\n-- revision: r1\n-- revises: none\n\n-- migrate:up\nCREATE TABLE t1 (id INTEGER);\n";
    std::fs::write(directory.path().join("r1_one.sql"), revision).unwrap();
    let checks =
        Checks { backends: vec![Backend::Sqlite], cover_all: true, branches: false, require_down: false };
    let set = Migrations::from_resolved(resolve(directory.path(), "migrations", &checks).unwrap(), "main");
    let file =
        |n: usize| FleetTarget::new(format!("sqlite:{}", directory.path().join(format!("{n}.db")).display()));
    // One at a time is on this thread, which is the one that is watched.
    let upgrade = || set.fleet((0..30).map(file)).limit(1).upgrade_sqlite("head");
    let first = upgrade();
    assert!(first.is_success(), "{first}");
    assert!(watched::sent().len() > 60);

    let again = upgrade();
    assert!(again.to_string().starts_with("30 targets: 30 with nothing to do ("), "{again}");
    let sent = watched::sent();
    assert_eq!(sent.len(), 30, "{sent:#?}");
    for sql in sent {
        assert!(
            sql.starts_with("SELECT ")
                && sql.contains(" FROM main.\"migrate_history\" ")
                && sql.ends_with(" LIMIT 1"),
            "{sql}"
        );
    }
}
