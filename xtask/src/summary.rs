//! The last line of a test run: what was tested, and how it ended.

use std::time::Duration;

use crate::backend::Backend;

/// What is known about a run when it ends.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) backends: Vec<Backend>,
    /// Product and version of each server that was up.
    pub(crate) products: Vec<(Backend, String)>,
    /// What was tested of the second tier.
    pub(crate) places: Vec<String>,
    /// The user's own arguments; with some, not all tests may have run.
    pub(crate) arguments: Vec<String>,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
    pub(crate) elapsed: Duration,
}

impl Summary {
    pub(crate) fn line(&self) -> String {
        let servers = self.backends.iter().map(|backend| self.product(*backend));
        let tested = match enumerate(&servers.chain(self.places.iter().cloned()).collect::<Vec<_>>()) {
            tested if tested.is_empty() => "nothing".to_owned(),
            tested => tested,
        };
        let seconds = self.elapsed.as_secs_f64().ceil();
        let left_out = self.left_out();
        if let Some(reason) = &self.failure {
            return format!("tests FAILED ({reason}); on {tested}{left_out}, after {seconds} s");
        }
        let tests = if self.arguments.is_empty() {
            "all tests passed".to_owned()
        } else {
            format!("the tests chosen by `{}` passed", self.arguments.join(" "))
        };
        format!("{tests} on {tested}{left_out} in {seconds} s")
    }

    fn product(&self, backend: Backend) -> String {
        let known = self.products.iter().find(|(of, _)| *of == backend);
        known.map_or_else(|| backend.to_string(), |(_, product)| product.clone())
    }

    fn left_out(&self) -> String {
        if self.backends.is_empty() {
            return " only (chosen by --on)".to_owned();
        }
        let names: Vec<_> = Backend::without(&self.backends).iter().map(ToString::to_string).collect();
        match names.len() {
            0 => String::new(),
            1 => format!(" only ({} was left out by --backends)", enumerate(&names)),
            _ => format!(" only ({} were left out by --backends)", enumerate(&names)),
        }
    }
}

fn enumerate(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(backends: &[Backend]) -> Summary {
        let products = [(Backend::Postgres, "postgres 15.18"), (Backend::Mysql, "mariadb 10.11.18")];
        Summary {
            backends: backends.to_vec(),
            products: products
                .into_iter()
                .filter(|(backend, _)| backends.contains(backend))
                .map(|(backend, product)| (backend, product.to_owned()))
                .collect(),
            places: Vec::new(),
            arguments: Vec::new(),
            failure: None,
            elapsed: Duration::from_millis(94_300),
        }
    }

    #[test]
    fn a_full_run_names_the_servers() {
        assert_eq!(
            summary(&Backend::ALL).line(),
            "all tests passed on sqlite, postgres 15.18 and mariadb 10.11.18 in 95 s"
        );
    }

    #[test]
    fn a_partial_run_says_what_was_left_out() {
        assert_eq!(
            summary(&[Backend::Sqlite]).line(),
            "all tests passed on sqlite only (postgres and mysql were left out by --backends) in 95 s"
        );
        assert_eq!(
            summary(&[Backend::Sqlite, Backend::Postgres]).line(),
            "all tests passed on sqlite and postgres 15.18 only (mysql was left out by --backends) in 95 s"
        );
    }

    #[test]
    fn places_of_the_second_tier_are_named() {
        let mut summary = summary(&Backend::ALL);
        summary.places = vec!["mysql 9.7.0".to_owned()];
        assert_eq!(
            summary.line(),
            "all tests passed on sqlite, postgres 15.18, mariadb 10.11.18 and mysql 9.7.0 in 95 s"
        );
        summary.backends = Vec::new();
        assert_eq!(summary.line(), "all tests passed on mysql 9.7.0 only (chosen by --on) in 95 s");
    }

    #[test]
    fn chosen_tests_are_not_called_all_tests() {
        let mut summary = summary(&Backend::ALL);
        summary.arguments = vec!["-p".to_owned(), "xtask".to_owned()];
        assert_eq!(
            summary.line(),
            "the tests chosen by `-p xtask` passed on sqlite, postgres 15.18 and mariadb 10.11.18 in 95 s"
        );
    }

    #[test]
    fn a_failure_says_why() {
        let mut summary = summary(&Backend::ALL);
        summary.failure = Some("cargo test exited with 101".to_owned());
        assert_eq!(
            summary.line(),
            "tests FAILED (cargo test exited with 101); on sqlite, postgres 15.18 and mariadb 10.11.18, after 95 s"
        );
    }
}
