//! What a revision's file may have besides its header, its markers and its SQL.
#![cfg(feature = "source")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;

use migrate_revision::source::{Checks, ParsedRevision, SourceText, checksums, resolve};
use migrate_revision::{Backend, Body, Checksum};
use tempfile::TempDir;

/// A directory of these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// A revision's checksum, the number of its statements, and its message.
type Told = (Option<Checksum>, usize, String);

/// What resolving a directory for one backend comes to: its revisions, or its problems.
fn resolved(directory: &TempDir, backend: Backend) -> Result<Vec<Told>, Vec<String>> {
    let checks = Checks { backends: vec![backend], cover_all: true, branches: false, require_down: false };
    let resolved = resolve(directory.path(), "migrations", &checks)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let told = resolved.revisions.iter().map(|revision| {
        let statements = match &revision.body {
            Body::Sql(body) => body.scripts.iter().map(|script| script.statements.len()).sum(),
            Body::Rust { .. } => 0,
        };
        (revision.checksums[backend.index()], statements, revision.message.clone())
    });
    Ok(told.collect())
}

#[test]
fn a_licence_may_be_above_the_header() {
    let plain = "-- Make t\n--\n-- revision: a\n-- migrate:up\nCREATE TABLE t (a INTEGER);\n";
    let told = resolved(&directory(&[("a_t.sql", plain)]), Backend::Sqlite).unwrap();
    assert_eq!((told[0].1, told[0].2.as_str()), (1, "Make t"));
    for above in [
        "/* Copyright */\n",
        "\n/* Copyright\n   of: everybody\n */\n\n",
        "/* one */\n/* two */\n",
        "/*\n-- revision: b\n*/\n",
    ] {
        let files = directory(&[("a_t.sql", &format!("{above}{plain}"))]);
        assert_eq!(resolved(&files, Backend::Sqlite).as_ref(), Ok(&told), "{above}");
    }
    let up = "pub async fn up(db: &mut Db<'_>) -> Result<()> {\n    Ok(())\n}\n";
    for above in
        ["// SPDX-License-Identifier: MIT\n", "#![allow(dead_code)]\n\n", "// one\n\n// two\n/* three */\n"]
    {
        let rust = format!("{above}//! Fill\n//!\n//! revision: b\n//! revises: a\n\n{up}");
        let files = directory(&[("a_t.sql", plain), ("b_fill.rs", &rust)]);
        assert_eq!(resolved(&files, Backend::Sqlite).unwrap()[1].2, "Fill", "{above}");
    }
}

#[test]
fn what_a_comment_hides_above_the_header_is_told() {
    let plain = "-- revision: a\n-- migrate:up\nCREATE TABLE t (a INTEGER);\n";
    for above in ["/* unclosed\n", "/*! SELECT 1 */\n", "/* one */ SELECT 1;\n", "/*\n-- migrate:down\n*/\n"]
    {
        let files = directory(&[("a_t.sql", &format!("{above}{plain}"))]);
        assert!(resolved(&files, Backend::Mysql).is_err(), "{above}");
    }
}

#[test]
fn lines_of_sql_that_begin_like_a_marker_are_sql() {
    let sql = "-- revision: a\n-- migrate:up\nDO $$\nDECLARE migrated int := 0;\nBEGIN\n  migrated := migrated + 1;\n  \
               minute := 5;\nEND $$;\nSELECT\n  migrated::boolean,\n  minute::int;\nINSERT INTO t VALUES ('\nminute: 60\nmigrate: \
               true\n');\n";
    let files = directory(&[("a_t.sql", sql)]);
    assert_eq!(resolved(&files, Backend::Postgres).unwrap()[0].1, 3);
}

