//! Edits of applied revisions that are accepted, and stamps that forget what was before.

use embed_migrations::{Action, ErrorKind, HistoryRow};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

use crate::races::race;

/// So many tables, of which those have another row than [`Revisions::tables`] gives them.
fn edited(count: usize, tables: &[usize]) -> Revisions {
    tables.iter().fold(Revisions::tables(count), |revisions, n| {
        let (before, after) = (format!("t{n} VALUES ({n})"), format!("t{n} VALUES (1{n})"));
        revisions.map(|text| text.replace(&before, &after))
    })
}

/// A base with a branch on either side, the rows of those named being others.
fn branches(edited: &[&str]) -> Revisions {
    let table = |name: &str| {
        let value = if edited.contains(&name) { 2 } else { 1 };
        format!("-- migrate:up\nCREATE TABLE t_{name} (id INTEGER);\nINSERT INTO t_{name} VALUES ({value});")
    };
    Revisions::new()
        .on("root", "none", "", &table("root"))
        .on("left", "root", "-- labels: west", &table("left"))
        .on("right", "root", "", &table("right"))
        .branches()
}

fn repairs(history: &[HistoryRow]) -> Vec<(&str, &[String])> {
    let repairs = history.iter().filter(|row| row.action == Action::Repair);
    repairs.map(|row| (row.revision.as_str(), row.heads.as_slice())).collect()
}

