//! The places of the second tier: poolers, clusters and other versions of the servers.

use std::fmt;
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;

use crate::backend::Backend;
use crate::cargo::TestCall;
use crate::environment::{PREFIX, Variables, variables};
use crate::folder::RunFolder;
use crate::mysql::MysqlPrograms;
use crate::output::note;
use crate::process::{Stop, Supervisor};
use crate::programs::{MariadbPrograms, PostgresPrograms, Programs};
use crate::server::Server;
use crate::test::{COUNTS, show};
use crate::{debian, galera, install, mariadb, mysql, pgbouncer, postgres, standby};

/// Where else the tests are to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    /// pgbouncer in transaction mode in front of PostgreSQL
    Pgbouncer,
    /// Primaries of PostgreSQL with a streaming standby
    Standby,
    /// A Galera cluster of three nodes of MariaDB
    Galera,
    /// PostgreSQL 18, of Debian sid
    #[value(name = "postgres-18")]
    Postgres18,
    /// MariaDB 11.8, of Debian trixie
    #[value(name = "mariadb-11")]
    Mariadb11,
    /// MySQL 9, of Debian sid
    #[value(name = "mysql-9")]
    Mysql9,
}

/// Each test that loses a primary has a pair of its own.
const PAIRS: usize = 3;

impl Place {
    /// Every place, in the house's order.
    pub(crate) const ALL: [Self; 6] =
        [Self::Pgbouncer, Self::Standby, Self::Galera, Self::Postgres18, Self::Mariadb11, Self::Mysql9];

