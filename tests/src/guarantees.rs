//! The counts of docs/guarantees.md: what a test tried is printed, and held against what the page says.

use std::fs;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::database::Kind;
use crate::project::workspace;

/// The columns of the page's table that hold counts: those of the suite, and those of the places that are other versions of
/// the servers.
const COLUMNS: [&str; 6] = ["SQLite", "PostgreSQL", "MariaDB", "PostgreSQL 18", "MariaDB 11", "MySQL 9"];

/// The column of the server that the tests run on.
fn column(kind: Kind) -> usize {
    match (std::env::var("EMBED_MIGRATIONS_TEST_PLACE").as_deref(), kind) {
        (_, Kind::Sqlite) => 0,
        (Ok("postgres-18"), _) => 3,
        (Ok("mariadb-11"), _) => 4,
        (Ok("mysql-9"), _) => 5,
        (_, Kind::Postgres) => 1,
        (_, Kind::Mysql) => 2,
    }
}

/// Tests of one program change the page one after the other; programs do not run at once.
static ALONE: Mutex<()> = Mutex::new(());

/// So many cases of a promise were tried, and nothing was lost. Fails if the page tells of more; with `UPDATE_EXPECT=1` it
/// is made to tell of these. The promise is what the row of the table begins with.
pub fn counted(promise: &str, kind: Kind, cases: usize) {
    let column = column(kind);
    let line = format!("{promise}: {} {cases}\n", COLUMNS[column]);
    print!("{line}");
    if let Some(path) = std::env::var_os("EMBED_MIGRATIONS_TEST_COUNTS") {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
    let path = workspace().join("docs/guarantees.md");
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let page = fs::read_to_string(&path).unwrap();
    let (before, told) = cell(&page, promise, column);
    if std::env::var("UPDATE_EXPECT").is_ok_and(|update| update == "1") {
        let page = format!("{} {cases} {}", &page[..before], &page[before + told.len()..]);
        return fs::write(&path, page).unwrap();
    }
    let told: usize = told.trim().parse().unwrap_or(0);
    assert!(
        cases >= told,
        "docs/guarantees.md says `{promise}` {told} times, and now it was tried {cases} times"
    );
}

/// Where a count begins in the page, and what is there.
fn cell<'p>(page: &'p str, promise: &str, column: usize) -> (usize, &'p str) {
    let row = page.match_indices(&format!("\n| {promise}")).map(|(at, _)| at + 1).next();
    let row = row.unwrap_or_else(|| panic!("docs/guarantees.md has no row that begins with `{promise}`"));
    let line = page[row..].lines().next().unwrap();
    // The promise and how it is tested come before the counts.
    let mut bars = line.match_indices('|').map(|(at, _)| at).skip(2 + column);
    let (start, end) = (bars.next().unwrap() + 1, bars.next().unwrap());
    (row + start, &line[start..end])
}
