//! `--sql` of `upgrade`, `downgrade` and `stamp`

use migrate_revision::Backend;
use migrate_runtime::Offline;
use serde::Serialize;

use crate::database::DatabaseUrl;
use crate::exit::Exit;
use crate::output::Output;
use crate::{Error, Outcome};

/// A script instead of a run
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Print the SQL instead of running it, for psql, mariadb, mysql or sqlite3. No database is needed, and the target may
    /// be a range, `FROM:TO`
    #[arg(long)]
    sql: bool,
    /// The database that the SQL is for: sqlite, postgres, mysql or mariadb; without it, that of the URL
    #[arg(long, value_name = "BACKEND", requires = "sql")]
    backend: Option<Backend>,
}

/// What the script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Applies
    Upgrade,
    /// Undoes
    Downgrade,
    /// Records
    Stamp,
}

#[derive(Serialize)]
struct Scripted<'a> {
    backend: &'a str,
    sql: &'a str,
}

impl Args {
    /// Whether a script is wanted.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.sql
    }

    /// The database that it is for: the one that was named, or that of a URL.
    ///
    /// # Errors
    /// When neither says.
    pub fn backend(&self, url: Option<&DatabaseUrl>) -> Result<Backend, Error> {
        let of_url = || match url?.as_str().split_once(':')?.0 {
            "postgresql" => Some(Backend::Postgres),
            scheme => scheme.parse().ok(),
        };
        self.backend.or_else(of_url).ok_or_else(|| {
            Error::usage(
                "it is not known for which database the script is\n\nhint: name it: `--backend postgres`, `mysql`, `mariadb` \
                 or `sqlite`",
            )
        })
    }
}

/// Prints the script of a verb along a range.
///
/// # Errors
/// When an end of the range leads nowhere, or a revision on the way cannot be in a script.
pub fn print(verb: Verb, range: &str, backend: Backend, offline: Offline<'_>, output: &Output) -> Outcome {
    let sql = match verb {
        Verb::Upgrade => offline.upgrade(range)?,
        Verb::Downgrade => offline.downgrade(range)?,
        Verb::Stamp => offline.stamp(range)?,
    };
    output.facts(Scripted { backend: backend.name(), sql: &sql }, || sql.clone());
    Ok(Exit::Success)
}
