//! `cargo migrate init`

use std::fs;
use std::path::PathBuf;

use migrate_cli::{Error, Exit};
use migrate_revision::Backend;
use serde::Serialize;

use super::{Context, Outcome};
use crate::files;
use crate::project::Project;

/// Make the directory for revisions
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The directory, relative to the manifest [default: migrations]
    #[arg(long, value_name = "PATH")]
    directory: Option<String>,
    /// A backend that every revision must cover: sqlite, postgres, mysql or mariadb. May be given several times
    #[arg(long = "backend", value_name = "BACKEND")]
    backends: Vec<Backend>,
}

#[derive(Serialize)]
struct Made {
    directory: String,
    created: bool,
    configured: bool,
}

pub(crate) fn run(args: &Args, context: &Context) -> Outcome {
    let mut project = context.project()?;
    let wanted = args.directory.is_some() || !args.backends.is_empty();
    if wanted {
        if project.configured {
            return Err(Error::usage(format!(
                "`{}` is configured already\n\nhint: change `metadata.migrate` in it, or leave the options out",
                project.manifest.display()
            )));
        }
        configure(args, &project)?;
        project = context.project()?;
    }
    let directory = &project.config.directory;
    let created = !directory.is_dir();
    fs::create_dir_all(directory).map_err(|error| Error::io("create", directory, error))?;
    let made = Made { directory: project.directory_name(), created, configured: wanted };
    context.output.facts(&made, || {
        let done = if created { "created" } else { "already there:" };
        let manifest = if wanted {
            format!("\nwrote `[package.metadata.migrate]` into {}", project.manifest.display())
        } else {
            String::new()
        };
        format!("{done} {}{manifest}", made.directory)
    });
    context.output.note("next: cargo migrate new -m \"what it does\"");
    Ok(Exit::Success)
}

/// Adds the configuration at the manifest's end.
fn configure(args: &Args, project: &Project) -> Result<(), Error> {
    let manifest = &project.manifest;
    let mut text = fs::read_to_string(manifest).map_err(|error| Error::io("read", manifest, error))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str("\n[package.metadata.migrate]\n");
    if let Some(directory) = &args.directory {
        if PathBuf::from(directory).as_os_str().is_empty() {
            return Err(Error::usage("`--directory` names no directory"));
        }
        text.push_str(&format!("directory = {}\n", toml::Value::from(directory.clone())));
    }
    if !args.backends.is_empty() {
        let names: Vec<toml::Value> = args.backends.iter().map(|backend| backend.name().into()).collect();
        text.push_str(&format!("backends = {}\n", toml::Value::Array(names)));
    }
    // A workspace's manifest, an inline table: whatever does not take it is left as it is.
    if text.parse::<toml::Table>().is_err() {
        return Err(Error::project(format!(
            "cannot add `[package.metadata.migrate]` to `{}`\n\nhint: add it by hand",
            manifest.display()
        )));
    }
    files::replace(manifest, &text)
}
