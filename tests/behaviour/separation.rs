//! Several sets in one database, and names of every kind.

use embed_migrations::{ErrorKind, Lock};
use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, migrate};

behaviours! {
    fn two_namespaces_live_in_one_database_without_seeing_each_other(db) {
        let one = Revisions::tables(2).namespace("one").build();
        let other = Revisions::new().namespace("it's \"other\"")
            .sql("r0001", "CREATE TABLE o1 (id INTEGER)", "DROP TABLE o1")
            .sql("o2", "CREATE TABLE o2 (id INTEGER)", "DROP TABLE o2").build();
        let mut connection = db.connect();
        migrate!(connection, one, upgrade("head")).unwrap();
        assert_eq!(migrate!(connection, other, status()).unwrap().pending.len(), 2);
        migrate!(connection, other, upgrade("head")).unwrap();
        assert_eq!(migrate!(connection, one, history()).unwrap().len(), 2);
        assert_eq!(db.tables(), ["o1", "o2", "t1", "t2"]);
        migrate!(connection, one, downgrade("base")).unwrap();
        assert_eq!(db.tables(), ["o1", "o2"]);
        assert_eq!(migrate!(connection, other, current()).unwrap(), ["o2"]);
        assert!(migrate!(connection, other, upgrade("head")).unwrap().is_empty());
    }

    fn a_set_that_another_namespace_has_applied_is_not_applied_again_unless_a_stamp_says_so(db) {
        let set = |namespace: &str| Revisions::tables(2).namespace(namespace).build();
        let mut connection = db.connect();
        migrate!(connection, set("it's"), upgrade("head")).unwrap();
        let error = migrate!(connection, set("main"), upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::History);
        let text = error.to_string();
        assert!(text.contains("namespace 'main' has no revision yet, and namespace 'it's' has applied those of this set"), "{text}");
        assert!(text.contains("give the set the namespace 'it's'"), "{text}");
        for told in [
            migrate!(connection, set("main"), plan("head")).map(drop), migrate!(connection, set("main"), status()).map(drop),
        ] {
            assert_eq!(told.unwrap_err().to_string(), text);
        }
        assert_eq!(migrate!(connection, set("main"), history()).unwrap(), []);
        // Where the other namespace has nothing in force any more, there is nothing to apply twice.
        migrate!(connection, set("it's"), downgrade("base")).unwrap();
        migrate!(connection, set("main"), upgrade("head")).unwrap();
        // The way out that the error names: the tables are there already, so the second time fails at them, not before.
        migrate!(connection, set("third"), upgrade("head")).unwrap_err();
        migrate!(connection, set("third"), stamp("base")).unwrap();
        let error = migrate!(connection, set("third"), upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Revision, "{error}");
    }

    fn a_history_that_shows_no_rows_is_refused_by_what_only_reads_as_well(db) {
        // Where making the table commits, it may be there before its first row.
        if db.kind == Kind::Mysql {
            return;
        }
        let set = Revisions::tables(2).build();
        let mut connection = db.connect();
        migrate!(connection, set, upgrade("head")).unwrap();
        connection.run("DELETE FROM migrate_history");
        for told in [
            migrate!(connection, set, upgrade("head")).map(drop), migrate!(connection, set, plan("head")).map(drop),
            migrate!(connection, set, status()).map(drop),
        ] {
            let error = told.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::History);
            assert!(error.to_string().contains("shows no rows"), "{error}");
        }
    }

    fn a_set_that_begins_as_another_namespaces_does_is_another_set(db) {
        let first = "CREATE TABLE IF NOT EXISTS shared (id INTEGER)";
        let one = Revisions::new().namespace("one").sql("r1", first, "").sql("r2", "CREATE TABLE a (id INTEGER)", "");
        let other = Revisions::new().namespace("other").sql("r1", first, "").sql("r2", "CREATE TABLE b (id INTEGER)", "");
        let mut connection = db.connect();
        migrate!(connection, one.build(), upgrade("head")).unwrap();
        migrate!(connection, other.build(), upgrade("head")).unwrap();
        assert_eq!(db.tables(), ["a", "b", "shared"]);
    }

    fn table_names_of_every_kind_work_and_inject_nothing(db) {
        let set = Revisions::tables(2).build();
        for name in ["history2", "a\"b", "a`b", "it's; DROP TABLE t1; --", "naïve 表"] {
            let mut connection = db.connect();
            migrate!(connection, set, table(name).upgrade("head")).unwrap();
            assert!(migrate!(connection, set, table(name).upgrade("head")).unwrap().is_empty(), "{name}");
            assert!(db.tables().contains(&name.to_owned()), "{name}");
            migrate!(connection, set, table(name).downgrade("base")).unwrap();
        }
        assert_eq!(db.tables().len(), 5);
    }

    fn the_history_can_live_in_another_schema(db) {
        let set = Revisions::tables(2).build();
        let mut connection = db.connect();
        let schema = match db.kind {
            Kind::Sqlite => {
                connection.run("ATTACH DATABASE ':memory:' AS \"my\"\"history\"");
                "my\"history".to_owned()
            }
            // PostgreSQL's is made on first need.
            Kind::Postgres => "my\"history".to_owned(),
            Kind::Mysql => {
                let schema = format!("{}_h`x", db.name);
                connection.run(&format!("CREATE DATABASE `{}`", schema.replace('`', "``")));
                schema
            }
        };
        migrate!(connection, set, schema(&schema).upgrade("head")).unwrap();
        assert!(migrate!(connection, set, schema(&schema).upgrade("head")).unwrap().is_empty());
        assert_eq!(migrate!(connection, set, schema(&schema).history()).unwrap().len(), 2);
        assert_eq!(db.tables(), ["t1", "t2"]);
        if db.kind != Kind::Postgres {
            assert_eq!(migrate!(connection, set, history()).unwrap(), []);
        }
        if db.kind == Kind::Mysql {
            connection.run(&format!("DROP DATABASE `{}`", schema.replace('`', "``")));
        }
    }

    fn an_edit_of_comments_layout_and_line_ends_is_no_edit(db) {
        let set = Revisions::tables(2);
        let mut connection = db.connect();
        migrate!(connection, set.build(), upgrade("head")).unwrap();
        let same = Revisions::tables(2).map(|text| {
            let text = text.replace("VALUES", "/* the */ VALUES").replace(";\n", "  ;  -- so\n");
            format!("\u{feff}{}", text.replace('\n', "\r\n"))
        });
        assert!(migrate!(connection, same.build(), upgrade("head")).unwrap().is_empty());
        assert!(migrate!(connection, same.build(), downgrade("base")).unwrap().steps.len() == 2);
        migrate!(connection, same.build(), upgrade("head")).unwrap();
        assert!(migrate!(connection, set.build(), upgrade("head")).unwrap().is_empty());
        assert_eq!(db.tables(), ["t1", "t2"]);
    }
}

