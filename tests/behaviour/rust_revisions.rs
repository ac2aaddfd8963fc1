//! Revisions written in Rust, with `Db` and data files.

use embed_migrations::{Error, ErrorKind, embed_migrations};
use embed_migrations_tests::database::{Kind, Native};
use embed_migrations_tests::{behaviours, migrate};

embed_migrations!("behaviour/rust", module = rust);
embed_migrations!("behaviour/rust_named", module = named);
embed_migrations!("behaviour/rust_named_edited", module = edited);
embed_migrations!("behaviour/rust_committing", module = committing, backends = [sqlite]);
embed_migrations!("behaviour/rust_ending", module = ending, branches = allow);
embed_migrations!("behaviour/rust_failing", module = failing);
embed_migrations!("behaviour/rust_rebuild", module = rebuild, backends = [sqlite]);
embed_migrations!("behaviour/rust_texts", module = texts, backends = [mysql]);
embed_migrations!("behaviour/rust_waiting", module = waiting);

behaviours! {
    fn a_rust_revision_reads_data_and_writes_values_of_every_type(db) {
        let mut connection = db.connect();
        migrate!(connection, rust::MIGRATIONS, upgrade("head")).unwrap();
        let rows = connection.rows("SELECT name, population, area, capital FROM countries ORDER BY id");
        assert_eq!(rows, [
            ["Andorra", "79824", "467.63", "Andorra la Vella; it's"],
            ["Bhutan", "777486", "38394.5", "NULL"],
            ["Chad ? $1", "18278568", "1284000", "N'Djamena"],
        ]);
        if db.kind == Kind::Sqlite {
            assert_eq!(connection.value("PRAGMA recursive_triggers"), "0", "what it sets of the session does not stay");
        }
        migrate!(connection, rust::MIGRATIONS, downgrade(rust::CreateCountries)).unwrap();
        assert_eq!(connection.count("countries"), 0);
        migrate!(connection, rust::MIGRATIONS, upgrade(rust::FillCountries)).unwrap();
        assert_eq!(connection.count("countries"), 3);
    }

    fn a_rust_revision_that_fails_leaves_nothing_and_runs_again_from_its_beginning(db) {
        let mut connection = db.connect();
        for _ in 0..2 {
            let error = migrate!(connection, failing::MIGRATIONS, upgrade("head")).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("upgrade of revision 'fails' failed: on purpose"), "{text}");
            assert!(text.contains("behaviour/rust_failing/fails_half_way.rs"), "{text}");
            assert_eq!(connection.count("numbers"), 0);
        }
        // The connection is in no transaction.
        connection.run("INSERT INTO numbers VALUES (7)");
        assert_eq!(db.connect().count("numbers"), 1);
    }

    fn data_that_a_rust_revision_names_is_part_of_it(db) {
        let mut connection = db.connect();
        migrate!(connection, named::MIGRATIONS, upgrade("head")).unwrap();
        let error = migrate!(connection, edited::MIGRATIONS, upgrade("head")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Edited);
        let text = error.to_string();
        assert!(text.contains("rust_named_edited/n1_note.rs, or data that it names"), "{text}");
    }

    fn a_rust_revision_that_goes_on_in_another_transaction_is_told_of_and_not_called_again(db) {
        let mut connection = db.connect();
        let patience = std::time::Duration::from_secs(2);
        let error = migrate!(connection, ending::MIGRATIONS, lock_timeout(patience).upgrade("e1")).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("transaction") && text.contains("'e1'"), "{text}");
        let rows = connection.count("t");
        assert!(rows <= 1, "what was rolled back is not there");
        if db.kind == Kind::Mysql {
            assert!(text.contains("was rolled back while its function ran"), "{text}");
            let error = migrate!(connection, ending::MIGRATIONS, lock_timeout(patience).upgrade("e1")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
            assert_eq!(connection.count("t"), rows);
        }
    }

    fn a_rust_revision_that_fails_behind_what_it_has_committed_is_not_called_again(db) {
        let mut connection = db.connect();
        migrate!(connection, ending::MIGRATIONS, upgrade("e2")).unwrap_err();
        let rows = connection.count("t");
        let again = migrate!(connection, ending::MIGRATIONS, upgrade("e2")).unwrap_err();
        assert_eq!(connection.count("t"), rows);
        match db.kind {
            // DDL has committed what was before it.
            Kind::Mysql => assert_eq!((rows, again.kind()), (1, ErrorKind::Interrupted)),
            _ => assert_eq!((rows, again.kind()), (0, ErrorKind::Revision)),
        }
    }

    fn a_typed_revision_tells_what_it_is(db) {
        use embed_migrations::EmbeddedRevision;
        assert_eq!(rust::CreateCountries.id(), "c1");
        assert_eq!(rust::CreateCountries.message(), "Make the table of countries");
        assert!(rust::CreateCountries.sql().contains("CREATE TABLE countries"));
        assert_eq!(rust::FillCountries.revision().revises[0].as_str(), "c1");
        let mut connection = db.connect();
        let report = migrate!(connection, rust::MIGRATIONS, upgrade(rust::CreateCountries)).unwrap();
        assert_eq!(report.to, ["c1"]);
    }
}

