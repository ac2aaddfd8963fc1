//! `cargo migrate adopt`

use std::path::{Path, PathBuf};
use std::str::FromStr;

use migrate_cli::{Error, Exit};
use migrate_revision::Backend;
use migrate_revision::source::Resolved;
use serde::Serialize;

use super::{Context, Outcome};
use crate::adopt::{self, Asked, Document, Foreign, Reading, Staged, Stamped, Table, Tool};
use crate::config::{Branches, Config};
use crate::database::{self, DatabaseArgs, Opened, block_on};
use crate::files::Guard;
use crate::project::{Project, shortened};
use crate::revision::Written;

/// Turn the migrations of another tool into revisions
///
/// The tool's files are read and stay as they are. Either all of them become revisions or none does.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tool
    #[arg(long = "from", value_enum, value_name = "TOOL")]
    tool: Tool,
    /// Where its files are; without it, where the tool itself looks
    #[arg(value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// The database that they are for, or, as `postgres=DIRECTORY`, those in one directory. May be given several times
    #[arg(long = "backend", value_name = "BACKEND[=DIRECTORY]")]
    backends: Vec<Source>,
    /// The value of a placeholder. May be given several times
    #[arg(long = "placeholder", value_name = "NAME=VALUE", value_parser = pair)]
    placeholders: Vec<(String, String)>,
    /// What `alembic upgrade heads --sql` printed; without it, the command is run
    #[arg(long, value_name = "FILE")]
    upgrade_sql: Option<PathBuf>,
    /// What `alembic downgrade HEAD:base --sql` printed
    #[arg(long, value_name = "FILE", requires = "upgrade_sql")]
    downgrade_sql: Option<PathBuf>,
    /// What has no SQL becomes a revision that does nothing
    #[arg(long)]
    allow_empty: bool,
    /// Write nothing
    #[arg(long)]
    dry_run: bool,
    /// Record where a database is, by the tool's own table. Revisions that were adopted before stay as they are
    #[arg(long, conflicts_with = "dry_run")]
    stamp: bool,
    /// The name of the tool's table, where it is not the usual one
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// A backend, and the directory of its files where each backend has its own.
#[derive(Debug, Clone)]
struct Source {
    backend: Backend,
    directory: Option<PathBuf>,
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, directory) = match text.split_once('=') {
            Some((name, directory)) => (name, Some(PathBuf::from(directory))),
            None => (text, None),
        };
        let backend = name.parse().map_err(|error| format!("{error}"))?;
        Ok(Self { backend, directory })
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Directories, each with the backends that its files are for.
type Sources = Vec<(Vec<Backend>, PathBuf)>;

#[derive(Serialize)]
struct Adopted {
    written: Vec<Written>,
    skipped: Vec<String>,
    dry_run: bool,
    stamped: Option<Stamped>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let project = context.project()?;
    let (output, directory) = (&context.output, &project.config.directory);
    let _guard = Guard::take(directory, output)?;
    let only_stamps = args.stamp && adopt::has_revisions(directory)?;
    let sources = sources(args, &project, only_stamps)?;
    let mut done = Adopted { written: Vec::new(), skipped: Vec::new(), dry_run: args.dry_run, stamped: None };
    if only_stamps {
        done.stamped = Some(stamp_adopted(args, &project, sources, context)?);
    } else {
        let paths = sources.iter().map(|(_, path)| path.clone()).filter(|_| args.tool != Tool::Alembic);
        adopt::refuse_destination(&project, args.tool.name(), &paths.collect::<Vec<_>>())?;
        let mut files = read(args, &project, sources)?;
        let as_read = files.migrations.clone();
        let staged = stage(args, &project, &mut files, context)?;
        done.written = written(&project, &staged);
        done.skipped = files.skipped;
        if args.stamp {
            done.stamped = Some(stamp_staged(args, &project, staged, &as_read, context)?);
        } else if !args.dry_run {
            staged.commit(&project)?;
        }
    }
    output.facts(&done, || text(&done));
    Ok(Exit::Success)
}

