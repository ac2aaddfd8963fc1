//! Databases that are not what the binary expects: edited, ahead, diverged, rearranged.

use embed_migrations::{Ahead, ErrorKind};
use embed_migrations_tests::database::Kind;
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

behaviours! {
    fn an_applied_revision_that_was_edited_is_refused_with_both_checksums_and_the_ways_out(db) {
        let set = Revisions::tables(2).build();
        let edited = Revisions::tables(3).map(|text| text.replace("VALUES (1)", "VALUES (11)")).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        let error = migrate!(connection, edited, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Edited);
        let backend = migrate!(connection, set, history()).unwrap();
        let applied = backend[0].checksum.clone().unwrap();
        let embedded = edited.revisions()[0].checksum(match db.kind {
            Kind::Sqlite => embed_migrations::Backend::Sqlite,
            Kind::Postgres => embed_migrations::Backend::Postgres,
            Kind::Mysql => embed_migrations::Backend::Mariadb,
        }).unwrap().to_string();
        assert_ne!(applied, embedded);
        let text = error.to_string();
        for part in ["'r0001' was edited after it was applied", "r0001_slug.sql", &applied, &embedded, "undo the edit", "repair([\"r0001\"])", "cargo migrate repair r0001"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(db.tables(), ["t1", "t2"]);
        assert_eq!(migrate!(connection, edited, status()).unwrap_err().kind(), ErrorKind::Edited);
    }

    fn a_start_with_nothing_to_do_waits_for_no_newer_compatible_revision_that_is_under_way(db) {
        let up = "-- migrate:up no-transaction\nCREATE TABLE x (id INTEGER);\nINSERT INTO nowhere VALUES (1);";
        let old = Revisions::tables(2).build();
        for (key, starts) in [("-- compatible: yes", true), ("-- compatible: no", false)] {
            let db = &embed_migrations_tests::database::Database::new(db.kind);
            let mut connection = db.connect();
            migrate!(connection, Revisions::tables(2).keys("new", key, up).build(), upgrade("head")).unwrap_err();
            let report = migrate!(connection, old, upgrade("head"));
            assert_eq!(report.is_ok(), starts, "{key}: {report:?}");
            if let Ok(report) = report {
                assert_eq!((report.ahead, report.steps.len()), (vec!["new".to_owned()], 0));
            }
            // What is not in force of this set cannot be done meanwhile.
            let more = Revisions::tables(3).build();
            assert_eq!(migrate!(connection, more, upgrade("head")).unwrap_err().kind(), ErrorKind::Interrupted);
            let refusing = migrate!(connection, old, ahead(Ahead::Refuse).upgrade("head")).unwrap_err();
            assert_eq!(refusing.kind(), ErrorKind::Interrupted);
        }
    }

    fn a_table_of_another_shape_is_no_history(db) {
        let mut connection = db.connect();
        connection.run("CREATE TABLE migrate_history (version INTEGER, namespace VARCHAR(9), seq INTEGER)");
        for error in [
            migrate!(connection, Revisions::tables(1).build(), upgrade("head")).unwrap_err(),
            migrate!(connection, Revisions::tables(1).build(), status()).map(|_| ()).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::History);
            assert!(error.to_string().contains("is no history of embed-migrations"), "{error}");
        }
        assert_eq!(migrate!(connection, Revisions::tables(1).build(), table("other").upgrade("head")).unwrap().steps.len(), 1);
    }

    fn a_database_ahead_is_accepted_when_what_it_has_more_says_that_it_is_compatible(db) {
        let old = Revisions::tables(2).build();
        let up = "-- migrate:up\nCREATE TABLE n1 (id INTEGER);\n-- migrate:down\nDROP TABLE n1;";
        let compatible = Revisions::tables(2).keys("new", "-- compatible: yes", up).build();
        let mut connection = db.connect();
        migrate!(connection, compatible, upgrade("head")).unwrap();
        let report = migrate!(connection, old, upgrade("head")).unwrap();
        assert_eq!((report.ahead.as_slice(), report.is_empty()), (&["new".to_owned()][..], true));
        assert_eq!(report.to_string(), "the database is ahead by new; nothing to do");
        assert_eq!(migrate!(connection, old, status()).unwrap().ahead, ["new"]);
        let error = migrate!(connection, old, ahead(Ahead::Refuse).upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ahead);
        let error = migrate!(connection, old, downgrade("base")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ahead);
        assert_eq!(db.tables(), ["n1", "t1", "t2"]);
    }

    fn a_database_ahead_is_refused_when_what_it_has_more_does_not_say_so(db) {
        let old = Revisions::tables(2).build();
        let new = Revisions::tables(4).build();
        let mut connection = db.connect();
        migrate!(connection, new, upgrade("head")).unwrap();
        let error = migrate!(connection, old, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ahead);
        assert!(error.to_string().contains("ahead of this binary by 'r0003', 'r0004'"), "{error}");
        assert_eq!(migrate!(connection, old, ahead(Ahead::Accept).upgrade("head")).unwrap().ahead, ["r0003", "r0004"]);
    }

    fn a_database_that_went_another_way_is_always_refused(db) {
        let theirs = Revisions::tables(2).keys("theirs", "-- compatible: yes", "-- migrate:up\nCREATE TABLE x (id INTEGER);").build();
        let ours = Revisions::tables(3).build();
        let mut connection = db.connect();
        migrate!(connection, theirs, upgrade("head")).unwrap();
        for ahead in [Ahead::IfCompatible, Ahead::Accept, Ahead::Refuse] {
            let error = migrate!(connection, ours, ahead(ahead).upgrade("head")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Diverged);
            assert!(error.to_string().contains("'theirs'") && error.to_string().contains("r0003_slug.sql"), "{error}");
        }
    }

    fn a_revision_put_between_applied_ones_is_refused(db) {
        let mut connection = db.connect();
        let table = |name: &str| format!("-- migrate:up\nCREATE TABLE {name} (id INTEGER);\n-- migrate:down\nDROP TABLE {name};");
        let before = Revisions::new().on("a", "none", "", &table("a")).on("c", "a", "", &table("c")).build();
        migrate!(connection, before, upgrade("head")).unwrap();
        let without = Revisions::new().on("a", "none", "", &table("a")).on("b", "a", "", &table("b"));
        let after = Revisions::new().on("a", "none", "", &table("a")).on("b", "a", "", &table("b"))
            .on("c", "b", "", &table("c")).build();
        let error = migrate!(connection, after, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
        assert!(error.to_string().starts_with("revision 'b' is below c, which is applied, and not applied"), "{error}");
        assert_eq!(db.tables(), ["a", "c"]);
        // The way out that the error names for a draft that was rebased
        assert!(error.to_string().contains("move its files elsewhere, take it down by `cargo migrate undo`"), "{error}");
        migrate!(connection, without.build(), undo_unknown()).unwrap();
        migrate!(connection, after, upgrade("head")).unwrap();
        assert_eq!(db.tables(), ["a", "b", "c"]);
    }

    fn a_database_ahead_whose_known_part_is_not_this_one_is_refused(db) {
        let table = |name: &str| format!("-- migrate:up\nCREATE TABLE {name} (id INTEGER);");
        let yes = "-- compatible: yes";
        // The binary has one in between that the database never saw.
        let theirs = Revisions::new().on("a", "none", "", &table("a")).on("c", "a", "", &table("c")).on("n", "c", yes, &table("n"));
        let ours = Revisions::new().on("a", "none", "", &table("a")).on("b", "a", "", &table("b")).on("c", "b", "", &table("c"));
        let mut connection = db.connect();
        migrate!(connection, theirs.build(), upgrade("head")).unwrap();
        let error = migrate!(connection, ours.build(), upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
        assert!(error.to_string().contains("b_slug.sql"), "{error}");
        // The database has one in between that the binary never had.
        let less = Revisions::new().on("a", "none", "", &table("a")).on("n", "a", "", &table("n"));
        let theirs = Revisions::new().on("a", "none", "", &table("a")).on("x", "a", yes, &table("x")).on("n", "x", "", &table("n"));
        let mut other = db.connect();
        migrate!(other, theirs.build(), table("h2").stamp("a")).unwrap();
        other.run("DROP TABLE n");
        migrate!(other, theirs.build(), table("h2").upgrade("head")).unwrap();
        let error = migrate!(other, less.build(), table("h2").upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
    }

    fn what_a_newer_binary_stamped_is_told_apart_by_an_older_one(db) {
        let old = Revisions::tables(2).build();
        let up = "-- migrate:up\nCREATE TABLE n1 (id INTEGER);";
        let new = Revisions::tables(2).keys("new", "-- compatible: yes", up).build();
        let mut connection = db.connect();
        migrate!(connection, old, upgrade("head")).unwrap();
        migrate!(connection, new, stamp("head")).unwrap();
        assert_eq!(migrate!(connection, old, upgrade("head")).unwrap().ahead, ["new"]);
    }

    fn a_stamp_does_not_forget_what_it_does_not_know(db) {
        let old = Revisions::tables(2).build();
        let new = Revisions::tables(2).sql("new", "INSERT INTO t1 VALUES (7);", "").build();
        let mut connection = db.connect();
        migrate!(connection, new, upgrade("head")).unwrap();
        let rows = connection.count("t1");
        for target in ["head", "r0001", "base"] {
            let error = migrate!(connection, old, stamp(target)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Ahead, "{error}");
            assert!(error.to_string().contains("'new'") && error.to_string().contains("`stamp --purge`"), "{error}");
        }
        assert_eq!(migrate!(connection, new, history()).unwrap().len(), 3);
        assert!(migrate!(connection, new, upgrade("head")).unwrap().is_empty());
        assert_eq!(connection.count("t1"), rows);
        assert_eq!(migrate!(connection, old, stamp_purged("head")).unwrap().to, ["r0002"]);
    }

    fn a_stamp_is_the_way_out_of_an_edit_that_the_database_has_already(db) {
        let set = Revisions::tables(2).build();
        let edited = Revisions::tables(2).map(|text| text.replace("VALUES (1)", "VALUES (11)")).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        migrate!(connection, edited, upgrade("head")).unwrap_err();
        assert_eq!(migrate!(connection, edited, stamp("r0002")).unwrap().steps.len(), 1);
        assert!(migrate!(connection, edited, upgrade("head")).unwrap().is_empty());
        assert_eq!(migrate!(connection, set, upgrade("head")).unwrap_err().kind(), ErrorKind::Edited);
    }

    /// The scripts in format_1 are as the first version made them, and are to be read by every later one.
    fn a_database_of_the_first_version_is_read_and_goes_on(db) {
        let path = format!("{}/behaviour/format_1/{}.sql", env!("CARGO_MANIFEST_DIR"), db.backend());
        db.run_script(&std::fs::read_to_string(path).unwrap());
        let mut connection = db.connect();
        let set = format_1(3).build();
        assert!(migrate!(connection, set, upgrade("head")).unwrap().is_empty());
        assert!(migrate!(connection, set, edited()).unwrap().is_empty());
        let history = migrate!(connection, set, history()).unwrap();
        let told: Vec<&str> = history.iter().map(|entry| entry.revision.as_str()).collect();
        assert_eq!(told, ["r0001", "r0002", "r0003"]);

        // What it left to be undone by is known to a binary that has not the revisions.
        let older = format_1(1).build();
        assert_eq!(migrate!(connection, older, undo_unknown()).unwrap().steps.len(), 2);
        assert_eq!(db.tables(), ["t1"]);
        let longer = format_1(4).build();
        assert_eq!(migrate!(connection, longer, upgrade("head")).unwrap().steps.len(), 3);
        migrate!(connection, longer, downgrade("base")).unwrap();
        assert_eq!(db.tables(), [""; 0]);
    }

    fn a_row_of_a_later_version_is_not_read_as_one_of_this(db) {
        let set = Revisions::tables(2).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("r0001")).unwrap();
        connection.run("UPDATE migrate_history SET format = 2");
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert!(error.to_string().contains("a later version wrote it"), "{error}");
        connection.run("UPDATE migrate_history SET format = 1, digest = '2:00', checksum = '2:00'");
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::History);
        assert!(error.to_string().contains("recorded by a later version"), "{error}");
        assert_eq!(db.tables(), ["t1"]);
    }

    fn an_entirely_unknown_history_is_refused(db) {
        let theirs = Revisions::new().sql("alien", "CREATE TABLE x (id INTEGER)", "").build();
        let mut connection = db.connect();
        migrate!(connection, theirs, upgrade("head")).unwrap();
        let ours = Revisions::tables(1).build();
        assert_eq!(migrate!(connection, ours, upgrade("head")).unwrap_err().kind(), ErrorKind::Diverged);
    }

    fn a_set_that_is_no_longer_for_the_backend_still_tells_where_the_database_is(db) {
        let first = Revisions::new().sql("a", "CREATE TABLE a (id INTEGER);", "DROP TABLE a;");
        let mut connection = db.connect();
        migrate!(connection, first.build(), upgrade("head")).unwrap();
        let other = if db.kind == Kind::Sqlite { "postgres" } else { "sqlite" };
        let set = first.sections("b", &format!("-- migrate:up {other}\nCREATE TABLE b (id INTEGER);")).build();
        let status = migrate!(connection, set, status()).unwrap();
        assert_eq!((status.heads, status.applied, status.pending.len()), (vec!["a".to_owned()], 1, 1));
        assert!(migrate!(connection, set, edited()).unwrap().is_empty());
        assert_eq!(migrate!(connection, set, plan_downgrade("base")).unwrap().steps.len(), 1);
        let error = migrate!(connection, set, plan("head")).unwrap_err().to_string();
        assert!(error.contains("revision 'b' has no section for"), "{error}");
        let error = migrate!(connection, set, upgrade("head")).unwrap_err().to_string();
        assert!(error.contains("b_slug.sql has no section for it"), "{error}");
    }

    fn a_set_that_is_not_for_the_backend_says_what_it_lacks(db) {
        let other = if db.kind == Kind::Sqlite { "postgres" } else { "sqlite" };
        let set = Revisions::new().sections("a", &format!("-- migrate:up {other}\nCREATE TABLE t1 (id INTEGER);")).build();
        let mut connection = db.connect();
        let error = migrate!(connection, set, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("a_slug.sql has no section for it"), "{error}");
        assert_eq!(db.tables(), Vec::<String>::new());
    }

    fn the_text_that_undoes_a_step_is_on_record(db) {
        let set = Revisions::tables(1).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        assert_eq!(connection.value("SELECT down_sql FROM migrate_history"), "DROP TABLE t1;\n");
    }
}

/// The first so many revisions of those whose scripts are in format_1.
fn format_1(count: usize) -> Revisions {
    (1..=count).fold(Revisions::new(), |revisions, n| {
        let section = |way: &str| format!("-- migrate:{way}{}\n", if n == 2 { " no-transaction" } else { "" });
        let (up, down) = (section("up"), section("down"));
        let compatible = if n == 3 { "-- compatible: yes\n-- labels: third" } else { "" };
        revisions.keys(
            &format!("r{n:04}"),
            compatible,
            &format!("{up}CREATE TABLE t{n} (id INTEGER);\nINSERT INTO t{n} VALUES ({n});\n{down}DELETE FROM t{n};\nDROP TABLE t{n};"),
        )
    })
}
