//! The environment variables through which the tests find their servers.

use crate::backend::Backend;
use crate::server::Server;

/// Variables with their values.
pub(crate) type Variables = Vec<(String, String)>;

pub(crate) const PREFIX: &str = "EMBED_MIGRATIONS_TEST_";

/// The variables for the chosen backends and their servers.
pub(crate) fn variables<'a>(
    backends: &[Backend],
    servers: impl Iterator<Item = &'a Server<'a>>,
) -> Variables {
    let mut variables = vec![(format!("{PREFIX}BACKENDS"), list(backends))];
    for server in servers {
        let name = format!("{PREFIX}{}", server.backend.name().to_uppercase());
        variables.push((name.clone(), server.url.clone()));
        variables.push((format!("{name}_LOG"), server.log.display().to_string()));
        variables.push((format!("{name}_CA"), server.ca.display().to_string()));
        variables.push((format!("{name}_BIN"), server.bin.display().to_string()));
    }
    variables
}

fn list(backends: &[Backend]) -> String {
    backends.iter().map(|backend| backend.name()).collect::<Vec<_>>().join(",")
}

/// Whether the variable is one of ours, which a run must not inherit from an older one. How much is killed is the user's to say.
pub(crate) fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|name| name != "KILLS")
}

/// Lines for a shell.
pub(crate) fn export_lines(variables: &Variables) -> String {
    variables.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value))).collect()
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_servers_only_the_backends_are_told() {
        let variables = variables(&[Backend::Sqlite], std::iter::empty());
        assert_eq!(variables, [("EMBED_MIGRATIONS_TEST_BACKENDS".to_owned(), "sqlite".to_owned())]);
    }

    #[test]
    fn values_reach_the_shell_unchanged() {
        let variables =
            vec![("A".to_owned(), "sqlite,postgres".to_owned()), ("B".to_owned(), "it's $HOME".to_owned())];
        assert_eq!(export_lines(&variables), "export A='sqlite,postgres'\nexport B='it'\\''s $HOME'\n");
    }

    #[test]
    fn settings_for_this_program_itself_are_not_taken_for_the_tests() {
        assert!(is_ours("EMBED_MIGRATIONS_TEST_MYSQL_BIN"));
        assert!(!is_ours("EMBED_MIGRATIONS_MARIADB_BIN"));
        assert!(!is_ours("EMBED_MIGRATIONS_TEST_KILLS"));
    }
}