fn assert_does_not_wait(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Revision);
    let text = error.to_string();
    assert!(
        text.starts_with("upgrade of revision 'w1' failed: it waits for something other than its database"),
        "{text}"
    );
    let failure = error.failure().unwrap();
    assert_eq!(failure.revision, "w1");
    assert_eq!(failure.file, "behaviour/rust_waiting/w1_wait.rs");
}

#[test]
fn on_sqlite_awaiting_something_else_is_an_error_and_nothing_is_kept() {
    let db = embed_migrations_tests::database::Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    assert_does_not_wait(&migrate!(connection, waiting::MIGRATIONS, upgrade("head")).unwrap_err());
    let Native::Sqlite(native) = &connection.native else { unreachable!() };
    assert!(native.is_autocommit());
    assert_eq!(migrate!(connection, waiting::MIGRATIONS, current()).unwrap(), Vec::<String>::new());
    assert_eq!(db.tables(), Vec::<String>::new());
}

#[test]
fn on_sqlite_awaiting_something_else_is_an_error_also_where_it_could_be_waited_for() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let error = runtime.block_on(async {
        waiting::MIGRATIONS.connect("sqlite::memory:").await.unwrap().upgrade("head").await.unwrap_err()
    });
    assert_does_not_wait(&error);
}

#[test]
fn on_sqlite_a_rust_revision_that_commits_and_fails_is_told_of_with_what_is_in_force() {
    let db = embed_migrations_tests::database::Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    let error = migrate!(connection, committing::MIGRATIONS, upgrade("head")).unwrap_err();
    assert!(error.to_string().contains("'commits' ended the transaction that it runs in"), "{error}");
    assert!(
        std::error::Error::source(&error).is_some_and(|source| source.to_string() == "it changed its mind")
    );
    assert_eq!(db.tables(), ["kept"]);
    assert_eq!(migrate!(connection, committing::MIGRATIONS, current()).unwrap(), ["commits"]);
}

#[test]
fn on_sqlite_a_rust_revision_makes_a_table_anew_and_the_rows_that_refer_to_it_stay() {
    let db = embed_migrations_tests::database::Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    connection.run("PRAGMA foreign_keys = ON");
    migrate!(connection, rebuild::MIGRATIONS, upgrade("head")).unwrap();
    assert_eq!(connection.count("children"), 3);
    assert_eq!(connection.value("PRAGMA foreign_keys"), "1");
}

#[test]
fn on_sqlite_a_rust_revision_that_loses_a_parent_while_foreign_keys_are_off_is_undone() {
    let db = embed_migrations_tests::database::Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    connection.run("PRAGMA foreign_keys = ON");
    migrate!(connection, rebuild::MIGRATIONS, upgrade("tables")).unwrap();
    connection.run("UPDATE parents SET name = NULL WHERE id = 2");
    let error = migrate!(connection, rebuild::MIGRATIONS, upgrade("head")).unwrap_err();
    assert!(error.to_string().contains("2 rows would refer to rows that are not there"), "{error}");
    assert_eq!(connection.count("parents"), 2);
    assert_eq!(connection.count("children"), 3);
    assert_eq!(connection.value("PRAGMA foreign_keys"), "1");
}

#[test]
fn on_sqlite_a_rust_revision_without_foreign_keys_is_in_no_transaction_with_others() {
    use embed_migrations::Transaction;
    let db = embed_migrations_tests::database::Database::new(Kind::Sqlite);
    let mut connection = db.connect();
    let Native::Sqlite(native) = &mut connection.native else { unreachable!() };
    let error =
        rebuild::MIGRATIONS.sqlite(native).transaction(Transaction::PerRun).upgrade("head").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Plan);
    assert!(
        error.to_string().contains("rust_rebuild/rebuild_parents_anew.rs cannot be in one with others"),
        "{error}"
    );
}

#[test]
fn on_mysql_dates_and_times_are_the_same_texts_with_values_and_without() {
    let db = embed_migrations_tests::database::Database::new(Kind::Mysql);
    migrate!(db.connect(), texts::MIGRATIONS, upgrade("head")).unwrap();
}