#[test]
fn what_looks_like_a_marker_inside_of_a_string_is_data() {
    let up = |sql: &str| directory(&[("a_t.sql", &format!("-- revision: a\n-- migrate:up\n{sql}"))]);
    let page = "INSERT INTO pages VALUES ('\n# Upgrade\n\n-- rollback\n## Undo\n');\nSELECT 1;\n";
    for backend in Backend::ALL {
        assert_eq!(resolved(&up(page), backend).unwrap()[0].1, 2, "{backend}");
    }
    let body = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\n-- down\nSELECT 1;\n$$;\n";
    assert_eq!(resolved(&up(body), Backend::Postgres).unwrap()[0].1, 1);
    for (sql, line) in [
        ("SELECT 1;\n-- Down\nSELECT 2;\n", "4 | -- Down"),
        ("SELECT '\n', 1;\n-- migrate down\nSELECT '\n';\n", "5 | -- migrate down"),
        ("SELECT 'x\n-- rollback\n", "4 | -- rollback"),
    ] {
        let problems = resolved(&up(sql), Backend::Sqlite).unwrap_err();
        let told =
            problems.iter().find(|problem| problem.starts_with("this looks like a marker and is none\n"));
        assert!(told.is_some_and(|told| told.contains(line)), "{sql}: {problems:?}");
    }
    // A section that nobody reads.
    let files = directory(&[(
        "a_t.sql",
        "-- revision: a\n-- migrate:up\nSELECT 1;\n-- migrate:up mysql\nSELECT '\n-- Down\n';\n",
    )]);
    assert_eq!(resolved(&files, Backend::Sqlite).unwrap_err().len(), 1);
    assert!(resolved(&files, Backend::Mysql).is_ok());
}

#[test]
fn an_irreversible_section_may_say_why() {
    let sql = |why: &str| {
        format!("-- revision: a\n-- migrate:up\nDROP TABLE t;\n-- migrate:down irreversible\n{why}")
    };
    for why in ["/* the data is gone */\n", "-- gone\n/* for\never */\n\n-- really", "\n"] {
        assert!(resolved(&directory(&[("a_t.sql", &sql(why))]), Backend::Mysql).is_ok(), "{why}");
    }
    for body in ["/*! SELECT 1 */", "/* x */ SELECT 1;", "SELECT 1; -- x"] {
        let problems = resolved(&directory(&[("a_t.sql", &sql(body))]), Backend::Mysql).unwrap_err();
        assert!(
            problems[0].starts_with("the section is `irreversible` and has a body\n"),
            "{body}: {problems:?}"
        );
    }
}

#[test]
fn data_counts_by_whatever_path_a_string_leads_to_it() {
    let first = "-- revision: a\n-- migrate:up\nCREATE TABLE t (a INTEGER);\n";
    let of = |string: &str, data: &str| {
        let rust = format!(
            "//! revision: b\n//! revises: a\n\npub async fn up(db: &mut Db<'_>) -> Result<()> {{\n    f({string:?})\n}}\n"
        );
        let files = directory(&[("a_t.sql", first), ("b_fill.rs", &rust), ("data/geo/x.csv", data)]);
        resolved(&files, Backend::Sqlite).unwrap()[1].0
    };
    for string in
        ["geo/x.csv", "geo//x.csv", "./geo/./x.csv", "data/geo/x.csv", "../migrations/data/geo/x.csv"]
    {
        assert_ne!(of(string, "1"), of(string, "2"), "{string}");
    }
    assert_eq!(of("geo/y.csv", "1"), of("geo/y.csv", "2"));
}

