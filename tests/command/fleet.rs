//! Many databases or schemas in one command.

use std::process::Stdio;
use std::time::{Duration, Instant};

use embed_migrations_tests::command::{CommandProject, Done};
use embed_migrations_tests::database::{Connection, Database, Kind};
use embed_migrations_tests::log::ServerLog;
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, server_behaviours};

use crate::interrupt::{Running, leave_nobody, long, revisions};

/// A project, so many tenants of its database, and the arguments that name them all.
struct Tenants<'d> {
    db: &'d Database,
    project: CommandProject,
    count: usize,
    arguments: String,
}

impl<'d> Tenants<'d> {
    fn new(db: &'d Database, revisions: &Revisions, count: usize) -> Self {
        let project = CommandProject::with(db, revisions);
        let like = db.name.replace('_', "\\_");
        let (make, arguments) = match db.kind {
            Kind::Sqlite => ("", "--urls tenants/urls".to_owned()),
            Kind::Postgres => ("CREATE SCHEMA", format!("--all-schemas {like}\\_t%")),
            Kind::Mysql => ("CREATE DATABASE", format!("--all-databases {like}\\_t%")),
        };
        let tenants = Self { db, project, count, arguments };
        if db.kind == Kind::Sqlite {
            let urls: String = (0..count).map(|n| format!("sqlite:{}\n", tenants.name(n))).collect();
            tenants.project.write("tenants/urls", &format!("# one per line\n\n{urls}"));
        } else {
            let mut connection = db.connect();
            (0..count).for_each(|n| connection.run(&format!("{make} {}", tenants.name(n))));
        }
        tenants
    }

    fn name(&self, n: usize) -> String {
        format!("{}_t{n}", self.db.name)
    }

    /// As the command calls it.
    fn shown(&self, n: usize) -> String {
        let name = self.name(n);
        if self.db.kind == Kind::Sqlite { format!("sqlite:tenants/{name}") } else { name }
    }

    fn run(&self, line: &str) -> Done {
        self.project.run(&format!("{line} {}", self.arguments))
    }

    fn connect(&self, n: usize) -> Connection {
        let name = self.name(n);
        let url = self.db.url();
        match self.db.kind {
            Kind::Sqlite => {
                let path = self.project.path(&format!("tenants/{name}"));
                Connection::new(Kind::Sqlite, &path.display().to_string())
            }
            Kind::Postgres => {
                let mut connection = self.db.connect();
                connection.run(&format!("SET search_path = {name}"));
                connection
            }
            Kind::Mysql => {
                Connection::new(Kind::Mysql, &format!("{}/{name}", url.rsplit_once('/').unwrap().0))
            }
        }
    }
}

impl Drop for Tenants<'_> {
    fn drop(&mut self) {
        if self.db.kind == Kind::Mysql {
            let mut connection = self.db.connect();
            for n in 0..self.count {
                connection.run(&format!("DROP DATABASE {}", self.name(n)));
            }
        }
    }
}