/// Records where a database is by revisions that were adopted before. The tool's own files, where they are there, are held
/// against its checksums and the revisions.
fn stamp_adopted(
    args: &Args,
    project: &Project,
    sources: Sources,
    context: &Context,
) -> Result<Stamped, Error> {
    let opened = Opened::open(&args.database, project)?;
    let url = database::find(&args.database, project)?;
    let set = Opened::checked(&url, project)?;
    let (mut files, mut differing) = (Vec::new(), Vec::new());
    let are_there = !sources.is_empty() && sources.iter().all(|(_, path)| path.is_dir());
    if are_there && (args.tool != Tool::Alembic || args.upgrade_sql.is_some()) {
        let read = read(args, project, sources)?;
        files.clone_from(&read.migrations);
        let named = named_backends(args);
        let settled = (named.as_slice(), checks(args, project).0.contains(&Backend::Sqlite));
        differing = adopt::differing((args.tool, read), project, &set, &database::backends(&url), settled)?;
    }
    let (files, differing) = (files.as_slice(), differing.as_slice());
    let table = Table { files, differing, ..table(args, &set, opened.backend()) };
    let database = opened.database();
    block_on(async { table.read(&database).await?.record(&database, &context.output).await })?
}

/// As [`stamp_adopted`], by revisions that are put in place once it is known that there is something to record.
fn stamp_staged(
    args: &Args,
    project: &Project,
    staged: Staged,
    files: &[Foreign],
    context: &Context,
) -> Result<Stamped, Error> {
    let there = in_directory(project, staged.directory());
    let url = database::find(&args.database, project)?;
    let backends = database::backends(&url);
    if backends.iter().any(|backend| project.backends().0.contains(backend)) {
        staged.check(project, backends)?;
    }
    let opened = Opened::open(&args.database, &there)?;
    let set = Opened::checked(&url, &there)?;
    let table = Table { files, ..table(args, &set, opened.backend()) };
    let database = opened.database();
    block_on(async {
        let stamp = table.read(&database).await?;
        staged.commit(project)?;
        stamp.record(&database, &context.output).await
    })?
}

/// The project as it would be with its revisions in another directory.
fn in_directory(project: &Project, directory: &Path) -> Project {
    Project {
        manifest: project.manifest.clone(),
        root: project.root.clone(),
        workspace: project.workspace.clone(),
        config: Config { directory: directory.to_owned(), ..project.config.clone() },
        configured: project.configured,
        enabled: project.enabled.clone(),
    }
}

/// The tool's table, with nothing to hold against it yet.
fn table<'a>(args: &'a Args, set: &'a Resolved, backend: Option<Backend>) -> Table<'a> {
    let name = args.table.as_deref().unwrap_or(args.tool.format().table());
    Table { tool: args.tool, name, set, files: &[], differing: &[], backend }
}

/// The directories, each with the backends that its files are for. For a stamp alone there may be none.
fn sources(args: &Args, project: &Project, only_stamps: bool) -> Result<Sources, Error> {
    let mut found = named_sources(args, project, only_stamps)?;
    if only_stamps {
        found.retain(|(_, path)| !adopt::is_in(path, &project.config.directory));
    }
    Ok(found)
}

fn named_sources(args: &Args, project: &Project, only_stamps: bool) -> Result<Sources, Error> {
    let named: Vec<&Path> = args.backends.iter().filter_map(|source| source.directory.as_deref()).collect();
    if !named.is_empty() {
        if named.len() < args.backends.len() || args.directory.is_some() || args.tool == Tool::Alembic {
            return Err(Error::usage(
                "`--backend BACKEND=DIRECTORY` names the directory of each backend, and there is no other\n\n\
                 hint: write it for every backend, and leave DIRECTORY out; Alembic's files are for all backends",
            ));
        }
        let source = |source: &Source| Some((vec![source.backend], source.directory.clone()?));
        return Ok(args.backends.iter().filter_map(source).collect());
    }
    let directory = match &args.directory {
        Some(directory) => directory.clone(),
        None if only_stamps => {
            let usual = args.tool.format().directories(&project.root).into_iter();
            let is_own = |path: &PathBuf| adopt::is_in(path, &project.config.directory);
            let others = usual.filter(|path| path.is_dir() && !is_own(path)).map(|path| shortened(&path));
            return Ok(others.take(1).map(|path| (named_backends(args), path)).collect());
        }
        None => usual(args.tool, project)?,
    };
    Ok(vec![(named_backends(args), directory)])
}

fn named_backends(args: &Args) -> Vec<Backend> {
    args.backends.iter().map(|source| source.backend).collect()
}

fn usual(tool: Tool, project: &Project) -> Result<PathBuf, Error> {
    let directories = tool.format().directories(&project.root);
    let found = directories.iter().find(|path| path.is_dir()).ok_or_else(|| {
        let names: Vec<String> = directories.iter().map(|path| format!("`{}`", path.display())).collect();
        Error::usage(format!(
            "there is no {}\n\nhint: name the directory where the files of {} are",
            names.join(" and no "),
            tool.name()
        ))
    })?;
    Ok(shortened(found))
}