#[test]
fn line_ends_of_data_count_where_a_revision_reads_bytes_and_not_where_it_reads_text() {
    let first = "-- revision: a\n-- migrate:up\nCREATE TABLE t (a INTEGER);\n";
    let of = |body: &str, data: &str, lock: &str| {
        let rust = format!(
            "//! revision: b\n//! revises: a\n\npub async fn up(db: &mut Db<'_>) -> Result<()> {{\n    {body}\n}}\n"
        );
        let files = [("a_t.sql", first), ("b_fill.rs", &rust), ("data/x", data), ("migrations.lock", lock)];
        let files = directory(&files[..if lock.is_empty() { 3 } else { 4 }]);
        resolved(&files, Backend::Sqlite).map(|told| told[1].0.unwrap())
    };
    let [text, bytes] = ["db.file(\"x\").map(drop)", "db.file_bytes(\"x\").map(drop)"];
    // What people have locked stays what it is.
    let locked = "1:dee05061470016980f8f5efe077760a6b218d1377d3ef9546cc7fa015a194e0b";
    assert_eq!(of(text, "AT\nDE\n", "").unwrap().to_string(), locked);
    let equal = |body: &str, one: &str, other: &str| of(body, one, "") == of(body, other, "");
    assert!(equal(text, "AT\nDE\n", "AT\r\nDE\r\n"));
    assert!(!equal(text, "AT\nDE\n", "AT\rDE\n"));
    assert!(!equal(bytes, "AT\nDE\n", "AT\r\nDE\r\n"));

    let before = of(bytes, "AT\nDE\n", "").unwrap();
    let lock = format!("version 1\nb revises a all={before}\n");
    assert!(of(bytes, "AT\nDE\n", &lock).is_ok());
    let problems = of(bytes, "AT\r\nDE\n", &lock).unwrap_err();
    let said = "but for CR before LF, which counts in what it reads as bytes: `data/x`";
    assert!(problems[0].contains(said), "{problems:?}");
    assert!(!of(bytes, "AT\r\n\r\n", &lock).unwrap_err()[0].contains("but for CR"));
}

#[test]
fn what_one_header_gets_wrong_a_thousand_times_is_told_a_hundred_times() {
    let names: Vec<String> = (0..1000).map(|n| format!("x{n}")).collect();
    let sql = format!("-- revision: a\n-- depends-on: {}\n-- migrate:up\nSELECT 1;\n", names.join(", "));
    let problems = resolved(&directory(&[("a_t.sql", &sql)]), Backend::Sqlite).unwrap_err();
    assert_eq!(problems.len(), 100);
    assert!(problems.iter().all(|problem| problem.contains("which is no revision and no label")));
}

#[test]
fn on_sqlite_a_table_is_made_anew_only_without_foreign_keys_in_force() {
    let rebuild = "CREATE TABLE new (id INTEGER);\nINSERT INTO new SELECT id FROM t;\nDROP TABLE t;\nALTER TABLE new RENAME TO t;\n";
    let quoted = "/* no plain text */ CREATE TABLE new (id INTEGER);\ndrop table if exists main.[T];\nalter table main.new rename to \"t\";\n";
    let revision = |marker: &str, sql: &str| format!("-- revision: a\n-- migrate:up {marker}\n{sql}");
    for sql in [rebuild, quoted] {
        for backends in
            [vec![Backend::Sqlite], vec![Backend::Postgres, Backend::Sqlite], Backend::ALL.to_vec()]
        {
            let backends: Vec<Backend> = backends
                .into_iter()
                .filter(|backend| sql == rebuild || *backend == Backend::Sqlite)
                .collect();
            let checks = Checks { backends, cover_all: true, branches: false, require_down: false };
            let told = |marker: &str| {
                let files = directory(&[("a_t.sql", &revision(marker, sql))]);
                resolve(files.path(), "migrations", &checks).err().map(|problems| problems[0].to_string())
            };
            let refused = told("").unwrap_or_default();
            assert!(
                refused.contains(" is dropped and made anew while foreign keys are in force\n"),
                "{refused}"
            );
            assert!(refused.contains("add `foreign-keys=off` to the marker"), "{refused}");
            assert_eq!(told("foreign-keys=off"), None);
        }
        let outside = |sql: &str| {
            resolved(&directory(&[("a_t.sql", &revision("no-transaction", sql))]), Backend::Sqlite)
        };
        let refused = outside(sql).unwrap_err();
        assert!(refused[0].contains("put `PRAGMA foreign_keys = OFF;` before it"), "{refused:?}");
        assert!(outside(&format!("PRAGMA foreign_keys = OFF;\n{sql}")).is_ok());
    }
    for backend in [Backend::Postgres, Backend::Mysql, Backend::Mariadb] {
        assert!(resolved(&directory(&[("a_t.sql", &revision("", rebuild))]), backend).is_ok(), "{backend}");
    }
    for other in [
        "DROP TABLE t;\nALTER TABLE new RENAME TO u;\n",
        "ALTER TABLE t RENAME TO u;\nDROP TABLE v;\nALTER TABLE u RENAME COLUMN w TO v;\n",
        "DROP TABLE t;\nCREATE TABLE t (id INTEGER);\n",
    ] {
        assert!(
            resolved(&directory(&[("a_t.sql", &revision("", other))]), Backend::Sqlite).is_ok(),
            "{other}"
        );
    }
}