behaviours! {
    fn all_tenants_are_upgraded_and_what_is_done_is_found_done(db) {
        let tenants = Tenants::new(db, &Revisions::tables(2), 3);
        let dry = tenants.run("upgrade --dry-run");
        assert!(dry.ok().contains("3 targets: 3 with something to do ("), "{dry:?}");
        assert!(dry.stdout.contains(&format!("{}: base -> r0002\n  up   r0001 Revision r0001", tenants.shown(1))), "{dry:?}");
        if db.kind == Kind::Sqlite {
            assert!(!tenants.project.path(&format!("tenants/{}", tenants.name(1))).exists());
        }
        let done = tenants.run("upgrade --limit 2");
        assert!(done.ok().contains("3 targets: 3 changed ("), "{done:?}");
        assert!(done.stdout.contains(&format!("{}: 2 steps, now at r0002 (", tenants.shown(2))), "{done:?}");
        assert_eq!(done.stderr.lines().filter(|line| line.contains("/3] ")).count(), 3, "{done:?}");
        assert_eq!(tenants.connect(2).count("t2"), 1);
        let again = tenants.run("upgrade head --format json");
        again.ok();
        let json = again.json();
        assert_eq!(json["targets"].as_array().unwrap().len(), 3);
        assert_eq!((&json["targets"][0]["outcome"], &json["targets"][0]["report"]["to"][0]), (&"done".into(), &"r0002".into()));
    }

    fn a_tenant_that_fails_is_named_and_the_exit_code_says_so(db) {
        let tenants = Tenants::new(db, &Revisions::tables(1), 3);
        tenants.connect(1).run("CREATE TABLE t1 (a INTEGER)");
        let done = tenants.run("upgrade --limit 1 --fail-fast");
        let told = done.failed(19);
        assert!(told.contains("\nerror: 1 of 3 targets are done\n\nhint: the next run finds done what is done"), "{told}");
        assert!(done.stdout.contains(&format!("{}: failed: upgrade of revision 'r0001' failed", tenants.shown(1))), "{done:?}");
        assert!(done.stdout.contains("3 targets: 1 changed, 1 failed, 1 not begun ("), "{done:?}");
        let done = tenants.run("upgrade --format json");
        done.failed(19);
        let outcomes: Vec<_> = (0..3).map(|n| done.json()["targets"][n]["outcome"].as_str().unwrap().to_owned()).collect();
        assert_eq!(outcomes, ["done", "failed", "done"]);
        let error = &done.json()["targets"][1]["error"];
        assert_eq!((&error["exit"], &error["problems"]), (&12.into(), &serde_json::json!([])), "{done:?}");
        assert!(error["message"].as_str().unwrap().starts_with("upgrade of revision 'r0001' failed"), "{done:?}");
        tenants.connect(1).run("DROP TABLE t1");
        assert!(tenants.run("upgrade").ok().contains("3 targets: 1 changed, 2 with nothing to do ("));
    }

    fn all_tenants_are_led_down_once_that_is_agreed_to(db) {
        let tenants = Tenants::new(db, &Revisions::tables(2), 3);
        tenants.run("upgrade").ok();
        let dry = tenants.run("downgrade r0001 --dry-run");
        assert!(dry.ok().contains(&format!("{}: r0002 -> r0001\n  down r0002 Revision r0002", tenants.shown(1))), "{dry:?}");
        let refused = tenants.run("downgrade r0001");
        assert!(refused.failed(17).contains("there is no terminal to ask on\n\nhint: add `--yes`"), "{refused:?}");
        assert_eq!(tenants.connect(2).count("t2"), 1);
        let done = tenants.run("downgrade r0001 --yes --limit 2");
        assert!(done.ok().contains("3 targets: 3 changed ("), "{done:?}");
        assert!(done.stdout.contains(&format!("{}: 1 step, now at r0001 (", tenants.shown(2))), "{done:?}");
        assert!(tenants.connect(2).try_run("SELECT * FROM t2").is_err());
        // Nothing is asked where there is nothing to do.
        let again = tenants.run("downgrade r0001 --format json");
        again.ok();
        assert_eq!(again.json()["targets"][2]["report"]["steps"], serde_json::json!([]));
    }

    fn a_step_down_that_fails_for_some_is_not_to_be_taken_again_by_the_others(db) {
        let tenants = Tenants::new(db, &Revisions::tables(2), 3);
        tenants.run("upgrade").ok();
        tenants.connect(1).run("DROP TABLE t2");
        let done = tenants.run("downgrade -1 --yes");
        let told = done.failed(19);
        assert!(told.contains("error: 2 of 3 targets are done\n\nhint: `-1` counts from where each of them is now: look with `status`"), "{told}");
        tenants.connect(1).run("CREATE TABLE t2 (a INTEGER)");
        assert!(tenants.run("downgrade r0001 --yes").ok().contains("3 targets: 1 changed, 2 with nothing to do ("));
    }

    fn a_database_that_is_named_twice_is_led_down_by_what_was_planned_alone(db) {
        let project = CommandProject::with(db, &Revisions::tables(3));
        project.run("upgrade").ok();
        let (url, other) = (db.url(), if db.kind == Kind::Sqlite { "?cache=private" } else { "?connect_timeout=20" });
        project.write("urls", &format!("{url}\n{url}{other}\n"));
        let done = project.run("downgrade -1 --yes --urls urls --limit 1");
        done.failed(19);
        assert!(done.stdout.contains("failed: the database was changed since its steps were planned"), "{done:?}");
        assert_eq!(db.tables(), ["t1", "t2"]);
    }

    fn where_no_way_leads_down_nothing_is_asked_and_nothing_is_made(db) {
        let tenants = Tenants::new(db, &Revisions::tables(2), 3);
        for target in ["nosuch", "r0001"] {
            let done = tenants.run(&format!("downgrade {target}"));
            assert!(done.failed(19).ends_with("error: 0 of 3 targets are done\n"), "{done:?}");
            assert!(done.stdout.contains("3 targets: 3 failed ("), "{done:?}");
        }
        assert!(tenants.run("downgrade base --yes").ok().contains("3 targets: 3 with nothing to do ("));
        if db.kind == Kind::Sqlite {
            assert!((0..3).all(|n| !tenants.project.path(&format!("tenants/{}", tenants.name(n))).exists()));
        }
    }

    fn a_way_down_that_was_cut_off_is_gone_on_with(db) {
        let down = "DROP TABLE t2;\nDROP TABLE t3;";
        let revisions = Revisions::tables(1).sql("two", "CREATE TABLE t2 (a INTEGER);\nCREATE TABLE t3 (a INTEGER);", down);
        let tenants = Tenants::new(db, &revisions, 2);
        tenants.run("upgrade").ok();
        tenants.connect(1).run("DROP TABLE t3");
        tenants.run("downgrade r0001 --yes").failed(19);
        tenants.connect(1).run("CREATE TABLE t3 (a INTEGER)");
        let done = tenants.run("downgrade r0001 --yes");
        assert!(done.ok().contains("2 targets: 1 changed, 1 with nothing to do ("), "{done:?}");
        assert!(["t2", "t3"].iter().all(|table| tenants.connect(1).try_run(&format!("SELECT * FROM {table}")).is_err()));
    }

    fn the_status_of_all_tenants_is_told_of_those_that_are_not_current(db) {
        let tenants = Tenants::new(db, &Revisions::tables(2), 3);
        assert!(tenants.run("status").ok().contains("3 targets: 3 not current ("));
        if db.kind == Kind::Sqlite {
            assert!(!tenants.project.path(&format!("tenants/{}", tenants.name(1))).exists());
        }
        tenants.run("upgrade").ok();
        let name = tenants.shown(1);
        tenants.connect(0).run("DELETE FROM migrate_history WHERE revision = 'r0002'");
        let done = tenants.run("status");
        let told = done.ok();
        assert!(told.contains(&format!("{}: at r0001: 1 applied, 1 pending\n3 targets: ", tenants.shown(0))), "{told}");
        assert!(told.contains("3 targets: 1 not current, 2 current (") && !told.contains(&format!("{name}:")), "{told}");
        tenants.connect(1).run("UPDATE migrate_history SET format = 2");
        let done = tenants.run("status --format json");
        assert!(done.failed(19).contains("error: 2 of 3 targets were read\n"), "{done:?}");
        let outcomes: Vec<_> = (0..3).map(|n| done.json()["targets"][n]["outcome"].as_str().unwrap().to_owned()).collect();
        assert_eq!(outcomes, ["done", "failed", "done"]);
        assert_eq!(done.json()["targets"][2]["report"]["pending"], serde_json::json!([]));
    }

    fn ctrl_c_stops_the_tenants_under_way_and_begins_no_other(db) {
        let (backend, statement) = long(db.kind);
        let tenants = Tenants::new(db, &revisions(backend, statement), 3);
        let line = format!("upgrade --limit 2 {}", tenants.arguments);
        let mut command = tenants.project.command();
        command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = Running::spawn(command);
        let deadline = Instant::now() + Duration::from_secs(60);
        // Both have taken the first step, and are at the second.
        while (0..2).any(|n| tenants.connect(n).try_run("SELECT * FROM t1").is_err()) {
            assert!(Instant::now() < deadline, "nothing happens");
            std::thread::sleep(Duration::from_millis(100));
        }
        std::thread::sleep(Duration::from_secs(1));
        running.interrupt();
        let done = running.end();
        leave_nobody(db);
        let told = done.failed(130);
        assert!(told.contains("stopping; press Ctrl-C again to leave at once\n"), "{told}");
        assert!(told.contains("error: stopped by a signal: 0 of 3 targets are done\n\nhint: "), "{told}");
        assert!(done.stdout.contains("3 targets: 2 stopped, 1 not begun ("), "{done:?}");
        for n in 0..2 {
            let stopped = format!("{}: stopped: upgrade of revision 'slow' failed", tenants.shown(n));
            assert!(done.stdout.contains(&stopped) && done.stderr.contains(&stopped), "{done:?}");
        }
        // Nothing is to be done about what the stop itself has brought about.
        assert_eq!((done.stdout.matches("hint:").count(), told.matches("hint:").count()), (0, 1), "{done:?}");
    }

    fn ctrl_c_while_it_is_asked_what_there_is_to_undo_changes_nothing(db) {
        let tenants = Tenants::new(db, &Revisions::tables(2), 2);
        tenants.run("upgrade").ok();
        let mut holder = tenants.connect(1);
        match db.kind {
            Kind::Sqlite => holder.run("BEGIN EXCLUSIVE"),
            Kind::Postgres => holder.run("BEGIN; LOCK TABLE migrate_history"),
            Kind::Mysql => holder.run("LOCK TABLES migrate_history WRITE"),
        }
        let mut command = tenants.project.command();
        let line = format!("downgrade base --yes {}", tenants.arguments);
        command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
        let running = Running::spawn(command);
        std::thread::sleep(Duration::from_secs(3));
        running.interrupt();
        let done = running.end();
        assert!(done.failed(130).contains("error: stopped by a signal: nothing was changed\n"), "{done:?}");
        drop(holder);
        leave_nobody(db);
        assert!((0..2).all(|n| tenants.connect(n).try_run("SELECT * FROM t2").is_ok()));
    }

    fn what_is_named_and_is_not_there_is_an_error(db) {
        let project = CommandProject::with(db, &Revisions::tables(1));
        let like = match db.kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(("--all-schemas", "schema of the database")),
            Kind::Mysql => Some(("--all-databases", "database of the server")),
        };
        if let Some((option, what)) = like {
            let done = project.run(&format!("upgrade {option} none\\_at\\_all%"));
            let told = done.failed(11);
            assert!(told.starts_with(&format!("error: no {what} is like `none\\_at\\_all%`\n\nhint: ")), "{told}");
        }
        let done = project.run("upgrade --all-schemas %");
        match db.kind {
            Kind::Sqlite => assert!(done.failed(16).contains("SQLite, which has none\n\nhint: write the files' URLs"), "{done:?}"),
            Kind::Mysql => assert!(done.failed(16).contains("\n\nhint: use `--all-databases`"), "{done:?}"),
            Kind::Postgres => assert!(done.ok().contains("public: 1 step"), "{done:?}"),
        }
        project.write("empty", "# nothing\n\n");
        assert!(project.run("upgrade --urls empty").failed(11).starts_with("error: no URL is in `empty`\n"));
        project.run("upgrade --urls missing").failed(1);
        project.write("urls", &format!("{}\n\npostgres://u:s3cr3t@im?a=b@h/db\n", db.url()));
        let done = project.run("upgrade --urls urls");
        assert!(done.failed(13).contains("line 3 of `urls` cannot be read as the URL of a database\n"), "{done:?}");
        assert!(!format!("{done:?}").contains("s3cr3t"));
        project.write("urls", "sqlite:c.db # the c tenant\n");
        let told = project.run("upgrade --urls urls").failed(13).to_owned();
        assert!(told.starts_with("error: line 1 of `urls` has a `#` behind a space, which"), "{told}");
        assert!(!project.path("c.db # the c tenant").exists());
        for other in ["--sql", "--backup copy", "--all-databases %", "--database-url sqlite:a.db"] {
            project.run(&format!("upgrade --urls urls {other}")).failed(2);
            project.run(&format!("downgrade base --yes --urls urls {other}")).failed(2);
        }
        for alone in ["--limit 3", "--fail-fast", "--urls urls --limit 0"] {
            project.run(&format!("upgrade {alone}")).failed(2);
        }
    }
}

