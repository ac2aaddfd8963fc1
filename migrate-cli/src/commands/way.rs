//! What `upgrade`, `downgrade` and `stamp` are told alike: a target, and whether a script is wanted instead of a run

use migrate_revision::Backend;

use crate::Error;
use crate::database::DatabaseUrl;

/// Where it leads, and whether it is taken or printed
///
/// What the target may be is said by each command, with `mut_arg`.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    #[arg(value_name = "TARGET", allow_negative_numbers = true)]
    target: String,
    /// Print the SQL instead of running it, for psql, mariadb, mysql or sqlite3. No database is needed, and the target may
    /// be a range, `FROM:TO`
    #[arg(long)]
    sql: bool,
    /// The database that the SQL is for: sqlite, postgres, mysql or mariadb; without it, that of the URL
    #[arg(long, value_name = "BACKEND", requires = "sql")]
    backend: Option<Backend>,
}

impl Args {
    /// Where it leads; of a script it may be a range.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether a script is wanted.
    #[must_use]
    pub fn is_script(&self) -> bool {
        self.sql
    }

    /// The database that the script is for: the one that was named, or that of a URL.
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
