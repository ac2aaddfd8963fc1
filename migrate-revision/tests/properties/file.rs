//! Revision files: the header and the sections.

use std::time::Duration;

use embed_migrations_properties::properties;
use migrate_revision::source::{Checks, ParsedRevision, Resolved, SourceText, resolve};
use migrate_revision::{
    Backend, Body, Checksum, Direction, Object, ObjectKind, Problem, Revision, Script, ScriptStatement,
    SectionOptions, SqlBody, StatementKind, sql,
};
use proptest::prelude::*;

use crate::{assert_linear, mutated, seeds};

/// Revisions that hold every construct of the format once.
const SEEDS: &str = "tests/cases/seeds/revision";

const FRAGMENTS: [&str; 50] = [
    "\n",
    "\r\n",
    " ",
    "\t",
    "--",
    "-- ",
    "\n-- ",
    "-- revision: abc\n",
    "-- revision: ",
    "-- revises: none\n",
    "-- revises: a, b\n",
    "-- revises: ",
    "-- depends-on: x, y\n",
    "-- labels: l, m\n",
    "-- labels: ,\n",
    "-- created: 2026-11-23T10:12:00Z\n",
    "-- created: é\n",
    "-- compatible: yes\n",
    "-- compatible: no\n",
    "-- revison: abc\n",
    "-- Note that: so\n",
    "-- http://x\n",
    "-- migrate:up\n",
    "-- migrate:down\n",
    "-- migrate:up postgres sqlite\n",
    "-- migrate:up mysql no-transaction\n",
    "-- migrate:up lock-timeout=99999999999999999999s\n",
    "-- migrate:up statement-timeout=10m\n",
    "-- migrate:down irreversible\n",
    "-- migrate:up foreign-keys=off\n",
    "--migrate: up\n",
    "-- migrate\n",
    "-- +goose Up\n",
    "-- migrate:up mariadb\n",
    "-- migrate:down no-transaction\nDROP TABLE a;\n",
    "SELECT 1;\n",
    "CREATE TABLE a (b int);\n",
    "INSERT INTO a (b) VALUES (1);\n",
    "ALTER TABLE a RENAME TO \"b\" -- c\n;",
    "DROP TABLE `a`;\n",
    "BEGIN;\n",
    ";",
    "'",
    "\u{feff}",
    "é",
    "\u{2028}",
    "\0",
    "😀",
    ",",
    ":",
];

/// A revision of which nothing hangs together, as data.
pub(crate) fn revision() -> impl Strategy<Value = Revision> {
    let id = "[A-Za-z0-9_]{1,64}";
    let checksum = prop::option::of(any::<[u8; 32]>().prop_map(Checksum::from_bytes));
    let timeout = prop::option::of((0..u64::MAX / 2).prop_map(Duration::from_millis));
    let options =
        (any::<[bool; 3]>(), timeout.clone(), timeout).prop_map(|(flags, lock, statement)| SectionOptions {
            no_transaction: flags[0],
            foreign_keys_off: flags[1],
            keeps_data: flags[2],
            lock_timeout: lock,
            statement_timeout: statement,
        });
    let kinds = [StatementKind::Query, StatementKind::Dml, StatementKind::Ddl, StatementKind::Other];
    let objects = prop::collection::vec(
        (
            prop::sample::select(&[ObjectKind::Table, ObjectKind::View, ObjectKind::Index][..]),
            prop::collection::vec(any::<String>(), 1..3),
        ),
        0..3,
    )
    .prop_map(|objects| objects.into_iter().map(|(kind, name)| Object { kind, name }).collect::<Vec<_>>());
    let statement = (
        0..1000_usize,
        0..1000_usize,
        prop::sample::select(kinds.to_vec()),
        any::<bool>(),
        any::<u64>(),
        objects,
    );
    let script = (options, prop::collection::vec(statement, 0..4)).prop_map(|(options, statements)| {
        let mut end = 0;
        let statements = statements.into_iter().map(|(gap, length, kind, session_effect, hash, objects)| {
            let range = end + gap..end + gap + length;
            end = range.end;
            ScriptStatement { range, kind, session_effect, hash, objects }
        });
        Script { options, statements: statements.collect() }
    });
    let sql = (any::<bool>(), script).prop_map(|(needs_normalising, script)| {
        Body::Sql(SqlBody {
            needs_normalising,
            scripts: vec![script],
            up: [Some(0), None, Some(0), Some(0)],
            down: [None; 4],
        })
    });
    let rust =
        any::<(bool, bool)>().prop_map(|(down, foreign_keys_off)| Body::Rust { down, foreign_keys_off });
    let body = prop_oneof![rust, sql];
    let texts = (any::<String>(), any::<String>(), prop::collection::vec(any::<String>(), 0..3));
    let edges = (prop::collection::vec(id, 0..3), prop::collection::vec(id, 0..3), any::<Option<bool>>());
    (id, texts, edges, prop::array::uniform4(checksum), body).prop_map(
        |(id, texts, edges, checksums, body)| {
            let mut revision = Revision::new(id.parse().unwrap());
            (revision.slug, revision.message, revision.labels) = texts;
            revision.created = Some("2026-11-23".to_owned()).filter(|_| edges.2.is_some());
            revision.revises = edges.0.iter().map(|id| id.parse().unwrap()).collect();
            (revision.depends_on, revision.compatible) = (edges.1, edges.2);
            (revision.checksums, revision.body) = (checksums, body);
            revision
        },
    )
}

