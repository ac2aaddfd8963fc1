//! Passwords in URLs: any character may be in one, and none is ever shown.

use embed_migrations::{Error, ErrorKind, Migrations};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::server_behaviours;

/// An account on a server, gone when this is dropped.
struct Account<'d> {
    db: &'d Database,
    admin: Connection,
    name: String,
}

impl<'d> Account<'d> {
    fn new(db: &'d Database, name: &str) -> Self {
        let mut admin = db.connect();
        let name = quoted_name(db.kind, name);
        match db.kind {
            Kind::Postgres => admin.run(&format!("CREATE ROLE {name} LOGIN SUPERUSER")),
            _ => admin.run(&format!("CREATE USER {name}; GRANT ALL ON *.* TO {name}")),
        }
        Self { db, admin, name }
    }

    fn set_password(&mut self, password: &str) {
        let password = password.replace('\'', "''");
        let (kind, name) = (self.db.kind, &self.name);
        match kind {
            Kind::Postgres => self.admin.run(&format!("ALTER ROLE {name} PASSWORD '{password}'")),
            _ => {
                let password = password.replace('\\', "\\\\");
                self.admin.run(&format!("ALTER USER {name} IDENTIFIED BY '{password}'"));
            }
        }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        let what = if self.db.kind == Kind::Postgres { "ROLE" } else { "USER" };
        let _ = self.admin.try_run(&format!("DROP {what} {}", self.name));
    }
}

fn quoted_name(kind: Kind, name: &str) -> String {
    let quote = if kind == Kind::Postgres { '"' } else { '`' };
    format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
}

fn current(set: &Migrations, url: &str) -> Result<Vec<String>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { set.connect(url).await?.current().await })
}

/// Every byte that is not a letter, a digit or `_`, escaped.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

server_behaviours! {
    fn every_printable_character_works_in_a_password_as_it_is_and_escaped(db) {
        let set = Revisions::tables(1).build();
        let user = format!("pw_{}", db.name);
        let mut account = Account::new(db, &user);
        let all: String = (' '..='~').collect();
        let backwards: String = all.chars().rev().collect();
        let whole = [all, backwards, "\u{e9}\u{20ac}\u{1f511}".to_owned()];
        let marks = (' '..='~').filter(|c| !c.is_ascii_alphanumeric()).map(|c| format!("{c}q{c}w{c}{c}"));
        let written = whole.iter().map(|password| (password.clone(), escaped(password)));
        for (password, written) in whole.iter().cloned().chain(marks).map(|p| (p.clone(), p)).chain(written) {
            account.set_password(&password);
            let found = current(&set, &db.url_for(&user, &written));
            assert_eq!(found.map_err(|error| error.to_string()), Ok(vec![]), "{password}");
        }
    }

    fn every_printable_character_but_those_that_part_a_url_works_in_a_name(db) {
        let set = Revisions::tables(1).build();
        let all: Vec<char> = (' '..='~').filter(|c| !":/?#%".contains(*c)).collect();
        // MySQL takes names of 32 characters, and does not know one again that begins with a space.
        for some in all.chunks(31) {
            let user: String = ['x'].iter().chain(some).collect();
            let mut account = Account::new(db, &user);
            account.set_password("p");
            assert_eq!(current(&set, &db.url_for(&user, "p")).unwrap(), Vec::<String>::new());
            assert_eq!(current(&set, &db.url_for(&escaped(&user), "p")).unwrap(), Vec::<String>::new());
        }
    }

    fn no_error_shows_a_password_or_a_url(db) {
        let set = Revisions::tables(1).build();
        let all: String = (' '..='~').collect();
        let wrong = format!("Geheim{all}Geheim");
        let scheme = db.url().split_once(':').unwrap().0.to_owned();
        for password in [wrong.clone(), escaped(&wrong), "Geheim%".to_owned(), "Ge@heim".to_owned()] {
            for (url, kind) in [
                // refused, unreachable, and with what the driver does not know
                (db.url_for("tester", &password), ErrorKind::Database),
                (db.url_for("tester", &password) + "?sslmode=require", ErrorKind::Database),
                (db.url_for("tester", &password) + "?sslmode=disable", ErrorKind::Database),
                (format!("{scheme}://tester:{password}@127.0.0.1:1/db"), ErrorKind::Database),
                (format!("{scheme}://tester:{password}@127.0.0.1:99999/db"), ErrorKind::Url),
                (format!("{scheme}://tester:{password}@127.0.0.1:1/db?nothing=known"), ErrorKind::Url),
                (format!("{scheme}://tester:{password}@127.0.0.1:1/db?sslmode=maybe"), ErrorKind::Url),
                (format!("{scheme}://tester:{password}@not a host/db"), ErrorKind::Url),
                (format!("{scheme}:tester:{password}@127.0.0.1:1/db"), ErrorKind::Url),
                (format!("{scheme}s://tester:{password}@127.0.0.1:1/db"), ErrorKind::Url),
            ] {
                let error = current(&set, &url).unwrap_err();
                let told = format!("{error} {error:?} {error:#?}");
                assert_eq!(error.kind(), kind, "{told}");
                assert!(!told.contains("Geheim") && !told.contains("heim") && !told.contains("ABCDE"), "{told}");
                assert!(!told.contains("tester:") && !told.contains("://tester"), "{told}");
            }
        }
    }

    fn what_could_be_part_of_a_password_is_not_taken_for_a_host(db) {
        let scheme = db.url().split_once(':').unwrap().0.to_owned();
        let set = Revisions::tables(1).build();
        for login in ["user:geh@im?a=geh", "user:1?geh=im"] {
            let error = current(&set, &format!("{scheme}://{login}@127.0.0.1:1/db")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Url, "{error}");
            let told = format!("{error} {error:#?}");
            assert!(!told.contains("geh") && !told.contains("im?") && told.contains("%40"), "{told}");
        }
    }
}
