//! The migrating process is killed, or its connection is cut, at every place of every step.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use embed_migrations::{Backend, Lock};
use embed_migrations_tests::database::{Connection, Kind};
use embed_migrations_tests::guarantees::counted;
use migrate_revision::{Direction, StatementKind};

use crate::proxy::{Fate, Proxy};
use crate::server::{Disk, Server, url};
use crate::walk::{Disturbance, Process, Step, Walk};

/// Where a step is disturbed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Before the first message
    Nothing,
    /// A message is half sent
    Half(usize),
    /// A message is answered, but the answer has not come
    Message(usize),
    /// A statement is about to run
    Before(usize),
    /// A statement waits for a table that another holds
    Inside(usize),
    /// A statement is done and nothing of what comes after it
    After(usize),
    /// A statement is recorded as done
    Recorded(usize),
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The process is killed, and the server notices when it does
    Killed,
    /// The process is killed, and the server ends its session at once
    Ended,
    /// The connection is cut, and the process sees that
    Cut,
    /// The process, which has no lock, is killed, and the server ends its session
    EndedUnlocked,
    /// The process, which has a lease, is killed, and the server notices when it does
    KilledLeased,
    /// The server is killed and started again, and the process sees that it is gone
    Crashed,
}

/// A place and a fate.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub at: At,
    pub then: Then,
}

/// Kills and cuts through a proxy.
struct Kills<'s> {
    server: &'s Server,
    /// How many steps there were before
    steps: usize,
    cuts: usize,
    leased: usize,
}

impl Disturbance for Kills<'_> {
    type Point = Point;

    fn points(&mut self, walk: &mut Walk, step: &Step) -> Vec<Point> {
        let mut points = Vec::new();
        let messages = self.messages(walk, step);
        self.steps += 1;
        let mut holding: Vec<usize> =
            place_messages(&messages, &step.statements()).into_iter().flatten().collect();
        holding.dedup();
        // Before something is written a step is like any other: there only every third message is a place.
        let first = holding.first().map_or(0, |first| first.saturating_sub(1));
        for message in 0..messages.len() {
            if message >= first || (message + self.steps).is_multiple_of(3) {
                points.push(Point { at: At::Message(message), then: Then::Killed });
            }
            if message >= first && (message + self.steps).is_multiple_of(2) {
                points.push(Point { at: At::Message(message), then: Then::Cut });
            }
        }
        points.push(Point { at: At::Nothing, then: Then::Killed });
        for (n, message) in holding.into_iter().enumerate() {
            let then = if n % 2 == 0 { Then::Killed } else { Then::Cut };
            points.push(Point { at: At::Half(message), then });
            points.push(Point { at: At::Message(message), then: Then::EndedUnlocked });
        }
        for (n, at) in places(walk.kind, step).into_iter().enumerate() {
            let fates = if n % 2 == 0 { [Then::Killed, Then::Ended] } else { [Then::Ended, Then::Killed] };
            let count = if everything() { 2 } else { 1 };
            points.extend(fates.into_iter().take(count).map(|then| Point { at, then }));
            if everything() || (n + self.steps).is_multiple_of(LEASED) {
                points.push(Point { at, then: Then::KilledLeased });
            }
        }
        points
    }

    fn disturb(&mut self, walk: &mut Walk, step: &Step, point: &Point) -> bool {
        let unlocked = point.then == Then::EndedUnlocked;
        let options: &[&str] = match point.then {
            Then::EndedUnlocked => &["no-lock", "lock-timeout=200"],
            Then::KilledLeased => &["lease=100"],
            _ => &[],
        };
        let Some(mut reached) = Reached::start(self.server.port, walk, step, point, options) else {
            assert!(unlocked, "{point:?} was not reached by {} of {}", step.verb(), step.revision.id);
            return false;
        };
        if point.then == Then::Cut {
            reached.proxy.cut();
            reached.process.fail();
            reached.gate.open(walk);
            self.cuts += 1;
            return false;
        }
        let killed = reached.process.kill();
        if matches!(point.then, Then::Ended | Then::EndedUnlocked) {
            end_session(walk, reached.proxy.session);
        }
        reached.gate.open(walk);
        if unlocked {
            // Nothing but its standing still tells that the owner of the row is gone.
            (walk.lock, walk.patience) = (Lock::None, Duration::from_millis(100));
        }
        if point.then == Then::KilledLeased {
            // The lease that it leaves is taken over.
            assert_eq!(walk.connection.count("migrate_history_lease"), 1, "{point:?}");
            walk.lock = Lock::Lease;
            self.leased += usize::from(killed);
            return false;
        }
        killed
    }
}