    /// The name on the command line, and of the module of its tests.
    fn name(self) -> &'static str {
        match self {
            Self::Pgbouncer => "pgbouncer",
            Self::Standby => "standby",
            Self::Galera => "galera",
            Self::Postgres18 => "postgres-18",
            Self::Mariadb11 => "mariadb-11",
            Self::Mysql9 => "mysql-9",
        }
    }

    /// Starts what there is at this place, and runs its tests. Gives what was tested, and how cargo ended.
    pub(crate) fn test(self, supervisor: &Supervisor, user: &[String]) -> Result<(String, ExitStatus)> {
        note(format_args!("=== {self}"));
        match self {
            Self::Pgbouncer => {
                let programs = postgres_programs(supervisor)?;
                let program = install::ensure_program(supervisor, "pgbouncer")?;
                let run = RunFolder::create(supervisor)?;
                let server = postgres::start(supervisor, &programs, &run, "postgres")?;
                let mut pooler = pgbouncer::start(supervisor, &program, &run, &server)?;
                let mut told = variables(&[Backend::Postgres], std::iter::once(&server));
                told.push((format!("{PREFIX}PGBOUNCER"), pooler.url.clone()));
                let status = self.clusters(supervisor, &run, &told, user)?;
                if let Some(ended) = pooler.process.poll()? {
                    return Err(anyhow!("{} ended by itself ({ended})", pooler.product));
                }
                Ok((format!("{} before {}", pooler.product, server.product), status))
            }
            Self::Standby => {
                let programs = postgres_programs(supervisor)?;
                let run = RunFolder::create(supervisor)?;
                let pairs: Vec<_> = (1..=PAIRS)
                    .map(|number| standby::start(supervisor, &programs, &run, number))
                    .collect::<Result<_>>()?;
                let lines: Vec<_> = pairs
                    .iter()
                    .map(|pair| {
                        let (primary, log) = (&pair.primary, pair.log.display());
                        format!("{} {} {} {log}", primary.url, primary.process.id(), pair.standby)
                    })
                    .collect();
                let told = vec![(format!("{PREFIX}PAIRS"), lines.join("\n"))];
                let product = format!("{} with a standby", pairs[0].primary.product);
                Ok((product, self.clusters(supervisor, &run, &told, user)?))
            }
            Self::Galera => {
                let programs = install::ensure(supervisor, &[Backend::Mysql])?.mariadb;
                let programs = programs.ok_or_else(|| anyhow!("MariaDB was not found"))?;
                let run = RunFolder::create(supervisor)?;
                let cluster = galera::start(supervisor, &programs, &run)?;
                let lines: Vec<_> =
                    cluster.nodes.iter().map(|node| format!("{} {}", node.url, node.process.id())).collect();
                let told = vec![
                    (format!("{PREFIX}MYSQL"), cluster.nodes[0].url.clone()),
                    (format!("{PREFIX}NODES"), lines.join("\n")),
                ];
                let status = self.clusters(supervisor, &run, &told, user)?;
                Ok((cluster.product, status))
            }
            Self::Postgres18 => {
                let bin = "usr/lib/postgresql/18/bin";
                let packages = ["postgresql-18", "postgresql-client-18"];
                let root = debian::unpack(supervisor, "sid", &packages, &[bin])?;
                let programs = PostgresPrograms::in_dir(&root.join(bin))
                    .ok_or_else(|| anyhow!("{} lacks programs", root.join(bin).display()))?;
                let run = RunFolder::create(supervisor)?;
                let server = postgres::start(supervisor, &programs, &run, "postgres")?;
                self.version(supervisor, &run, server, user)
            }
            Self::Mariadb11 => {
                let packages = ["mariadb-server", "mariadb-client"];
                let relocated = [
                    "usr/sbin/mariadbd",
                    "usr/bin/mariadb",
                    "usr/bin/mariadb-dump",
                    "usr/bin/my_print_defaults",
                    "usr/bin/resolveip",
                ];
                let root = debian::unpack(supervisor, "trixie", &packages, &relocated)?;
                let programs = MariadbPrograms::around(&root.join("usr/bin"))
                    .ok_or_else(|| anyhow!("{} lacks programs of MariaDB", root.display()))?;
                let run = RunFolder::create(supervisor)?;
                let server = mariadb::start(supervisor, &programs, &run).context("MariaDB did not start")?;
                self.version(supervisor, &run, server, user)
            }
            Self::Mysql9 => {
                let packages = ["mysql-server-core", "mysql-client-core"];
                let relocated = ["usr/sbin/mysqld", "usr/bin/mysql", "usr/bin/mysqldump"];
                let root = debian::unpack(supervisor, "sid", &packages, &relocated)?;
                let programs = MysqlPrograms { base: root.join("usr") };
                let run = RunFolder::create(supervisor)?;
                let server = mysql::start(supervisor, &programs, &run).context("MySQL did not start")?;
                self.version(supervisor, &run, server, user)
            }
        }
    }

    /// Runs the tests of a cluster: those of the module with its name.
    fn clusters(
        self,
        supervisor: &Supervisor,
        run: &RunFolder<'_>,
        told: &Variables,
        user: &[String],
    ) -> Result<ExitStatus> {
        let call = TestCall::of_targets(&["clusters"], &format!("{self}::"), &Backend::ALL, user);
        counted(supervisor, run, &mut call.run(told))
    }

    /// Runs the tests of the runtime's behaviour on one server, and those that kill and race.
    fn version(
        self,
        supervisor: &Supervisor,
        run: &RunFolder<'_>,
        mut server: Server<'_>,
        user: &[String],
    ) -> Result<(String, ExitStatus)> {
        let mut told = variables(&[server.backend], std::iter::once(&server));
        told.push((format!("{PREFIX}PLACE"), self.name().to_owned()));
        let filter = format!("::{}", server.backend);
        let call = TestCall::of_targets(&["behaviour", "kills"], &filter, &[server.backend], user);
        let status = counted(supervisor, run, &mut call.run(&told))?;
        if let Some(ended) = server.process.poll()? {
            return Err(anyhow!("{} ended by itself ({ended})", server.product));
        }
        Ok((server.product, status))
    }
}

/// Runs tests, and shows what they have counted.
fn counted(supervisor: &Supervisor, run: &RunFolder<'_>, command: &mut Command) -> Result<ExitStatus> {
    let counts = run.file("counts");
    let status = supervisor.spawn(command.env(COUNTS, &counts), Stop::Terminate)?.wait()?;
    show(&counts);
    Ok(status)
}

fn postgres_programs(supervisor: &Supervisor) -> Result<PostgresPrograms> {
    let Programs { postgres, .. } = install::ensure(supervisor, &[Backend::Postgres])?;
    postgres.ok_or_else(|| anyhow!("PostgreSQL was not found"))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
