//! Runs on many databases in one command.

use std::ffi::OsString;

use migrate_cli::Error;
use migrate_cli::commands::fleet::{self, Args, Source};
use migrate_revision::Direction;

use crate::commands::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::project::Project;
use crate::runner::Runner;

/// The targets of a command, and the revisions with the database by which they are found.
pub(crate) struct Targets<'a> {
    args: &'a Args,
    pub(crate) source: Source,
    pub(crate) opened: Opened,
}

impl<'a> Targets<'a> {
    /// Reads the revisions, checked for what the arguments lead to.
    ///
    /// # Errors
    /// Those of [`Opened::open`], and when a file of URLs cannot be read.
    pub(crate) fn open(args: &'a Args, database: &DatabaseArgs, project: &Project) -> Result<Self, Error> {
        let source = args.source()?;
        let opened = match source.urls() {
            [] => Opened::open(database, project)?,
            urls => Opened::all(urls, database, project)?,
        };
        Ok(Self { args, source, opened })
    }

    /// Has the application do a run because of the file of a Rust revision; `words` are the run's own of its command.
    ///
    /// # Errors
    /// When the application cannot be started or fails, or targets are not where the run was to lead them.
    pub(crate) fn hand_over(
        &self,
        file: &str,
        words: &[&str],
        (target, direction): (&str, Direction),
        project: &Project,
        context: &Context,
    ) -> Outcome {
        let mut words: Vec<OsString> = words.iter().map(OsString::from).collect();
        words.extend(self.args.words());
        let runner = Runner::new(&self.opened, project, context);
        let ended = runner.run(file, &words)?;
        runner.judge(&ended, || self.unfinished(target, direction))
    }

    /// Which targets are not where a run was to lead them, if some are not.
    fn unfinished(&self, target: &str, direction: Direction) -> Result<Option<String>, Error> {
        // Where `+1` led each of them is not known afterwards.
        if fleet::is_relative(&target.into()) {
            return Ok(None);
        }
        let database = self.opened.database();
        let unfinished = fleet::unfinished(self.args, target, direction, &self.source, &database);
        let unfinished = block_on(unfinished)??;
        let Some(first) = unfinished.first() else { return Ok(None) };
        let more = match unfinished.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        Ok(Some(format!("target {first}{more} is not at `{target}`")))
    }
}
