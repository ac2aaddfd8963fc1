//! The files under `tests/cases/splitter`: the number at the end of a name is the number of its statements.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use migrate_revision::{Backend, sql};

/// Files in which a client's command stands, which must be refused.
const REFUSED: [&str; 2] = ["postgres/09_psql_meta__1.sql", "sqlite/13_dot_command__1.sql"];

fn read(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for dialect in ["mysql", "postgres", "sqlite"] {
        for entry in fs::read_dir(root.join(dialect)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            files.insert(format!("{dialect}/{name}"), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn every_file_gives_as_many_statements_as_its_name_says() {
    let files = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/splitter"));
    assert!(files.len() >= 32);
    for (name, bytes) in files {
        let text = String::from_utf8(bytes).unwrap();
        let count = name.rsplit("__").next().unwrap().trim_end_matches(".sql").parse::<usize>().unwrap();
        let backends: &[Backend] = match name.split('/').next().unwrap() {
            "postgres" => &[Backend::Postgres],
            "sqlite" => &[Backend::Sqlite],
            _ => &[Backend::Mysql, Backend::Mariadb],
        };
        for &backend in backends {
            let result = sql::split(&text, backend);
            if REFUSED.contains(&name.as_str()) {
                assert!(result.is_err(), "{name} on {backend}");
                continue;
            }
            let statements = result.unwrap_or_else(|problems| panic!("{name} on {backend}: {problems:#?}"));
            // What MariaDB runs is a comment to MySQL.
            let hidden = usize::from(name.contains("mariadb_exec_comment") && backend == Backend::Mysql);
            assert_eq!(statements.len(), count - hidden, "{name} on {backend}: {statements:#?}");
        }
    }
}

#[test]
fn the_files_are_those_that_are_shared() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = here.join("../../shared/cases/splitter");
    if !shared.is_dir() {
        return;
    }
    let copy = read(&here.join("tests/cases/splitter"));
    for (name, bytes) in read(&shared) {
        assert_eq!(copy.get(&name), Some(&bytes), "{name} is missing or differs");
    }
}
