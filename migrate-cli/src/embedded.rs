//! The commands of an application on the set that it embeds.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};

use clap::ValueEnum;
use migrate_runtime::{Migrations, Plan};

use crate::commands::fleet::{Many, Plans};
use crate::commands::sql::{self, Verb};
use crate::commands::{
    check, current, downgrade, fleet, heads, history, plan, resolve, show, stamp, status, undo, upgrade, way,
};
use crate::database::{Database, DatabaseUrl, LockArgs, offline};
use crate::entry::Entries;
use crate::environment::variable;
use crate::exit::Exit;
use crate::handover::History;
use crate::interrupt;
use crate::output::{Color, Output};
use crate::{Error, Outcome};

const VARIABLE: &str = "DATABASE_URL";

/// A command with the options that every command has.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct With<A: clap::Args> {
    #[command(flatten)]
    args: A,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
struct Common {
    /// `sqlite:app.db`, `postgres://..` or `mysql://..`; without it that of the application, then `DATABASE_URL`
    #[arg(long, value_name = "URL")]
    database_url: Option<DatabaseUrl>,
    #[command(flatten)]
    lock: LockArgs,
    /// How facts are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

/// How facts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: one object on standard output
    Json,
}

/// The subcommands that an application adds to its own with `#[command(subcommand)]`. [`Cli`] runs them.
#[derive(Debug, clap::Subcommand)]
#[command(about = "Work on the database's schema", long_about = None)]
#[non_exhaustive]
pub enum Command {
    /// Apply what is missing to a target
    Upgrade(With<upgrade::Args>),
    /// Undo what stands above a target
    Downgrade(With<downgrade::Args>),
    /// Print the revisions that the database is at
    Current(With<current::Args>),
    /// Print the revisions, newest first
    History(With<history::Args>),
    /// Print the revisions that nothing revises
    Heads(With<heads::Args>),
    /// Print a revision
    Show(With<show::Args>),
    /// Record that the database is at a target, without running anything
    Stamp(With<stamp::Args>),
    /// Say whether the statement at which a revision was interrupted is in force
    Resolve(With<resolve::Args>),
    /// Undo revisions that this program does not know, from the SQL that they left on record
    Undo(With<undo::Args>),
    /// Print the steps that an upgrade or a downgrade would take
    Plan(With<plan::Args>),
    /// Print where the database is, held against the revisions
    Status(With<status::Args>),
    /// Check that the database has exactly the revisions of this program
    Check(With<check::Args>),
}

impl Command {
    fn common(&self) -> (&Common, &'static str) {
        match self {
            Self::Upgrade(with) => (&with.common, "upgrade"),
            Self::Downgrade(with) => (&with.common, "downgrade"),
            Self::Current(with) => (&with.common, "current"),
            Self::History(with) => (&with.common, "history"),
            Self::Heads(with) => (&with.common, "heads"),
            Self::Show(with) => (&with.common, "show"),
            Self::Stamp(with) => (&with.common, "stamp"),
            Self::Resolve(with) => (&with.common, "resolve"),
            Self::Undo(with) => (&with.common, "undo"),
            Self::Plan(with) => (&with.common, "plan"),
            Self::Status(with) => (&with.common, "status"),
            Self::Check(with) => (&with.common, "check"),
        }
    }
}

/// Runs [`Command`]s on an embedded set.
///
/// ```no_run
/// # use std::process::ExitCode;
/// # use migrate_cli::{Cli, Command};
/// # async fn example(migrations: &migrate_runtime::Migrations, command: Command) -> ExitCode {
/// Cli::new(migrations).program("app migrate").run(&command).await
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing happens until `run` is called"]
pub struct Cli<'a> {
    set: &'a Migrations,
    url: Option<DatabaseUrl>,
    schema: Option<String>,
    table: Option<String>,
    program: &'static str,
    /// Whether nobody is there to wait for a server
    only_sqlite: bool,
}

impl<'a> Cli<'a> {
    /// The commands of a set.
    pub fn new(set: &'a Migrations) -> Self {
        Self { set, url: None, schema: None, table: None, program: "migrate", only_sqlite: false }
    }

