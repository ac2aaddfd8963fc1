//! Two things measured against each other: in turn, in one run, so that whatever else the machine does meets both.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use embed_migrations_tests::database::{Connection, Native};
use embed_migrations_tests::revisions::Revisions;

pub mod proxy;
pub mod table;

/// A line of revisions that forks and merges now and then.
pub fn history(count: usize) -> Revisions {
    history_with(count, "")
}

/// The same, with this text before each statement.
pub fn history_with(count: usize, before: &str) -> Revisions {
    let mut revisions = Revisions::new();
    let mut heads = vec!["none".to_owned()];
    for n in 0..count {
        let id = format!("{n:06}");
        let sections = format!(
            "-- migrate:up\n{before}CREATE TABLE table{n} (id INTEGER PRIMARY KEY, name TEXT NOT NULL);\n\n\
             -- migrate:down\n{before}DROP TABLE table{n};\n"
        );
        let forks = n % 10 == 8;
        let revises = if forks { heads[0].clone() } else { heads.join(", ") };
        let other = heads.pop().unwrap_or_default();
        heads = if n % 10 == 7 || !forks { vec![id.clone()] } else { vec![other, id.clone()] };
        revisions = revisions.on(&id, &revises, "", &sections);
    }
    revisions
}

/// What something took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    pub time: Duration,
    /// Of the client's thread and the server's; `None` where the system does not tell
    pub cpu: Option<Duration>,
}

/// Two things, and their ratios.
#[derive(Debug)]
pub struct Comparison {
    pub ours: Cost,
    pub bare: Cost,
    /// The median of ours divided by bare, each pair by itself
    pub ratio: f64,
    /// The lowest and highest of those
    pub spread: (f64, f64),
    /// The same of the CPU of the rounds that took the least of it, which other load on the machine disturbs less
    pub cpu_ratio: Option<f64>,
}

/// The argument of the process that says what to measure, in lower case.
pub fn filter() -> Option<String> {
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--format" {
            arguments.next();
        } else if !argument.starts_with('-') {
            return Some(argument.to_lowercase());
        }
    }
    None
}

/// A connection whose statements the server does not log, as the servers of the tests do.
pub fn unlogged(mut connection: Connection) -> Connection {
    match &connection.native {
        Native::Sqlite(_) => {}
        Native::Postgres(_) => connection.run("SET log_statement = 'none'"),
        Native::Mysql(_) => connection.run("SET SESSION sql_log_off = 1"),
    }
    connection
}

/// The threads that work for a connection: this one, and its server's if that runs on this machine.
#[derive(Debug, Default)]
pub struct Threads {
    server: Option<PathBuf>,
}

impl Threads {
    pub fn of(connection: &mut Connection) -> Self {
        let server = match &connection.native {
            Native::Sqlite(_) => None,
            Native::Postgres(_) => Some(connection.value("SELECT pg_backend_pid()")),
            Native::Mysql(_) => {
                let sql = "SELECT TID FROM information_schema.PROCESSLIST WHERE ID = CONNECTION_ID()";
                Some(connection.value(sql))
            }
        };
        Self { server: server.map(|thread| format!("/proc/{thread}/task/{thread}/schedstat").into()) }
    }

    /// For how long they have been on a processor. The server's thread is up to date once it waits.
    fn cpu(&self) -> Option<Duration> {
        let own = own_cpu()?;
        let Some(server) = &self.server else { return Some(own) };
        let text = std::fs::read_to_string(server).ok()?;
        let server: u64 = text.split(' ').next()?.parse().ok()?;
        Some(own + Duration::from_nanos(server))
    }
}

/// For how long the processes were on a processor that this one has started and waited for.
pub fn children_cpu() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
        let microseconds = |time: nix::sys::time::TimeVal| {
            u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).ok().map(Duration::from_micros)
        };
        Some(microseconds(usage.user_time())? + microseconds(usage.system_time())?)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// For how long this thread was on a processor; `None` where the system does not tell.
#[cfg(target_os = "linux")]
pub fn own_cpu() -> Option<Duration> {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).ok().map(Duration::from)
}

/// For how long this thread was on a processor; `None` where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub fn own_cpu() -> Option<Duration> {
    None
}

/// Measures both so many times, taking turns at going first, each time on something that is made anew.
pub fn compare<S>(
    rounds: usize,
    mut make: impl FnMut() -> (S, Threads),
    mut ours: impl FnMut(&mut S),
    mut bare: impl FnMut(&mut S),
) -> Comparison {
    let mut pairs: Vec<(Cost, Cost)> = Vec::with_capacity(rounds);
    ours(&mut make().0);
    bare(&mut make().0);
    for round in 0..rounds {
        let (mut first, mut second) = (make(), make());
        let (a, b);
        if round % 2 == 0 {
            a = measure(&mut first, &mut ours);
            b = measure(&mut second, &mut bare);
        } else {
            b = measure(&mut first, &mut bare);
            a = measure(&mut second, &mut ours);
        }
        pairs.push((a, b));
    }
    summary(&pairs)
}

/// Medians and ratios of pairs that were measured together.
pub fn summary(pairs: &[(Cost, Cost)]) -> Comparison {
    let mut ratios: Vec<f64> =
        pairs.iter().map(|(ours, bare)| ours.time.as_secs_f64() / bare.time.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    // Of both the quarter that was disturbed least: no load makes anything cheaper.
    let least = |cost: fn(&(Cost, Cost)) -> Cost| {
        let mut cpus: Vec<Duration> = pairs.iter().map(|pair| cost(pair).cpu).collect::<Option<_>>()?;
        cpus.sort_unstable();
        cpus.truncate(cpus.len().div_ceil(4));
        Some(cpus.iter().sum::<Duration>().as_secs_f64())
    };
    let cpu_ratio = least(|pair| pair.0).zip(least(|pair| pair.1)).map(|(ours, bare)| ours / bare);
    Comparison {
        ours: middle(pairs.iter().map(|pair| pair.0)),
        bare: middle(pairs.iter().map(|pair| pair.1)),
        ratio: ratios[ratios.len() / 2],
        spread: (ratios[0], ratios[ratios.len() - 1]),
        cpu_ratio,
    }
}

fn middle(costs: impl Iterator<Item = Cost> + Clone) -> Cost {
    let mut times: Vec<Duration> = costs.clone().map(|cost| cost.time).collect();
    let mut cpus: Vec<Option<Duration>> = costs.map(|cost| cost.cpu).collect();
    times.sort_unstable();
    cpus.sort_unstable();
    Cost { time: times[times.len() / 2], cpu: cpus[cpus.len() / 2] }
}

/// Measures one thing once.
pub fn measure<S>((subject, threads): &mut (S, Threads), work: &mut impl FnMut(&mut S)) -> Cost {
    let before = threads.cpu();
    let start = Instant::now();
    work(subject);
    let time = start.elapsed();
    let cpu = threads.cpu().zip(before).map(|(after, before)| after.saturating_sub(before));
    Cost { time, cpu }
}