/// A process that has come to a place, and what keeps it there.
pub struct Reached {
    pub process: Process,
    pub proxy: Proxy,
    gate: Gate,
    _blocker: Option<Connection>,
}

impl Reached {
    /// Starts a process and waits until it is there. `None` if it was done before.
    pub fn start(server: u16, walk: &mut Walk, step: &Step, point: &Point, options: &[&str]) -> Option<Self> {
        let gate = Gate::close(walk);
        let mut proxy = Proxy::start(walk.kind, server, judge(walk.kind, step, point.at, &gate));
        let process = walk.start(&url(walk.kind, proxy.port, walk.database()), step, options);
        if !proxy.stopped() {
            gate.open(walk);
            process.succeed();
            return None;
        }
        let what = format!("{point:?} of {} of {}", step.verb(), step.revision.id);
        let mut blocker = None;
        match point.at {
            At::Nothing | At::Half(_) => {}
            At::Message(_) => {
                wait_for(&what, || proxy.is_answered() && is_idle(walk, proxy.session));
            }
            At::Before(_) | At::After(_) | At::Recorded(_) => {
                wait_for(&what, || is_waiting(walk, proxy.session));
            }
            At::Inside(place) => {
                let alone = stands_alone(walk.kind, step, place);
                if !alone {
                    wait_for(&what, || is_waiting(walk, proxy.session));
                }
                blocker = Some(block(walk, step.backend, step.statements()[place]));
                gate.open(walk);
                if alone {
                    proxy.go_on();
                }
                wait_for(&what, || is_blocked(walk, proxy.session) || proxy.is_answered());
            }
        }
        Some(Self { process, proxy, gate, _blocker: blocker })
    }
}

impl Kills<'_> {
    /// The messages of an undisturbed step.
    fn messages(&self, walk: &Walk, step: &Step) -> Vec<Vec<u8>> {
        let messages: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let noted = messages.clone();
        let judge = move |_: usize, message: &[u8]| {
            noted.lock().unwrap().push(message.to_owned());
            Fate::Forward
        };
        let proxy = Proxy::start(walk.kind, self.server.port, Box::new(judge));
        walk.start(&url(walk.kind, proxy.port, walk.database()), step, &[]).succeed();
        let messages = messages.lock().unwrap();
        messages.clone()
    }
}

/// A process with a lease is killed at one of so many places.
const LEASED: usize = 4;

/// Whether all is to be tried that can be, and not one of each kind.
fn everything() -> bool {
    std::env::var("EMBED_MIGRATIONS_TEST_KILLS").is_ok_and(|kills| kills == "all")
}

/// All places in a step's statements.
pub fn places(kind: Kind, step: &Step) -> Vec<At> {
    let Some(script) = step.script() else { return Vec::new() };
    let recorded = !script.is_transactional(step.backend);
    let last = script.statements.len().saturating_sub(1);
    let mut places = Vec::new();
    for place in 0..script.statements.len() {
        places.push(At::Inside(place));
        if stands_alone(kind, step, place) {
            continue;
        }
        places.push(At::Before(place));
        if recorded || place == last {
            places.push(At::After(place));
        }
        if recorded && kind == Kind::Mysql {
            places.push(At::Recorded(place));
        }
    }
    places
}

/// Whether a statement is a message by itself, into which nothing can be put.
fn stands_alone(kind: Kind, step: &Step, place: usize) -> bool {
    let outside = |script: &migrate_revision::Script| {
        script.statements[place].kind == StatementKind::OutsideTransaction
    };
    kind == Kind::Postgres && step.script().is_some_and(outside)
}

