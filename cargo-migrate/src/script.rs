//! Scripts instead of runs: `--sql`.

use migrate_cli::commands::sql::{self, Verb};
use migrate_cli::commands::way;
use migrate_cli::offline;
use migrate_runtime::Migrations;

use crate::commands::{Context, Outcome};
use crate::database::{DatabaseArgs, look_for};
use crate::set;

/// Prints the script of a verb along its way, for the database that the arguments name or the only one that the project
/// is for. No database is asked.
///
/// # Errors
/// When it is not known which database that is, a build would refuse the revisions, or they cannot be in a script.
pub(crate) fn print(verb: Verb, way: &way::Args, database: &DatabaseArgs, context: &Context) -> Outcome {
    let project = context.project()?;
    let url = look_for(database, &project)?;
    let backend = way.backend(url.as_ref()).or_else(|error| match project.backends().0.as_slice() {
        &[only] => Ok(only),
        _ => Err(error),
    })?;
    let resolved = set::checked(&project, (vec![backend], true), true)?;
    let migrations = Migrations::from_resolved(resolved, &project.config.namespace);
    let config = &project.config;
    let offline = offline(&migrations, backend, config.schema.as_deref(), config.table.as_deref());
    sql::print(verb, way.target(), backend, offline, &context.output)
}
