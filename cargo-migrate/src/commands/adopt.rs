//! `cargo migrate adopt`

use std::path::{Path, PathBuf};
use std::str::FromStr;

use migrate_cli::{Error, Exit};
use migrate_revision::Backend;
use serde::Serialize;

use super::{Context, Outcome};
use crate::adopt::{self, Asked, Document, Reading, Stamped, Table, Tool};
use crate::config::Branches;
use crate::database::{DatabaseArgs, Opened, block_on};
use crate::files::Guard;
use crate::project::{Project, shortened};
use crate::revision::Written;
use crate::set;

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
    let _guard = Guard::take(directory)?;
    let sources = sources(args, &project)?;
    let mut done = Adopted { written: Vec::new(), skipped: Vec::new(), dry_run: args.dry_run, stamped: None };
    let mut files = Reading::default();
    if args.stamp && adopt::has_revisions(directory)? {
        // The tool's own files are only there to be held against its checksums.
        if sources.iter().all(|(_, path)| path.is_dir()) && args.tool != Tool::Alembic {
            files = read(args, &project, sources)?;
        }
    } else {
        let paths: Vec<PathBuf> = sources.iter().map(|(_, path)| path.clone()).collect();
        if args.tool != Tool::Alembic {
            adopt::refuse_destination(&project, args.tool.name(), &paths)?;
        } else {
            adopt::refuse_destination(&project, args.tool.name(), &[])?;
        }
        files = read(args, &project, sources)?;
        done.written = write(args, &project, &mut files, context)?;
        done.skipped = std::mem::take(&mut files.skipped);
    }
    if args.stamp {
        let opened = Opened::open(&args.database, &project)?;
        let table = Table {
            tool: args.tool,
            name: args.table.as_deref().unwrap_or(args.tool.format().table()),
            set: &set::outline(&project)?,
            files: &files.migrations,
        };
        done.stamped = Some(block_on(table.stamp(&opened.database(), opened.backend(), output))??);
    }
    output.facts(&done, || text(&done));
    Ok(Exit::Success)
}

/// The directories, each with the backends that its files are for.
fn sources(args: &Args, project: &Project) -> Result<Vec<(Vec<Backend>, PathBuf)>, Error> {
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

fn read(args: &Args, project: &Project, sources: Vec<(Vec<Backend>, PathBuf)>) -> Result<Reading, Error> {
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

/// Writes the revisions, or with `--dry-run` makes sure that they could be.
fn write(
    args: &Args,
    project: &Project,
    all: &mut Reading,
    context: &Context,
) -> Result<Vec<Written>, Error> {
    let named = named_backends(args);
    let checks = match (&project.config.backends, named.as_slice()) {
        (None, [_, ..]) => (with_mariadb(&named), false),
        _ => project.backends(),
    };
    adopt::settle(all, &named, checks.0.contains(&Backend::Sqlite), args.allow_empty);
    for note in &all.notes {
        context.output.note(format!("note: {note}"));
    }
    let documents: Vec<Document> = all.migrations.iter().map(Document::new).collect();
    let set = adopt::place(project, &documents, checks, std::mem::take(&mut all.problems), args.dry_run)?;
    let heads = set.graph.heads().len();
    if heads > 1 && project.config.branches == Branches::Refuse {
        context.output.note(format!(
            "note: there are {heads} heads, which a build refuses: `cargo migrate merge` joins them, and `branches = \
             \"allow\"` in `[package.metadata.migrate]` lets them be"
        ));
    }
    let path = |name: &str| project.config.directory.join(name).display().to_string();
    Ok(documents
        .into_iter()
        .map(|document| Written {
            file: path(&document.name),
            revision: document.id,
            revises: document.revises,
        })
        .collect())
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
