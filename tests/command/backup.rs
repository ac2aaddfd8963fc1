use std::path::PathBuf;
use std::process::Command;

use embed_migrations_tests::behaviours;
use embed_migrations_tests::command::{CommandProject, Done};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::revisions::Revisions;

/// A history with a table, a view, a routine, a trigger and rows that are not easy to write down.
fn revisions(kind: Kind) -> Revisions {
    let more = match kind {
        Kind::Sqlite => "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = 'seen' WHERE id = 9; END;",
        Kind::Postgres => {
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;\n\
             CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();"
        }
        Kind::Mysql => {
            "CREATE PROCEDURE p() SELECT 1;\nCREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;\n\
             CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW SET @a = 1;"
        }
    };
    let bytes = match kind {
        Kind::Sqlite => ("BLOB", "x'00ff27'"),
        Kind::Postgres => ("BYTEA", "'\\x00ff27'"),
        Kind::Mysql => ("BLOB", "x'00ff27'"),
    };
    Revisions::new()
        .sql(
            "a0",
            &format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(40), b {});\nCREATE VIEW v AS SELECT id FROM t;\n{more}\n\
                 INSERT INTO t VALUES (1, 'it''s – ünï', {}), (2, NULL, NULL);",
                bytes.0, bytes.1
            ),
            "DROP TABLE t;",
        )
        .sql("a1", "CREATE TABLE u (id INTEGER);", "DROP TABLE u;")
}

/// The program of the servers that restores a backup.
fn tool(variable: &str, program: &str) -> Command {
    Command::new(PathBuf::from(std::env::var(variable).unwrap()).join(program))
}

