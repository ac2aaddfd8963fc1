//! Every command line of every page.

use std::collections::BTreeSet;

use crate::page::pages;
use crate::session::Session;

/// Commands that are not run, and why.
const EXCUSED: [(&str, &str); 8] = [
    ("cargo xtask test", "it is what runs this test"),
    ("psql -X -f script.sql app", CLIENTS),
    ("mariadb --comments app < script.sql", CLIENTS),
    ("sqlite3 app.db < script.sql", CLIENTS),
    ("cargo migrate adopt --from sqlx migrations.sqlx --stamp", TOOLS),
    ("alembic upgrade heads --sql > upgrade.sql", TOOLS),
    ("alembic downgrade HEAD:base --sql > downgrade.sql", TOOLS),
    (
        "cargo migrate adopt --from alembic path/to/alembic --upgrade-sql upgrade.sql --downgrade-sql downgrade.sql",
        TOOLS,
    ),
];

const CLIENTS: &str =
    "tests/behaviour/offline.rs runs scripts through the clients, on databases of their own";

const TOOLS: &str = "cargo-migrate/tests/adopt adopts what the other tools themselves have made";

#[test]
fn every_command_line_of_every_page_does_what_the_page_says() {
    let mut unused: BTreeSet<&str> = EXCUSED.iter().map(|(command, _)| *command).collect();
    let mut run = 0;
    for page in &pages() {
        run += Session::new(page).run(|command| {
            let excused = EXCUSED.iter().any(|(excused, _)| *excused == command);
            unused.retain(|unused| *unused != command);
            excused
        });
    }
    assert!(unused.is_empty(), "excused, and on no page: {unused:?}");
    println!("{run} command lines run");
}
