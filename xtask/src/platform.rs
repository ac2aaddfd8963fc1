//! The operating system, as far as it decides how programs are installed.

use std::fs;

use crate::backend::Backend;

/// A family of systems with the same packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Platform {
    /// Debian, Ubuntu and what is made from them.
    Debian,
    Fedora,
    Arch,
    Alpine,
    MacOs,
    Other,
}

impl Platform {
    pub(crate) fn current() -> Self {
        if cfg!(target_os = "macos") {
            return Self::MacOs;
        }
        let text =
            ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| fs::read_to_string(path).ok());
        text.map_or(Self::Other, |text| Self::from_os_release(&text))
    }

    /// From the text of `/etc/os-release`: the system's own name, then what it says it is like.
    fn from_os_release(text: &str) -> Self {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches(['"', '\''])
        };
        [value("ID"), value("ID_LIKE")]
            .into_iter()
            .flat_map(str::split_whitespace)
            .find_map(|name| match name {
                "debian" | "ubuntu" => Some(Self::Debian),
                "fedora" | "rhel" | "centos" => Some(Self::Fedora),
                "arch" | "archlinux" => Some(Self::Arch),
                "alpine" => Some(Self::Alpine),
                _ => None,
            })
            .unwrap_or(Self::Other)
    }

    /// The command that installs packages; `None` where it is not known.
    fn install_command(self) -> Option<&'static str> {
        match self {
            Self::Debian => Some("sudo apt-get install"),
            Self::Fedora => Some("sudo dnf install"),
            Self::Arch => Some("sudo pacman -S"),
            Self::Alpine => Some("sudo apk add"),
            Self::MacOs => Some("brew install"),
            Self::Other => None,
        }
    }

    /// The packages that bring a backend's server and client programs.
    pub(crate) fn packages(self, backend: Backend) -> &'static [&'static str] {
        match (self, backend) {
            (Self::Debian | Self::Other, Backend::Sqlite) => &["sqlite3"],
            (Self::Debian | Self::Other, Backend::Postgres) => &["postgresql"],
            (Self::Debian | Self::Other, Backend::Mysql) => &["mariadb-server"],
            (Self::Fedora | Self::Arch | Self::Alpine | Self::MacOs, Backend::Sqlite) => &["sqlite"],
            (Self::Fedora, Backend::Postgres) => &["postgresql-server", "postgresql"],
            (Self::Fedora, Backend::Mysql) => &["mariadb-server", "mariadb"],
            (Self::Arch, Backend::Postgres) => &["postgresql"],
            (Self::Alpine, Backend::Postgres) => &["postgresql", "postgresql-client"],
            (Self::Alpine, Backend::Mysql) => &["mariadb", "mariadb-client"],
            (Self::MacOs, Backend::Postgres) => &["postgresql@17"],
            (Self::Arch | Self::MacOs, Backend::Mysql) => &["mariadb"],
        }
    }

    /// What to do about a missing program whose package has its name.
    pub(crate) fn advice_of_program(self, name: &str) -> String {
        match self.install_command() {
            Some(command) => format!("not found: {name}\n\nhint: `{command} {name}`"),
            None => format!("not found: {name}\n\nhint: install it with this system's package manager"),
        }
    }

    /// What to do about missing programs.
    pub(crate) fn advice(self, missing: &[Backend]) -> String {
        let names = missing.iter().map(|backend| match backend {
            Backend::Sqlite => "the sqlite3 program",
            Backend::Postgres => "PostgreSQL (initdb, postgres, pg_dump and psql in one folder)",
            Backend::Mysql => "MariaDB (mariadbd, mariadb-install-db, mariadb and mariadb-dump in one tree)",
        });
        let what = names.collect::<Vec<_>>().join(", ");
        let how = match self.install_command() {
            Some(command) => {
                let packages: Vec<_> =
                    missing.iter().flat_map(|backend| self.packages(*backend)).copied().collect();
                format!("`{command} {}`", packages.join(" "))
            }
            None => "install them with this system's package manager".to_owned(),
        };
        format!(
            "not found: {what}\n\nhint: {how}\n      or name the folders in EMBED_MIGRATIONS_POSTGRES_BIN and \
             EMBED_MIGRATIONS_MARIADB_BIN\n      or leave backends out with --backends"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_known_by_their_name_or_by_what_they_are_like() {
        for (text, expected) in [
            (
                "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n",
                Platform::Debian,
            ),
            ("NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n", Platform::Debian),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", Platform::Debian),
            ("NAME=\"Fedora Linux\"\nID=fedora\n", Platform::Fedora),
            ("ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", Platform::Fedora),
            ("ID=arch\n", Platform::Arch),
            ("ID=manjaro\nID_LIKE=arch\n", Platform::Arch),
            ("NAME=\"Alpine Linux\"\nID=alpine\n", Platform::Alpine),
            ("ID=nixos\n", Platform::Other),
            ("VARIANT_ID=debian\n", Platform::Other),
            ("", Platform::Other),
        ] {
            assert_eq!(Platform::from_os_release(text), expected, "{text}");
        }
    }

    #[test]
    fn the_advice_is_one_command_with_the_missing_packages_only() {
        let advice = Platform::Fedora.advice(&[Backend::Sqlite, Backend::Postgres]);
        assert!(advice.contains("`sudo dnf install sqlite postgresql-server postgresql`"), "{advice}");
        assert!(!advice.contains("mariadbd"), "{advice}");
    }

    #[test]
    fn an_unknown_system_still_gets_advice() {
        assert!(Platform::Other.advice(&[Backend::Mysql]).contains("package manager"));
    }
}
