//! The objects that statements name.

use migrate_revision::ObjectKind::{Event, Index, Other, Routine, Sequence, Table, Trigger, View};
use migrate_revision::{Backend, StatementKind};
use migrate_revision::{ObjectKind, sql};

/// A statement, and kind and name of each object.
type Named<'a> = (&'a str, &'a [(ObjectKind, &'a [&'a str])]);

#[track_caller]
fn names(backend: Backend, table: &[Named<'_>]) {
    for (text, expected) in table {
        let statements = sql::split(text, backend).unwrap_or_else(|problems| panic!("{text}: {problems:#?}"));
        assert_eq!(statements.len(), 1, "{text}");
        let found: Vec<_> = statements[0]
            .objects
            .iter()
            .map(|object| (object.kind, object.name.iter().map(String::as_str).collect::<Vec<_>>()))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(kind, name)| (*kind, name.to_vec())).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn of_mysql_and_mariadb() {
    for backend in [Backend::Mysql, Backend::Mariadb] {
        names(
            backend,
            &[
                ("CREATE TEMPORARY TABLE IF NOT EXISTS `a``b`.`c d` (x int)", &[(Table, &["a`b", "c d"])]),
                ("CREATE TABLE t LIKE s", &[(Table, &["t"])]),
                ("DROP TABLE IF EXISTS a, db.b CASCADE", &[(Table, &["a"]), (Table, &["db", "b"])]),
                ("CREATE UNIQUE INDEX i USING BTREE ON t (a)", &[(Index, &["i"]), (Table, &["t"])]),
                ("DROP INDEX `PRIMARY` ON db.t", &[(Index, &["PRIMARY"]), (Table, &["db", "t"])]),
                (
                    "ALTER TABLE t ADD a int, RENAME COLUMN b TO c, RENAME TO u",
                    &[(Table, &["t"]), (Table, &["u"])],
                ),
                ("ALTER TABLE t RENAME u", &[(Table, &["t"]), (Table, &["u"])]),
                ("ALTER TABLE t EXCHANGE PARTITION p WITH TABLE u", &[(Table, &["t"]), (Table, &["u"])]),
                (
                    "RENAME TABLE a TO b, db.c TO db.d",
                    &[(Table, &["a"]), (Table, &["b"]), (Table, &["db", "c"]), (Table, &["db", "d"])],
                ),
                ("RENAME TABLE a WAIT 5 TO b", &[(Table, &["a"]), (Table, &["b"])]),
                (
                    "RENAME TABLE a TO tmp, b TO a, tmp TO b",
                    &[(Table, &["a"]), (Table, &["tmp"]), (Table, &["b"])],
                ),
                ("TRUNCATE TABLE t", &[(Table, &["t"])]),
                ("OPTIMIZE LOCAL TABLE a, b", &[(Table, &["a"]), (Table, &["b"])]),
                (
                    "CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`r`@`%` SQL SECURITY INVOKER VIEW v AS SELECT 1",
                    &[(View, &["v"])],
                ),
                ("DROP VIEW a, b", &[(View, &["a"]), (View, &["b"])]),
                (
                    "CREATE DEFINER=CURRENT_USER() TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET @a=1",
                    &[(Trigger, &["g"])],
                ),
                (
                    "/*!50003 CREATE*/ /*!50020 DEFINER=a@h.com*/ /*!50003 PROCEDURE p() SELECT 1 */",
                    &[(Routine, &["p"])],
                ),
                ("DROP FUNCTION IF EXISTS db.f", &[(Routine, &["db", "f"])]),
                ("ALTER EVENT e RENAME TO f", &[(Event, &["e"]), (Event, &["f"])]),
                ("CREATE SEQUENCE s", &[(Sequence, &["s"])]),
                ("CREATE DATABASE IF NOT EXISTS d", &[(Other, &["d"])]),
                ("GRANT SELECT ON t TO u", &[]),
                ("INSERT INTO t VALUES (1)", &[]),
                ("DELIMITER //\nCREATE TABLE a(x int); CREATE TABLE b(x int)//", &[]),
            ],
        );
    }
}

#[test]
fn of_what_postgres_does_concurrently() {
    names(
        Backend::Postgres,
        &[
            (
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS I ON ONLY S.\"T\"\"x\" (a)",
                &[(Index, &["i"]), (Table, &["s", "T\"x"])],
            ),
            ("CREATE INDEX CONCURRENTLY ON t (a)", &[(Table, &["t"])]),
            ("DROP INDEX CONCURRENTLY IF EXISTS s.i", &[(Index, &["s", "i"])]),
            ("CREATE INDEX i ON t (a)", &[]),
        ],
    );
    let kind = sql::split("CREATE INDEX CONCURRENTLY i ON t (a)", Backend::Postgres).unwrap()[0].kind;
    assert_eq!(kind, StatementKind::OutsideTransaction);
}
