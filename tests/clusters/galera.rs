//! A Galera cluster: three servers with the same data, each with locks of its own.

use std::process::Command;
use std::thread;
use std::time::Duration;

use embed_migrations::{Event, Lock};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::guarantees::counted;
use embed_migrations_tests::migrate;
use embed_migrations_tests::revisions::Revisions;

use crate::starters::{all_succeeded, go, ids, outcome, prepare, start_all};
use crate::{told, wait_until};

/// How many processes start at once.
const STARTERS: usize = 12;

/// The URL of a database on each node, with the node's process.
///
/// The database is made on one of them; the others have it once they have applied what the one has committed.
fn nodes(db: &Database) -> Vec<(String, String)> {
    let nodes = told("NODES");
    let node = |line: &str| {
        let (url, process) = line.split_once(' ').unwrap();
        let mut connection = Connection::new(Kind::Mysql, url);
        let there =
            format!("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '{}'", db.name);
        wait_until("the node has the database", || connection.value(&there) == "1");
        let (place, _) = url.rsplit_once('/').unwrap();
        (format!("{place}/{}", db.name), process.to_owned())
    };
    nodes.lines().map(node).collect()
}

/// Waits until each node has what the others have committed.
fn check_everywhere(urls: &[&str], tables: &[String]) {
    for url in urls {
        let mut connection = Connection::new(Kind::Mysql, url);
        connection.run("SET SESSION wsrep_sync_wait = 1");
        for table in tables {
            assert_eq!(connection.count(table), 1, "{table} at {url}");
        }
        assert_eq!(connection.count("migrate_history"), tables.len());
        assert_eq!(
            connection.value("SELECT COUNT(*) FROM migrate_history WHERE state <> 'done'"),
            "0",
            "a row was left half done"
        );
    }
}

fn tables(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("t{n}")).collect()
}

/// The nodes are one cluster for all tests, and one of them is lost at the end: so this is one test.
#[test]
fn starters_on_three_nodes_apply_each_revision_once_and_go_on_when_a_node_is_lost() {
    a_lock_of_a_session_is_replaced_by_a_lease();
    let ways = [&[][..], &["lease"], &["no-lock"]];
    for options in ways {
        starters_on_three_nodes_apply_each_revision_once(options);
    }
    counted("Many starters on the nodes of a Galera cluster", Kind::Mysql, ways.len() * STARTERS);
    the_others_go_on_when_a_node_is_lost();
    counted("When a Galera cluster loses a node", Kind::Mysql, 1);
}

fn a_lock_of_a_session_is_replaced_by_a_lease() {
    let db = Database::new(Kind::Mysql);
    let set = Revisions::tables(2).build();
    let mut why = Vec::new();
    let report = migrate!(
        db.connect(),
        set,
        lock(Lock::Session)
            .on_event(|event| {
                if let Event::Leasing { why: told, .. } = event {
                    why.push((*told).to_owned());
                }
            })
            .upgrade("head")
    );
    assert_eq!(report.unwrap().steps.len(), 2);
    assert_eq!(why.len(), 1, "{why:?}");
    assert_eq!(db.connect().count("migrate_history_lease"), 0);
}

fn starters_on_three_nodes_apply_each_revision_once(options: &[&str]) {
    let db = Database::new(Kind::Mysql);
    let nodes = nodes(&db);
    let urls: Vec<&str> = nodes.iter().map(|(url, _)| url.as_str()).collect();
    let starters = urls.iter().cycle().take(STARTERS).copied();
    let applied = all_succeeded(start_all(starters, &Revisions::tables(8), options));
    assert_eq!(applied, ids(8), "{options:?}");
    check_everywhere(&urls, &tables(8));
}

/// The last node is killed while a run on it is in the middle of a statement.
fn the_others_go_on_when_a_node_is_lost() {
    let db = Database::new(Kind::Mysql);
    let nodes = nodes(&db);
    let [(first, _), (second, _), (lost, process)] = &nodes[..] else { panic!("{nodes:?}") };
    let text = "-- migrate:up\nCREATE TABLE t3 (id INTEGER PRIMARY KEY);\n\
                INSERT INTO t3 SELECT 3 FROM (SELECT SLEEP(5)) slept;\n\
                CREATE TABLE t4 (id INTEGER PRIMARY KEY);\nINSERT INTO t4 VALUES (4);";
    let revisions = Revisions::tables(2).sections("slow", text);
    let directory = revisions.write();
    let mut run = prepare(lost, directory.path(), &[]);
    go(&mut run);
    let mut watch = Connection::new(Kind::Mysql, lost);
    while watch.value("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'") == "0"
    {
        assert!(run.try_wait().unwrap().is_none(), "it ended before its node was lost");
        thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").args(["-KILL", process]).status().unwrap();
    assert!(killed.success());
    let error = outcome(run).unwrap_err();
    assert!(error.contains("slow"), "{error}");

    let urls = [first.as_str(), second.as_str()];
    all_succeeded(start_all(urls.iter().cycle().take(6).copied(), &revisions, &[]));
    let mut connection = Connection::new(Kind::Mysql, first);
    connection.run("SET SESSION wsrep_sync_wait = 1");
    for table in tables(4) {
        assert_eq!(connection.count(&table), 1, "{table}");
    }
    assert_eq!(connection.count("migrate_history"), 3);
    assert_eq!(connection.count("migrate_history_lease"), 0);
}