behaviours! {
    fn databases_of_a_file_that_are_called_the_same_are_told_apart_by_their_lines(db) {
        let project = CommandProject::with(db, &Revisions::tables(1));
        let url = db.url();
        let other = match db.kind {
            Kind::Sqlite => "?cache=private",
            _ => "?connect_timeout=20",
        };
        let third = Database::new(db.kind);
        project.write("urls", &format!("# two\n{url}\n\n{url}{other}\n{}\n", third.url()));
        let done = project.run("upgrade --urls urls --limit 1");
        assert!(done.ok().contains("3 targets: 2 changed, 1 with nothing to do ("), "{done:?}");
        assert!(done.stdout.contains(" (line 2): 1 step"), "{done:?}");
        let done = project.run("upgrade --urls urls --format json");
        let json = done.json();
        let lines: Vec<_> = (0..3).map(|n| json["targets"][n]["line"].clone()).collect();
        assert_eq!(lines, [2, 4, 5], "{json}");
        let names = (0..3).map(|n| json["targets"][n]["target"].as_str().unwrap().to_owned());
        let names: Vec<String> = names.collect();
        assert!(names[0].ends_with(" (line 2)") && names[1].ends_with(" (line 4)"), "{json}");
        assert!(!names[2].contains("(line"), "{json}");
    }
}