/// In which message each statement is.
fn place_messages(messages: &[Vec<u8>], statements: &[&str]) -> Vec<Option<usize>> {
    let mut message = 0;
    let mut from = 0;
    let mut found = Vec::new();
    for statement in statements {
        while message < messages.len() && find(&messages[message], statement, from).is_none() {
            message += 1;
            from = 0;
        }
        found.push((message < messages.len()).then_some(message));
        if let Some(text) = messages.get(message) {
            from = find(text, statement, from).map_or(0, |at| at + statement.len());
        }
    }
    found
}

fn find(message: &[u8], text: &str, from: usize) -> Option<usize> {
    message.get(from..)?.windows(text.len()).position(|window| window == text.as_bytes()).map(|at| from + at)
}

/// Lets everything pass but the message of the place.
fn judge(kind: Kind, step: &Step, at: At, gate: &Gate) -> crate::proxy::Judge {
    let statements: Vec<String> = step.statements().into_iter().map(str::to_owned).collect();
    let insert = gate.sql.clone();
    let place = match at {
        At::Before(place) | At::Inside(place) | At::After(place) | At::Recorded(place) => place,
        At::Nothing | At::Half(_) | At::Message(_) => usize::MAX,
    };
    let alone = place != usize::MAX && stands_alone(kind, step, place);
    let mut next = 0;
    Box::new(move |number, message| {
        match at {
            At::Nothing => return Fate::Hold,
            At::Half(n) if n == number => return Fate::Halve,
            At::Message(n) if n == number => return Fate::Unanswered,
            _ => {}
        }
        let mut from = 0;
        while let Some(start) = statements.get(next).and_then(|statement| find(message, statement, from)) {
            from = start + statements[next].len();
            next += 1;
            if next != place.wrapping_add(1) {
                continue;
            }
            if alone {
                return Fate::Pause;
            }
            let position = match at {
                At::After(_) => from + 2,
                At::Recorded(_) => find(message, RECORDED, from).expect("a record follows") + RECORDED.len(),
                _ => start,
            };
            assert!(!matches!(at, At::After(_)) || message[from..].starts_with(b";\n"), "a statement ends");
            return Fate::Insert(position, insert.clone());
        }
        Fate::Forward
    })
}

/// What follows the record of a statement on MySQL and MariaDB.
const RECORDED: &str = "(ROW_COUNT() - 1) * 9223372036854775807 * 9;\n";

/// Something that a session waits for until it is opened.
struct Gate {
    /// The statements that wait
    sql: String,
    open: String,
}

impl Gate {
    fn close(walk: &mut Walk) -> Self {
        let database = walk.database().to_owned();
        if walk.kind == Kind::Postgres {
            walk.connection.run("SELECT pg_advisory_lock(4711)");
            return Self {
                sql: "SELECT pg_catalog.pg_advisory_xact_lock(4711);\n".to_owned(),
                open: "SELECT pg_advisory_unlock(4711)".to_owned(),
            };
        }
        walk.connection.run(&format!("DO GET_LOCK('gate {database}', 0)"));
        Self {
            sql: format!("DO GET_LOCK('gate {database}', 60);\nDO RELEASE_LOCK('gate {database}');\n"),
            open: format!("DO RELEASE_LOCK('gate {database}')"),
        }
    }

    fn open(&self, walk: &mut Walk) {
        walk.connection.run(&self.open);
    }
}

/// Waits until something is so.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing moves: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a condition holds of a session; `None` if there is none.
fn session_is(walk: &mut Walk, session: u64, condition: &str) -> Option<bool> {
    let (table, id) = match walk.kind {
        Kind::Postgres => ("pg_stat_activity", "pid"),
        _ => ("information_schema.processlist", "id"),
    };
    let rows = walk.connection.rows(&format!("SELECT {condition} FROM {table} WHERE {id} = {session}"));
    rows.first().map(|row| row[0] == "t" || row[0] == "1")
}

fn is_idle(walk: &mut Walk, session: u64) -> bool {
    let idle = if walk.kind == Kind::Postgres { "state LIKE 'idle%'" } else { "command = 'Sleep'" };
    session_is(walk, session, idle).unwrap_or(true)
}

