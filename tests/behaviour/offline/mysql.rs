//! Scripts for MySQL and MariaDB.

use super::*;

#[test]
fn what_a_script_cannot_go_back_from_is_refused() {
    for sql in ["USE mysql", "SET ROLE NONE"] {
        let set =
            Revisions::tables(1).sql("a", &format!("CREATE TABLE t2 (id INTEGER);\n{sql};"), "").build();
        let error = set.offline(Backend::Mariadb).upgrade("head").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let text = error.to_string();
        assert!(text.contains(sql) && text.contains("a_slug.sql:7"), "{text}");
    }
}

#[test]
fn a_script_shows_nothing_of_its_own_queries() {
    let set = Revisions::tables(2).sql("a", "SET foreign_key_checks = 0;", "").build();
    let db = Database::new(Kind::Mysql);
    let output = db.try_script(&set.offline(db.backend()).upgrade("head").unwrap());
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}

#[test]
fn the_names_that_mysql_alone_knows_are_in_its_scripts() {
    let set = Revisions::new()
        .sections("a", "-- migrate:up statement-timeout=2s\nSET foreign_key_checks = 0;\nSET GLOBAL max_connections = 99;")
        .build();
    let script = |backend| set.offline(backend).upgrade("head").unwrap();
    let (mysql, mariadb) = (script(Backend::Mysql), script(Backend::Mariadb));
    assert!(mysql.contains("max_execution_time = 2000") && !mysql.contains("tx_isolation"), "{mysql}");
    assert!(
        mariadb.contains("max_statement_time = 2.000") && !mariadb.contains("transaction_isolation"),
        "{mariadb}"
    );
    assert!(!mysql.contains("embed_migrations_max_connections"), "{mysql}");
}

#[test]
fn only_what_a_set_assigns_is_taken_for_a_variable_of_the_session() {
    let set = Revisions::tables(1)
        .sql(
            "a",
            "SET @n = (SELECT COUNT(*) + 6 FROM t1 WHERE id = 1), @sql = 'UPDATE t1 SET id=1', \
             optimizer_switch = 'index_merge=off', group_concat_max_len = 7;\nINSERT INTO t1 VALUES (@n);",
            "",
        )
        .sql("b", "INSERT INTO t1 VALUES (@@SESSION.group_concat_max_len);", "")
        .build();
    assert_equal_ways_up(&Database::new(Kind::Mysql), &set);
}

#[test]
fn a_transaction_by_autocommit_ends_where_it_ends_whatever_else_the_set_says() {
    let set = Revisions::new()
        .sections(
            "a",
            "-- migrate:up no-transaction\nCREATE TABLE a (id INTEGER);\nSET autocommit = 0, foreign_key_checks = 1;\n\
             INSERT INTO a VALUES (1);\nINSERT INTO a VALUES (2);\nCOMMIT;\nSET foreign_key_checks = 0, autocommit = 1, unique_checks = 0;\n\
             INSERT INTO a VALUES (3);\nCREATE TABLE b (id INTEGER);",
        )
        .build();
    assert_equal_ways_up(&Database::new(Kind::Mysql), &set);
}

#[test]
fn a_script_means_a_backslash_as_a_run_does() {
    let set = Revisions::new()
        .sections(
            "a",
            "-- migrate:up mysql\nCREATE TABLE t (s VARCHAR(9));\nINSERT INTO t VALUES ('a\\\\b');",
        )
        .build();
    let db = Database::new(Kind::Mysql);
    let script = set.offline(db.backend()).upgrade("head").unwrap();
    db.run_script(&format!("SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES';\n{script}"));
    assert_eq!(db.connect().value("SELECT s FROM t"), "a\\b");
}