behaviours! {
    fn what_the_hint_of_a_tenant_names_can_be_done_to_it_alone(db) {
        let edited = |column: &str| {
            let up = format!("CREATE TABLE t1 ({column} INTEGER);");
            Revisions::new().sql("r0001", &up, "DROP TABLE t1;")
        };
        let tenants = Tenants::new(db, &edited("a"), 2);
        tenants.run("upgrade").ok();
        for (name, text) in edited("b").files() {
            tenants.project.write(&format!("migrations/{name}"), text);
        }
        let done = tenants.run("upgrade");
        done.failed(19);
        let name = tenants.name(1);
        let meant = match db.kind {
            Kind::Postgres => format!(
                "\nhint: commands are for the schema \"{name}\" alone: give them `--database-url` with `options=-c%20search_path%3D{name}`"
            ),
            _ => "\nhint: commands are for this target alone: give them its URL with `--database-url`".to_owned(),
        };
        assert!(done.stdout.contains(&meant), "{done:?}");
        let url = match db.kind {
            Kind::Sqlite => format!("sqlite:tenants/{name}"),
            Kind::Postgres => format!("{}?options=-c%20search_path%3D{name}", db.url()),
            Kind::Mysql => format!("{}/{name}", db.url().rsplit_once('/').unwrap().0),
        };
        tenants.project.run(&format!("repair r0001 --yes --database-url {url}")).ok();
        let again = tenants.run("upgrade");
        again.failed(19);
        assert!(again.stdout.contains("2 targets: 1 with nothing to do, 1 failed ("), "{again:?}");
        assert!(!again.stdout.contains(&format!("{}: failed", tenants.shown(1))), "{again:?}");
    }
}