/// Puts a backup into an empty database.
fn restore(project: &CommandProject, file: &str, into: &Database) {
    let file = project.path(file);
    let mut command = match into.kind {
        Kind::Sqlite => {
            std::fs::copy(file, into.sqlite_path()).unwrap();
            return;
        }
        Kind::Postgres => {
            let mut command = tool("EMBED_MIGRATIONS_TEST_POSTGRES_BIN", "pg_restore");
            command.arg("--exit-on-error").arg("--dbname").arg(into.url()).arg(file);
            command
        }
        Kind::Mysql => {
            let url = mysql_async::Opts::from_url(&into.url()).unwrap();
            let mut command = tool("EMBED_MIGRATIONS_TEST_MYSQL_BIN", "mariadb");
            command
                .args(["--no-defaults", "--protocol=tcp"])
                .arg(format!("--host={}", url.ip_or_hostname()))
                .arg(format!("--port={}", url.tcp_port()))
                .arg(format!("--user={}", url.user().unwrap()))
                .env("MYSQL_PWD", url.pass().unwrap())
                .arg(&into.name)
                .stdin(std::fs::File::open(file).unwrap());
            command
        }
    };
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn rows(db: &Database) -> Vec<Vec<Vec<String>>> {
    let mut connection = db.connect();
    [
        "SELECT * FROM t ORDER BY id",
        "SELECT namespace, seq, revision, heads FROM migrate_history ORDER BY seq",
    ]
    .map(|sql| connection.rows(sql))
    .into()
}

/// The names of what the copy left in the project.
fn remains(project: &CommandProject) -> Vec<String> {
    let entries = std::fs::read_dir(project.path(".")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("copy")).collect()
}

behaviours! {
    fn a_backup_restored_is_the_database_as_it_was_before(db) {
        let project = CommandProject::with(db, &revisions(db.kind));
        project.run("upgrade a0").ok();
        let before = (db.schema(), rows(db));
        let done = project.run("upgrade --backup copy");
        done.ok();
        assert!(done.stderr.contains("the database is copied to `copy`"), "{done:?}");
        assert_eq!(db.tables(), ["t", "u", "v"].into_iter().filter(|name| *name != "v" || db.kind != Kind::Sqlite).collect::<Vec<_>>());
        let other = Database::new(db.kind);
        restore(&project, "copy", &other);
        let names = |schema: &str| schema.replace(&other.name, &db.name);
        assert_eq!((names(&other.schema()), rows(&other)), before);
        assert_eq!(project.run("status --format json").json()["pending"], serde_json::json!([]));
        project.run("downgrade a0 --yes --backup copy2").ok();
        assert_eq!(remains(&project).len(), 2);
    }

    fn a_file_that_is_there_is_not_replaced_and_nothing_is_run(db) {
        let project = CommandProject::with(db, &revisions(db.kind));
        project.write("copy", "mine");
        project.run("upgrade --backup copy").failed(1);
        assert_eq!(std::fs::read_to_string(project.path("copy")).unwrap(), "mine");
        assert_eq!((db.tables(), remains(&project)), (Vec::new(), vec!["copy".to_owned()]));
    }
}

mod without_the_dump_program_nothing_is_run {
    use super::*;

    fn behaviour(db: &Database, expected: &str) {
        let project = CommandProject::with(db, &revisions(db.kind));
        let empty = tempfile::tempdir().unwrap();
        let run = |path: &std::path::Path| {
            let output = project.command().args(["upgrade", "--backup", "copy"]).env("PATH", path).output();
            Done::new(output.unwrap())
        };
        let done = run(empty.path());
        assert!(done.failed(1).contains(expected) && done.stderr.contains("nothing was changed"), "{done:?}");
        assert_eq!((db.tables(), remains(&project)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn postgres() {
        behaviour(&Database::new(Kind::Postgres), "there is no `pg_dump` on the PATH");
    }

    #[test]
    fn mysql() {
        behaviour(&Database::new(Kind::Mysql), "there is no `mysqldump` or `mariadb-dump` on the PATH");
    }
}

mod a_dump_that_fails_leaves_no_file_and_nothing_is_run {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A program that writes half a dump and fails, in place of the real one.
    fn behaviour(db: &Database, program: &str) {
        let project = CommandProject::with(db, &revisions(db.kind));
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(program);
        std::fs::write(
            &file,
            "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\nwhile [ $# -gt 0 ]; do case $1 in --file|--result-file) echo half > \"$2\";; esac; shift; done\n\
             echo 'the disk is full' >&2\nexit 3\n",
        )
        .unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let output =
            project.command().args(["upgrade", "--backup", "copy"]).env("PATH", directory.path()).output();
        let done = Done::new(output.unwrap());
        assert!(done.failed(1).contains(&format!("`{program}` failed: the disk is full")), "{done:?}");
        assert_eq!((db.tables(), remains(&project)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn postgres() {
        behaviour(&Database::new(Kind::Postgres), "pg_dump");
    }

    #[test]
    fn mysql() {
        behaviour(&Database::new(Kind::Mysql), "mariadb-dump");
    }
}

mod any_character_may_be_in_the_password_and_no_program_gets_it_as_an_argument {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const PASSWORD: &str = "p%@:/?#'\" $x\\&=+s3cr3t";
    const ESCAPED: &str = "p%25%40%3A%2F%3F%23%27%22%20%24x%5C%26%3D%2Bs3cr3t";

    fn behaviour(db: &Database, user: &str, program: &str) {
        let project = CommandProject::with(db, &revisions(db.kind)).url(&db.url_for(user, ESCAPED));
        Connection::new(db.kind, &db.url_for(user, ESCAPED)).run("CREATE TABLE own (a INTEGER)");
        // Notes its arguments, then is the real program.
        let directory = tempfile::tempdir().unwrap();
        let noted = directory.path().join("noted");
        let file = directory.path().join(program);
        let path = std::env::var("PATH").unwrap();
        std::fs::write(
            &file,
            format!("#!/bin/sh\necho \"$@\" >> '{}'\nPATH='{path}' exec {program} \"$@\"\n", noted.display()),
        )
        .unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let output = project
            .command()
            .args(["upgrade", "a0", "--backup", "copy"])
            .env("PATH", format!("{}:{path}", directory.path().display()))
            // What would lead elsewhere.
            .env("PGHOST", "elsewhere.invalid")
            .env("PGHOSTADDR", "192.0.2.1")
            .env("MYSQL_PWD", "wrong")
            .output();
        let done = Done::new(output.unwrap());
        done.ok();
        assert!(!done.stderr.contains("s3cr3t"), "{done:?}");
        let noted = std::fs::read_to_string(noted).unwrap();
        assert!(noted.contains("copy") && !noted.contains("s3cr3t"), "{noted}");
        let other = Database::new(db.kind);
        restore_as_is(&project, &other);
        assert_eq!(other.tables(), ["own"]);
    }

    /// The owner of what was dumped may be gone.
    fn restore_as_is(project: &CommandProject, into: &Database) {
        if into.kind == Kind::Postgres {
            let mut command = tool("EMBED_MIGRATIONS_TEST_POSTGRES_BIN", "pg_restore");
            command.arg("--no-owner").arg("--dbname").arg(into.url()).arg(project.path("copy"));
            assert!(command.status().unwrap().success());
        } else {
            restore(project, "copy", into);
        }
    }

    fn quoted() -> String {
        PASSWORD.replace('\'', "''")
    }

    #[test]
    fn postgres() {
        let db = Database::new(Kind::Postgres);
        let user = format!("b_{}", db.name);
        let mut connection = db.connect();
        connection.run(&format!("CREATE ROLE {user} LOGIN PASSWORD '{}'", quoted()));
        connection.run(&format!("GRANT ALL ON SCHEMA public TO {user}"));
        behaviour(&db, &user, "pg_dump");
        connection.run(&format!("DROP OWNED BY {user}"));
        connection.run(&format!("DROP ROLE {user}"));
    }

    #[test]
    fn mysql() {
        let db = Database::new(Kind::Mysql);
        let user = format!("b_{}", db.name);
        let mut connection = db.connect();
        connection.run(&format!("CREATE USER {user} IDENTIFIED BY '{}'", quoted().replace('\\', "\\\\")));
        connection.run(&format!("GRANT ALL ON {}.* TO {user}", db.name));
        behaviour(&db, &user, "mysqldump");
        connection.run(&format!("DROP USER {user}"));
    }
}
