//! The backends that the tests know.

use std::fmt;

use clap::ValueEnum;

/// A backend, by the name that its tests and its cargo feature carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    Sqlite,
    #[value(alias = "postgresql")]
    Postgres,
    #[value(alias = "mariadb")]
    Mysql,
}

impl Backend {
    /// Every backend, in the house's order.
    pub(crate) const ALL: [Self; 3] = [Self::Sqlite, Self::Postgres, Self::Mysql];

    /// The name in test names, environment variables and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// The backends that were not chosen.
    pub(crate) fn without(chosen: &[Self]) -> Vec<Self> {
        Self::ALL.into_iter().filter(|backend| !chosen.contains(backend)).collect()
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