fn parse(text: &str) -> Result<ParsedRevision, Vec<Problem>> {
    let source = SourceText::new("m/abc_slug.sql", "abc_slug.sql", text.as_bytes())
        .map_err(|problem| vec![problem])?;
    ParsedRevision::new(source)
}

/// The only revision of a directory with one file.
fn resolved(text: &str) -> Result<Resolved, Vec<Problem>> {
    resolved_for(text, &Backend::ALL)
}

fn resolved_for(text: &str, backends: &[Backend]) -> Result<Resolved, Vec<Problem>> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("abc_slug.sql"), text).unwrap();
    let checks =
        Checks { backends: backends.to_vec(), cover_all: false, branches: true, require_down: false };
    resolve(directory.path(), "m", &checks)
}

/// That every backend has what it has alone, and what the splitting of its section says.
fn check_sections(text: &str, read: &Resolved) -> Result<(), TestCaseError> {
    let (revision, source) = (&read.revisions[0], &read.sources[0].text);
    for backend in Backend::ALL.into_iter().filter(|&backend| revision.covers(backend, Direction::Up)) {
        let alone =
            resolved_for(text, &[backend]).map_err(|told| TestCaseError::fail(format!("{told:?}")))?;
        prop_assert_eq!(alone.revisions[0].checksum(backend), revision.checksum(backend));
        for direction in [Direction::Up, Direction::Down] {
            let script = revision.script(backend, direction);
            prop_assert_eq!(alone.revisions[0].script(backend, direction), script);
            let Some(script) = script.filter(|script| !script.statements.is_empty()) else { continue };
            let (start, body) = section(source, script.statements[0].range.start);
            let is_compared = !script.is_transactional(backend);
            let expected = sql::split(body, backend).unwrap().into_iter().map(|statement| {
                let range = statement.range.start + start..statement.range.end + start;
                let objects = if is_compared { statement.objects } else { Vec::new() };
                (range, statement.kind, statement.session_effect, is_compared, objects)
            });
            let found = script.statements.iter().cloned().map(|statement| {
                let ScriptStatement { range, kind, session_effect, hash, objects } = statement;
                (range, kind, session_effect, hash != 0, objects)
            });
            prop_assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{}", backend);
        }
    }
    Ok(())
}

/// The body of the section that holds a place, and where it begins.
fn section(source: &str, at: usize) -> (usize, &str) {
    let mut start = 0;
    let mut end = 0;
    for line in source.split_inclusive('\n') {
        if line.trim_start().starts_with("-- migrate:") {
            if end > at {
                break;
            }
            start = end + line.len();
        }
        end += line.len();
    }
    (start, &source[start..end])
}

/// The header of a revision, written anew.
fn header(revision: &Revision) -> String {
    let list = |ids: &[String]| ids.join(", ");
    let revises: Vec<String> = revision.revises.iter().map(ToString::to_string).collect();
    let mut text = String::new();
    if !revision.message.is_empty() {
        text.push_str(&format!("-- {}\n--\n", revision.message));
    }
    text.push_str(&format!("-- revision: {}\n-- revises: {}\n", revision.id, list(&revises)));
    if !revision.depends_on.is_empty() {
        text.push_str(&format!("-- depends-on: {}\n", list(&revision.depends_on)));
    }
    if !revision.labels.is_empty() {
        text.push_str(&format!("-- labels: {}\n", list(&revision.labels)));
    }
    if let Some(created) = &revision.created {
        text.push_str(&format!("-- created: {created}\n"));
    }
    if let Some(compatible) = revision.compatible {
        text.push_str(&format!("-- compatible: {}\n", if compatible { "yes" } else { "no" }));
    }
    text
}

