//! What holds for every URL and every text that the history may hold, however odd. `PROPTEST_CASES` in the environment tries more.

use embed_migrations_properties::properties;
use migrate_revision::{Script, ScriptStatement, SectionOptions, StatementKind};
use proptest::prelude::*;

use crate::down_sql;
use crate::record::InForce;

fn soup(fragments: &'static [&'static str]) -> impl Strategy<Value = String> {
    let parts =
        prop::collection::vec(prop::sample::select(fragments), 0..14).prop_map(|parts| parts.concat());
    prop_oneof![parts, any::<String>()]
}

const RECORDS: [&str; 24] = [
    "-- embed-migrations ",
    "-- embed-migrations 1\n",
    "-- embed-migrations 2\n",
    "1",
    " no-transaction",
    " foreign-keys=off",
    " keeps-data",
    " lock-timeout=5ms",
    " statement-timeout=18446744073709551615ms",
    " x=y",
    "\n",
    "-- 8 ddl - 0\n",
    "-- 8 query session ffffffffffffffff\n",
    "-- 18446744073709551615 ddl - 0\n",
    "-- 9 ddl - 0\n",
    "SELECT 1;\n",
    "DROP a b",
    ";\n",
    ";",
    "é",
    "-- ",
    "yes",
    "no",
    " - ",
];

properties! {
    ["A text of the history"], 1000;

    fn any_recorded_way_down_is_read_or_refused(text in soup(&RECORDS)) {
        for text in [format!("-- embed-migrations 1\n{text}"), text] {
            let Ok(script) = down_sql::read(&text) else { continue };
            let mut end = 0;
            for statement in &script.statements {
                // No statement begins with a comment.
                if text[statement.range.clone()].starts_with("--") {
                    return Ok(());
                }
                prop_assert!(end <= statement.range.start && text.get(statement.range.clone()).is_some());
                end = statement.range.end;
            }
            let written = down_sql::write(&text, &script);
            let again = down_sql::read(&written);
            prop_assert!(again.is_ok(), "{:?} was written for {:?}", written, text);
            let texts = |text: &str, script: &Script| -> Vec<String> {
                script.statements.iter().map(|statement| text[statement.range.clone()].to_owned()).collect()
            };
            let again = again.unwrap_or_default();
            prop_assert_eq!(again.options, script.options);
            prop_assert_eq!(texts(&written, &again), texts(&text, &script));
        }
    }

    fn a_way_down_of_any_statements_reads_back(
        texts in prop::collection::vec(soup(&RECORDS), 0..5),
        session_effect in any::<bool>(),
        no_transaction in any::<bool>(),
    ) {
        let mut all = String::new();
        let mut statements = Vec::new();
        for text in texts.iter().filter(|text| !text.is_empty() && !text.starts_with("--")) {
            let range = all.len()..all.len() + text.len();
            all.push_str(text);
            statements.push(ScriptStatement { range, kind: StatementKind::Query, session_effect, hash: 7, objects: Vec::new() });
        }
        let script = Script { options: SectionOptions { no_transaction, ..SectionOptions::default() }, statements };
        let written = down_sql::write(&all, &script);
        let read = down_sql::read(&written);
        prop_assert!(read.is_ok(), "{:?}", written);
        let read = read.unwrap_or_default();
        let found: Vec<&str> = read.statements.iter().map(|statement| &written[statement.range.clone()]).collect();
        let expected: Vec<&str> = script.statements.iter().map(|statement| &all[statement.range.clone()]).collect();
        prop_assert_eq!(found, expected);
    }

    fn any_text_of_what_is_in_force_is_read_and_what_is_written_reads_back(
        text in soup(&RECORDS),
        rows in prop::collection::vec(("[A-Za-z0-9_]{1,64}", prop::option::of("1:[0-9a-f]{64}"), any::<Option<bool>>()), 0..5),
    ) {
        let read = InForce::read(&text);
        prop_assert!(read.len() <= text.lines().count());
        let rows: Vec<InForce> = rows.into_iter()
            .map(|(revision, checksum, compatible)| InForce { revision, checksum, compatible }).collect();
        prop_assert_eq!(InForce::read(&InForce::write(&rows)), rows);
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
mod urls {
    use super::*;
    use crate::tls::TlsOptions;
    use crate::url::ServerUrl;

    const URLS: [&str; 40] = [
        "postgres://",
        "mysql://",
        "://",
        ":",
        "/",
        "//",
        "@",
        "?",
        "&",
        "=",
        "#",
        "%",
        "%25",
        "%00",
        "%zz",
        "%C3",
        "[",
        "]",
        "[::1]",
        ",",
        "u",
        "p",
        "localhost",
        "127.0.0.1",
        "5432",
        "99999999999",
        "db",
        "é",
        " ",
        "\n",
        "sslmode=",
        "ssl-mode=",
        "require",
        "VERIFY_CA",
        "sslrootcert=system",
        "sslcert=x",
        "sslkey=y",
        "host=/run",
        "options=-c%20x",
        "application_name=a",
    ];

    properties! {
        ["A URL"], 1000;

        fn any_url_is_read_or_refused_without_being_shown(text in soup(&URLS)) {
            for url in [format!("postgres://u:p@{text}"), format!("mysql://{text}"), text] {
                let read = ServerUrl::parse(&url);
                let Ok(mut read) = read else { continue };
                // What the driver is given is read as the same again.
                let shown = read.to_string();
                let again = ServerUrl::parse(&shown).map(|again| again.to_string());
                prop_assert_eq!(again.ok(), Some(shown));
                if let Err(error) = TlsOptions::take_from(&mut read) {
                    prop_assert!(!error.to_string().is_empty());
                    continue;
                }
                let shown = read.to_string();
                #[cfg(feature = "postgres")]
                let _ = shown.parse::<tokio_postgres::Config>();
                #[cfg(feature = "mysql")]
                let _ = mysql_async::Opts::from_url(&format!("mysql:{}", shown.split_once(':').map_or("", |(_, rest)| rest)));
                drop(shown);
            }
        }

        fn any_password_reaches_the_driver_as_it_is_or_the_url_is_refused_without_it(password in "[ -~]{6,40}") {
            let url = format!("postgres://u:{password}@h/db?a=b");
            match ServerUrl::parse(&url) {
                Err(error) => prop_assert!(!error.to_string().contains(&password)),
                Ok(url) => {
                    let shown = url.to_string();
                    let login = shown.strip_prefix("postgres://u:").and_then(|rest| rest.split_once('@'));
                    prop_assert!(login.is_some(), "{}", shown);
                    let (login, place) = login.unwrap_or_default();
                    prop_assert_eq!(place, "h/db?a=b");
                    let decoded: Vec<u8> = percent_encoding::percent_decode_str(login).collect();
                    let escapes = percent_encoding::percent_decode_str(&password).collect::<Vec<u8>>();
                    prop_assert!(decoded == password.as_bytes() || decoded == escapes);
                }
            }
        }
    }

    #[test]
    fn the_cost_of_a_long_url_is_bearable() {
        for piece in ["@", "?", "/", "%", "u:p@", "a@h?", "?a=b&", ",h", "[", "h:1,"] {
            for start in ["postgres://", "postgres://u:", "postgres://u:p@h/db?a="] {
                let url = format!("{start}{}", piece.repeat((1 << 13) / piece.len()));
                let clock = cpu_time::ThreadTime::now();
                let _ = ServerUrl::parse(&url);
                let took = clock.elapsed();
                assert!(
                    took < std::time::Duration::from_secs(5),
                    "{start:?} and many of {piece:?} take {took:?}"
                );
            }
        }
    }
}