behaviours! {
    fn an_accepted_edit_makes_the_database_current_and_runs_nothing(db) {
        let (old, new) = (Revisions::tables(2).build(), edited(3, &[1]).build());
        let mut connection = db.connect();
        migrate!(connection, old, upgrade("head")).unwrap();
        let applied = migrate!(connection, old, history()).unwrap()[0].checksum.clone().unwrap();
        let listed = migrate!(connection, new, edited()).unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].revision.as_str(), &listed[0].applied), ("r0001", &applied));
        assert_eq!((listed[0].message.as_str(), listed[0].file.ends_with("r0001_slug.sql")), ("Revision r0001", true));
        assert!(listed[0].now.as_ref().is_some_and(|now| *now != applied));
        let report = migrate!(connection, new, repair(&listed)).unwrap();
        assert_eq!((report.steps.len(), report.steps[0].revision.as_str()), (1, "r0001"));
        assert_eq!((report.from, report.to), (vec!["r0002".to_owned()], vec!["r0002".to_owned()]));
        assert_eq!(connection.value("SELECT id FROM t1"), "1");
        assert_eq!(migrate!(connection, new, edited()).unwrap(), []);
        let status = migrate!(connection, new, status()).unwrap();
        assert_eq!((status.applied, status.pending.len()), (2, 1));
        let history = migrate!(connection, new, history()).unwrap();
        assert_eq!(repairs(&history), [("r0001", &["r0002".to_owned()][..])]);
        assert_eq!((history[2].seq, &history[2].checksum), (3, &listed[0].now));
        assert_eq!(migrate!(connection, new, upgrade("head")).unwrap().steps.len(), 1);
        let report = migrate!(connection, new, downgrade("base")).unwrap();
        assert_eq!(report.steps.len(), 3);
    }

    fn a_binary_with_the_former_text_is_refused_once_an_edit_is_accepted(db) {
        let (old, new) = (Revisions::tables(2).build(), edited(2, &[2]).build());
        let mut connection = db.connect();
        migrate!(connection, old, upgrade("head")).unwrap();
        migrate!(connection, new, repair(["r0002"])).unwrap();
        assert_eq!(migrate!(connection, old, upgrade("head")).unwrap_err().kind(), ErrorKind::Edited);
        assert!(migrate!(connection, new, status()).unwrap().is_current());
        // The text of before can be accepted again.
        migrate!(connection, old, repair(["r0002"])).unwrap();
        assert!(migrate!(connection, old, status()).unwrap().is_current());
        assert_eq!(migrate!(connection, new, upgrade("head")).unwrap_err().kind(), ErrorKind::Edited);
    }

    fn several_edits_are_accepted_together_or_one_by_one(db) {
        let (old, new) = (Revisions::tables(4).build(), edited(4, &[1, 2, 4]).build());
        let mut connection = db.connect();
        migrate!(connection, old, upgrade("head")).unwrap();
        let ids = |edited: Vec<embed_migrations::EditedRevision>| {
            edited.into_iter().map(|edited| edited.revision).collect::<Vec<_>>()
        };
        assert_eq!(ids(migrate!(connection, new, edited()).unwrap()), ["r0001", "r0002", "r0004"]);
        migrate!(connection, new, repair(["r0002"])).unwrap();
        for binary in [&old, &new] {
            assert_eq!(migrate!(connection, binary, upgrade("head")).unwrap_err().kind(), ErrorKind::Edited);
        }
        assert_eq!(ids(migrate!(connection, new, edited()).unwrap()), ["r0001", "r0004"]);
        // A binary with just the accepted edit is that of this database.
        let half = edited(4, &[2]).build();
        assert!(migrate!(connection, half, status()).unwrap().is_current());
        assert!(migrate!(connection, half, upgrade("head")).unwrap().is_empty());
        let report = migrate!(connection, new, repair(["r0001", "r0004"])).unwrap();
        assert_eq!(report.steps.len(), 2);
        assert!(migrate!(connection, new, status()).unwrap().is_current());
        assert!(migrate!(connection, new, upgrade("head")).unwrap().is_empty());
        let history = migrate!(connection, new, history()).unwrap();
        assert_eq!(repairs(&history).iter().map(|(id, _)| *id).collect::<Vec<_>>(), ["r0002", "r0001", "r0004"]);
    }

    fn edits_on_branches_leave_every_head_where_it_is(db) {
        let (old, new) = (branches(&[]).build(), branches(&["root", "left"]).build());
        let mut connection = db.connect();
        migrate!(connection, old, upgrade("heads")).unwrap();
        let error = migrate!(connection, new, repair(["west@head", "base"])).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Plan, "'base' names no revision"));
        let edited = migrate!(connection, new, edited()).unwrap();
        let report = migrate!(connection, new, repair(&edited)).unwrap();
        assert_eq!((report.steps.len(), report.to), (2, vec!["left".to_owned(), "right".to_owned()]));
        assert!(migrate!(connection, new, upgrade("heads")).unwrap().is_empty());
        let history = migrate!(connection, new, history()).unwrap();
        assert!(repairs(&history).iter().all(|(_, heads)| *heads == ["left", "right"]));
    }

    fn what_is_no_edit_cannot_be_accepted(db) {
        let set = Revisions::tables(2).build();
        let mut connection = db.connect();
        assert_eq!(migrate!(connection, set, edited()).unwrap(), []);
        let error = migrate!(connection, set, repair(["r0001"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Plan);
        assert!(error.to_string().contains("'r0001' is not applied"), "{error}");
        migrate!(connection, set, upgrade("r0001")).unwrap();
        let error = migrate!(connection, set, repair(["r0001"])).unwrap_err();
        assert!(error.to_string().contains("'r0001' is what was applied"), "{error}");
        let error = migrate!(connection, set, repair(["nosuch"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Plan);
        assert!(error.to_string().contains("can't locate revision identified by 'nosuch'"), "{error}");
        let nothing: [&str; 0] = [];
        assert!(migrate!(connection, set, repair(nothing)).unwrap().is_empty());
        assert_eq!(migrate!(connection, set, history()).unwrap().len(), 1);
    }

    fn an_edit_that_was_accepted_is_accepted_once(db) {
        let (old, new) = (Revisions::tables(1).build(), edited(1, &[1]).build());
        let mut connection = db.connect();
        migrate!(connection, old, upgrade("head")).unwrap();
        assert_eq!(migrate!(connection, new, repair(["r0001"])).unwrap().steps.len(), 1);
        assert!(migrate!(connection, new, repair(["r0001"])).unwrap().is_empty());
        assert_eq!(migrate!(connection, new, history()).unwrap().len(), 2);
    }

    fn of_several_processes_one_accepts_each_edit(db) {
        let set = Revisions::tables(3).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        let new = edited(3, &[1, 3]);
        assert_eq!(race(db, 4, &new, ("repair", "r0001,r0003"), &[]), ["r0001", "r0003"]);
        let newer = edited(3, &[1, 2]);
        assert_eq!(race(db, 4, &newer, ("repair", "r0002,r0003"), &["no-lock"]), ["r0002", "r0003"]);
        let set = newer.build();
        assert!(migrate!(connection, set, status()).unwrap().is_current());
        let history = migrate!(connection, set, history()).unwrap();
        assert_eq!(history.iter().map(|row| row.seq).collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());
    }

    fn a_binary_that_is_behind_accepts_nothing(db) {
        let old = Revisions::tables(3).build();
        let mut connection = db.connect();
        migrate!(connection, old, upgrade("head")).unwrap();
        let behind = edited(2, &[1]).build();
        let error = migrate!(connection, behind, repair(["r0001"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ahead, "{error}");
        let elsewhere = edited(2, &[1]).sql("other", "CREATE TABLE o (id INTEGER);", "").build();
        let error = migrate!(connection, elsewhere, repair(["r0001"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
        assert_eq!(migrate!(connection, old, history()).unwrap().len(), 3);
    }

    fn an_edit_below_which_something_was_put_in_between_is_not_accepted(db) {
        let table = |name: &str, more: &str| format!("-- migrate:up\nCREATE TABLE {name} (id INTEGER{more});");
        let before = Revisions::new().on("a1", "none", "", &table("a", "")).on("c1", "a1", "", &table("c", "")).build();
        let after = Revisions::new().on("a1", "none", "", &table("a", "")).on("b1", "a1", "", &table("b", ""))
            .on("c1", "b1", "", &table("c", ", x INTEGER")).build();
        let mut connection = db.connect();
        migrate!(connection, before, upgrade("head")).unwrap();
        let error = migrate!(connection, after, repair(["c1"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Diverged, "{error}");
        assert!(error.to_string().contains("apart from the edits of some"), "{error}");
        assert_eq!(migrate!(connection, before, history()).unwrap().len(), 2);
    }

    fn a_database_ahead_is_known_although_an_edit_was_accepted_since(db) {
        let up = "-- migrate:up\nCREATE TABLE n1 (id INTEGER);";
        let add = |revisions: Revisions| revisions.keys("new", "-- compatible: yes", up).build();
        let mut connection = db.connect();
        migrate!(connection, add(Revisions::tables(2)), upgrade("head")).unwrap();
        migrate!(connection, add(edited(2, &[1])), repair(["r0001"])).unwrap();
        let behind = edited(2, &[1]).build();
        assert_eq!(migrate!(connection, behind, upgrade("head")).unwrap().ahead, ["new"]);
        let error = migrate!(connection, Revisions::tables(2).build(), upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Edited, "{error}");
    }

    fn nothing_is_accepted_while_a_revision_is_interrupted(db) {
        let alone = |statement: &str| {
            format!("-- migrate:up no-transaction\nCREATE TABLE x1 (id INTEGER);\n{statement}\n-- migrate:down\nDROP TABLE x1;")
        };
        let broken = Revisions::tables(1).sections("alone", &alone("INSERT INTO nowhere VALUES (1);")).build();
        let mut connection = db.connect();
        migrate!(connection, broken, upgrade("head")).unwrap_err();
        let new = edited(1, &[1]).sections("alone", &alone("INSERT INTO x1 VALUES (1);")).build();
        let error = migrate!(connection, new, repair(["r0001"])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        assert!(error.to_string().contains("'alone' was interrupted after 1 of 2 statements"), "{error}");
        let history = migrate!(connection, new, history()).unwrap();
        assert_eq!((history.len(), repairs(&history).len()), (2, 0));
        // The way out that the error names.
        let mended = Revisions::tables(1).sections("alone", &alone("INSERT INTO x1 VALUES (1);")).build();
        migrate!(connection, mended, upgrade("head")).unwrap();
        migrate!(connection, new, repair(["r0001"])).unwrap();
        assert!(migrate!(connection, new, status()).unwrap().is_current());
    }

    fn a_purged_stamp_is_one_row_and_forgets_the_other_branches(db) {
        let set = branches(&[]).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("heads")).unwrap();
        let before = migrate!(connection, set, history()).unwrap().len();
        let report = migrate!(connection, set, stamp_purged("left")).unwrap();
        assert_eq!((report.from, report.to), (vec!["left".to_owned(), "right".to_owned()], vec!["left".to_owned()]));
        let history = migrate!(connection, set, history()).unwrap();
        let last = history.last().unwrap();
        assert_eq!((history.len(), last.action, last.heads.as_slice()), (before + 1, Action::Stamp, &["left".to_owned()][..]));
        assert_eq!(migrate!(connection, set, status()).unwrap().pending[0].revision, "right");
        // Without it, a branch that the target has nothing to do with stays.
        migrate!(connection, set, stamp("heads")).unwrap();
        migrate!(connection, set, stamp("left")).unwrap();
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["left", "right"]);
        assert!(migrate!(connection, set, stamp_purged("nosuch")).unwrap_err().to_string().contains("'nosuch'"));
        assert_eq!(migrate!(connection, set, current()).unwrap(), ["left", "right"]);
    }

    fn a_purged_stamp_overrules_whatever_the_history_says(db) {
        let theirs = Revisions::new().sql("alien", "CREATE TABLE x (id INTEGER);", "").build();
        let mut connection = db.connect();
        migrate!(connection, theirs, upgrade("head")).unwrap();
        let ours = Revisions::tables(2).build();
        migrate!(connection, ours, stamp_purged("head")).unwrap();
        assert!(migrate!(connection, ours, status()).unwrap().is_current());
        assert_eq!(migrate!(connection, ours, history()).unwrap().len(), 2);
        assert_eq!(db.tables(), ["x"]);
    }
}