fn check(text: &str) -> Result<(), TestCaseError> {
    match parse(text) {
        Err(problems) => {
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
            return Ok(());
        }
        // Nothing else in the directory it could stand on.
        Ok(_) if text.contains("revises") || text.contains("depends-on") => return Ok(()),
        Ok(_) => {}
    }
    let Ok(read) = resolved(text) else { return Ok(()) };
    let revision = &read.revisions[0];
    let source = &read.sources[0].text;
    if let Body::Sql(body) = &revision.body {
        for script in &body.scripts {
            let mut end = 0;
            for statement in &script.statements {
                prop_assert!(end <= statement.range.start && source.get(statement.range.clone()).is_some());
                end = statement.range.end;
            }
        }
    }
    check_sections(text, &read)?;
    let again = resolved(&format!("{}\n-- migrate:up\nSELECT 1;\n", header(revision)));
    let again = &again.map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?.revisions[0];
    prop_assert_eq!(&again.message, &revision.message);
    prop_assert_eq!(
        (&again.id, &again.revises, &again.depends_on),
        (&revision.id, &revision.revises, &revision.depends_on)
    );
    prop_assert_eq!(
        (&again.labels, &again.created, again.compatible),
        (&revision.labels, &revision.created, revision.compatible)
    );
    Ok(())
}

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 0..25).prop_map(|parts| parts.concat())
}

properties! {
    ["A revision's file"], 1000;

    fn any_text_is_a_revision_or_refused(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&text)?;
        if let Ok(source) = SourceText::new("m/abc_slug.sql", "abc_slug.sql", &bytes) {
            check(&source.text)?;
        }
    }

    fn any_soup_is_a_revision_or_refused(soup in soup()) {
        for text in [format!("-- Say\n-- revision: abc\n{soup}-- migrate:up\nSELECT 1;"), format!("-- revision: abc\n-- migrate:up\n{soup}"), soup] {
            check(&text)?;
        }
    }

    fn any_edit_of_a_real_revision_is_one_or_refused(text in mutated(seeds(&["../migrations", SEEDS]), FRAGMENTS.to_vec())) {
        check(&text)?;
    }

    fn any_text_is_a_rust_revision_or_refused(soup in soup(), text in any::<String>()) {
        for text in [&soup, &text, &format!("//! revision: abc\npub async fn up(db: &mut Db<'_>) -> Result<()> {{ {text} }}")] {
            let text = text.replace("-- ", "//! ");
            let source = SourceText::new("m/abc_slug.rs", "abc_slug.rs", text.as_bytes()).unwrap();
            if let Err(problems) = ParsedRevision::new(source) {
                prop_assert!(!problems.is_empty());
            }
        }
    }
}

#[test]
fn every_seed_is_a_revision() {
    let seeds = seeds(&[SEEDS]);
    assert_eq!(seeds.len(), 5);
    for seed in seeds {
        let read = resolved(&seed);
        assert!(read.is_ok(), "{seed}: {:?}", read.err());
        check(&seed).unwrap();
    }
}

#[test]
fn the_cost_is_linear() {
    for (start, piece) in [
        ("", "-- prose\n"),
        ("", "-- revision: abc\n"),
        ("", "-- revison: abc\n"),
        ("", "-- no: key\n"),
        ("", "-- labels: a b\n"),
        ("-- revision: abc\n", "-- migrate:up nonsense\n"),
        ("-- revision: abc\n", "-- migrate:up\nSELECT 1;\n"),
        ("-- revision: abc\n-- migrate:up\n", "BEGIN;\n"),
        ("-- revision: abc\n-- migrate:up\n", "SELECT 1;\n"),
        ("-- revision: abc\n-- migrate:up\n", "\\x\n"),
        ("-- revision: abc\n-- revises: ", "a,"),
        ("-- revision: abc\n-- labels: ", "a,"),
        ("-- revision: abc\n-- depends-on: ", "a,"),
        ("-- revision: abc\n-- labels: ", "@,"),
        ("", "SELECT 1;\n"),
        ("", "\r\n"),
    ] {
        assert_linear(&format!("{start:?} and many of {piece:?}"), 1 << 13, |length| {
            let text = format!("{start}{}", piece.repeat(length / piece.len()));
            if parse(&text).is_ok() {
                let _ = resolved(&text);
            }
        });
    }
    for key in ["revises", "labels", "depends-on"] {
        assert_linear(&format!("many names in {key}"), 1 << 14, |length| {
            let names: Vec<String> = (0..length / 6).map(|n| format!("n{n}")).collect();
            let _ =
                parse(&format!("-- revision: abc\n-- {key}: {}\n-- migrate:up\nSELECT 1;", names.join(",")));
        });
    }
}