/// Whether a session waits at the gate.
fn is_waiting(walk: &mut Walk, session: u64) -> bool {
    let waiting = if walk.kind == Kind::Postgres { "wait_event = 'advisory'" } else { "state = 'User lock'" };
    session_is(walk, session, waiting) == Some(true)
}

/// Whether a session waits for a lock of a table.
fn is_blocked(walk: &mut Walk, session: u64) -> bool {
    let blocked = if walk.kind == Kind::Postgres {
        "wait_event_type = 'Lock' AND wait_event <> 'advisory'"
    } else {
        "state LIKE 'Waiting%'"
    };
    session_is(walk, session, blocked) == Some(true)
}

fn end_session(walk: &mut Walk, session: u64) {
    let end = match walk.kind {
        Kind::Postgres => format!("SELECT pg_terminate_backend({session})"),
        _ => format!("KILL {session}"),
    };
    // It may have ended by itself.
    let _ = walk.connection.try_run(&end);
}

/// Holds the tables that a statement names, as far as nobody else does.
fn block(walk: &mut Walk, backend: Backend, statement: &str) -> Connection {
    let tables = match walk.kind {
        Kind::Postgres => {
            "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relname <> 'migrate_history' \
             AND relnamespace::regnamespace::text IN ('public', 'other')"
        }
        _ => "SHOW FULL TABLES WHERE Table_type = 'BASE TABLE' AND Tables_in_database <> 'migrate_history'",
    };
    let tables = tables.replace("_in_database", &format!("_in_{}", walk.database()));
    let tables = walk.connection.rows(&tables).into_iter().map(|mut row| row.remove(0));
    let mut blocker = Connection::new(walk.kind, &walk.url);
    let mut named = tables.filter(|table| statement.contains(table.as_str()));
    if walk.kind == Kind::Postgres {
        blocker.run("BEGIN");
        for table in named {
            blocker.run("SAVEPOINT one");
            if blocker.try_run(&format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE NOWAIT")).is_err() {
                blocker.run("ROLLBACK TO one");
            }
        }
    } else {
        let at_once = if backend == Backend::Mariadb { " NOWAIT" } else { "" };
        blocker.run("SET SESSION lock_wait_timeout = 1");
        // Only one: each statement gives back what the one before it locked.
        let _ = named.any(|table| blocker.try_run(&format!("LOCK TABLES {table} WRITE{at_once}")).is_ok());
    }
    blocker
}

/// Walks along both sets on one server.
fn kill_everywhere(kind: Kind) {
    let server = Server::start(kind, Disk::Fast);
    let mut kills = Kills { server: &server, steps: 0, cuts: 0, leased: 0 };
    let mut killed = 0;
    for name in ["sample", "hard"] {
        let mut walk = Walk::new(kind, name, &server.url(&server.database()));
        walk.all_the_way(&mut kills);
        killed += walk.disturbed + kill_the_first(&server, name);
    }
    counted("A process killed anywhere", kind, killed);
    counted("A connection cut anywhere", kind, kills.cuts);
    counted("A lease whose holder was killed anywhere", kind, kills.leased);
}

/// Kills the first step of all at each message, on databases that do not have a history yet.
fn kill_the_first(server: &Server, name: &'static str) -> usize {
    for number in 0.. {
        let mut walk = Walk::new(server.kind, name, &server.url(&server.database()));
        let first = walk.set.graph().unwrap().order()[0];
        let step = walk.step(first, Direction::Up);
        let point = Point { at: At::Message(number), then: Then::Killed };
        let Some(mut reached) = Reached::start(server.port, &mut walk, &step, &point, &[]) else {
            return number;
        };
        reached.process.kill();
        reached.gate.open(&mut walk);
        walk.take(&step);
        walk.check(&step, None, &point);
    }
    unreachable!("a step has an end")
}

mod a_process_killed_or_cut_off_anywhere_is_taken_up_and_every_statement_acts_once {
    use super::*;

    #[test]
    fn postgres() {
        kill_everywhere(Kind::Postgres);
    }

    #[test]
    fn mysql() {
        kill_everywhere(Kind::Mysql);
    }
}
