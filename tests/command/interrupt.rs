//! Ctrl-C, and other signals, while a statement takes long.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use embed_migrations_tests::command::{CommandProject, Done};
use embed_migrations_tests::database::{Database, Kind};
use embed_migrations_tests::revisions::Revisions;
use embed_migrations_tests::{behaviours, server_behaviours};

/// A statement that takes minutes.
pub(crate) fn long(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Sqlite => (
            "sqlite",
            "CREATE TABLE slept AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000000) \
             SELECT max(i) AS a FROM n",
        ),
        Kind::Postgres => ("postgres", "CREATE TABLE slept AS SELECT pg_sleep(300)::text AS a"),
        Kind::Mysql => ("mysql", "CREATE TABLE slept AS SELECT SLEEP(300) AS a"),
    }
}

/// A revision that is done at once, and one with that statement.
pub(crate) fn revisions(backend: &str, statement: &str) -> Revisions {
    let up = format!("CREATE TABLE t_before (id INTEGER);\n{statement};\nCREATE TABLE t_after (id INTEGER);");
    let down = "DROP TABLE t_after;\nDROP TABLE slept;\nDROP TABLE t_before;";
    Revisions::tables(1)
        .sections("slow", &format!("-- migrate:up {backend}\n{up}\n\n-- migrate:down\n{down}"))
}

/// A run that was started, with what it has said so far.
pub(crate) struct Running {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Running {
    fn start(project: &CommandProject, arguments: &[&str]) -> Self {
        let mut command = project.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        Self { child, errors, said: String::new() }
    }

    /// Reads until something is said.
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.said.contains(text) {
            let read = self.errors.read_line(&mut self.said).unwrap();
            assert!(read > 0, "`{text}` is not in: {}", self.said);
        }
    }

    pub(crate) fn interrupt(&self) {
        self.signal("-INT", 1);
    }

    /// Sends a signal so often, as fast as it goes.
    fn signal(&self, signal: &str, times: usize) {
        let ids = vec![self.child.id().to_string(); times];
        assert!(Command::new("kill").arg(signal).args(ids).status().unwrap().success());
    }

    pub(crate) fn end(mut self) -> Done {
        std::io::Read::read_to_string(&mut self.errors, &mut self.said).unwrap();
        let mut done = Done::new(self.child.wait_with_output().unwrap());
        done.stderr = self.said;
        done
    }
}

/// Ends what a server is still at whose client has left.
pub(crate) fn leave_nobody(db: &Database) {
    let mut connection = db.connect();
    let ends = match db.kind {
        Kind::Sqlite => return,
        Kind::Postgres => {
            "SELECT 'SELECT pg_terminate_backend(' || pid || ')' FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()"
        }
        Kind::Mysql => {
            "SELECT CONCAT('KILL ', ID) FROM information_schema.PROCESSLIST \
             WHERE DB = DATABASE() AND ID <> CONNECTION_ID()"
        }
    };
    for end in connection.rows(ends) {
        // It may have left by itself.
        let _ = connection.try_run(&end[0]);
    }
}

/// Starts an upgrade, and presses Ctrl-C when it is at the long statement.
fn interrupted(project: &CommandProject, arguments: &[&str]) -> Done {
    let mut running = Running::start(project, arguments);
    running.wait_for("up r0001 Revision r0001: done");
    std::thread::sleep(Duration::from_secs(1));
    let pressed = Instant::now();
    running.interrupt();
    let done = running.end();
    assert!(pressed.elapsed() < Duration::from_secs(30), "{:?}: {done:?}", pressed.elapsed());
    done
}

