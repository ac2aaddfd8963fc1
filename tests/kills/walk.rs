//! A walk along a history, up and down at each revision, in which steps are disturbed, taken up again, and held against
//! undisturbed ones.

use std::fmt::Debug;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use embed_migrations::{Backend, EmbeddedRevision, Lock, Migrations};
use embed_migrations_tests::database::{Connection, Kind};
use embed_migrations_tests::{migrate, sets};
use migrate_revision::{Direction, Revision, Script};

use crate::state::State;

/// How long a run waits for others unless it is told otherwise. On SQLite, where no lock tells that the owner of a row is
/// gone, it waits in vain each time.
fn patience(kind: Kind) -> Duration {
    if kind == Kind::Sqlite { Duration::from_millis(20) } else { Duration::from_secs(30) }
}

/// What happens to a step.
pub trait Disturbance {
    /// When, and how.
    type Point: Debug;

    /// Takes a step undisturbed, and tells at which points it can be disturbed.
    fn points(&mut self, walk: &mut Walk, step: &Step) -> Vec<Self::Point>;

    /// Takes a step and disturbs it. `false` if it was over before.
    fn disturb(&mut self, walk: &mut Walk, step: &Step, point: &Self::Point) -> bool;
}

/// One database on its way.
pub struct Walk {
    pub kind: Kind,
    /// The set's name
    pub name: &'static str,
    pub set: &'static Migrations,
    pub url: String,
    /// For what is undisturbed, and for looking at what is
    pub connection: Connection,
    /// How patient the run is that takes up what was disturbed
    pub patience: Duration,
    /// Whether that run takes a lock
    pub lock: Lock,
    /// The rows of the history so far
    rows: usize,
    /// How often a step was disturbed
    pub disturbed: usize,
}

/// A step to take.
pub struct Step {
    pub revision: &'static Revision,
    pub direction: Direction,
    /// The target that means this step, also once it is taken
    pub target: String,
    pub text: String,
    pub backend: Backend,
}

impl Step {
    pub fn verb(&self) -> &'static str {
        if self.direction == Direction::Up { "upgrade" } else { "downgrade" }
    }

    /// Its statements; `None` for a Rust revision.
    pub fn script(&self) -> Option<&'static Script> {
        self.revision.script(self.backend, self.direction)
    }

    /// The texts of its statements.
    pub fn statements(&self) -> Vec<&str> {
        let statements = self.script().map_or(&[][..], |script| &script.statements);
        statements.iter().map(|statement| &self.text[statement.range.clone()]).collect()
    }
}

impl Walk {
    pub fn new(kind: Kind, name: &'static str, url: &str) -> Self {
        Self {
            kind,
            name,
            set: sets::by_name(name).unwrap(),
            url: url.to_owned(),
            connection: Connection::new(kind, url),
            patience: patience(kind),
            lock: Lock::Session,
            rows: 0,
            disturbed: 0,
        }
    }

    /// Walks to the head, and disturbs every step at every point, both ways.
    pub fn all_the_way<D: Disturbance>(&mut self, disturbance: &mut D) {
        let set = self.set;
        for &index in set.graph().unwrap().order() {
            let up = self.step(index, Direction::Up);
            let down = self.step(index, Direction::Down);
            // What a downgrade leaves may differ from what was there before: a list of labels only grows.
            self.take(&up);
            let upper = self.check(&up, None, &"undisturbed");
            self.take(&down);
            let lower = self.check(&down, None, &"undisturbed");
            let mut ups = disturbance.points(self, &up);
            self.check(&up, Some(&upper), &"undisturbed");
            let mut downs = disturbance.points(self, &down);
            self.check(&down, Some(&lower), &"undisturbed");
            self.take(&up);
            self.check(&up, Some(&upper), &"undisturbed");
            ups.reverse();
            downs.reverse();
            while !(ups.is_empty() && downs.is_empty()) {
                self.once(disturbance, &down, downs.pop(), &lower);
                self.once(disturbance, &up, ups.pop(), &upper);
            }
            self.fill(up.revision);
        }
    }

    /// Takes a step, disturbed or not.
    fn once<D: Disturbance>(
        &mut self,
        disturbance: &mut D,
        step: &Step,
        point: Option<D::Point>,
        expected: &State,
    ) {
        if let Some(point) = &point {
            self.disturbed += usize::from(disturbance.disturb(self, step, point));
        }
        self.take(step);
        self.check(step, Some(expected), &point);
        (self.lock, self.patience) = (Lock::Session, patience(self.kind));
    }

    /// Takes a step to its end, from wherever it is.
    pub fn take(&mut self, step: &Step) {
        let (set, lock, patience) = (self.set, self.lock, self.patience);
        let target = step.target.as_str();
        let result = match step.direction {
            Direction::Up => {
                migrate!(self.connection, set, lock(lock).lock_timeout(patience).upgrade(target))
            }
            Direction::Down => {
                migrate!(self.connection, set, lock(lock).lock_timeout(patience).downgrade(target))
            }
        };
        let report = match result {
            Ok(report) => report,
            Err(error) => panic!("{} of {} on {:?}: {error}", step.verb(), step.revision.id, self.kind),
        };
        // Who has nothing to do takes no lease, and leaves that of a killed one.
        if lock == Lock::Lease && !report.is_empty() {
            assert_eq!(self.connection.count("migrate_history_lease"), 0, "the lease is given back");
        }
    }

