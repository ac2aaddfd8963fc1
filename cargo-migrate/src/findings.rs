//! What `check` finds, for programs that show it beside the files: GitHub's annotations, and SARIF for code scanning.

use migrate_cli::{Error, Exit};
use migrate_revision::{Backend, Problem};
use serde_json::{Value, json};

use crate::project::Project;
use crate::set;

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Finding {
    rule: Rule,
    path: String,
    /// Line, first and last column, from 1
    place: Option<(usize, usize, usize)>,
    message: String,
    help: Vec<String>,
}

/// The kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Problem,
    Draft,
    Database,
}

impl Rule {
    const ALL: [Self; 3] = [Self::Problem, Self::Draft, Self::Database];

    fn id(self) -> &'static str {
        match self {
            Self::Problem => "revision-problem",
            Self::Draft => "revision-draft",
            Self::Database => "database-state",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Problem => "A build refuses the revisions",
            Self::Draft => "A revision is not locked",
            Self::Database => "The database is not where the revisions lead",
        }
    }
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        Self {
            rule: Rule::Problem,
            path: problem.path.clone(),
            place: problem.place.as_ref().map(|at| (at.line, at.column, at.column + at.length)),
            message: problem.message.clone(),
            help: problem.notes.iter().chain(&problem.help).cloned().collect(),
        }
    }
}

impl Finding {
    /// A revision that is not locked, or not for some backends, which are named.
    pub(crate) fn draft(path: String, backends: &[Backend]) -> Self {
        let message = match backends {
            [] => "the revision is not in the lock file".into(),
            _ => format!("the revision is not locked for {}", set::names(backends)),
        };
        Self {
            rule: Rule::Draft,
            path,
            place: None,
            message,
            help: vec!["`cargo migrate lock` locks what may no longer change".into()],
        }
    }

    /// What is wrong with the database, at the directory that it is held against.
    pub(crate) fn of_database(project: &Project, error: &Error) -> Self {
        let text = error.to_string();
        let (message, hint) = text.split_once("\n\nhint: ").unwrap_or((&text, ""));
        let state = match error.exit() {
            Exit::Pending | Exit::Ahead | Exit::Diverged | Exit::Edited => "",
            _ => "the database could not be checked: ",
        };
        Self {
            rule: Rule::Database,
            path: project.directory_name(),
            place: None,
            message: format!("{state}{message}"),
            help: if hint.is_empty() { Vec::new() } else { vec![hint.to_owned()] },
        }
    }

    fn whole_message(&self) -> String {
        self.help.iter().fold(self.message.clone(), |text, help| text + "\n" + help)
    }

    /// A line of GitHub's workflow commands.
    pub(crate) fn github(&self) -> String {
        let text = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let property = |value: &str| text(value).replace(':', "%3A").replace(',', "%2C");
        let place = self.place.map_or(String::new(), |(line, column, end)| {
            format!(",line={line},col={column},endColumn={}", end.saturating_sub(1))
        });
        format!(
            "::error file={}{place},title={}::{}",
            property(&self.path),
            property(self.rule.text()),
            text(&self.whole_message())
        )
    }

    fn sarif(&self) -> Value {
        let mut location = json!({ "artifactLocation": { "uri": uri(&self.path) } });
        if let Some((line, column, end)) = self.place {
            location["region"] = json!({ "startLine": line, "startColumn": column, "endColumn": end });
        }
        json!({
            "ruleId": self.rule.id(),
            "level": "error",
            "message": { "text": self.whole_message() },
            "locations": [{ "physicalLocation": location }],
        })
    }
}

/// The findings as a SARIF 2.1.0 log.
pub(crate) fn sarif(findings: &[Finding]) -> String {
    let rules = Rule::ALL.map(|rule| json!({ "id": rule.id(), "shortDescription": { "text": rule.text() } }));
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "cargo-migrate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(Finding::sarif).collect::<Vec<_>>(),
        }],
    });
    format!("{log:#}")
}

/// A path as a relative URI.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_does_not_end_its_command() {
        let finding = Finding {
            rule: Rule::Problem,
            path: "a:b,c%.sql".into(),
            place: Some((2, 3, 7)),
            message: "100%\nsure".into(),
            help: vec!["do: it".into()],
        };
        assert_eq!(
            finding.github(),
            "::error file=a%3Ab%2Cc%25.sql,line=2,col=3,endColumn=6,title=A build refuses the revisions::100%25%0Asure%0Ado: it"
        );
        assert_eq!(uri("migrations/a b%.sql"), "migrations/a%20b%25.sql");
    }
}