fn read(args: &Args, project: &Project, sources: Sources) -> Result<Reading, Error> {
    let asked = Asked {
        placeholders: args.placeholders.clone(),
        upgrade_sql: args.upgrade_sql.clone(),
        downgrade_sql: args.downgrade_sql.clone(),
        table: args.table.clone(),
        backends: match named_backends(args).as_slice() {
            [] => project.backends().0,
            named => with_mariadb(named),
        },
    };
    let mut readings = Vec::new();
    let mut shown = Vec::new();
    for (backends, path) in sources {
        let mut reading = Reading::default();
        args.tool.format().read(&path, &asked, &mut reading)?;
        readings.push((backends, reading));
        shown.push(path);
    }
    let all = adopt::combine(readings);
    if all.migrations.is_empty() && all.problems.is_empty() {
        return Err(nothing(args.tool, &shown));
    }
    Ok(all)
}

fn nothing(tool: Tool, directories: &[PathBuf]) -> Error {
    let names: Vec<String> = directories.iter().map(|path| format!("`{}`", path.display())).collect();
    let is_backend = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<Backend>().is_ok())
    };
    let below: Vec<String> = directories
        .iter()
        .filter_map(|path| std::fs::read_dir(path).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(is_backend)
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("`--backend {name}={}`", path.display())
        })
        .collect();
    let hint = match below.is_empty() {
        true => "name the directory where they are".to_owned(),
        false => format!("name the directory of each backend: {}", below.join(" ")),
    };
    Error::usage(format!(
        "there are no migrations of {} in {}\n\nhint: {hint}",
        tool.name(),
        names.join(", ")
    ))
}

/// The backends that the revisions are checked for, and whether each must cover all of them.
fn checks(args: &Args, project: &Project) -> (Vec<Backend>, bool) {
    match (&project.config.backends, named_backends(args).as_slice()) {
        (None, named @ [_, ..]) => (with_mariadb(named), false),
        _ => project.backends(),
    }
}

/// The revisions, checked and ready to be put in place.
fn stage(args: &Args, project: &Project, all: &mut Reading, context: &Context) -> Result<Staged, Error> {
    let checks = checks(args, project);
    adopt::settle(all, &named_backends(args), checks.0.contains(&Backend::Sqlite), args.allow_empty);
    for note in &all.notes {
        context.output.note(format!("note: {note}"));
    }
    let documents: Vec<Document> = all.migrations.iter().map(Document::new).collect();
    let staged = adopt::place(project, documents, checks, std::mem::take(&mut all.problems))?;
    let heads = staged.resolved.graph.heads().len();
    if heads > 1 && project.config.branches == Branches::Refuse {
        context.output.note(format!(
            "note: there are {heads} heads, which a build refuses: `cargo migrate merge` joins them, and `branches = \
             \"allow\"` in `[package.metadata.migrate]` lets them be"
        ));
    }
    Ok(staged)
}

fn written(project: &Project, staged: &Staged) -> Vec<Written> {
    let written = |document: &Document| Written {
        file: project.config.directory.join(&document.name).display().to_string(),
        revision: document.id.clone(),
        revises: document.revises.clone(),
    };
    staged.documents.iter().map(written).collect()
}

/// Where MySQL is, MariaDB is, as in `embed_migrations!`.
fn with_mariadb(named: &[Backend]) -> Vec<Backend> {
    let is_meant = |backend: &Backend| {
        named.contains(backend) || (*backend == Backend::Mariadb && named.contains(&Backend::Mysql))
    };
    Backend::ALL.into_iter().filter(is_meant).collect()
}

fn text(done: &Adopted) -> String {
    let verb = if done.dry_run { "would create" } else { "created" };
    let mut lines: Vec<String> =
        done.written.iter().map(|written| format!("{verb} {}", written.file)).collect();
    lines.extend(done.skipped.iter().map(|skipped| format!("skipped {skipped}")));
    if let Some(stamped) = &done.stamped {
        lines.push(match stamped.heads.as_slice() {
            [] => format!("nothing to stamp: `{}` names no version", stamped.table),
            heads => {
                format!("stamped {}: {} applied, by `{}`", heads.join(", "), stamped.applied, stamped.table)
            }
        });
    }
    lines.join("\n")
}
