//! An old binary undoes what a newer one did, from what that left on record.

use embed_migrations::{ErrorKind, Lock};
use embed_migrations_tests::database::Kind;
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

/// What the newer binary has on top: two revisions, one of which has statements that no splitter of line ends could tell apart.
fn newer() -> Revisions {
    Revisions::tables(2)
        .sql(
            "n1",
            "CREATE TABLE n1 (id INTEGER, a VARCHAR(20));\nINSERT INTO t1 VALUES (77);",
            "DELETE FROM t1 WHERE id = 77;\nUPDATE n1 SET a = 'x;\n-- no';\nDROP TABLE n1;",
        )
        .sql("n2", "CREATE TABLE n2 (id INTEGER)", "DROP TABLE n2")
}

behaviours! {
    fn a_newer_binarys_revisions_are_undone_by_an_older_one(db) {
        let (old, new) = (Revisions::tables(2).build(), newer().build());
        let mut connection = db.connect();
        migrate!(connection, new, upgrade("head")).unwrap();
        assert_eq!(migrate!(connection, old, upgrade("head")).unwrap_err().kind(), ErrorKind::Ahead);

        let plan = migrate!(connection, old, plan_undo_unknown()).unwrap();
        assert_eq!(plan.steps.iter().map(|step| step.revision.as_str()).collect::<Vec<_>>(), ["n2", "n1"]);
        assert_eq!((plan.from.as_slice(), plan.to.as_slice()), (&["n2".to_owned()][..], &["r0002".to_owned()][..]));
        assert_eq!(plan.steps[0].sql.as_deref(), Some("DROP TABLE n2;\n"));
        let text = plan.to_string();
        for line in ["down n2 (from the record)", "DROP TABLE n2;", "DELETE FROM t1 WHERE id = 77;", "DROP TABLE n1;"] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert_eq!(db.tables(), ["n1", "n2", "t1", "t2"]);

        let report = migrate!(connection, old, undo_unknown()).unwrap();
        assert_eq!(report.steps.iter().map(|step| step.revision.as_str()).collect::<Vec<_>>(), ["n2", "n1"]);
        assert_eq!((db.tables(), connection.count("t1")), (vec!["t1".to_owned(), "t2".to_owned()], 1));
        assert!(migrate!(connection, old, status()).unwrap().is_current());
        assert!(migrate!(connection, old, upgrade("head")).unwrap().is_empty());
        assert!(migrate!(connection, old, undo_unknown()).unwrap().is_empty());
        // The newer binary finds the database where it has been before.
        assert_eq!(migrate!(connection, new, upgrade("head")).unwrap().steps.len(), 2);
        let actions: Vec<_> = migrate!(connection, new, history()).unwrap().iter().map(|row| row.action.as_str()).collect();
        assert_eq!(actions, ["up", "up", "up", "up", "down", "down", "up", "up"]);
        migrate!(connection, old, lock(Lock::Lease).undo_unknown()).unwrap();
        assert_eq!(db.tables(), ["t1", "t2"]);
    }

    fn where_nothing_is_of_this_set_nothing_is_undone_as_it_is_another_programs(db) {
        let theirs = Revisions::new().sql("alien", "CREATE TABLE x (id INTEGER)", "DROP TABLE x").build();
        let ours = Revisions::tables(1).build();
        let mut connection = db.connect();
        migrate!(connection, theirs, upgrade("head")).unwrap();
        let error = migrate!(connection, ours, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged);
        let text = error.to_string();
        assert!(text.contains("give this set a `namespace` of its own") && !text.contains("undo_unknown"), "{text}");
        let error = migrate!(connection, ours, undo_unknown()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ahead);
        assert!(error.to_string().contains("give this set a `namespace` of its own"), "{error}");
        assert_eq!(migrate!(connection, ours, plan_undo_unknown()).unwrap_err().kind(), ErrorKind::Ahead);
        assert_eq!(db.tables(), ["x"]);
        // The way out that the error names.
        let ours = Revisions::tables(1).namespace("ours").build();
        migrate!(connection, ours, upgrade("head")).unwrap();
        assert_eq!(db.tables(), ["t1", "x"]);
    }

    fn a_known_revision_that_was_applied_on_top_of_an_unknown_one_is_not_taken_down_with_it(db) {
        let both = |unknown: bool| {
            let base = Revisions::tables(1).branches();
            let base = if unknown {
                base.on("b1", "r0001", "", "-- migrate:up\nCREATE TABLE b1 (id INTEGER);\n-- migrate:down\nDROP TABLE b1;")
            } else {
                base
            };
            base.on("c1", "r0001", "", "-- migrate:up\nCREATE TABLE c1 (id INTEGER);\n-- migrate:down\nDROP TABLE c1;").build()
        };
        let mut connection = db.connect();
        migrate!(connection, both(true), upgrade("b1")).unwrap();
        migrate!(connection, both(true), upgrade("c1")).unwrap();
        let error = migrate!(connection, both(false), undo_unknown()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ahead);
        assert!(error.to_string().contains("revision 'c1' was applied on top of what is unknown"), "{error}");
        assert_eq!(db.tables(), ["b1", "c1", "t1"]);
    }

    fn what_left_no_text_that_undoes_it_is_refused_before_anything_is_touched(db) {
        let new = Revisions::tables(1).sql("once", "CREATE TABLE once (id INTEGER)", "")
            .sql("n2", "CREATE TABLE n2 (id INTEGER)", "DROP TABLE n2").build();
        let old = Revisions::tables(1).build();
        let mut connection = db.connect();
        migrate!(connection, new, upgrade("head")).unwrap();
        let error = migrate!(connection, old, undo_unknown()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ahead);
        assert!(error.to_string().contains("'once' cannot be undone from the record"), "{error}");
        assert_eq!(migrate!(connection, old, plan_undo_unknown()).unwrap_err().kind(), ErrorKind::Ahead);
        assert_eq!(db.tables(), ["n2", "once", "t1"]);
    }

    fn a_stamp_and_another_way_are_refused(db) {
        let old = Revisions::tables(1).build();
        let new = Revisions::tables(1).sql("n1", "CREATE TABLE n1 (id INTEGER)", "DROP TABLE n1").build();
        let mut connection = db.connect();
        migrate!(connection, new, upgrade("r0001")).unwrap();
        migrate!(connection, new, stamp("head")).unwrap();
        let error = migrate!(connection, old, undo_unknown()).unwrap_err();
        assert!(error.to_string().contains("not by upgrades alone"), "{error}");
        let edited = Revisions::tables(1).map(|text| text.replace("VALUES (1)", "VALUES (11)"))
            .sql("n1", "CREATE TABLE n1 (id INTEGER)", "DROP TABLE n1").build();
        migrate!(connection, edited, table("h2").stamp("r0001")).unwrap();
        migrate!(connection, edited, table("h2").upgrade("head")).unwrap();
        let error = migrate!(connection, old, table("h2").undo_unknown()).unwrap_err();
        assert!(error.to_string().contains("it, or one below it, is not what was applied"), "{error}");
    }

    /// The way that the error names.
    fn an_edited_draft_is_undone_without_its_file(db) {
        let draft = |sql: &str| Revisions::tables(1).sql("draft", sql, "DROP TABLE d");
        let mut connection = db.connect();
        migrate!(connection, draft("CREATE TABLE d (id INTEGER)").build(), upgrade("head")).unwrap();
        let edited = draft("CREATE TABLE d (id INTEGER, name INTEGER)").build();
        let error = migrate!(connection, edited, undo_unknown()).unwrap_err();
        assert!(error.to_string().contains("move the file of a draft elsewhere, undo, and put it back"), "{error}");
        migrate!(connection, Revisions::tables(1).build(), undo_unknown()).unwrap();
        migrate!(connection, edited, upgrade("head")).unwrap();
        connection.run("INSERT INTO d (name) VALUES (1)");
    }

    fn an_undoing_that_failed_in_the_middle_says_so_and_goes_on_from_there(db) {
        let new = Revisions::tables(1).sections("n1", "-- migrate:up\nCREATE TABLE n1 (id INTEGER);\n\
            -- migrate:down no-transaction\nDROP TABLE n1;\nINSERT INTO nowhere VALUES (1);\nINSERT INTO t1 VALUES (5);").build();
        let old = Revisions::tables(1).build();
        let mut connection = db.connect();
        migrate!(connection, new, upgrade("head")).unwrap();
        let error = migrate!(connection, old, undo_unknown()).unwrap_err();
        assert_eq!(error.failure().unwrap().kept, 1, "{error}");
        assert!(error.to_string().contains("statement 2 of 3: INSERT INTO nowhere VALUES (1)"), "{error}");
        assert_eq!(migrate!(connection, old, plan_undo_unknown()).unwrap().interrupted.as_deref(), Some("n1"));
        connection.run("CREATE TABLE nowhere (id INTEGER)");
        migrate!(connection, old, undo_unknown()).unwrap();
        assert_eq!((connection.count("nowhere"), connection.count("t1")), (1, 2));
        assert!(migrate!(connection, old, status()).unwrap().is_current());
    }

    fn a_half_applied_revision_of_a_newer_binary_is_left_to_it(db) {
        let new = Revisions::tables(1).sections("n1", "-- migrate:up no-transaction\nCREATE TABLE n1 (id INTEGER);\n\
            INSERT INTO nowhere VALUES (1);\n-- migrate:down\nDROP TABLE n1;").build();
        let old = Revisions::tables(1).build();
        let mut connection = db.connect();
        migrate!(connection, new, upgrade("head")).unwrap_err();
        let error = migrate!(connection, old, undo_unknown()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert!(error.to_string().contains("run the binary that began it"), "{error}");
        assert!(db.tables().contains(&"n1".to_owned()));
        // Where there is none, the way that the error names.
        assert!(error.to_string().contains("`stamp` gives it up"), "{error}");
        migrate!(connection, old, stamp("head")).unwrap();
        assert!(migrate!(connection, old, upgrade("head")).unwrap().is_empty());
    }

    fn a_text_of_a_later_version_is_not_run(db) {
        let (old, new) = (Revisions::tables(2).build(), newer().build());
        let mut connection = db.connect();
        migrate!(connection, new, upgrade("head")).unwrap();
        connection.run("UPDATE migrate_history SET down_sql = '-- embed-migrations 2\nDROP TABLE t1;\n' WHERE revision = 'n1'");
        let error = migrate!(connection, old, undo_unknown()).unwrap_err();
        assert!(error.to_string().contains("a later version of embed-migrations recorded it"), "{error}");
        assert_eq!(db.tables(), ["n1", "n2", "t1", "t2"]);
    }
}

#[test]
fn on_sqlite_the_options_of_the_section_are_kept_with_its_text() {
    let db = embed_migrations_tests::database::Database::new(Kind::Sqlite);
    let new = Revisions::new()
        .sql(
            "a",
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p ON DELETE CASCADE);\n\
             INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)",
            "",
        )
        .sections(
            "b",
            "-- migrate:up\nCREATE TABLE other (id INTEGER);\n-- migrate:down foreign-keys=off\nDROP TABLE other;\n\
             CREATE TABLE q (id INTEGER PRIMARY KEY);\nINSERT INTO q SELECT id FROM p;\nDROP TABLE p;\nALTER TABLE q RENAME TO p;",
        )
        .build();
    let old = Revisions::new()
        .sql(
            "a",
            "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p ON DELETE CASCADE);\n\
             INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)",
            "",
        )
        .build();
    let mut connection = db.connect();
    connection.run("PRAGMA foreign_keys = ON");
    migrate!(connection, new, upgrade("head")).unwrap();
    migrate!(connection, old, undo_unknown()).unwrap();
    assert_eq!((connection.count("p"), connection.count("c")), (1, 1), "no child went with its parent");
    assert_eq!(connection.value("PRAGMA foreign_keys"), "1");
}