mod postgres {
    use super::*;

    /// PostgreSQL cuts names off after 63 bytes.
    #[test]
    fn a_name_that_the_server_would_cut_off_is_refused_before_anything_is_made() {
        let db = Database::new(Kind::Postgres);
        let set = Revisions::tables(1).build();
        let mut connection = db.connect();
        let (fits, long) = ("x".repeat(63), "x".repeat(64));
        let errors = [
            migrate!(connection, set, table(&long).upgrade("head")).unwrap_err(),
            migrate!(connection, set, table(&long).stamp("head")).unwrap_err(),
            migrate!(connection, set, table(&long).status()).unwrap_err(),
            migrate!(connection, set, schema(&long).upgrade("head")).unwrap_err(),
            set.offline(db.backend()).table(&long).upgrade("head").unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(
                error.to_string().contains("64 bytes, and PostgreSQL cuts names off after 63"),
                "{error}"
            );
        }
        assert_eq!(db.tables(), Vec::<String>::new());
        assert_eq!(
            connection.value(&format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{fits}'")),
            "0"
        );
        for lock in [Lock::Session, Lock::Lease] {
            migrate!(connection, set, schema(&fits).table(&fits).lock(lock).upgrade("head")).unwrap();
            migrate!(connection, set, schema(&fits).table(&fits).lock(lock).downgrade("base")).unwrap();
        }
    }
}
