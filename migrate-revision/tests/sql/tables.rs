//! Tables of texts and what they are split into.

use migrate_revision::{Backend, StatementKind, sql};

/// A text and its statements.
pub(crate) type Accepted<'a> = (&'a str, &'a [(&'a str, StatementKind)]);

/// A text and, for each problem, what is pointed at and a part of the message.
pub(crate) type Refused<'a> = (&'a str, &'a [(&'a str, &'a str)]);

#[track_caller]
pub(crate) fn accepts(backend: Backend, table: &[Accepted<'_>]) {
    for (text, expected) in table {
        let statements = sql::split(text, backend)
            .unwrap_or_else(|problems| panic!("{backend} refuses:\n{text}\nbecause of {problems:#?}"));
        let found: Vec<_> = statements.iter().map(|s| (&text[s.range.clone()], s.kind)).collect();
        assert_eq!(&found, expected, "{backend}:\n{text}");
    }
}

/// Single statements, each of the kind given.
#[track_caller]
pub(crate) fn are_of_kind(backend: Backend, kind: StatementKind, texts: &[&str]) {
    for text in texts {
        accepts(backend, &[(text, &[(text, kind)])]);
    }
}

#[track_caller]
pub(crate) fn refuses(backend: Backend, table: &[Refused<'_>]) {
    for (text, expected) in table {
        let problems = match sql::split(text, backend) {
            Err(problems) => problems,
            Ok(statements) => panic!("{backend} accepts:\n{text}\nas {statements:#?}"),
        };
        let found: Vec<_> = problems.iter().map(|p| (&text[p.range.clone()], p.message.as_str())).collect();
        let fits = found.len() == expected.len()
            && found.iter().zip(*expected).all(|(f, e)| f.0 == e.0 && f.1.contains(e.1));
        assert!(fits, "{backend}:\n{text}\nfound {found:#?}\nexpected {expected:#?}");
    }
}

/// Whether each text, which is one statement, can leave the session changed.
#[track_caller]
pub(crate) fn session_effects(backend: Backend, expected: bool, texts: &[&str]) {
    for text in texts {
        let statements = sql::split(text, backend).unwrap_or_else(|problems| panic!("{text}: {problems:#?}"));
        assert_eq!(statements.len(), 1, "{text}");
        assert_eq!(statements[0].session_effect, expected, "{backend}: {text}");
    }
}

/// The tokens of all statements of a text.
pub(crate) fn tokens(backend: Backend, text: &str) -> Vec<&str> {
    let statements = sql::split(text, backend).unwrap_or_else(|problems| panic!("{text}: {problems:#?}"));
    statements.iter().flat_map(|s| &s.tokens).map(|token| &text[token.clone()]).collect()
}