#[test]
fn what_is_locked_is_not_refused_for_the_foreign_keys_that_it_should_have_switched_off() {
    let base = "-- revision: a\n-- migrate:up\nCREATE TABLE t (a INTEGER);\n";
    let rebuild = "-- revision: b\n-- revises: a\n-- migrate:up\nCREATE TABLE n (a);\nDROP TABLE t;\nALTER TABLE n RENAME TO t;\n";
    let rust = "//! revision: c\n//! revises: b\n\npub async fn up(db: &mut Db<'_>) -> Result<()> {\n    \
                db.execute(\"PRAGMA foreign_keys = OFF\", &[]).await?;\n    db.execute(\"DROP TABLE t; ALTER TABLE n RENAME TO t\", &[]).await\n}\n";
    let files = [("a_t.sql", base), ("b_rebuild.sql", rebuild), ("c_rust.rs", rust)];
    let draft = resolved(&directory(&files), Backend::Sqlite).unwrap_err();
    assert_eq!(draft.iter().filter(|problem| problem.contains("made anew")).count(), 2, "{draft:?}");
    assert_eq!(
        draft.iter().filter(|problem| problem.contains("does nothing inside")).count(),
        1,
        "{draft:?}"
    );
    let lines = files.map(|(name, text)| {
        let parsed = ParsedRevision::new(SourceText::new(name, name, text.as_bytes()).unwrap()).unwrap();
        let checksum = checksums(&parsed, &[])[Backend::Sqlite.index()].unwrap();
        let (id, below) = (&name[..1], ["none", "a", "b"][usize::from(name.as_bytes()[0] - b'a')]);
        format!("{id} revises {below} sqlite={checksum}\n")
    });
    let lock = format!("version 1\n{}", lines.concat());
    let locked = directory(&[files[0], files[1], files[2], ("migrations.lock", &lock)]);
    assert_eq!(resolved(&locked, Backend::Sqlite).unwrap().len(), 3);
}

#[test]
fn what_version_control_leaves_of_a_conflict_is_told() {
    let marks =
        "<<<<<<< HEAD\nCREATE TABLE t (a INTEGER);\n=======\nCREATE TABLE t (b INTEGER);\n>>>>>>> theirs\n";
    for sql in [
        format!("-- revision: a\n-- migrate:up\n{marks}"),
        format!("-- revision: a\n{marks}"),
        format!("-- revision: a\n-- migrate:up\nSELECT 1;\n-- migrate:up mysql\n{marks}"),
    ] {
        let problems = resolved(&directory(&[("a_t.sql", &sql)]), Backend::Sqlite).unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.starts_with("unresolved merge conflict\n")),
            "{problems:?}"
        );
    }
    let data = "-- revision: a\n-- migrate:up\nINSERT INTO t VALUES ('\n<<<<<<< HEAD\n>>>>>>> theirs\n');\n";
    assert!(resolved(&directory(&[("a_t.sql", data)]), Backend::Sqlite).is_ok());
}

