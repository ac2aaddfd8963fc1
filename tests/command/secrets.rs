//! A password in the URL, and everything that the command prints and writes.

use std::fs;
use std::path::Path;

use embed_migrations_tests::command::{CommandProject, words};
use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::server_behaviours;

const PASSWORD: &str = "Geheim7xq@/?#%zz";

/// The parts that would be shown if it were.
const PARTS: [&str; 2] = ["Geheim7xq", "%zz"];

const LINES: [&str; 19] = [
    "current",
    "status",
    "plan",
    "history -i",
    "check --database",
    "upgrade --dry-run",
    "upgrade --sql",
    "upgrade r0001",
    "upgrade --backup copy",
    "downgrade -1",
    "downgrade -1 --yes",
    "stamp head",
    "stamp nowhere",
    "upgrade nowhere",
    "repair --yes",
    "verify",
    "new -m Next",
    "adopt --from sqlx --stamp",
    "upgrade",
];

/// An account, gone when this is dropped.
struct Account<'d>(&'d Database, String);

impl<'d> Account<'d> {
    fn new(db: &'d Database) -> Self {
        let name = format!("secret_{}", db.name);
        db.connect().run(&match db.kind {
            Kind::Postgres => format!("CREATE ROLE {name} LOGIN SUPERUSER PASSWORD '{PASSWORD}'"),
            _ => format!("CREATE USER {name} IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO {name}"),
        });
        Self(db, name)
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        let drop = match self.0.kind {
            Kind::Postgres => format!("DROP OWNED BY {0}; DROP ROLE {0}", self.1),
            _ => format!("DROP USER {}", self.1),
        };
        let _ = self.0.connect().try_run(&drop);
    }
}

fn assert_secret(what: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    for part in PARTS {
        assert!(!text.contains(part), "{what} has the password: {text}");
    }
}

fn assert_files_secret(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_files_secret(&path);
        } else {
            assert_secret(&path.display().to_string(), &fs::read(&path).unwrap());
        }
    }
}

server_behaviours! {
    fn no_command_shows_or_writes_the_password_whether_it_succeeds_or_fails(db) {
        let account = Account::new(db);
        let password = "Geheim7xq%40%2F%3F%23%25zz";
        let good = db.url_for(&account.1, password);
        let (scheme, _) = good.split_once(':').unwrap();
        let mut succeeded = 0;
        for url in [
            good.clone(),
            db.url_for(&account.1, &format!("{password}x")),
            format!("{scheme}://u:{password}@127.0.0.1:1/db"),
            format!("{scheme}://u:{password}@127.0.0.1:1/db?sslmode=maybe"),
            format!("{scheme}s://u:{password}@127.0.0.1:1/db"),
        ] {
            let project = CommandProject::with(db, &Revisions::tables(2)).url(&url);
            for line in LINES {
                for format in ["text", "json"] {
                    let output = project.command().args(words(line)).args(["--format", format]).output().unwrap();
                    succeeded += usize::from(output.status.success());
                    assert_secret(line, &output.stdout);
                    assert_secret(line, &output.stderr);
                }
            }
            assert_files_secret(&project.path(""));
        }
        assert!(succeeded >= 20, "{succeeded}");
    }
}