mod one_file_may_name_databases_of_several_kinds {
    mod postgres {
        use super::super::*;

        #[test]
        fn mysql() {
            let [sqlite, postgres, mysql] = [Kind::Sqlite, Kind::Postgres, Kind::Mysql].map(Database::new);
            let project = CommandProject::with(&sqlite, &Revisions::tables(1));
            let manifest = std::fs::read_to_string(project.path("Cargo.toml")).unwrap();
            let all =
                manifest.replace("[\"sqlite-bundled\"]", "[\"sqlite-bundled\", \"postgres\", \"mysql\"]");
            project.write("Cargo.toml", &all);
            project.write("urls", &format!("{}\n{}\n{}\n", mysql.url(), sqlite.url(), postgres.url()));
            let done = project.run("upgrade --urls urls");
            assert!(done.ok().contains("3 targets: 3 changed ("), "{done:?}");
            for db in [sqlite, postgres, mysql] {
                assert_eq!(db.tables(), ["t1"]);
            }
        }
    }
}

server_behaviours! {
    fn finding_all_tenants_costs_one_statement_and_each_with_nothing_to_do_another(db) {
        let tenants = Tenants::new(db, &Revisions::tables(1), 12);
        tenants.run("upgrade").ok();
        let log = ServerLog::start(db);
        assert!(tenants.run("upgrade --limit 2").ok().contains("12 targets: 12 with nothing to do ("));
        let connections = log.connections();
        // What finds them, and then the tenants' own; of MySQL the driver begins each with a question.
        let counts: Vec<usize> = connections.iter().map(Vec::len).collect();
        match db.kind {
            Kind::Mysql => assert_eq!(counts, [2; 13], "{connections:#?}"),
            _ => assert_eq!((counts.len(), counts[0], counts.iter().sum()), (3, 1, 13), "{connections:#?}"),
        }
    }

    fn tenants_of_which_nothing_is_heard_for_half_a_minute_are_said_to_live(db) {
        let (backend, statement) = long(db.kind);
        let tenants = Tenants::new(db, &revisions(backend, statement), 2);
        let line = format!("upgrade --format json {}", tenants.arguments);
        let mut command = tenants.project.command();
        command.args(line.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running::spawn(command);
        for n in 0..2 {
            running.wait_for(&format!("{}: [2/2] up slow Revision slow: still at ", tenants.shown(n)));
        }
        running.interrupt();
        let done = running.end();
        leave_nobody(db);
        done.failed(130);
        let json = done.json();
        for target in json["targets"].as_array().unwrap() {
            assert_eq!((&target["outcome"], &target["error"]["exit"]), (&"stopped".into(), &130.into()), "{json}");
        }
    }
}

#[test]
fn all_databases_of_sqlite_are_not_known() {
    let db = Database::new(Kind::Sqlite);
    let project = CommandProject::with(&db, &Revisions::tables(1));
    let done = project.run("upgrade --all-databases %");
    assert!(
        done.failed(16).contains("`--all-databases` is for servers, and the URL is of SQLite\n"),
        "{done:?}"
    );
}