#[test]
fn a_head_is_put_on_top_only_of_one_that_does_not_stand_on_it() {
    let revision = |id: &str, header: &str| {
        format!("-- revision: {id}\n{header}\n-- migrate:up\nCREATE TABLE t_{id} (a INTEGER);\n")
    };
    let [a, b, z, z2] = [("a", ""), ("b", "-- revises: a"), ("z", "-- revises: a"), ("zz", "-- revises: z")]
        .map(|(id, header)| revision(id, header));
    let c = revision("c", "-- revises: a\n-- depends-on: z");
    let told = |files: &[(&str, &str)]| {
        let problems = resolved(&directory(files), Backend::Sqlite).unwrap_err();
        problems.into_iter().find(|problem| problem.contains("the history has 2 heads")).unwrap()
    };
    let problem = told(&[("a_t.sql", &a), ("c_t.sql", &c), ("z_t.sql", &z)]);
    assert!(problem.contains("or put `c` on top: `-- revises: z` in its header"), "{problem}");
    // `z` would be left behind as a head.
    let problem = told(&[("a_t.sql", &a), ("c_t.sql", &c), ("z_t.sql", &z), ("zz_t.sql", &z2)]);
    assert!(problem.contains("or put `c` on top: `-- revises: zz` in its header"), "{problem}");
    let fork: [(&str, &str); 2] = [("a_t.sql", &a), ("b_t.sql", &b)];
    let problem = told(&[fork[0], fork[1], ("z_t.sql", &z)]);
    assert!(problem.contains("or put `z` on top: `-- revises: b` in its header"), "{problem}");
    // Each side of the conflict has locked its own.
    let lock = "version 1\n<<<<<<< HEAD\nb revises a\n=======\nz revises a\n>>>>>>> theirs\n";
    let problem = told(&[fork[0], fork[1], ("z_t.sql", &z), ("migrations.lock", lock)]);
    assert!(!problem.contains("on top"), "{problem}");
}

#[test]
fn data_that_a_rust_revision_asks_for_is_there() {
    let first = "-- revision: a\n-- migrate:up\nCREATE TABLE t (a INTEGER);\n";
    let fill = |body: &str| {
        format!(
            "//! revision: b\n//! revises: a\n\npub async fn up(db: &mut Db<'_>) -> Result<()> {{\n    {body}\n}}\n"
        )
    };
    let of = |body: &str, data: &[(&str, &str)]| {
        let rust = fill(body);
        let files: Vec<_> = [("a_t.sql", first), ("b_fill.rs", &*rust)].iter().chain(data).copied().collect();
        let directory = directory(&files);
        resolved(&directory, Backend::Sqlite).map(|told| told[1].0.unwrap())
    };
    let read = "load(db, db.file(\"geo/c.csv\")?)";
    let problems = of(read, &[("data/geo/b.csv", "1")]).unwrap_err();
    assert_eq!(
        problems,
        [
            "there is no file `geo/c.csv` under `data/`\n --> migrations/b_fill.rs:5:22\n  |\n5 |     load(db, db.file(\"geo/c.csv\")?)\n  \
          |                      ^^^^^^^^^^^\n  = help: put it there and into version control: does git ignore it, or was it not added?\n  \
          = help: or is `geo/b.csv` meant, which is there?"
        ]
    );
    assert_eq!(of("db.file_bytes(\"c.csv\")", &[]).unwrap_err().len(), 1);
    assert!(of("form.file(\"c.csv\")", &[]).is_ok());

    // In a clone without the data, that is what is wrong, and no edit.
    let lock = |body| {
        let locked = of(body, &[("data/geo/c.csv", "1")]).unwrap();
        format!("version 1\nb revises a all={locked}\n")
    };
    let problems = of(read, &[("migrations.lock", &lock(read))]).unwrap_err();
    assert!(problems.len() == 1 && problems[0].starts_with("there is no file `geo/c.csv`"), "{problems:?}");
    let by_variable = "let name = \"geo/c.csv\"; db.file(name).map(drop)";
    let problems = of(by_variable, &[("migrations.lock", &lock(by_variable))]).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains("is locked and its upgrade has changed"), "{problems:?}");
    assert!(problems[0].contains("named in it, and not under `data/`: `geo/c.csv`"), "{problems:?}");
}

#[test]
fn commands_that_look_at_the_graph_alone_need_no_data() {
    let rust = "//! revision: a\n\npub async fn up(db: &mut Db<'_>) -> Result<()> {\n    db.file(\"c.csv\").map(drop)\n}\n";
    let files = directory(&[("a_fill.rs", rust)]);
    let mut checks = Checks { backends: Vec::new(), cover_all: false, branches: true, require_down: false };
    assert!(resolve(files.path(), "migrations", &checks).is_ok());
    checks.backends.push(Backend::Sqlite);
    assert!(resolve(files.path(), "migrations", &checks).is_err());
}
