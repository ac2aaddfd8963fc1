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