behaviours! {
    fn ctrl_c_ends_the_statement_and_says_where_the_database_stands_and_the_next_run_goes_on(db) {
        let (backend, statement) = long(db.kind);
        let project = CommandProject::with(db, &revisions(backend, statement));
        let done = interrupted(&project, &["upgrade"]);
        let told = done.failed(130);
        assert!(told.contains("stopping; press Ctrl-C again to leave at once\n"), "{told}");
        assert!(told.contains("error: stopped by a signal: upgrade of revision 'slow' failed: "), "{told}");
        assert!(told.contains("\nthe database is at r0001: 1 applied, 1 pending\n"), "{told}");
        assert!(told.ends_with("\n\nhint: the next run goes on from here\n"), "{told}");
        let mysql = db.kind == Kind::Mysql;
        assert_eq!(told.contains("statements 1 to 1 of 3 are in force"), mysql, "{told}");
        assert_eq!(told.contains("under way or interrupted: slow"), mysql, "{told}");
        assert_eq!(db.tables(), if mysql { vec!["t1", "t_before"] } else { vec!["t1"] });
        // Again, for programs; then as it should have been.
        let again = project.command().args(["status", "--format", "json"]).output().unwrap();
        assert_eq!(Done::new(again).json()["heads"][0], "r0001");
        for (name, text) in revisions(backend, "CREATE TABLE slept (a INTEGER)").files() {
            project.write(&format!("migrations/{name}"), text);
        }
        project.run("upgrade").ok();
        assert_eq!(db.tables(), ["slept", "t1", "t_after", "t_before"]);
        project.run("downgrade base --yes").ok();
        assert_eq!(db.tables(), Vec::<String>::new());
    }

    fn what_ends_a_container_or_a_terminal_stops_a_run_as_ctrl_c_does(db) {
        if !cfg!(target_os = "linux") {
            // Where it ends the program, as does every signal but Ctrl-C.
            return;
        }
        let (backend, statement) = long(db.kind);
        let project = CommandProject::with(db, &revisions(backend, statement));
        project.run("upgrade +1").ok();
        // `timeout` sends its signal twice.
        for (signal, times) in [("-TERM", 1), ("-HUP", 1), ("-TERM", 2)] {
            let running = Running::start(&project, &["upgrade"]);
            std::thread::sleep(Duration::from_secs(3));
            running.signal(signal, times);
            let done = running.end();
            let told = done.failed(130);
            assert!(told.contains("error: stopped by a signal: upgrade of revision 'slow' failed: "), "{told}");
            assert!(told.contains("\nthe database is at r0001: 1 applied, 1 pending\n"), "{told}");
        }
    }

    fn a_run_that_was_started_to_outlive_its_terminal_does_and_still_stops_by_the_other_signals(db) {
        if !cfg!(target_os = "linux") {
            // Where it ends the program, as does every signal but Ctrl-C.
            return;
        }
        let (backend, statement) = long(db.kind);
        let project = CommandProject::with(db, &revisions(backend, statement));
        let upgrade = project.command();
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]);
        command.arg(upgrade.get_program()).args(upgrade.get_args()).arg("upgrade");
        for (name, value) in upgrade.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.current_dir(upgrade.get_current_dir().unwrap());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running::spawn(command);
        running.wait_for("up r0001 Revision r0001: done");
        running.signal("-HUP", 1);
        std::thread::sleep(Duration::from_secs(2));
        assert!(running.child.try_wait().unwrap().is_none(), "it has ended");
        running.signal("-TERM", 1);
        let done = running.end();
        let told = done.failed(130);
        assert!(told.contains("error: stopped by a signal: upgrade of revision 'slow' failed: "), "{told}");
    }

    fn ctrl_c_is_told_to_programs(db) {
        let (backend, statement) = long(db.kind);
        let project = CommandProject::with(db, &revisions(backend, statement));
        let done = interrupted(&project, &["upgrade", "--format", "json"]);
        done.failed(130);
        let error = done.json();
        assert_eq!(error["exit"], 130);
        assert!(error["message"].as_str().unwrap().starts_with("stopped by a signal: "), "{error}");
    }

    fn ctrl_c_ends_the_wait_for_another_run_and_the_second_leaves_at_once(db) {
        let (backend, statement) = long(db.kind);
        let project = CommandProject::with(db, &revisions(backend, statement));
        let mut first = Running::start(&project, &["upgrade"]);
        first.wait_for("up r0001 Revision r0001: done");
        std::thread::sleep(Duration::from_secs(1));
        let mut second = Running::start(&project, &["upgrade"]);
        // SQLite waits for the lock by itself, and says nothing.
        let sqlite = db.kind == Kind::Sqlite;
        if sqlite {
            std::thread::sleep(Duration::from_secs(2));
        } else {
            second.wait_for("waiting for another run");
        }
        let pressed = Instant::now();
        second.interrupt();
        second.wait_for("stopping; press Ctrl-C again");
        let done = second.end();
        assert!(pressed.elapsed() < Duration::from_secs(20), "{:?}", pressed.elapsed());
        let told = done.failed(130);
        assert!(told.contains("stopped by a signal: the run was told to stop"), "{told}");
        first.interrupt();
        first.wait_for("stopping; press Ctrl-C again");
        first.interrupt();
        first.end().failed(130);
        leave_nobody(db);
        for (name, text) in revisions(backend, "CREATE TABLE slept (a INTEGER)").files() {
            project.write(&format!("migrations/{name}"), text);
        }
        project.run("upgrade").ok();
        assert_eq!(db.tables(), ["slept", "t1", "t_after", "t_before"]);
    }
}

server_behaviours! {
    fn ctrl_c_ends_a_statement_over_tls(db) {
        let (backend, statement) = long(db.kind);
        let ca = db.kind.server_file("ca.pem").display().to_string();
        let url = format!("{}?sslmode=verify-ca&sslrootcert={ca}", db.url());
        let project = CommandProject::with(db, &revisions(backend, statement)).url(&url);
        let done = interrupted(&project, &["upgrade"]);
        // The server gave the statement up, which it is asked for over a connection of its own.
        let told = done.failed(130);
        assert!(told.contains("error: stopped by a signal: upgrade of revision 'slow' failed: "), "{told}");
        for (name, text) in revisions(backend, "CREATE TABLE slept (a INTEGER)").files() {
            project.write(&format!("migrations/{name}"), text);
        }
        project.run("upgrade").ok();
        assert_eq!(db.tables(), ["slept", "t1", "t_after", "t_before"]);
    }
}
