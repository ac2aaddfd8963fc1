//! sqlx.

use crate::adopted::{can_be_taken_back, does_the_same_as, history, project, sqlite};

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY);\n";
const INDEX: &str = "CREATE INDEX by_email ON posts (email);\n";

#[test]
fn both_kinds_of_files_become_revisions_in_the_order_of_their_numbers() {
    let project = project(&[
        ("old/20240131120159_add_users.up.sql", USERS),
        ("old/20240131120159_add_users.down.sql", "DROP TABLE users;\n"),
        ("old/9_add-posts.sql", "-- Posts\r\nCREATE TABLE posts (email TEXT);\r\n"),
        ("old/0010_index.sql", &format!("-- no-transaction\n{INDEX}")),
        ("old/schema.sql", "CREATE TABLE users (id);"),
        ("old/README.md", ""),
    ]);
    let done = project.run("adopt --from sqlx old");
    assert_eq!(
        done.ok().lines().collect::<Vec<_>>(),
        [
            "created migrations/9_add_posts.sql",
            "created migrations/0010_index.sql",
            "created migrations/20240131120159_add_users.sql",
            "skipped old/README.md (not named as a migration)",
            "skipped old/schema.sql (not named as a migration)",
        ]
    );
    assert_eq!(
        history(&project),
        [" <- 9: add posts", "9 <- 0010: index", "0010 <- 20240131120159: add users"]
    );
    assert_eq!(
        project.read("migrations/20240131120159_add_users.sql"),
        "-- add users\n--\n-- revision: 20240131120159\n-- revises: 0010\n-- created: 2024-01-31T12:01:59Z\n\n\
         -- migrate:up\nCREATE TABLE users (id INTEGER PRIMARY KEY);\n\n-- migrate:down\nDROP TABLE users;\n"
    );
    assert!(project.read("migrations/0010_index.sql").contains("-- migrate:up no-transaction\nCREATE INDEX"));
    does_the_same_as(&project, &format!("CREATE TABLE posts (email TEXT);{INDEX}{USERS}"));
    project.on_database("downgrade -1 --yes").ok();
    assert_eq!(project.on_database("current").ok(), "0010, index\n");
}

#[test]
fn a_version_that_is_no_number_is_refused_as_sqlx_does() {
    let project = project(&[("old/x1_add.sql", USERS), ("old/2_add.sql", USERS)]);
    let done = project.run("adopt --from sqlx old");
    assert!(
        done.failed(4).starts_with("error: `x1` is no version of sqlx\n --> old/x1_add.sql\n"),
        "{done:?}"
    );
    assert!(!project.path("migrations").exists());
}

#[test]
fn a_transaction_of_its_own_around_everything_is_left_to_the_runtime() {
    let project = project(&[
        ("old/1_a.up.sql", "BEGIN;\n\nCREATE TABLE a (x);\n\nCOMMIT;\n"),
        ("old/1_a.down.sql", "begin transaction;\nDROP TABLE a;\ncommit;\n"),
    ]);
    project.run("adopt --from sqlx old").ok();
    does_the_same_as(&project, "CREATE TABLE a (x);");
    can_be_taken_back(&project);
}

#[test]
fn a_table_that_is_made_anew_keeps_what_refers_to_it() {
    let made = "CREATE TABLE folders (id INTEGER PRIMARY KEY);\n\
                CREATE TABLE notes (folder INTEGER REFERENCES folders ON DELETE CASCADE);\n\
                INSERT INTO folders VALUES (1);\nINSERT INTO notes VALUES (1);\n";
    let rebuild = "CREATE TABLE new (id INTEGER PRIMARY KEY, name TEXT);\nINSERT INTO new (id) SELECT id FROM folders;\n\
                   DROP TABLE folders; ALTER TABLE new RENAME TO folders;\n";
    let project = project(&[
        ("old/1_make.sql", made),
        (
            "old/2_with_pragma.sql",
            &format!("PRAGMA foreign_keys = OFF;\n{rebuild}PRAGMA foreign_keys = ON;\n"),
        ),
        ("old/3_without.sql", &rebuild.replace("name TEXT", "title TEXT")),
    ]);
    project.run("adopt --from sqlx old").ok();
    for file in ["2_with_pragma", "3_without"] {
        let text = project.read(&format!("migrations/{file}.sql"));
        assert!(text.contains("-- migrate:up foreign-keys=off\nCREATE TABLE new"), "{text}");
        assert!(!text.contains("PRAGMA"), "{text}");
    }
    project.on_database("upgrade").ok();
    assert_eq!(sqlite(&project, "app.db").count("notes"), 1);
}

/// The option is SQLite's, and so is what makes it needed.
#[test]
fn files_for_another_database_get_no_option_of_sqlite() {
    let project = project(&[(
        "old/1_make.sql",
        "CREATE TABLE t (id INTEGER);\nCREATE TABLE new (id INTEGER);\nDROP TABLE t;\nALTER TABLE new RENAME TO t;\n",
    )]);
    project.run("adopt --from sqlx --backend postgres old").ok();
    assert!(!project.read("migrations/1_make.sql").contains("foreign-keys=off"));
}

#[test]
fn a_way_down_that_does_nothing_is_none_unless_the_way_up_does_nothing() {
    let project = project(&[
        ("old/1_a.up.sql", "CREATE TABLE a (x);\n"),
        ("old/1_a.down.sql", "-- nothing\n"),
        ("old/2_b.up.sql", "-- nothing\n"),
        ("old/2_b.down.sql", "-- nothing\n"),
    ]);
    project.run("adopt --from sqlx --allow-empty old").ok();
    assert!(!project.read("migrations/1_a.sql").contains("-- migrate:down"));
    assert!(project.read("migrations/2_b.sql").contains("-- migrate:down\nSELECT 1;"));
}
