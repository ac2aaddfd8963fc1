//! Runs on many databases in one command.

use std::ffi::OsString;
use std::ops::ControlFlow;

use migrate_cli::commands::downgrade::changed_while_asked;
use migrate_cli::commands::fleet::{self, Args, Many, Plans, Source};
use migrate_cli::commands::{downgrade, upgrade};
use migrate_cli::{Database, Error, Exit};
use migrate_runtime::{ErrorKind, Plan, TargetOutcome, printable};

use crate::commands::{Context, Outcome};
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::project::Project;
use crate::runner::{Ended, Runner, missing};

/// The databases of a command, and the revisions that it is about.
pub(crate) struct Databases<'a> {
    args: &'a Args,
    source: Source,
    opened: Opened,
    project: &'a Project,
    context: &'a Context,
}

impl<'a> Databases<'a> {
    /// Reads the revisions, checked for what the arguments lead to.
    ///
    /// # Errors
    /// Those of [`Opened::open`], and when a file of URLs cannot be read.
    pub(crate) fn open(
        args: &'a Args,
        database: &DatabaseArgs,
        project: &'a Project,
        context: &'a Context,
    ) -> Result<Self, Error> {
        let source = args.source()?;
        let opened = match source.urls() {
            [] => Opened::open(database, project)?,
            urls => Opened::all(urls, database, project)?,
        };
        Ok(Self { args, source, opened, project, context })
    }

    /// `status`
    pub(crate) fn status(&self) -> Outcome {
        let database = self.opened.database();
        block_on(self.many(&database).status())?
    }

    /// `upgrade`
    pub(crate) fn upgrade(&self, args: &upgrade::Args) -> Outcome {
        let database = self.opened.database();
        let many = self.many(&database);
        // Which targets lack it would have to be asked of each: the application, which has them all, does as well for the others.
        let Some(file) = self.opened.rust().filter(|_| !args.dry_run) else {
            return block_on(many.upgrade(args))?;
        };
        let target = args.way.target();
        let ended = self.hand_over(&file, &["upgrade", target])?;
        self.runner().judge(&ended, || not_led_up(&many, target))
    }

    /// `downgrade`
    pub(crate) fn downgrade(&self, args: &downgrade::Args) -> Outcome {
        let database = self.opened.database();
        let many = self.many(&database);
        let mut handed_over = None;
        // Here it is known which targets have one on their way.
        let before = |shown: &Plans, now: &Plans| {
            let plans = shown.targets.iter().filter_map(|it| Some((&it.target, fleet::known(it)?)));
            let Some(file) = plans.clone().find_map(|(_, plan)| self.opened.rust_on_the_way(plan)) else {
                return Ok(ControlFlow::Continue(()));
            };
            check_shown(shown, now)?;
            let ended = self.hand_over(&file, &["downgrade", "--yes", args.way.target()])?;
            let plans = plans.map(|(target, plan)| (target.clone(), plan.clone()));
            handed_over = Some((ended, plans.collect::<Vec<_>>()));
            Ok(ControlFlow::Break(Exit::Success))
        };
        let own = block_on(many.downgrade(args, self.opened.rust().is_some(), before))?;
        match handed_over {
            Some((ended, plans)) => self.runner().judge(&ended, || not_led_down(&many, &plans)),
            None => own,
        }
    }

    fn many<'w, 'd>(&'w self, database: &'w Database<'d>) -> Many<'w, 'd> {
        Many::new(self.args, &self.source, database, &self.context.output)
    }

    fn runner(&self) -> Runner<'_> {
        Runner::new(&self.opened, self.project, self.context)
    }

    /// Has the application do it because of the file of a Rust revision; `words` are the run's own of its command.
    fn hand_over(&self, file: &str, words: &[&str]) -> Result<Ended, Error> {
        let words: Vec<OsString> = words.iter().map(OsString::from).chain(self.args.words()).collect();
        self.runner().run(file, &words)
    }
}

/// Refuses to have an application, which plans anew, undo what was not shown.
///
/// # Errors
/// When a target could not be asked, or other steps would be taken by now.
fn check_shown(shown: &Plans, now: &Plans) -> Result<(), Error> {
    // Where no way leads down the application finds none either.
    let unknown = shown.failures().chain(now.failures()).find(|(_, error)| error.kind() != ErrorKind::Plan);
    if let Some((target, _)) = unknown {
        return Err(Error::new(
            Exit::Fleet,
            format!(
                "what there is to undo on {} is not known, and the application would undo it as well; nothing was done\n\n\
                 hint: leave it out, or run again when it can be asked",
                printable(target)
            ),
        ));
    }
    if fleet::is_still(shown, now) {
        return Ok(());
    }
    Err(changed_while_asked(&now.to_string()))
}

/// Which targets are not where an upgrade was to lead them, if some are not.
fn not_led_up(many: &Many<'_, '_>, target: &str) -> Result<Option<String>, Error> {
    // Where `+1` led each of them is not known afterwards.
    if fleet::is_relative(&target.into()) {
        return Ok(None);
    }
    let unfinished = block_on(many.unfinished(target))??;
    Ok(and_more(&unfinished).map(|names| format!("target {names} is not at `{target}`")))
}

/// What is not as the plans of the targets lead them, if something is not.
fn not_led_down(many: &Many<'_, '_>, plans: &[(String, Plan)]) -> Result<Option<String>, Error> {
    let statuses = block_on(many.statuses())??;
    Ok(plans.iter().find_map(|(target, plan)| {
        let now = statuses.targets.iter().find(|it| it.target == *target).map(|it| &it.outcome);
        let missing = match now {
            Some(TargetOutcome::Done(status)) => missing(plan, status)?,
            _ => "where it is cannot be read".to_owned(),
        };
        Some(format!("of target {target} {missing}"))
    }))
}

/// The first of some names, and how many more there are.
fn and_more(names: &[String]) -> Option<String> {
    let (first, more) = names.split_first()?;
    Some(if more.is_empty() { first.clone() } else { format!("{first} and {} more", more.len()) })
}