    /// The application's own database, which `--database-url` overrides. Without it, that is the variable `DATABASE_URL`, and so it
    /// is where `cargo migrate` has handed the run over.
    pub fn database_url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(DatabaseUrl::from(url.into()));
        self
    }

    /// As [`Migrator::schema`](migrate_runtime::Migrator::schema).
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// As [`Migrator::table`](migrate_runtime::Migrator::table).
    pub fn table(mut self, table: impl Into<String>) -> Self {
        self.table = Some(table.into());
        self
    }

    /// What is typed before the subcommand's name, for hints; `migrate` without it.
    pub fn program(mut self, program: &'static str) -> Self {
        self.program = program;
        self
    }

    /// Runs a command and prints what it has to say. PostgreSQL and MySQL need tokio, as their drivers do.
    ///
    /// If the future is dropped, what holds for [`Migrator`](migrate_runtime::Migrator) holds here.
    pub async fn run(self, command: &Command) -> ExitCode {
        let (common, name) = command.common();
        let output = self.output(common, name);
        ended(self.run_command(command, common, &output).await, &output)
    }

    /// As [`run`](Self::run) in a program without async, on SQLite.
    pub fn run_sqlite(mut self, command: &Command) -> ExitCode {
        self.only_sqlite = true;
        let (common, name) = command.common();
        let output = self.output(common, name);
        let mut context = Context::from_waker(Waker::noop());
        let outcome = match pin!(self.run_command(command, common, &output)).poll(&mut context) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Err(Error::unsupported("the command waits, which none does on SQLite")),
        };
        ended(outcome, &output)
    }

    fn output(&self, common: &Common, command: &'static str) -> Output {
        common.color.apply();
        Output { json: common.format == Format::Json, command, program: self.program }
    }

    async fn run_command(&self, command: &Command, common: &Common, output: &Output) -> Outcome {
        let set = self.set;
        let entries = || Entries::new(set, None);
        let database = || self.database(common);
        let agreed = |_: &Plan| Ok(ControlFlow::Continue(()));
        interrupt::handle_as_first_process();
        match command {
            Command::Heads(With { args, .. }) => heads::run(args, &entries()?, output),
            Command::Show(With { args, .. }) => show::run(args, set, &entries()?, output),
            Command::History(With { args, .. }) => {
                let current = match args.asks_database()? {
                    true => Some(current::heads_in_force(&database()?).await?),
                    false => None,
                };
                history::run(args, &entries()?, current.as_deref(), output)
            }
            Command::Upgrade(With { args, .. }) if args.way.is_script() => {
                self.script(Verb::Upgrade, &args.way, common, output)
            }
            Command::Downgrade(With { args, .. }) if args.way.is_script() => {
                self.script(Verb::Downgrade, &args.way, common, output)
            }
            Command::Stamp(With { args, .. }) if args.way.is_script() => {
                self.script(Verb::Stamp, &args.way, common, output)
            }
            Command::Upgrade(With { args, .. }) if args.fleet.is_wanted() => {
                let (source, database) = self.fleet(&args.fleet, common)?;
                Many::new(&args.fleet, &source, &database, output).upgrade(args).await
            }
            Command::Downgrade(With { args, .. }) if args.fleet.is_wanted() => {
                let (source, database) = self.fleet(&args.fleet, common)?;
                let agreed = |_: &Plans, _: &Plans| Ok(ControlFlow::Continue(()));
                Many::new(&args.fleet, &source, &database, output).downgrade(args, false, agreed).await
            }
            Command::Status(With { args, .. }) if args.fleet.is_wanted() => {
                let (source, database) = self.fleet(&args.fleet, common)?;
                Many::new(&args.fleet, &source, &database, output).status().await
            }
            Command::Upgrade(With { args, .. }) => upgrade::run(args, &database()?, output, agreed).await,
            Command::Downgrade(With { args, .. }) => downgrade::run(args, &database()?, output, agreed).await,
            Command::Current(With { args, .. }) => current::run(args, &database()?, output).await,
            Command::Stamp(With { args, .. }) => stamp::run(args, &database()?, output).await,
            Command::Resolve(With { args, .. }) => resolve::run(args, &database()?, output).await,
            Command::Undo(With { args, .. }) => undo::run(args, &database()?, output).await,
            Command::Plan(With { args, .. }) => plan::run(args, &database()?, output).await,
            Command::Status(With { args, .. }) => status::run(args, &database()?, output).await,
            Command::Check(With { args, .. }) => check::run(args, &database()?, output).await,
        }
    }

    fn script(&self, verb: Verb, way: &way::Args, common: &Common, output: &Output) -> Outcome {
        let backend = way.backend(self.url(common)?.as_ref())?;
        let offline = offline(self.set, backend, self.schema.as_deref(), self.table.as_deref());
        sql::print(verb, way.target(), backend, offline, output)
    }

    fn url(&self, common: &Common) -> Result<Option<DatabaseUrl>, Error> {
        if let Some(url) = &common.database_url {
            return Ok(Some(url.clone()));
        }
        // A run that was handed over is for the database of who did so, which the variable names.
        if self.url.is_some() && History::handed_over()?.is_none() {
            return Ok(self.url.clone());
        }
        let of_environment = variable(VARIABLE, Exit::Database)?.map(DatabaseUrl::from);
        Ok(of_environment.or_else(|| self.url.clone()))
    }

    fn database(&self, common: &Common) -> Result<Database<'a>, Error> {
        let url = self.url(common)?.ok_or_else(|| {
            Error::new(
                Exit::Database,
                format!("no database is named\n\nhint: give `--database-url`, or set `{VARIABLE}` in the environment"),
            )
        })?;
        self.check_reach(&url)?;
        self.database_at(url, common)
    }

    /// Where the targets of a command come from, and the database by which they are found.
    fn fleet(&self, args: &fleet::Args, common: &Common) -> Result<(fleet::Source, Database<'a>), Error> {
        let source = args.source()?;
        let database = match source.urls() {
            [] => self.database(common)?,
            [first, ..] => self.database_at(first.clone(), common)?,
        };
        let urls = source.urls().iter().chain([database.url()]);
        urls.into_iter().try_for_each(|url| self.check_reach(url))?;
        Ok((source, database))
    }

    fn database_at(&self, url: DatabaseUrl, common: &Common) -> Result<Database<'a>, Error> {
        if let Some(wanted) = History::handed_over()? {
            let namespace = self.set.namespace();
            wanted.check_own(&History::new(namespace, self.schema.as_deref(), self.table.as_deref()))?;
        }
        Ok(Database::new(self.set, url)
            .history_in(self.schema.clone(), self.table.clone())
            .locked_by(&common.lock))
    }

    /// Refuses servers where nobody is there to wait for them.
    fn check_reach(&self, url: &DatabaseUrl) -> Result<(), Error> {
        let scheme = url.as_str().split_once(':').map_or("", |(scheme, _)| scheme);
        if self.only_sqlite && ["postgres", "postgresql", "mysql", "mariadb"].contains(&scheme) {
            return Err(Error::unsupported(
                "this program works on SQLite only, and the URL is of another database",
            ));
        }
        Ok(())
    }
}

