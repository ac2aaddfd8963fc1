//! A streaming standby of a PostgreSQL server.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::folder::RunFolder;
use crate::postgres;
use crate::process::{Process, Stop, Supervisor};
use crate::programs::PostgresPrograms;
use crate::server::{Server, program};

/// How long the standby may take until it has all that the primary has.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(60);

/// A primary and its standby.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) primary: Server<'a>,
    /// The standby's URL
    pub(crate) standby: String,
    /// The file with the statements that the standby was sent
    pub(crate) log: PathBuf,
    _standby: Process<'a>,
}

/// Starts a primary and its standby, in folders with that number.
pub(crate) fn start<'a>(
    supervisor: &'a Supervisor,
    programs: &PostgresPrograms,
    run: &RunFolder<'_>,
    number: usize,
) -> Result<Pair<'a>> {
    let primary = postgres::start(supervisor, programs, run, &format!("primary{number}"))?;
    let folder = run.server(&format!("standby{number}"), &postgres::account()?)?;
    let mut copy = program(&programs.path("pg_basebackup"), &folder);
    folder.account().apply(&mut copy);
    copy.arg("-D").arg(folder.join("data")).args(["-d", &primary.url, "-R", "-X", "stream", "-c", "fast"]);
    copy.args(["--no-sync", "-C", "-S", "standby"]);
    supervisor.run(&mut copy, Stop::Terminate).context("the primary was not copied")?;
    let (standby, port) =
        postgres::serve(supervisor, programs, &folder).context("the standby did not start")?;

    let started = Instant::now();
    let streaming = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
    while postgres::ask(supervisor, programs, &folder, primary.port, streaming)?.trim() != "1" {
        if started.elapsed() > CATCH_UP_LIMIT {
            bail!("the standby does not stream from its primary; its log:\n{}", folder.read("log"));
        }
        supervisor.pause()?;
    }
    Ok(Pair { primary, standby: postgres::url(port), log: folder.join("log"), _standby: standby })
}
