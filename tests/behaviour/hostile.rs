//! Names that would be SQL, if they were not quoted.

use embed_migrations::{Lock, Migrations};
use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

const NAMES: [&str; 14] = [
    "a\"b",
    "a'b",
    "a`b",
    "a;b",
    "x\"; DROP TABLE t1; --",
    "x`; DROP TABLE t1; -- ",
    "x'); DROP TABLE t1; --",
    "back\\slash\\",
    "new\nline",
    "/* c",
    "$$ $a$",
    "100% :x ?",
    "na\u{ef}ve \u{2603}",
    ".tables",
];

/// The names that the database has for tables: MySQL's do not end with a space.
fn names(kind: Kind) -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().filter(move |name| kind != Kind::Mysql || !name.ends_with(' '))
}

fn quoted(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Mysql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// That a history which holds everything is there, and that nothing happened to the tables.
#[track_caller]
fn assert_sound(db: &Database, set: &Migrations, name: &str, table: &str) {
    let mut connection = db.connect();
    assert!(migrate!(connection, set, table(name).upgrade("head")).unwrap().is_empty(), "{name:?}");
    assert_eq!(migrate!(connection, set, table(name).history()).unwrap().len(), 2, "{name:?}");
    assert_eq!(connection.count(table), 2, "{name:?}");
    assert_eq!((connection.count("t1"), connection.count("t2")), (1, 1), "{name:?}");
}

behaviours! {
    fn a_table_of_any_name_holds_the_history_and_its_lease(db) {
        let set = Revisions::tables(2).build();
        for name in names(db.kind) {
            let db = &Database::new(db.kind);
            let table = quoted(db.kind, name);
            let mut connection = db.connect();
            migrate!(connection, set, table(name).lock(Lock::Lease).applied_by(name).upgrade("head")).unwrap();
            assert_sound(db, &set, name, &table);
            if db.kind != Kind::Sqlite {
                assert_eq!(connection.count(&quoted(db.kind, &format!("{name}_lease"))), 0, "{name:?}");
            }
            let by = connection.value(&format!("SELECT applied_by FROM {table} WHERE seq = 1"));
            assert!(by.starts_with(name), "{by:?}");
            assert_eq!(migrate!(connection, set, table(name).downgrade("base")).unwrap().steps.len(), 2);
        }
    }

    fn a_script_for_a_table_of_any_name_makes_that_table_and_nothing_else(db) {
        let set = Revisions::tables(2).build();
        for name in names(db.kind) {
            let db = &Database::new(db.kind);
            let script = set.offline(db.backend()).table(name).applied_by(name).upgrade("heads").unwrap();
            db.run_script(&script);
            assert_sound(db, &set, name, &quoted(db.kind, name));
        }
    }

    fn a_schema_of_any_name_holds_the_history(db) {
        let set = Revisions::tables(2).build();
        for name in names(db.kind) {
            let own = Database::new(db.kind);
            let mut connection = own.connect();
            // Databases are the whole server's.
            let name = if db.kind == Kind::Mysql { format!("{}{name}", own.name) } else { name.to_owned() };
            let schema = quoted(db.kind, &name);
            match db.kind {
                Kind::Sqlite => connection.run(&format!("ATTACH ':memory:' AS {schema}")),
                Kind::Postgres => {}
                Kind::Mysql => connection.run(&format!("CREATE DATABASE {schema}")),
            }
            let upgraded = migrate!(connection, set, schema(&name).lock(Lock::Lease).upgrade("head"));
            let again = migrate!(connection, set, schema(&name).upgrade("head"));
            let rows = connection.count(&format!("{schema}.migrate_history"));
            let tables = (connection.count("t1"), connection.count("t2"));
            if db.kind == Kind::Mysql {
                connection.run(&format!("DROP DATABASE {schema}"));
            }
            assert_eq!(upgraded.unwrap().steps.len(), 2, "{name:?}");
            assert!(again.unwrap().is_empty(), "{name:?}");
            assert_eq!((rows, tables), (2, (1, 1)), "{name:?}");
        }
    }

    fn a_namespace_of_any_name_is_one_of_its_own(db) {
        let mut connection = db.connect();
        for (place, name) in NAMES.into_iter().enumerate() {
            let set = Revisions::new().sql("r1", &format!("CREATE TABLE n{place} (id INTEGER)"), "").namespace(name).build();
            migrate!(connection, set, lock(Lock::Lease).upgrade("head")).unwrap();
            assert!(migrate!(connection, set, upgrade("head")).unwrap().is_empty(), "{name:?}");
            let other = Database::new(db.kind);
            other.run_script(&set.offline(db.backend()).upgrade("heads").unwrap());
            assert!(migrate!(other.connect(), set, upgrade("head")).unwrap().is_empty(), "{name:?}");
        }
        assert_eq!(connection.count("migrate_history"), NAMES.len());
        assert_eq!(db.tables().len(), NAMES.len());
    }

    fn the_longest_name_of_a_table_leaves_room_for_its_lease(db) {
        let length = if db.kind == Kind::Postgres { 63 } else { 64 };
        let names = ["x".repeat(length), format!("{}\u{e9}", "y".repeat(length - 2))];
        for name in &names {
            let db = &Database::new(db.kind);
            let set = Revisions::tables(2).build();
            migrate!(db.connect(), set, table(name).lock(Lock::Lease).upgrade("head")).unwrap();
            assert_sound(db, &set, name, &quoted(db.kind, name));
        }
    }
}