    /// Fails unless the step is in the history once more, and the database is as expected.
    pub fn check(&mut self, step: &Step, expected: Option<&State>, point: &dyn Debug) -> State {
        self.rows += 1;
        let what = format!("{} of {} on {:?}, {point:?}", step.verb(), step.revision.id, self.kind);
        let told = self.connection.rows(
            "SELECT (SELECT count(*) FROM migrate_history), (SELECT count(*) FROM migrate_history WHERE state <> 'done'), \
             seq, revision, direction, statements_total - statements_done FROM migrate_history ORDER BY seq DESC LIMIT 1",
        );
        let rows = self.rows.to_string();
        let direction = if step.direction == Direction::Up { "up" } else { "down" };
        assert_eq!(told, [[&rows, "0", &rows, step.revision.id.as_str(), direction, "0"]], "{what}");
        let state = State::of(&mut self.connection);
        if let Some(expected) = expected {
            state.must_be(expected, &what);
        }
        state
    }

    /// The database's name on its server.
    pub fn database(&self) -> &str {
        let name = self.url.rsplit('/').next().unwrap();
        name.split('?').next().unwrap()
    }

    /// The step from or to a revision of the set.
    pub fn step(&mut self, index: usize, direction: Direction) -> Step {
        let revision = &self.set.revisions()[index];
        let below = revision.revises.first().map_or("base", |parent| parent.as_str());
        let backend = match self.kind {
            Kind::Sqlite => Backend::Sqlite,
            Kind::Postgres => Backend::Postgres,
            Kind::Mysql if self.connection.value("SELECT VERSION()").contains("MariaDB") => Backend::Mariadb,
            Kind::Mysql => Backend::Mysql,
        };
        Step {
            revision,
            direction,
            target: if direction == Direction::Up { revision.id.as_str() } else { below }.to_owned(),
            text: self.set.text_of(index).into_owned(),
            backend,
        }
    }

    /// Gives the sample's tables rows that its later revisions change.
    fn fill(&mut self, revision: &Revision) {
        if self.name != "sample" || revision.id.as_str() != sets::sample::AddTags.id() {
            return;
        }
        for sql in [
            "INSERT INTO users (id, email, display_name) VALUES (1, 'ada@example.org', 'Ada')",
            "INSERT INTO institutions (id, name, country) VALUES (1, 'Bank', 'DE')",
            "INSERT INTO accounts (id, user_id, institution_id, name, kind, currency) VALUES (1, 1, 1, 'Main', 'checking', 'EUR')",
            "INSERT INTO transactions (id, account_id, amount_minor, currency, posted_on, description) VALUES \
             (1, 1, -1250, 'EUR', '2026-02-03', 'netflix.com 866-579'), (2, 1, 300, 'EUR', '2026-02-04', 'unknown to us')",
            "INSERT INTO tags (id, user_id, name) VALUES (1, 1, 'fun')",
            "INSERT INTO transaction_tags (transaction_id, tag_id) VALUES (1, 1)",
        ] {
            self.connection.run(sql);
        }
    }

    /// Starts the program that takes the step, on the database of a URL.
    pub fn start(&self, url: &str, step: &Step, options: &[&str]) -> Process {
        // A proxy reads along, which it could not if the two spoke in private.
        let url = match self.kind {
            Kind::Sqlite => url.to_owned(),
            _ => format!("{url}{}sslmode=disable", if url.contains('?') { '&' } else { '?' }),
        };
        let child = Command::new(env!("CARGO_BIN_EXE_migrating"))
            .args([url.as_str(), self.name, step.verb(), &step.target])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Process(child.unwrap())
    }
}

/// The program, which does not outlive this.
pub struct Process(pub Child);

impl Process {
    /// Kills it: SIGKILL. `false` if it had ended.
    pub fn kill(&mut self) -> bool {
        let alive = self.0.try_wait().unwrap().is_none();
        let _ = self.0.kill();
        self.0.wait().unwrap();
        alive
    }

    /// Waits for its end, and gives what it printed.
    fn finish(&mut self) -> (bool, String, String) {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.0.wait().unwrap().success(), stdout, stderr)
    }

    /// Waits for its end, which must be a success, and gives what it printed.
    pub fn succeed(mut self) -> String {
        let (success, stdout, stderr) = self.finish();
        assert!(success, "{stderr}");
        stdout
    }

    /// Waits for its end, which must be an error that it shows.
    pub fn fail(&mut self) {
        let (success, stdout, stderr) = self.finish();
        assert!(
            !success && stderr.starts_with("Error: ") && !stderr.contains("panicked"),
            "{stdout}{stderr}"
        );
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
