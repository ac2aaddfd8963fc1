//! An upgrade reads of its set what the database lacks and a little below that, whatever else happens to the database.

use embed_migrations::{Event, Lock};
use embed_migrations_tests::database::{Connection, Database};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

/// Branches that fork, meet, and depend on each other.
fn branches() -> Revisions {
    let table = |name: &str| {
        format!("-- migrate:up\nCREATE TABLE {name} (id INTEGER);\n-- migrate:down\nDROP TABLE {name};")
    };
    Revisions::new()
        .branches()
        .on("a", "none", "", &table("a"))
        .on("z", "a", "-- labels: side", &table("z"))
        .on("b", "a", "", &table("b"))
        .on("c", "b", "-- depends-on: z", &table("c"))
        .on("d", "b", "", &table("d"))
        .on("e", "c, d", "", &table("e"))
        .on("x", "none", "-- depends-on: side", &table("x"))
        .on("y", "x", "-- depends-on: d", &table("y"))
}

/// Of each step in force, what tells where the database is.
fn places(connection: &mut Connection) -> Vec<Vec<String>> {
    connection.rows("SELECT revision, heads, digest, checksum FROM migrate_history ORDER BY seq")
}

/// Begins an upgrade of a set that nobody has used, and lets another process act before it has the lock.
fn upgraded(
    db: &Database,
    revisions: &Revisions,
    meanwhile: &(dyn Fn(&mut Connection) + Sync),
) -> Vec<String> {
    // What was read of a set as a whole is not read again.
    let set = revisions.build();
    let mut connection = db.connect();
    let mut acted = false;
    let report = migrate!(
        connection,
        set,
        lock(Lock::None)
            .on_event(|event| {
                if let (Event::Planned { .. }, false) = (event, acted) {
                    std::thread::scope(|scope| scope.spawn(|| meanwhile(&mut db.connect())).join().unwrap());
                    acted = true;
                }
            })
            .upgrade("heads")
    )
    .unwrap();
    assert!(acted);
    report.steps.iter().map(|step| step.revision.clone()).collect()
}

behaviours! {
    fn from_wherever_the_database_is_an_upgrade_leads_to_the_same_place(db) {
        let whole = branches().build();
        let mut connection = db.connect();
        migrate!(connection, whole, upgrade("heads")).unwrap();
        let end = places(&mut connection).pop().unwrap();
        for start in [&["a"][..], &["z"], &["b", "z"], &["c"], &["d"], &["c", "d"], &["e"], &["x"], &["y"], &["e", "x"]] {
            migrate!(connection, whole, downgrade("base")).unwrap();
            connection.run("DROP TABLE migrate_history");
            for target in start {
                migrate!(connection, whole, upgrade(*target)).unwrap();
            }
            let before = places(&mut connection);
            let set = branches().build();
            let report = migrate!(connection, set, upgrade("heads")).unwrap();
            let after = places(&mut connection);
            assert_eq!(after.len(), 8, "{start:?}");
            assert_eq!(before.len() + report.steps.len(), 8, "{start:?}");
            assert_eq!(after[..before.len()], before, "{start:?}");
            // The last step is not the same from everywhere, and the state after it is.
            let last = after.last().unwrap();
            assert_eq!((&last[1], &last[2]), (&end[1], &end[2]), "{start:?}");
            // What each row says is what the whole set says: it reads them without an objection, and undoes them.
            assert!(migrate!(connection, branches().build(), status()).unwrap().is_current(), "{start:?}");
        }
    }

    fn what_another_process_undoes_meanwhile_is_done_again(db) {
        let revisions = Revisions::tables(6);
        let mut connection = db.connect();
        migrate!(connection, revisions.build(), upgrade("r0004")).unwrap();
        let taken = upgraded(db, &revisions, &|other| {
            migrate!(*other, Revisions::tables(6).build(), lock(Lock::None).downgrade("r0001")).unwrap();
        });
        assert_eq!(taken, ["r0002", "r0003", "r0004", "r0005", "r0006"]);
        assert_eq!(db.tables(), ["t1", "t2", "t3", "t4", "t5", "t6"]);
        assert_eq!(places(&mut connection).len(), 4 + 3 + 5);
    }

    fn what_another_process_does_meanwhile_is_not_done_again(db) {
        let revisions = Revisions::tables(6);
        let mut connection = db.connect();
        migrate!(connection, revisions.build(), upgrade("r0003")).unwrap();
        let taken = upgraded(db, &revisions, &|other| {
            migrate!(*other, Revisions::tables(6).build(), lock(Lock::None).upgrade("r0005")).unwrap();
        });
        assert_eq!(taken, ["r0006"]);
        assert_eq!(places(&mut connection).len(), 6);
    }

    fn a_whole_branch_that_another_process_undoes_meanwhile_is_done_again(db) {
        let sections = |id: &str| format!("-- migrate:up\nCREATE TABLE {id} (n INTEGER);\n-- migrate:down\nDROP TABLE {id};");
        let mut revisions = Revisions::new().branches();
        for (id, below) in
            [("a1", "none"), ("a2", "a1"), ("a3", "a2"), ("a4", "a3"), ("b1", "none"), ("b2", "b1"), ("b3", "b2")]
        {
            revisions = revisions.on(id, below, "", &sections(id));
        }
        let mut connection = db.connect();
        let whole = revisions.build();
        for target in ["a3", "b2"] {
            migrate!(connection, whole, upgrade(target)).unwrap();
        }
        // The other branch is where it was, so that the state is one that the upgrade has seen a part of.
        let taken = upgraded(db, &revisions, &|other| {
            migrate!(*other, revisions.build(), lock(Lock::None).downgrade("a1@base")).unwrap();
        });
        assert_eq!(taken, ["b3", "a1", "a2", "a3", "a4"]);
        assert_eq!(db.tables(), ["a1", "a2", "a3", "a4", "b1", "b2", "b3"]);
    }
}