/// Says why the command failed, if it did.
fn ended(outcome: Outcome, output: &Output) -> ExitCode {
    outcome
        .unwrap_or_else(|error| {
            output.error(&error);
            error.exit()
        })
        .into()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Application {
        #[command(subcommand)]
        command: Command,
    }

    #[test]
    fn the_definition_is_sound() {
        let application = Application::command();
        let commands: Vec<&str> = application.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(commands, crate::output::EMBEDDED);
        application.debug_assert();
    }

    #[test]
    fn help_is_for_people_and_what_the_application_says_comes_first() {
        #[derive(Debug, Parser)]
        enum Subcommands {
            #[command(subcommand)]
            Migrate(Command),
            /// Ours
            ///
            /// At length.
            #[command(subcommand)]
            Said(Command),
        }
        let application = Subcommands::command();
        let about = |name| {
            let command = application.find_subcommand(name).unwrap();
            [command.get_about(), command.get_long_about()].map(|text| text.map(ToString::to_string))
        };
        assert_eq!(about("migrate"), [Some("Work on the database's schema".to_owned()), None]);
        assert_eq!(about("said"), ["Ours", "Ours\n\nAt length."].map(|text| Some(text.to_owned())));
    }

    #[test]
    fn what_a_command_does_can_go_to_another_thread() {
        fn sent<T: Send>(_: T) {}
        let run = |set: &'static Migrations, command: &'static Command| sent(Cli::new(set).run(command));
        let _ = run;
    }

    #[test]
    fn a_url_is_not_shown_with_the_arguments() {
        let parsed = Application::parse_from(["app", "status", "--database-url", "postgres://u:s3cr3t@h/d"]);
        let shown = format!("{parsed:?}");
        assert!(shown.contains("Status") && !shown.contains("s3cr3t"), "{shown}");
    }
}
